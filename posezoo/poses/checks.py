"""Measure signs that keypoints are not what PoseZoo expects."""

from __future__ import annotations

import warnings

import numpy as np

from posezoo.errors import InputError
from posezoo.poses.posedata import PoseData
from posezoo.skeletons import Skeleton, get_skeleton

# The first group with a known joint in a pose counts.
_UPPER = (("head_top", "nose", "left_eye", "right_eye", "left_ear", "right_ear"), ("upper_neck", "thorax"))
_LOWER = (("left_ankle", "right_ankle"), ("left_knee", "right_knee"), ("left_hip", "right_hip", "pelvis"))

MAX_CONFIDENCE = 1.5
"""Detectors exceed 1 a little; larger values are percentages, logits or depths."""


def upside_down_fraction(keypoints: object, skeleton: str | Skeleton | None = None) -> float:
    """Return the share of poses whose head is lower in the picture (larger y) than their feet.

    Args:
        keypoints: PoseData, or an array (..., J, 2) in pixels, y down, NaN where unknown.
        skeleton: the layout of an array.

    Returns:
        0 to 1, over the poses in which both are known; 0 where there is none.

    Raises:
        InputError: an array without a skeleton, or with another number of joints.

    Example:
        >>> pose = np.zeros((1, 17, 2)); pose[:, 15:, 1] = 9.0  # ankles of coco17 below the head
        >>> upside_down_fraction(pose, "coco17"), upside_down_fraction(-pose, "coco17")
        (0.0, 1.0)
    """
    if isinstance(keypoints, PoseData):
        return upside_down_fraction(keypoints.keypoints_2d, keypoints.skeleton)
    if skeleton is None:
        raise InputError("which joint is which in the array? Name its layout (skeleton='coco17').")
    layout = get_skeleton(skeleton)
    y = np.asarray(keypoints)[..., 1]
    if y.shape[-1] != len(layout):
        raise InputError(f"keypoints have {y.shape[-1]} joints; {layout.name} has {len(layout)}.")
    y = y.reshape(-1, len(layout)).astype(np.float64)
    head, feet = _height(y, layout, _UPPER), _height(y, layout, _LOWER)
    known = ~(np.isnan(head) | np.isnan(feet))
    return float((head > feet)[known].mean()) if known.any() else 0.0


def looks_upside_down(keypoints: object, skeleton: str | Skeleton | None = None) -> bool:
    """Return whether the heads of most poses are below their feet: y points up, where PoseZoo's pixels have it down.

    Takes and raises what :func:`upside_down_fraction` does.
    """
    return upside_down_fraction(keypoints, skeleton) > 0.5


def swapped_axes_fraction(keypoints: np.ndarray, skeleton: Skeleton) -> float:
    """Return the share of poses that lie, head toward smaller x: those of standing people whose y stands before x.

    Args:
        keypoints: (N, J, 2), NaN where unknown.
        skeleton: their layout.

    Returns:
        0 to 1, over the poses in which head and feet are known; 0 where there is none.
    """
    values = np.asarray(keypoints, dtype=np.float64)
    across = _height(values[..., 0], skeleton, _LOWER) - _height(values[..., 0], skeleton, _UPPER)
    down = _height(values[..., 1], skeleton, _LOWER) - _height(values[..., 1], skeleton, _UPPER)
    known = ~(np.isnan(across) | np.isnan(down))
    return float((across > 2 * np.abs(down))[known].mean()) if known.any() else 0.0


def _height(y: np.ndarray, layout: Skeleton, groups: tuple[tuple[str, ...], ...]) -> np.ndarray:
    """Return (N,) mean y of the first group of joints that is known, NaN where none is."""
    result = np.full(len(y), np.nan)
    for names in groups:
        columns = [layout.index(name) for name in names if name in layout.joints]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            mean = np.nanmean(y[:, columns], axis=1) if columns else result
        result = np.where(np.isnan(result), mean, result)
    return result


def check_confidence(confidence: np.ndarray | None) -> None:
    """Refuse confidences in percent, or logits; NaN is none, and COCO's flags go up to 2.

    Raises:
        InputError: one is above 1.5, as no detector's is, and they are not COCO's flags 0, 1 and 2.
    """
    if confidence is None or not confidence.size or not np.nanmax(confidence, initial=0.0) > MAX_CONFIDENCE:
        return
    if not np.isin(confidence[~np.isnan(confidence)], (0, 1, 2)).all():
        raise InputError(
            f"confidence goes up to {np.nanmax(confidence):g}; expected 0 to 1: divide percent by 100, and leave logits out."
        )
