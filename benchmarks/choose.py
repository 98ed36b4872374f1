"""Compare weights on people, poses and cameras that none of them was trained on, without reading a test split.

    python benchmarks/choose.py --data openmocap.h5 runs/*/*.safetensors
    python benchmarks/choose.py --data openmocap.h5 martinez.mocap --set ray_share=0 --set mirrored=false

Columns, P-MPJPE in mm: OpenMocap's validation split (three bodies) with exact and with detected keypoints, and ``wild``: the
same motions by other bodies, from cameras at any height, distance and roll, with a detector's errors. The last four columns
need no label, and unsupervised models are chosen by them. They are measured on poses lifted from the detected 2D: how much
the poses differ that are lifted from two cameras at one instant, the spread of bone lengths, the spread of limb ratios, and
how much left and right differ. ``--set`` adds a line for each file with one setting of prediction changed.

``--people mpii_human_pose.csv`` adds the last two columns once more, of people in photographs, whom motion capture does not
stand for: a lifter that has learnt the poses and cameras of one dataset alone is better on that dataset and worse on them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from choose_settings import AGREEMENT, pairs_of
from finetune_mpii import MUST_FALL

import posezoo
from posezoo.cli.output import guarded
from posezoo.data import PoseData, load_openmocap, read_keypoints
from posezoo.data.augmentation import Augmentation
from posezoo.data.openmocap import read_detector_errors
from posezoo.errors import InputError
from posezoo.files.yaml import parse_yaml
from posezoo.lifting import LiftingModule, evaluate, evaluate_2d
from posezoo.metrics.functional import p_mpjpe
from posezoo.poses.facing import face_roots
from posezoo.poses.views import moments, world_poses
from posezoo.settings import settings_of
from posezoo.skeletons import convert, get_skeleton

H36M = get_skeleton("h36m17")
WILD = {"limbs": 0.0, "turn": 0.0, "leaning": 0.05, "segments": 0.1, "noise": {"level": [0.004, 0.03], "measured": 0.0}}
COUNT = 8000


def variants(name: str, settings: Sequence[str]) -> Iterator[tuple[str, LiftingModule]]:
    """Yield a model as it is, and with each of the settings changed.

    Args:
        name: of the registry, or a file of weights.
        settings: ``ray_share=0``: one that prediction reads, and its value.

    Raises:
        InputError: the model has no such setting.
    """
    yield name, posezoo.load(name, kind=LiftingModule)
    for text in settings:
        model = posezoo.load(name, kind=LiftingModule)
        setting, _, value = text.partition("=")
        if setting not in model.hparams:
            raise InputError(f"--set {text}: {name} has no setting {setting!r}; it has {', '.join(model.hparams)}.")
        model.hparams[setting] = parse_yaml(value)
        yield f"{name} {text}", model


def of_people(model: LiftingModule, people: PoseData) -> list[float]:
    """Return the measures that must fall in ``finetune_mpii.py``, of everybody all of whose joints are annotated."""
    keypoints = convert(people.keypoints_2d, people.skeleton, model.skeleton).keypoints
    whole = keypoints[np.isfinite(keypoints).all((1, 2))]
    told = evaluate_2d(model, torch.from_numpy(np.ascontiguousarray(whole)).float())
    return [told[name] for name in MUST_FALL]


@torch.no_grad()
def compare(weights: Sequence[str], settings: Sequence[str], data: Path, people: Path | None = None) -> None:
    """Print a line for each file of weights, and for each with a setting changed."""
    wild_people = None if people is None else read_keypoints(people)
    exact, detected = (load_openmocap(data, "val", keypoints) for keypoints in ("gt", "detected"))
    errors = read_detector_errors(data)
    torch.manual_seed(0)
    pool = world_poses(exact[moments(exact)], H36M)
    augmentation = settings_of(Augmentation, WILD, "augmentation")
    wild = augmentation(pool, COUNT, H36M, None if errors is None else torch.from_numpy(errors))
    faced, pairs = torch.from_numpy(face_roots(detected).keypoints_2d), pairs_of(detected)
    unlabelled = (AGREEMENT, "bone_spread", "limb_ratio_spread", "symmetry_error")
    heads = [*unlabelled, *(f"people: {name.split('_')[0]}" for name in MUST_FALL if wild_people is not None)]
    print(f"{'weights':44s} {'exact':>7s} {'detected':>8s} {'wild':>7s}  " + " ".join(f"{name:>17s}" for name in heads))
    for name, model in (variant for each in weights for variant in variants(each, settings)):
        scores = [evaluate(model, poses)["p_mpjpe"] for poses in (exact, detected)]
        scores.append(float(p_mpjpe(model.lift(wild["keypoints_2d"]), wild["pose_3d"])))
        told = evaluate_2d(model, faced, pairs=pairs)
        values = [told[key] for key in unlabelled]
        if wild_people is not None:
            values += of_people(model, wild_people)
        print(
            f"{name[-44:]:44s} {scores[0]:7.2f} {scores[1]:8.2f} {scores[2]:7.2f}  "
            + " ".join(f"{value:17.4f}" for value in values),
            flush=True,
        )


def main(arguments: list[str] | None = None) -> int:
    """Compare weights; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", nargs="+", help="names, or files of weights")
    parser.add_argument("--data", type=Path, required=True, help="openmocap.h5")
    parser.add_argument("--people", type=Path, help="2D keypoints of people in photographs, such as MPII's")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="SETTING=VALUE")
    options = parser.parse_args(arguments)

    def run() -> int:
        compare(options.weights, options.settings, options.data, options.people)
        return 0

    return guarded("choose.py", run, "interrupted; nothing is kept")


if __name__ == "__main__":
    sys.exit(main())
