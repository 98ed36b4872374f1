"""Make two people who walk through a picture, in any layout, to write files of keypoints from and to compare with."""

from functools import lru_cache

import numpy as np

from posezoo.data import load_dataset
from posezoo.skeletons import get_skeleton

SIZE = (1400, 1002)
# Where a joint that Human3.6M's 17 lack lies: near which of them, and how far off (px).
_NEAR = {
    "eye": ("nose", (3, -9)), "eye_inner": ("nose", (2, -9)), "eye_outer": ("nose", (4, -9)), "ear": ("nose", (8, -6)),
    "mouth": ("nose", (3, 6)), "heel": ("ankle", (0, 7)), "big_toe": ("ankle", (9, 6)), "small_toe": ("ankle", (7, 9)),
    "foot_index": ("ankle", (10, 7)), "foot": ("ankle", (8, 6)), "clavicle": ("shoulder", (-9, 0)),
    "hand": ("wrist", (2, 8)),
}  # fmt: skip


@lru_cache(maxsize=1)
def _truth():
    data = load_dataset("procedural", split="test")
    clip = np.flatnonzero(data.sequence == data.sequence[0])
    rows = clip[np.argsort(data.frame[clip])][:: max(len(clip) // 12, 1)][:12]
    return data.keypoints_2d[rows].astype(np.float64), data.pose_3d[rows]


def truth_mm():
    """Return (12, 17, 3) mm, the first walker's own poses."""
    return _truth()[1]


def walker(layout, frames=6, person=0):
    """Return (frames, J, 2) px, three decimals, of one of two people."""
    pixels = _truth()[0][:frames]
    known = dict(zip(get_skeleton("h36m17").joints, pixels.transpose(1, 0, 2), strict=True))
    known["upper_neck"] = 0.71 * known["thorax"] + 0.29 * known["head_top"]
    known["head"] = 0.5 * known["upper_neck"] + 0.5 * known["head_top"]
    known["spine_navel"] = 0.65 * known["pelvis"] + 0.35 * known["thorax"]
    known["spine_chest"] = 0.35 * known["pelvis"] + 0.65 * known["thorax"]
    columns = [known[joint] if joint in known else _near(joint, known) for joint in get_skeleton(layout).joints]
    return np.round(np.stack(columns, 1) + [person * 350.0, person * 20.0], 3)


def _near(joint, known):
    side, _, part = joint.partition("_")
    sign = 1 if side == "left" else -1
    where, (x, y) = _NEAR.get(
        part, ("nose" if "face" in joint else "wrist", (len(joint) % 7, 1 + sum(map(ord, joint)) % 11))
    )
    return known[where if where == "nose" else f"{side}_{where}"] + [sign * x, y]


def confidences(count, joints, seed=0):
    """Return (count, joints), three decimals, 0.6 to 1."""
    return np.round(np.random.default_rng(seed).uniform(0.6, 1, (count, joints)), 3)
