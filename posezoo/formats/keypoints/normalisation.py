"""Refuse coordinates that were normalised in a way that changes the shape of people, and that the file does not say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Num

from posezoo.errors import InputError
from posezoo.poses.plausibility import proportions
from posezoo.poses.posedata import Sequence
from posezoo.skeletons import Skeleton

# The share of poses whose least and greatest coordinates are the box's sides, of so many poses, and how far off they may be.
_MOST_POSES, _LEAST_POSES, _ON_THE_SIDE = 0.9, 3, 0.005
# Coordinates from -1 to 1, with room for joints outside of the picture.
_SCREEN = 1.2
# Poses that get so much nearer to people's proportions were divided by each axis's own side; people who were not get
# further away, and in pictures of 4:3 at most to 0.81.
_NEARER = 0.8
# The share of joints below or above a picture whose y has the scale of x, and how far outside they are.
_MOST_OUTSIDE, _OUTSIDE = 0.2, 1.1


def refuse_boxes(xy: Num[np.ndarray, "N J 2"], unknown: Bool[np.ndarray, "N J"], path: Path) -> None:
    """Refuse keypoints that were normalised to the box of each person, as no picture holds them.

    Raises:
        InputError: nearly every pose spans exactly 0 to 1, or -1 to 1, in both axes.
    """
    low = np.where(unknown[..., None], np.inf, xy).min(1)
    high = np.where(unknown[..., None], -np.inf, xy).max(1)
    there = ~unknown.all(1)
    for start in (0, -1):
        spans = (np.abs(low - start) < _ON_THE_SIDE).all(1) & (np.abs(high - 1) < _ON_THE_SIDE).all(1)
        if there.sum() >= _LEAST_POSES and spans[there].mean() > _MOST_POSES:
            raise InputError(
                f"{path}: each pose spans {start} to 1 in both axes, as keypoints normalised to each person's box do, and "
                "the boxes' shapes are lost; give pixels: x times the box's width and y times its height, plus its corner."
            )


def refuse_sides(
    xy: Num[np.ndarray, "N J 2"],
    unknown: Bool[np.ndarray, "N J"],
    layout: Skeleton,
    sequences: tuple[Sequence, ...],
    path: Path,
) -> None:
    """Refuse coordinates of -1 to 1 of a picture whose size is known, where each axis seems to have its own scale.

    VideoPose3D's have one scale for both axes and are lifted as they are.

    Raises:
        InputError: as told by people's proportions, and by what would lie outside of the picture.
    """
    sizes = {clip.image_size for clip in sequences}
    size = sizes.pop() if len(sizes) == 1 else None
    known = xy[~unknown]
    if size is None or size[0] == size[1] or np.abs(known).max() > _SCREEN or not (known < 0).any():
        return
    poses = np.where(unknown[..., None], np.nan, xy)
    given, by_sides = (proportions(poses * np.asarray(scale), layout) for scale in ((1.0, 1.0), (1.0, size[1] / size[0])))
    outside = float((np.abs(known[:, 1]) > _OUTSIDE * size[1] / size[0]).mean())
    if by_sides < _NEARER * given or outside > _MOST_OUTSIDE:
        width, height = size
        raise InputError(
            f"{path} holds coordinates from {known.min():.3g} to {known.max():.3g} beside pictures of {width} x {height}, "
            f"and people look as if each axis ran from -1 to 1: give pixels, x = (x + 1) * {width / 2:g} and y = (y + 1) * "
            f"{height / 2:g}; or, if both have one scale as VideoPose3D's do, leave the size out."
        )
