"""Write BVH files of every naming convention, of one person who stands."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from posezoo.formats.bvh import bvh_conventions

# Where the joints of a standing person are, mm: x to the person's left, y up, z to the front.
STANDING = {
    "pelvis": (0, 900, 0), "hip": (100, 900, 0), "knee": (100, 480, 0), "ankle": (100, 60, 0), "spine": (0, 1100, 0),
    "thorax": (0, 1400, 0), "nose": (0, 1480, 90), "head_top": (0, 1700, 0),
    "shoulder": (180, 1400, 0), "elbow": (450, 1400, 0), "wrist": (700, 1400, 0),
}  # fmt: skip


def write_person(path: Path, convention: str, frames: int = 3, turn: float = 0.0) -> Path:
    """Write a BVH file of the convention: all joints hang on the root, turned about the vertical by ``turn`` degrees."""
    entry = bvh_conventions()[convention]
    unit, places = np.atleast_1d(entry["unit_mm"])[0], {}
    for joint, target in entry["joints"].items():
        for side, sign in zip(entry["sides"], (1, -1), strict=True):
            place = np.array(STANDING[joint], dtype=float) * [sign, 1, 1] / unit
            if isinstance(target, dict) and "any" in target:
                target = next(choice for choice in target["any"] if choice != "HeadTop_End")
            if isinstance(target, dict):
                places[target["joint"]] = np.array(STANDING["thorax"]) / unit + [0, 10 / unit, 0]
            elif isinstance(target, str):
                places[target.replace("{S}", side)] = place
    lines = [
        "HIERARCHY",
        "ROOT Root",
        "{",
        "OFFSET 0 0 0",
        "CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation",
    ]
    for name, place in places.items():
        if name.endswith("_end"):
            continue
        lines += [
            f"JOINT {name}",
            "{",
            "OFFSET " + " ".join(f"{v:.6f}" for v in place),
            "CHANNELS 3 Zrotation Yrotation Xrotation",
        ]
        end = places.get(f"{name}_end", place) - place
        lines += ["End Site", "{", "OFFSET " + " ".join(f"{v:.6f}" for v in end), "}", "}"]
    channels = 6 + 3 * sum(not name.endswith("_end") for name in places)
    row = " ".join(["0", "0", "0", "0", str(turn), "0"] + ["0"] * (channels - 6))
    lines += ["}", "MOTION", f"Frames: {frames}", "Frame Time: 0.0166667", *[row] * frames]
    path.write_text("\n".join(lines) + "\n")
    return path
