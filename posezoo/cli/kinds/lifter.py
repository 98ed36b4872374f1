"""Predict and score with lifters: the keypoints of one file, as independent poses or as one person's clip."""

from __future__ import annotations

import argparse
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from posezoo.cli import clip_options
from posezoo.cli.datasets import file_of, views_of
from posezoo.cli.drawing import draw, rows_of, write
from posezoo.cli.kinds import Scores
from posezoo.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from posezoo.data import PoseData
    from posezoo.lifting import LiftingModule

# The joints that a dataset's own protocol counts, or all that it has.
_SCORED = {"mpi_inf_3dhp": "common14", "humaneva": "humaneva15"}


def predict(model: LiftingModule, options: argparse.Namespace) -> int:
    """Lift the poses of a file."""
    from posezoo.data import read_keypoints

    if options.box:
        raise InputError(f"{options.name} takes keypoints; --box is for models that take pictures.")
    if len(options.input) > 1 or options.cameras:
        raise InputError(f"{options.name} lifts the keypoints of one file and needs no cameras; lift each file for itself.")
    clip_options.refuse_views(options, options.name)
    if clip_options.wants_clip(options):
        return _predict_clip(model, options)
    source = options.input[0]
    data = read_keypoints(source, options.skeleton, options.image_size)
    if options.skip_incomplete:
        data = _complete(data, model, source)
    if not len(data):
        raise InputError(f"{source} holds no pose; check what is in it: posezoo data check {source}.")
    clip_options.warn_of_sides(data)
    sizes = {clip.image_size for clip in data.sequences}
    size = tuple(options.image_size) if options.image_size else sizes.pop() if len(sizes) == 1 else None
    result = model.predict(data.keypoints_2d, data.skeleton, size, data.confidence).labelled(data)
    write(result, options)
    approximated = f" ({', '.join(result.approximated)} approximated)" if result.approximated else ""
    print(f"{len(data)} poses of {data.skeleton.name}{approximated} lifted by {result.model} -> {options.out}")
    if result.filled is not None:
        by_joint = dict(zip(result.skeleton.joints, result.filled.reshape(-1, len(result.skeleton)).sum(0), strict=True))
        counts = ", ".join(f"{joint} {count}" for joint, count in by_joint.items() if count)
        print(f"{int(result.filled.sum())} missing joints filled in: {counts}")
    if options.picture or options.html:
        draw(result, options.picture, options.html)
    return 0


def _complete(data: PoseData, model: LiftingModule, source: Path) -> PoseData:
    """Return the poses that have every joint from which the model's layout is made; warn of the others.

    Raises:
        InputError: none of several has.
    """
    from posezoo.skeletons import convert

    converted = convert(data.keypoints_2d, data.skeleton, model.skeleton)
    needed = [joint not in converted.missing for joint in model.skeleton.joints]
    complete = np.isfinite(converted.keypoints[:, needed]).all(axis=(1, 2))
    if len(data) and not complete.any():
        fills = "leave the option out, as this model fills in" if model.fills_missing else "take geoselfsup, which fills in"
        raise InputError(
            f"each of the {len(data)} poses of {source} lacks a joint, and --skip-incomplete leaves none: {fills} missing "
            f"joints, fill the gaps of a clip (--fill-gaps FRAMES), or see which are missing: posezoo data check {source}."
        )
    if not complete.all():
        warnings.warn(f"{int((~complete).sum())} of {len(data)} poses lack a joint and are left out.", stacklevel=1)
    return data[complete]


def _predict_clip(model: LiftingModule, options: argparse.Namespace) -> int:
    from posezoo.video.clips import is_clip_file

    result, done = clip_options.lift_clip(model, options)
    write(result, options, options.input[0] if is_clip_file(options.input[0]) else None)
    print(f"{done} -> {options.out}")
    known = np.isfinite(result.pose_3d).all((1, 2))
    if options.picture or options.html:
        draw(rows_of(result, known), options.picture, options.html)
    return 0


def evaluate(model: LiftingModule | None, options: argparse.Namespace) -> Scores:
    """Score a lifter beside flat depth; without a model, flat depth alone."""
    from posezoo.data import load_dataset
    from posezoo.lifting import evaluate

    if options.count is not None or options.side is not None:
        raise InputError(f"{options.name} takes keypoints; --count and --side are for models that take pictures.")
    data = load_dataset(options.data, options.split, file_of(options), keypoints=options.keypoints, **views_of(options))
    scored = _scored(options)
    flat = evaluate(None, data, **scored)
    result = flat if model is None else model.evaluate(data, **scored)
    if options.data == "mpi_inf_3dhp" and options.split == "test":
        result["per_scene"] = _by_scene(model, data, scored)
    if options.data == "realbench":
        result["baselines"] = _baselines(flat, data, options)
    error = "P-MPJPE"
    if options.protocol in (1, 3):
        error = "N-MPJPE" if "n_mpjpe_per_action" in result else "MPJPE"
    title = f"{options.keypoints.upper()} 2D, {result['poses']} poses"
    return Scores(result, title, "flat depth", flat, error)


def _scored(options: argparse.Namespace) -> dict[str, Any]:
    """Return the layout to score in."""
    from posezoo.skeletons import get_skeleton

    if options.data == "realbench" and options.joints is None:
        from posezoo.data.realbench import LIMBS

        return {"skeleton": LIMBS}
    if options.joints is None:
        return {"skeleton": _SCORED[options.data]} if options.data in _SCORED else {}
    h36m = get_skeleton("h36m17")
    return {"skeleton": {14: get_skeleton("common14"), 16: h36m.without("nose"), 17: h36m}[options.joints]}


def _baselines(flat: dict[str, Any], data: PoseData, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Return the metrics of the baselines: flat depth, and the detector's own 3D where it gives any."""
    import torch

    from posezoo.data.realbench import LIMBS, detector_poses
    from posezoo.lifting.evaluation import about_the_pelvis
    from posezoo.metrics.report import LiftingMetrics
    from posezoo.skeletons import convert

    shown = ("p_mpjpe", "n_mpjpe")
    rows = {"flat depth": {name: flat[name] for name in shown}}
    path = options.path or file_of(options)
    own = None if path is None else detector_poses(path, data, options.keypoints)
    if own is not None and data.pose_3d is not None:
        label = convert(data.pose_3d, data.skeleton, LIMBS).keypoints
        pair = (about_the_pelvis(torch.from_numpy(x).float(), LIMBS) for x in (own, label))
        metrics = LiftingMetrics("relative", LIMBS)
        metrics.update(*pair)
        rows["the detector's own 3D"] = {name: metrics.report()[name] for name in shown}
    return rows


def _by_scene(model: LiftingModule | None, data: PoseData, settings: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return PCK, AUC and MPJPE of MPI-INF-3DHP's scenes."""
    from posezoo.data.mpi_inf_3dhp import SCENES
    from posezoo.lifting import evaluate

    scenes = {scene: data[np.isin(data.subject, names)] for scene, names in SCENES.items()}
    results = {scene: evaluate(model, part, **settings) for scene, part in scenes.items() if len(part)}
    shown = ("pck", "auc", "mpjpe")
    return {
        scene: {name: value for name, value in result.items() if name.startswith(shown) and isinstance(value, float)}
        for scene, result in results.items()
    }
