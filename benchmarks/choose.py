"""Compare weights on people, poses and cameras that none of them was trained on, without reading a test split.

    python benchmarks/choose.py --data openmocap.h5 runs/*/*.safetensors

Columns, P-MPJPE in mm: OpenMocap's validation split (three bodies) with exact and with detected keypoints, and ``wild``: the
same motions by other bodies, from cameras at any height, distance and roll, with a detector's errors. The last three columns
need no label, and unsupervised models are chosen by them. They are measured on poses lifted from the detected 2D: the spread
of bone lengths, the spread of limb ratios, and how much left and right differ.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

import posezoo
from posezoo.data import load_openmocap
from posezoo.data.augmentation import Augmentation
from posezoo.data.openmocap import read_detector_errors
from posezoo.lifting import evaluate, evaluate_2d
from posezoo.metrics.functional import p_mpjpe
from posezoo.poses.facing import face_roots
from posezoo.poses.views import moments, world_poses
from posezoo.skeletons import get_skeleton

H36M = get_skeleton("h36m17")
WILD = {"limbs": 0.0, "turn": 0.0, "leaning": 0.05, "segments": 0.1, "noise": {"level": [0.004, 0.03], "measured": 0.0}}
COUNT = 8000


@torch.no_grad()
def main() -> None:
    """Print a line for each file of weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", nargs="+", help="names, or files of weights")
    parser.add_argument("--data", type=Path, required=True, help="openmocap.h5")
    options = parser.parse_args()
    exact, detected = (load_openmocap(options.data, "val", keypoints) for keypoints in ("gt", "detected"))
    errors = read_detector_errors(options.data)
    torch.manual_seed(0)
    pool = world_poses(exact[moments(exact)], H36M)
    wild = Augmentation.of(WILD)(pool, COUNT, H36M, None if errors is None else torch.from_numpy(errors))
    faced = torch.from_numpy(face_roots(detected).keypoints_2d)
    unlabelled = ("bone_spread", "limb_ratio_spread", "symmetry_error")
    print(f"{'weights':44s} {'exact':>7s} {'detected':>8s} {'wild':>7s}  " + " ".join(f"{name:>17s}" for name in unlabelled))
    for name in options.weights:
        model = posezoo.load(name)
        scores = [evaluate(model, data)["p_mpjpe"] for data in (exact, detected)]
        scores.append(float(p_mpjpe(model.lift(wild["keypoints_2d"]), wild["pose_3d"])))
        told = evaluate_2d(model, faced)
        print(
            f"{name[-44:]:44s} {scores[0]:7.2f} {scores[1]:8.2f} {scores[2]:7.2f}  "
            + " ".join(f"{told[key]:17.4f}" for key in unlabelled),
            flush=True,
        )


if __name__ == "__main__":
    main()
