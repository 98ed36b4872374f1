"""Score models of each kind for their cards, beside the baselines of the kind; say what they were trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from posezoo.data import PoseData, load_dataset
from posezoo.data.pictures import load_pictures
from posezoo.data.realbench import LIMBS, detector_poses
from posezoo.lifting import LiftingMetrics, LiftingModule, PictureModule, ZooModule, evaluate
from posezoo.lifting.evaluation import about_the_pelvis
from posezoo.papers.cvugcn.evaluation import evaluate_real_video
from posezoo.skeletons import convert

DATA = (
    "OpenMocap training split: 41 clips of the CMU database (subjects 1 2 3 5 6 7, trials not divisible by 4 and "
    "not leaving 7 when divided by 8) at 30 fps, five bodies, four Human3.6M cameras"
)
RENDERED = (
    "people of capsules rendered over the same motions: `rendered_studio` (subjects 2 3 7, the four cameras) and "
    "`rendered_wild` (subjects 1 5 6, cameras anywhere)"
)
PHOTOGRAPHS = (
    "training people of the extended Leeds Sports Pose dataset, photographs with 2D labels; rendered over the same motions, "
    "bodies of skin and clothes (`rendered_bodies`) and of capsules (`rendered_studio`), with 3D labels"
)
REAL_PAIRS = "real video (100 frames of one man), six pairs of cameras, 12 joints, detected 2D"
REAL = "real video (400 pictures of one man), 12 joints, detected 2D"
NOISE = {"noise_px": 10.0}
PICTURES = 2000
GROUND_TRUTH = "openmocap test, GT 2D"
SUPERVISED = "martinez.cmu"
"""The supervised lifter that stands beside every other; ``gap_closed`` is measured from flat depth to it."""

Scores = dict[str, dict[str, Any]]
"""Metrics by test set."""


@dataclass(frozen=True)
class Files:
    """The data that weights are measured on.

    Attributes:
        openmocap, bandai: prepared files.
        real: the folder of real video; None where it is not at hand.
        photographs: a prepared file of Leeds Sports Pose; None where it is not at hand.
        every: score every n-th pose of the files; of models that see whole clips, every n-th clip.
    """

    openmocap: Path
    bandai: Path
    real: Path | None = None
    photographs: Path | None = None
    every: int = 1

    def load(self, name: str, path: Path | None, keypoints: str, whole_clips: bool = False) -> PoseData:
        """Return the test split of a dataset, thinned out where it is a file's."""
        data = load_dataset(name, "test", path, keypoints=keypoints)
        if path is None or not whole_clips:
            return data[:: self.every if path else 1]
        names = [(clip.subject, clip.action, clip.trial) for clip in data.sequences]
        kept = set(list(dict.fromkeys(names))[:: self.every])
        return data[np.asarray([name in kept for name in names])[data.sequence]]


class Measured(Protocol):
    """Measures models of one kind for their cards."""

    error: str
    """The metric that is printed at the end."""

    def data(self, header: dict[str, Any]) -> str:
        """Return a description of the training data."""

    def measure(self, model: Any, files: Files, header: dict[str, Any]) -> Scores:
        """Score the test sets of the card: the paper's protocol on the data here, never the paper's own number."""

    def baselines(self, metrics: Scores, files: Files) -> dict[str, Scores]:
        """Return the baselines of the card by test set; may move figures out of the model's metrics."""


class Lifters:
    """Measures lifters of single poses, with flat depth as their baseline."""

    error = "p_mpjpe"

    def data(self, header: dict[str, Any]) -> str:
        return DATA

    def measure(self, model: LiftingModule | None, files: Files, header: dict[str, Any]) -> Scores:
        """Score a lifter, or flat depth where the model is None."""
        sets: dict[str, tuple[str, Path | None, str]] = {
            GROUND_TRUTH: ("openmocap", files.openmocap, "gt"),
            "openmocap test, detected 2D": ("openmocap", files.openmocap, "detected"),
            "bandai-1 (cross-dataset), GT 2D": ("openmocap", files.bandai, "gt"),
            "procedural test, GT 2D": ("procedural", None, "gt"),
        }
        metrics = {title: _rounded(evaluate(model, files.load(*chosen))) for title, chosen in sets.items()}
        if files.real and model is not None:
            metrics[REAL] = measure_real(model, files.real)
        return metrics

    def baselines(self, metrics: Scores, files: Files) -> dict[str, Scores]:
        beside = {title: {"flat depth": scores} for title, scores in self.measure(None, files, {}).items()}
        if files.real:
            beside[REAL] = {"flat depth": measure_real(None, files.real), "MediaPipe": own_of_detector(files.real)}
        return beside


class Views:
    """Measures models of several views, with the triangulation that they start from as their baseline."""

    error = "mpjpe"

    def data(self, header: dict[str, Any]) -> str:
        return DATA

    def measure(self, model: ZooModule, files: Files, header: dict[str, Any]) -> Scores:
        sets: dict[str, tuple[str, Path | None, str, dict[str, float]]] = {
            "openmocap test, two views, detected 2D": ("openmocap", files.openmocap, "detected", {}),
            "openmocap test, two views, 4 px of noise": ("openmocap", files.openmocap, "gt", {"noise_px": 4.0}),
            "openmocap test, two views, GT 2D": ("openmocap", files.openmocap, "gt", {}),
            "bandai-1 (cross-dataset), two views, 10 px of noise": ("openmocap", files.bandai, "gt", NOISE),
            "procedural test, two views, 10 px of noise": ("procedural", None, "gt", NOISE),
        }
        metrics = {
            title: _rounded(model.evaluate(files.load(name, path, keypoints, whole_clips=True), **settings))
            for title, (name, path, keypoints, settings) in sets.items()
        }
        if files.real:
            data = load_dataset("realbench", "test", files.real, keypoints="detected")
            metrics[REAL_PAIRS] = _rounded(evaluate_real_video(model, data))
        return metrics

    def baselines(self, metrics: Scores, files: Files) -> dict[str, Scores]:
        return triangulated(metrics)


class Pictures:
    """Measures models of pictures, without a baseline."""

    error = "mpjpe"

    def data(self, header: dict[str, Any]) -> str:
        return f"{DATA}; {PHOTOGRAPHS if header['data'].get('annotated') == 'lsp' else RENDERED}"

    def measure(self, model: PictureModule, files: Files, header: dict[str, Any]) -> Scores:
        sets: dict[str, tuple[str, Path | None, int]] = {
            f"{name} test, {PICTURES:,} pictures": (name, files.openmocap, PICTURES)
            for name in ("rendered_wild", "rendered_studio")
        }
        # Needs no file: the tests measure it again.
        sets[f"procedural people, rendered_wild test, {PICTURES // 10} pictures"] = ("rendered_wild", None, PICTURES // 10)
        side = rendered_side(model.size)
        scores = {
            title: _rounded(model.evaluate(load_pictures(name, "test", path=path, side=side).thin(count)))
            for title, (name, path, count) in sets.items()
        }
        if files.photographs is None:
            return scores
        people = load_pictures("lsp", "test", path=files.photographs)
        return {
            f"Leeds Sports Pose, extended, test: {len(people):,} photographs": _rounded(model.evaluate(people)),
            **scores,
        }

    def baselines(self, metrics: Scores, files: Files) -> dict[str, Scores]:
        return {title: {} for title in metrics}


KINDS: dict[str, Measured] = {"lifter": Lifters(), "views": Views(), "pictures": Pictures()}


def rendered_side(size: int) -> int:
    """Return the side in px of rendered test pictures for a network that takes crops of ``size`` px."""
    return round(1.3 * size)


def measure_real(model: Any, real: Path) -> dict[str, Any]:
    """Score a lifter on real video, see :mod:`posezoo.data.realbench`; the video is too short to rank models."""
    data = load_dataset("realbench", "test", real, keypoints="detected")
    return _rounded(evaluate(model, data, LIMBS))


def own_of_detector(real: Path) -> dict[str, Any]:
    """Score the 3D poses that the detector of the real video gives itself."""
    data = load_dataset("realbench", "test", real, keypoints="detected")
    own = detector_poses(real, data)
    if own is None or data.pose_3d is None:
        return {}
    metrics = LiftingMetrics("relative", LIMBS)
    label = convert(data.pose_3d, data.skeleton, LIMBS).keypoints
    metrics.update(*(about_the_pelvis(torch.from_numpy(x).float(), LIMBS) for x in (own, label)))
    return {**_rounded(metrics.report()), "poses": len(data)}


def _rounded(scores: dict[str, Any]) -> dict[str, Any]:
    """Return the numbers of a result, to two decimals, without its other entries."""
    plain = {key: value for key, value in scores.items() if not isinstance(value, dict)}
    return {key: round(value, 2) if isinstance(value, float) else value for key, value in plain.items()}


def triangulated(metrics: Scores) -> dict[str, Scores]:
    """Move the figures of the triangulation out of the metrics of a model of several views, as its baseline."""
    baselines = {}
    for title, scores in metrics.items():
        names = [name for name in scores if name.endswith("_triangulated")]
        baselines[title] = {"triangulated": {name.removesuffix("_triangulated"): scores.pop(name) for name in names}}
    return baselines
