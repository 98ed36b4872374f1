"""Refuse 3D poses where 2D keypoints are expected: their third column is a depth, not a confidence."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from posezoo.errors import InputError
from posezoo.skeletons import Skeleton

USE = (
    "3D poses are what a lifter gives: score them with posezoo.metrics, or project them with posezoo.geometry.project and "
    "lift the 2D"
)
"""The advice for users with 3D poses."""
_OF_3D = re.compile(r"(pose|position|keypoint|joint)s?_?(3d|world)|^vert(s|ices)$|_[xyz]_(mm|cm|m|relative)$", re.IGNORECASE)
# A depth spreads over a pose as x and y do; confidences, and logits beside pixels, spread far less.
_LEAST_SPREAD = 0.1
_MOST_CONFIDENCE = 1.5
# The share of pixels that may lie left of the picture or above it.
_MOST_BELOW = 0.2
# Bones keep their share of a 3D pose's length from pose to pose, but not in its pictures.
_LEAST_POSES, _LEAST_VARIATION, _STEADIER = 8, 0.05, 0.6


def is_3d_name(name: str) -> bool:
    """Return whether what bears such a name is 3D poses.

    Example:
        >>> [is_3d_name(name) for name in ("keypoints_3d", "joints3d", "nose_x_mm", "keypoints")]
        [True, True, True, False]
    """
    return _OF_3D.search(name) is not None


def refuse_3d(values: np.ndarray, path: Path, skeleton: Skeleton | None = None) -> None:
    """Refuse poses (N, J, 3) whose third column is a depth.

    Raises:
        InputError: the third column leaves 0 to 1 and spreads as x and y do; or a joint is the origin of all three; or,
            where the layout is known, bones keep their lengths in three dimensions only.
    """
    known = values[np.isfinite(values).all((1, 2))].astype(np.float64)
    if not len(known):
        return
    depth = known[..., 2]
    low, high = float(depth.min()), float(depth.max())
    spread = np.median(depth.std(1)) / max(float(np.median(known[..., :2].std(1))), 1e-12)
    beyond = float(((depth < 0) | (depth > _MOST_CONFIDENCE)).mean())
    flags = np.isin(depth, (0, 1, 2)).all()
    if not flags and ((beyond > 0.05 and spread > _LEAST_SPREAD) or _has_origin(known) or _is_rigid(known, skeleton)):
        raise InputError(
            f"{path} holds 3D poses: the third column, {low:.4g} to {high:.4g}, is a depth and no confidence (expected "
            f"0 to 1 beside 2D pixels). {USE}."
        )


def refuse_metric(xy: np.ndarray, depth: np.ndarray, path: Path, skeleton: Skeleton) -> None:
    """Refuse poses whose x, y (N, J, 2) and z (N, J) are lengths; a depth beside pixels, as a Kinect gives it, is none.

    Raises:
        InputError: x and y reach below 0 as no pixels do, a joint is the origin, or bones keep their lengths in three
            dimensions only.
    """
    poses = np.concatenate([xy, depth[..., None]], -1)
    known = poses[np.isfinite(poses).all((1, 2))]
    if not len(known):
        return
    below = float((known[..., :2] < 0).mean())
    if below > _MOST_BELOW or _has_origin(known) or _is_rigid(known, skeleton):
        raise InputError(
            f"{path} holds 3D poses: x, y and z, {known.min():.4g} to {known.max():.4g}, are lengths and no pixels. {USE}."
        )


def _has_origin(poses: np.ndarray) -> bool:
    """Return whether one joint is at (0, 0, 0) in every pose, with others on all sides of it."""
    origin = (poses == 0).all(-1).all(0)
    if not origin.any() or origin.all():
        return False
    others = poses[:, ~origin, :2]
    return bool(((others.min(1) < 0) & (others.max(1) > 0)).all(-1).mean() > 0.5)


def _is_rigid(poses: np.ndarray, skeleton: Skeleton | None) -> bool:
    if skeleton is None or len(poses) < _LEAST_POSES or not skeleton.bones:
        return False
    parents, children = np.asarray(skeleton.bones).T
    bones = poses[:, children] - poses[:, parents]
    flat, deep = (_variation(np.linalg.norm(bones[..., :axes], axis=-1)) for axes in (2, 3))
    return flat > _LEAST_VARIATION and deep < _STEADIER * flat


def _variation(lengths: np.ndarray) -> float:
    """Return how much bones (N, bones) vary as shares of all of them, over their mean share; the median bone."""
    shares = lengths / np.maximum(lengths.sum(1, keepdims=True), 1e-12)
    return float(np.median(shares.std(0) / np.maximum(shares.mean(0), 1e-12)))
