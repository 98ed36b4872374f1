"""Measure how long `posezoo data prepare h36m` takes, and how much memory, for Human3.6M's training set: 1,559,752 poses.

    python benchmarks/preparing.py

Write VideoPose3D's archives of that size into a temporary folder: 3D of five subjects, 30 recordings each, and a detector's
2D of four cameras. The poses are those of the procedural dataset, repeated, with a millimetre and a pixel of noise: without
it the archives would be so small for what they hold that they were refused as altered.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from posezoo.data import load_dataset
from posezoo.data.h36m.facts import ACTIONS, FRAMES, SUBJECTS
from posezoo.skeletons import get_skeleton

BAR_S, BAR_GB = 120.0, 2.0
JOINTS = [get_skeleton("h36m32").index(joint) for joint in get_skeleton("h36m17").joints]
"""Of the 32 joints of the archives, those that move."""
LAYOUT = {
    "layout_name": "h36m", "num_joints": 17, "keypoints_symmetry": [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]],
}  # fmt: skip


def write(folder: Path, share: float) -> int:
    """Write both archives with a share of the frames, and return how many poses all cameras see."""
    data = load_dataset("procedural", "test")
    assert data.pose_3d is not None
    bodies = np.zeros((len(data), 32, 3), np.float32)
    # From the camera's frame, whose y points down, to a room whose z points up, in metres.
    about_root = data.pose_3d - data.pose_3d[:, :1]
    bodies[:, JOINTS] = about_root[..., [0, 2, 1]] * [1e-3, 1e-3, -1e-3] + [0, 0, 0.9]
    pixels = data.keypoints_2d.astype(np.float32)
    three: dict[str, dict[str, np.ndarray]] = {}
    two: dict[str, dict[str, list[np.ndarray]]] = {}
    count, noise = 0, np.random.default_rng(0)
    for subjects, frames in FRAMES.items():
        for subject in set(subjects) & set(SUBJECTS["train"]):
            names = [f"{action}{trial}" for action in ACTIONS for trial in ("", " 1")]
            each = max(1, round(share * frames / len(subjects) / len(names)))
            rows = np.arange(each) % len(data)
            three[subject] = {name: _shaken(bodies[rows], 1e-3, noise) for name in names}
            two[subject] = {name: [_shaken(pixels[rows], 1.0, noise) for _ in range(4)] for name in names}
            count += 4 * each * len(names)
    np.savez_compressed(folder / "data_3d_h36m.npz", positions_3d=np.array(three, dtype=object))
    detected, layout = np.array(two, dtype=object), np.array(LAYOUT, dtype=object)
    np.savez_compressed(folder / "data_2d_h36m_cpn_ft_h36m_dbb.npz", positions_2d=detected, metadata=layout)
    return count


def _shaken(values: np.ndarray, deviation: float, noise: np.random.Generator) -> np.ndarray:
    """Return the values with Gaussian noise, but for joints that are not there."""
    return values + deviation * noise.standard_normal(values.shape, np.float32) * (values != 0)


def main() -> None:
    """Write the archives, prepare them in another process, and compare its time and memory with the bars."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--share", type=float, default=1.0, help="of the frames")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, out = Path(name), Path(name) / "h36m.h5"
        poses = write(folder, options.share)
        command = [
            sys.executable,
            "-m",
            "posezoo",
            "data",
            "prepare",
            "h36m",
            "--source",
            str(folder),
            "--out",
            str(out),
            "--quiet",
        ]
        begun = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds, used = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
        size = out.stat().st_size / 1e9
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9
    print(
        f"{poses:,} poses in {seconds:.0f} s (bar {BAR_S:g}), {used.ru_utime + used.ru_stime:.0f} of them computing; "
        f"{peak:.2f} GB at most (bar {BAR_GB:g}); a file of {size:.2f} GB"
    )


if __name__ == "__main__":
    main()
