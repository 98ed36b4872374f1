"""Make people whose pictures show dots at their wrists, so that a crop shows where a joint went."""

from __future__ import annotations

import numpy as np

from posezoo.data import PoseData, Sequence
from posezoo.data.pictures.people import PeopleInPictures
from posezoo.skeletons import get_skeleton

MPII = get_skeleton("mpii16")


def dotted(points: np.ndarray, size: tuple[int, int] = (200, 160)) -> np.ndarray:
    """Return a black picture with a soft white dot at each point."""
    y, x = np.mgrid[: size[1], : size[0]]
    bright = sum(np.exp(-((x - px) ** 2 + (y - py) ** 2) / 8.0) for px, py in points)
    return np.repeat((255 * np.clip(bright, 0, 1)).astype(np.uint8)[..., None], 3, 2)


def centroid(picture: np.ndarray, near: np.ndarray, reach: int = 6) -> np.ndarray:
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    weight = picture[..., 0].astype(float) * (np.hypot(x - near[0], y - near[1]) < reach)
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()


def people(count: int = 6, labels: bool = True) -> PeopleInPictures:
    """Return people whose pictures have a dot at the left wrist and a fainter one at the right."""
    rng = np.random.default_rng(0)
    keypoints = rng.uniform([60, 40], [140, 120], (count, 16, 2)).astype(np.float32)
    keypoints[:, MPII.index("right_wrist")] = keypoints[:, MPII.index("left_wrist")] + [25, 0]
    pose = np.concatenate([5 * keypoints, rng.normal(0, 100, (count, 16, 1)) + 4000], 2).astype(np.float32)
    zeros = np.zeros(count, np.int32)
    poses = PoseData(MPII, keypoints, zeros, np.arange(count, dtype=np.int32), (Sequence(),), pose if labels else None)

    def picture(row: int) -> np.ndarray:
        left, right = (keypoints[row, [MPII.index(f"{side}_wrist")]] for side in ("left", "right"))
        return np.maximum(dotted(left), dotted(right) // 2)

    sides = np.full(count, 110.0, np.float32)
    return PeopleInPictures(poses, np.full((count, 2), 90.0, np.float32), sides, picture, np.full(count, 12.0, np.float32))
