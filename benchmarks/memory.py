"""Measure the memory that evaluation takes for as many poses as Human3.6M's training set has, 1,559,752.

    python benchmarks/memory.py svma

Write a prepared file of that size into a temporary folder, with people of the procedural dataset repeated. Then measure the
largest resident set of a process that loads and scores it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from posezoo.data import load_dataset
from posezoo.data.h36m.facts import FRAMES
from posezoo.data.prepared import Clip, Part, write_prepared
from posezoo.poses.posedata import PoseData, Sequence

BAR_GB = 2.0


def write(path: Path, poses: int) -> None:
    """Write a file of Human3.6M's layout with so many poses of one view, all of training subjects."""
    data = load_dataset("procedural", "test")
    count = -(-poses // 20)
    parts = [
        Part(f"S1/Walking/{part}", partial(_clip, data, part, min(count, poses - part * count)))
        for part in range(20)
        if poses > part * count
    ]
    write_prepared(path, "h36m", data.skeleton, parts, "synthetic", lambda _: [])


def _clip(data: PoseData, part: int, count: int) -> list[Clip]:
    rows = np.arange(part * count, (part + 1) * count) % len(data)
    assert data.pose_3d is not None
    return [
        Clip(Sequence("S1", "Walking", str(part), 0, None, (1000, 1002), 50.0), data.pose_3d[rows], data.keypoints_2d[rows])
    ]


def score(model: str, path: Path) -> None:
    """Load and score the file, and print how much memory it took."""
    import posezoo

    data = load_dataset("h36m", "train", path)
    result = posezoo.load(model).evaluate(data)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps({"poses": result["poses"], "p_mpjpe": result["p_mpjpe"], "peak_gb": peak / 1e9}))


def main() -> None:
    """Write the file, score it in another process, and compare its memory with the bar."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", default="svma")
    parser.add_argument("--poses", type=int, default=4 * sum(list(FRAMES.values())[:-1]), help="(1,559,752)")
    parser.add_argument("--score", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.score:
        score(options.model, options.score)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "h36m.h5"
        write(path, options.poses)
        command = [sys.executable, __file__, options.model, "--score", str(path)]
        done = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    print(f"{done['poses']:,} poses, {done['peak_gb']:.2f} GB at most (bar {BAR_GB:g}), P-MPJPE {done['p_mpjpe']:.1f} mm")


if __name__ == "__main__":
    main()
