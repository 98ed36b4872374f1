"""Check keypoints as users hold them and convert them to a model's layout: the rules of ``predict``, stated once."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple, TypeVar, cast

import numpy as np
from torch import Tensor

from posezoo.errors import InputError, PoseZooWarning
from posezoo.lifting.suspicions import ENOUGH, of_coordinates
from posezoo.poses.checks import check_confidence
from posezoo.poses.missing import convert_found, is_complete, missing_joints
from posezoo.poses.plausibility import plausibility
from posezoo.poses.posedata import PoseData
from posezoo.skeletons import Skeleton, get_skeleton

LARGEST_PX = 1e6
# The user's line, counted from check_keypoints: predict, torch's wrapper of inference_mode, and who called.
_CALLER = 4

Values = np.ndarray | Tensor | Sequence[object]
"""Numbers as users hold them: an array, a tensor on any device, or nested lists."""


class Keypoints(NamedTuple):
    """Checked keypoints in the model's layout.

    Attributes:
        values: (N, J, 2) float32 px, contiguous.
        confidence: (..., J) or None.
        shape: the leading dimensions they came with.
        approximated: joints made up from others, and how.
        present: (N, J) which joints are there, to a model that fills in the others; None where all are.
        usable: (N,) which poses can be lifted; None where all can.
        image_size: (width, height) in px.
    """

    values: np.ndarray
    confidence: np.ndarray | None
    shape: tuple[int, ...]
    approximated: dict[str, str]
    present: np.ndarray | None = None
    usable: np.ndarray | None = None
    image_size: tuple[float, float] | None = None


Flags = TypeVar("Flags", np.ndarray, Tensor)


def has_enough_joints(known: Flags, fills_missing: bool) -> Flags:
    """Return which poses can be lifted: those with every joint or, by a model that fills in missing joints, with half.

    The rule of ``predict``, of clips and of exported graphs.

    Args:
        known: (N, J) bool, which joints are there.
        fills_missing: whether the model fills in the others.

    Returns:
        (N,) bool.

    Example:
        >>> known = np.array([[True, True, False], [True, False, False]])
        >>> has_enough_joints(known, True).tolist(), has_enough_joints(known, False).tolist()
        ([True, False], [False, False])
    """
    return cast(Flags, known.sum(1) * 2 >= known.shape[1] if fills_missing else known.all(1))


def check_batch_size(batch_size: object) -> None:
    """Refuse what is no number of poses.

    Raises:
        InputError: no whole number, or one below 1.
    """
    if not isinstance(batch_size, int | np.integer) or batch_size < 1:
        raise InputError(f"batch_size is {batch_size!r}; expected a number of poses, at least 1.")


def check_convertible(source: Skeleton, missing: Sequence[str]) -> None:
    """Refuse a layout that cannot give all joints of a model's.

    Args:
        source: the layout of the keypoints.
        missing: joints of the model's layout that cannot be made from it.

    Raises:
        InputError: there are some.
    """
    if missing:
        raise InputError(f"{source.name} cannot give {', '.join(missing)}, which this model needs.")


def as_array(values: object, name: str) -> np.ndarray:
    """Return arrays, tensors on any device and nested lists as float32; masked values of a masked array become NaN."""
    if type(values) is np.ndarray and values.dtype == np.float32:  # what most users give is left as it is
        return values
    if isinstance(values, Tensor):
        if values.is_sparse or values.is_meta:
            kind = "sparse" if values.is_sparse else "a meta tensor, without values"
            raise InputError(f"{name} is {kind}; expected a dense tensor.")
        values = values.detach().cpu()
        values = (values.float() if values.is_floating_point() else values).numpy()  # NumPy has no bfloat16
    try:
        if isinstance(values, np.ma.MaskedArray):
            values = np.ma.filled(values.astype(np.float32), np.nan)
        if isinstance(values, (np.ndarray, list, tuple)) and np.iscomplexobj(values):
            raise TypeError("complex numbers")
        with np.errstate(over="ignore"):  # values that overflow become infinite, and are refused as infinite
            return np.asarray(values, dtype=np.float32)
    except (TypeError, ValueError) as error:
        hint = ": pass data.keypoints_2d, and its layout as skeleton=data.skeleton" if isinstance(values, PoseData) else ""
        expected = "(..., J, 2)" if name == "keypoints_2d" else "(..., J)"
        found = type(values).__name__
        raise InputError(f"{name} is no array of numbers ({found}); expected shape {expected}{hint}.") from error


def check_keypoints(
    keypoints: object,
    skeleton: object,
    target: Skeleton,
    image_size: object = None,
    confidence: object = None,
    fills_missing: bool = False,
    incomplete: str = "raise",
) -> Keypoints:
    """Check a user's keypoints and convert them to a model's layout.

    Joints are missing where :func:`posezoo.poses.missing.missing_joints` says so; a missing nose is put between the ears.

    Args:
        keypoints: (..., J, 2) pixels in the layout ``skeleton``.
        skeleton: that layout; ``target`` where not given.
        target: the model's layout.
        image_size: (width, height) in px.
        confidence: (..., J).
        fills_missing: whether the model takes poses that have half of their joints.
        incomplete: what is done with poses that lack joints which the model needs: ``raise``, or ``nan`` to leave them
            unlifted.

    Raises:
        InputError: wrong shape, joint count, image size, infinite values, joints that cannot be had, or poses that lack
            joints.
        UnknownNameError: unknown skeleton.

    Warns:
        UserWarning: most people stand on their heads (y up?), or pixels look normalised to 0..1.
    """
    if incomplete not in ("raise", "nan"):
        raise InputError(f"incomplete is {incomplete!r}; expected 'raise' or 'nan'.")
    values = as_array(keypoints, "keypoints_2d")
    source = target if skeleton is None else get_skeleton(cast("str | Skeleton", skeleton))
    if values.ndim < 2 or values.shape[-1] != 2 or values.shape[-2] != len(source):
        hint = "; name the layout with skeleton=" if skeleton is None else ""
        if values.ndim >= 2 and values.shape[-1] == 3:
            hint = "; pass a third column of confidences as confidence=; 3D poses are lifted already: score or project them"
        raise InputError(f"keypoints_2d has shape {values.shape}; {source.name} needs (..., {len(source)}, 2){hint}.")
    if values.size == 0:
        raise InputError("keypoints_2d holds no person.")
    size = None if image_size is None else _size(image_size)
    trust = None if confidence is None else as_array(confidence, "confidence")
    if trust is not None and trust.shape != values.shape[:-1]:
        raise InputError(f"confidence has shape {trust.shape}; expected {values.shape[:-1]}, one value a joint.")
    check_confidence(trust)
    shape = values.shape[:-2]
    values = values.reshape(-1, *values.shape[-2:])
    flat = None if trust is None else trust.reshape(-1, len(source))
    body = plausibility(values, source) if len(values) >= ENOUGH else None
    is_person = body is None or body.is_person
    if body is not None and not is_person:
        warnings.warn(body.sentence(source), PoseZooWarning, stacklevel=_CALLER)
    sizes = None if size is None else np.asarray([size])
    complete = is_complete(values, flat, sizes)
    if not complete:
        values = np.where(missing_joints(values, source, flat, sizes)[..., None], np.nan, values)
    approximated: dict[str, str] = {}
    if source != target or not complete:
        with np.errstate(invalid="ignore"):  # infinite joints are reported below
            converted = convert_found(values, source, target, flat)
        check_convertible(source, converted.missing)
        values, approximated = converted.keypoints, converted.approximated
        if converted.confidence is not None:
            trust = converted.confidence.reshape(*shape, len(target))
    values = np.ascontiguousarray(values)
    largest = float(np.abs(values).max())  # NaN or infinite where any value is
    present = usable = None
    if not np.isfinite(largest):
        known = ~np.isnan(values).any(axis=-1)
        _refuse_infinite(values, target)
        usable = has_enough_joints(known, fills_missing)
        if incomplete == "raise" and not usable.all():
            raise InputError(_lacking(known, usable, target, fills_missing))
        present = known if fills_missing else None
        largest = float(np.abs(values[usable]).max(initial=0, where=known[usable][..., None]))
        usable = None if usable.all() else usable
    if largest > LARGEST_PX:
        raise InputError(f"a keypoint lies at {largest:.3g}; expected pixels, at most {LARGEST_PX:g}.")
    lifted = values if usable is None else values[usable]
    if len(lifted) and is_person:
        for sentence in of_coordinates(lifted, source, target, largest, size).values():
            warnings.warn(sentence, PoseZooWarning, stacklevel=_CALLER)
    return Keypoints(values, trust, shape, approximated, present, usable, size)


def _refuse_infinite(values: np.ndarray, target: Skeleton) -> None:
    bad = np.isinf(values).any(axis=-1)
    if bad.any():
        person, joint = np.argwhere(bad)[0]
        raise InputError(
            f"{int(bad.any(axis=1).sum())} of {len(values)} poses have infinite joints (first: pose {person}, "
            f"{target.joints[joint]}); expected pixels, at most {LARGEST_PX:g}, and NaN where a joint is missing."
        )


def _lacking(known: np.ndarray, usable: np.ndarray, target: Skeleton, fills_missing: bool) -> str:
    """Return a sentence on how many joints are missing, which ones, and what to do."""
    absent = ~known[~usable]
    often = sorted(zip(absent.sum(0).tolist(), target.joints, strict=True), key=lambda item: -item[0])
    named = ", ".join(f"{joint} {count}" for count, joint in often[:4] if count)
    more = ", ..." if sum(count > 0 for count, _ in often) > 4 else ""
    if fills_missing:
        found, why, other = "more than half of their joints", "; too little to fill in the others from", ""
    else:
        found, why, other = "joints", ", and this model needs every joint", "take geoselfsup, which fills them in, "
    return (
        f"{int((~usable).sum())} of {len(known)} poses lack {found} (first: pose {int((~usable).argmax())}; "
        f"{int(absent.sum())} joints: {named}{more}){why}: {other}"
        "fill the gaps of a clip (posezoo.video.lift), or leave those poses out (incomplete='nan')."
    )


def _size(image_size: object) -> tuple[float, float]:
    """Return (width, height) in px.

    Raises:
        InputError: ``image_size`` is not two positive numbers.
    """
    try:
        width, height = np.asarray(image_size, dtype=np.float64).tolist()
        if 0 < width < float("inf") and 0 < height < float("inf"):
            return width, height
    except (TypeError, ValueError):
        pass
    found = " ".join(repr(image_size).split())[:80]
    raise InputError(f"image_size is {found}; expected (width, height) in pixels, one for all pictures.")
