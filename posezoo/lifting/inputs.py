"""The door of ``predict``: keypoints as users hold them, checked and brought to a model's layout."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from posezoo.errors import InputError
from posezoo.skeletons import Skeleton, convert, get_skeleton

LARGEST_PX = 1e6


@dataclass(frozen=True)
class Keypoints:
    """Checked keypoints in the model's layout.

    Attributes:
        values: (N, J, 2) float32 px, contiguous.
        confidence: (..., J) or None.
        shape: the leading dimensions they came with.
        approximated: joints made up from others, and how.
        present: (N, J) which joints are there, where some may be missing; None where all are.
    """

    values: np.ndarray
    confidence: np.ndarray | None
    shape: tuple[int, ...]
    approximated: dict[str, str]
    present: np.ndarray | None = None


def as_array(values: Any, name: str) -> np.ndarray:
    """Arrays, tensors on any device, and nested lists as float32; what a masked array hides is NaN."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    try:
        if isinstance(values, np.ma.MaskedArray):
            values = np.ma.filled(values.astype(np.float32), np.nan)
        if np.iscomplexobj(values):
            raise TypeError("complex numbers")
        with np.errstate(over="ignore"):  # what overflows is infinite, and refused as such
            return np.asarray(values, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} is no array of numbers ({type(values).__name__}); expected shape (..., J, 2).") from error


def check_keypoints(
    keypoints: Any,
    skeleton: Any,
    target: Skeleton,
    image_size: Any = None,
    confidence: Any = None,
    fills_missing: bool = False,
) -> Keypoints:
    """Check a user's keypoints and convert them to a model's layout.

    With ``fills_missing`` joints may be missing: NaN, or of confidence 0.

    Raises:
        InputError: wrong shape, joint count, image size, NaN or infinite values, or joints that cannot be had.
        UnknownNameError: unknown skeleton.

    Warns:
        UserWarning: most people stand on their heads (y up?), or pixels look normalised to 0..1.
    """
    values = as_array(keypoints, "keypoints_2d")
    source = target if skeleton is None else get_skeleton(skeleton)
    if values.ndim < 2 or values.shape[-1] != 2 or values.shape[-2] != len(source):
        hint = "; name the layout with skeleton=" if skeleton is None else ""
        raise InputError(f"keypoints_2d has shape {values.shape}; {source.name} needs (..., {len(source)}, 2){hint}.")
    if values.size == 0:
        raise InputError("keypoints_2d holds no person.")
    if image_size is not None and not _is_size(image_size):
        raise InputError(f"image_size is {image_size!r}; expected (width, height) in pixels.")
    if confidence is not None:
        confidence = as_array(confidence, "confidence")
        if confidence.shape != values.shape[:-1]:
            raise InputError(f"confidence has shape {confidence.shape}; expected {values.shape[:-1]}, one value a joint.")
    approximated: dict[str, str] = {}
    if fills_missing and confidence is not None:
        values = np.where(confidence[..., None] > 0, values, np.nan)
    if source != target:
        with np.errstate(invalid="ignore"):  # infinite joints are reported below
            converted = convert(values, source, target, confidence)
        if converted.missing:
            raise InputError(f"{source.name} cannot give {', '.join(converted.missing)}, which this model needs.")
        values, confidence, approximated = converted.keypoints, converted.confidence, converted.approximated
    shape = values.shape[:-2]
    values = np.ascontiguousarray(values.reshape(-1, *values.shape[-2:]))
    largest = np.abs(values).max()  # NaN or infinite where any value is
    if fills_missing and np.isnan(largest):
        return Keypoints(values, confidence, shape, approximated, _present(values))
    if not np.isfinite(largest):
        bad = ~np.isfinite(values).all(axis=-1)
        person, joint = np.argwhere(bad)[0]
        raise InputError(
            f"{int(bad.any(axis=1).sum())} of {len(values)} poses have NaN or infinite joints (first: pose {person}, "
            f"{target.joints[joint]}); this model needs every joint, so leave those poses out or fill them in."
        )
    if largest > LARGEST_PX:
        raise InputError(f"a keypoint lies at {largest:.3g}; expected pixels, at most {LARGEST_PX:g}.")
    single = np.ptp(values, axis=1).max(axis=1) == 0
    if single.any():
        raise InputError(
            f"{int(single.sum())} of {len(values)} poses have all joints in one point (first: pose {int(single.argmax())}); "
            "that is how many detectors write a person they did not find, so leave those poses out."
        )
    _warn(values, target, float(largest), image_size)
    return Keypoints(values, confidence, shape, approximated)


def _present(values: np.ndarray) -> np.ndarray:
    """(N, J) which joints are there.

    Raises:
        InputError: infinite or absurd values, or fewer than half of a pose's joints.
    """
    present = ~np.isnan(values).any(axis=-1)
    if np.isinf(values).any() or np.abs(values[present]).max(initial=0) > LARGEST_PX:
        raise InputError(f"keypoints_2d has infinite values, or one beyond {LARGEST_PX:g} px; missing joints are NaN.")
    poor = present.sum(1) * 2 < present.shape[1]
    if poor.any():
        raise InputError(
            f"{int(poor.sum())} of {len(values)} poses lack more than half of their joints (first: pose "
            f"{int(poor.argmax())}); too little to fill in the others from, so leave those poses out."
        )
    return present


def _is_size(image_size: Any) -> bool:
    """Two positive numbers."""
    try:
        width, height = (float(size) for size in image_size)
    except (TypeError, ValueError):
        return False
    return 0 < width < float("inf") and 0 < height < float("inf")


def _warn(values: np.ndarray, skeleton: Skeleton, largest: float, image_size: Any) -> None:
    """Say what looks wrong; a few microseconds, since it stands in the way of single poses too."""
    if {"head_top", "left_ankle", "right_ankle"} <= set(skeleton.joints):
        head, left, right = (values[:, skeleton.joints.index(j), 1] for j in ("head_top", "left_ankle", "right_ankle"))
        share = float(np.count_nonzero(head > np.maximum(left, right))) / len(values)
        if share > 0.5:
            warnings.warn(
                f"heads are below feet in {share:.0%} of the poses: keypoints need y down; with y up, pass height - y.",
                stacklevel=4,
            )
    if image_size is not None and np.count_nonzero(values[:, skeleton.root] > image_size) > len(values):
        warnings.warn(f"most people lie outside an image of {image_size}: is image_size (width, height)?", stacklevel=4)
    if largest <= 1.5:
        warnings.warn(
            "all keypoints lie within 0..1: expected pixels; multiply by the image's width and height.", stacklevel=4
        )
