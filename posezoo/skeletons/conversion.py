"""Convert keypoints between layouts; every target joint is a linear combination of source joints."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from posezoo.errors import InputError
from posezoo.skeletons.layouts import get_skeleton
from posezoo.skeletons.skeleton import Skeleton

_SIDES = ("left", "right")

# What stands in for a joint that the source lacks, best first: {joint: [weights of other joints, ...]}.
# Head heights are the usual fractions of stature: shoulders 0.818, upper neck 0.87, nose 0.915,
# eyes, ear canals and the middle of the head (Kinect's "head") 0.936, crown 1.
APPROXIMATIONS: dict[str, list[dict[str, float]]] = {
    "pelvis": [{"left_hip": 0.5, "right_hip": 0.5}],
    "spine_base": [{"pelvis": 1.0}],
    "thorax": [{"left_shoulder": 0.5, "right_shoulder": 0.5}],
    "spine": [{"spine_navel": 0.5, "spine_chest": 0.5}, {"pelvis": 0.5, "thorax": 0.5}],
    "head_top": [
        {"left_ear": 0.77, "right_ear": 0.77, "thorax": -0.54},
        {"left_eye": 0.77, "right_eye": 0.77, "thorax": -0.54},
        {"head": 1.54, "thorax": -0.54},
        {"nose": 1.88, "thorax": -0.88},
    ],
    "nose": [
        {"left_eye": 0.5, "right_eye": 0.5},
        {"left_ear": 0.5, "right_ear": 0.5},
        {"head": 1.0},
        {"upper_neck": 0.5, "head_top": 0.5},
        {"thorax": 0.47, "head_top": 0.53},
    ],
    "upper_neck": [{"thorax": 0.71, "head_top": 0.29}],
    **{f"{side}_collar": [{"thorax": 1.0}] for side in _SIDES},
    **{f"{side}_big_toe": [{f"{side}_toe": 1.0}, {f"{side}_foot_index": 1.0}] for side in _SIDES},
    **{f"{side}_toe": [{f"{side}_big_toe": 1.0}, {f"{side}_foot_index": 1.0}] for side in _SIDES},
    **{f"{side}_foot_index": [{f"{side}_big_toe": 1.0}, {f"{side}_toe": 1.0}] for side in _SIDES},
}


@dataclass(frozen=True)
class Conversion:
    """Keypoints in another layout, with the joints that were approximated or are missing.

    Attributes:
        keypoints: (..., J_target, D), same kind of array as was given; NaN where a joint cannot be had.
        confidence: (..., J_target) or None where none was given: the least of the joints used, 0 where missing.
        skeleton: the target layout.
        approximated: how each joint that the source lacks was made up from others.
        missing: joints that cannot be had; they are NaN, never invented.
    """

    keypoints: Any
    confidence: Any
    skeleton: Skeleton
    approximated: dict[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


def _resolve(joint: str, source: Skeleton, trail: tuple[str, ...] = ()) -> dict[str, float] | None:
    """Return weights of source joints that give a joint, or None."""
    if joint in source.joints:
        return {joint: 1.0}
    if joint in trail:
        return None
    for rule in APPROXIMATIONS.get(joint, []):
        parts = {part: _resolve(part, source, (*trail, joint)) for part in rule}
        if all(parts.values()):
            weights: dict[str, float] = {}
            for part, weight in rule.items():
                for name, inner in (parts[part] or {}).items():
                    weights[name] = weights.get(name, 0.0) + weight * inner
            return weights
    return None


@lru_cache(maxsize=256)
def conversion_matrix(source: Skeleton, target: Skeleton) -> tuple[np.ndarray, dict[str, str], tuple[str, ...]]:
    """Return (J_target, J_source) float64 weights, the approximations in words, and the joints that cannot be had.

    The rows of missing joints are zero.
    """
    matrix = np.zeros((len(target), len(source)))
    approximated: dict[str, str] = {}
    missing: list[str] = []
    for row, joint in enumerate(target.joints):
        weights = _resolve(joint, source)
        if weights is None:
            missing.append(joint)
            continue
        for name, weight in weights.items():
            matrix[row, source.index(name)] = weight
        if joint not in source.joints:
            approximated[joint] = " ".join(f"{weight:+.3g}*{name}" for name, weight in weights.items() if weight).lstrip("+")
    return matrix, approximated, tuple(missing)


def convert(
    keypoints: Any,
    source: str | Skeleton,
    target: str | Skeleton,
    confidence: Any = None,
) -> Conversion:
    """Convert keypoints from one layout to another, where geometry allows.

    Pelvis is the middle of the hips, thorax the middle of the shoulders, spine halfway between the two;
    the crown is extrapolated from ears, eyes or nose (see :data:`APPROXIMATIONS`). The result lists each of them.

    Args:
        keypoints: (..., J_source, D) array or tensor, 2D or 3D, any unit; NaN marks a missing joint.
        source: the layout of ``keypoints``.
        target: the layout wanted.
        confidence: (..., J_source), carried along.

    Raises:
        InputError: no numbers, or the array does not have the source layout's number of joints.
        UnknownNameError: unknown layout.

    Example:
        >>> import numpy as np
        >>> from posezoo.skeletons import convert
        >>> result = convert(np.ones((2, 17, 2)), "coco17", "h36m17")
        >>> result.keypoints.shape, result.approximated["pelvis"], result.missing
        ((2, 17, 2), '0.5*left_hip +0.5*right_hip', ())
    """
    source, target = get_skeleton(source), get_skeleton(target)
    keypoints = _numbers(keypoints, "keypoints")
    confidence = None if confidence is None else _numbers(confidence, "confidence")
    if keypoints.ndim < 2 or keypoints.shape[-2] != len(source):
        raise InputError(f"keypoints have shape {tuple(keypoints.shape)}; {source.name} needs (..., {len(source)}, 2 or 3).")
    if confidence is not None and tuple(confidence.shape) != tuple(keypoints.shape[:-1]):
        raise InputError(
            f"confidence has shape {tuple(confidence.shape)}; expected {tuple(keypoints.shape[:-1])}, one value a joint."
        )
    if source == target:
        return Conversion(keypoints, confidence, target)

    matrix, approximated, missing = conversion_matrix(source, target)
    xp: Any = np if isinstance(keypoints, np.ndarray) else sys.modules["torch"]
    keypoints = _floating(keypoints, xp)
    weights = _like(matrix, keypoints, xp)
    unknown = xp.isnan(keypoints)
    if xp is np and not unknown.any():
        result = weights @ keypoints
    else:
        # Zero times NaN is NaN, so unknown joints are set to zero and what was made from them is blanked after.
        result = weights @ xp.where(unknown, xp.zeros_like(keypoints), keypoints)
        result[_like(matrix != 0, keypoints, xp) @ _like(unknown, keypoints, xp) > 0] = float("nan")
    if missing:
        result[..., [target.index(joint) for joint in missing], :] = float("nan")
    if confidence is not None:
        confidence = _floating(confidence, xp)
        unused = _like(matrix == 0, confidence, xp) > 0
        confidence = xp.amin(xp.where(unused, xp.ones_like(weights[:1]) * np.inf, confidence[..., None, :]), -1)
        confidence = xp.where(xp.isinf(confidence), xp.zeros_like(confidence), confidence)
    return Conversion(result, confidence, target, dict(approximated), missing)


def _numbers(values: Any, name: str) -> Any:
    """Return arrays and tensors as they are, nested lists as a float32 array.

    Raises:
        InputError: they hold something else than numbers.
    """
    try:
        return values if hasattr(values, "shape") else np.asarray(values, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} is of type {type(values).__name__}, no array of numbers.") from error


def _floating(values: Any, xp: Any) -> Any:
    """Return integer and boolean values as float32, floating ones as they are."""
    if xp is np:
        return values if np.issubdtype(values.dtype, np.floating) else values.astype(np.float32)
    return values if values.is_floating_point() else values.float()


def _like(values: Any, reference: Any, xp: Any) -> Any:
    """Return values with the type (and the device) of the reference."""
    if xp is np:
        return values.astype(reference.dtype)
    return xp.as_tensor(values).to(reference)
