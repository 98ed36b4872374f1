"""Check what a format's reader gives, and turn it into PoseData, in one place for all formats."""

from __future__ import annotations

import warnings
from collections.abc import Sequence as Items
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from posezoo.errors import InputError, PoseZooWarning
from posezoo.files.reading import check_shape
from posezoo.formats.keypoints.beside import by_names_beside
from posezoo.formats.keypoints.depth import refuse_3d, refuse_metric
from posezoo.formats.keypoints.layouts import layout_of
from posezoo.formats.keypoints.names import columns_of
from posezoo.formats.keypoints.normalisation import refuse_boxes, refuse_sides
from posezoo.formats.keypoints.units import are_fractions, refuse_percent
from posezoo.poses.checks import MAX_CONFIDENCE
from posezoo.poses.identity import identify
from posezoo.poses.missing import missing_joints
from posezoo.poses.posedata import PoseData, Sequence
from posezoo.skeletons import Skeleton, get_skeleton

# No picture is larger than this, but a flipped bit in an exponent gives such values.
_MAX_PIXEL = 1e6
# Bytes of memory for each joint while it is read.
_BYTES_PER_JOINT = 32


@dataclass
class Clips:
    """Keypoints as a file holds them, before any check of their values.

    Attributes:
        keypoints: (N, J, 2) px, or (N, J, 3) with the confidence last.
        sequence: (N,) index into ``sequences``.
        frame: (N,) frame numbers.
        sequences: what the clips are.
        confidence: (N, J), where it stands apart.
        stated: the layout that the file names.
        implied: layouts that the format is used with; the one with the right joint count is taken.
        names: the joints as the file calls them, in any order; a layout's are picked from them.
        beside: lists of the joints' names that stand beside an array, as a rule one; see
            :mod:`~posezoo.formats.keypoints.beside`.
        normalised: whether the coordinates are fractions of the picture, 0 to 1.
        identified: whether the subjects of ``sequences`` are people who keep their name from frame to frame; else they
            are places in a list, and the people are tracked by where they stand.
        time_s: (N,) seconds from the start of the video, where the file says them.
        picture: (N,) names of the pictures, where the file has an entry for each pose.
        counted: whether frames are numbered by their place alone, as the file has no numbers of frames.
        depth: (N, J) what the file has as z beside x and y, to tell 3D poses from pixels; it is not read.
    """

    keypoints: np.ndarray
    sequence: np.ndarray
    frame: np.ndarray
    sequences: tuple[Sequence, ...]
    confidence: np.ndarray | None = None
    stated: Skeleton | None = None
    implied: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    beside: tuple[tuple[str, ...], ...] = ()
    normalised: bool = False
    identified: bool = True
    time_s: np.ndarray | None = None
    picture: np.ndarray | None = None
    depth: np.ndarray | None = None
    counted: bool = False


def numeric(values: object, what: str, path: Path) -> np.ndarray:
    """Return an array of real numbers, NaN where a value is None.

    Raises:
        InputError: text, objects, complex numbers, or lists of unequal lengths.
    """
    try:
        array = np.asarray(values)
        if array.dtype == object and not any(isinstance(value, str | bytes) for value in array.flat):
            array = array.astype(np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(
            f"{path}: {what} are not one array of numbers (unequal lengths, or something else among them); "
            "expected as many joints for every pose."
        ) from error
    if array.dtype.kind not in "fiu":
        raise InputError(f"{path}: {what} of type {array.dtype}; expected numbers.")
    # Sums of small numbers overflow, and so do differences of unsigned ones.
    return array.astype(np.float64) if array.dtype.itemsize < 4 or array.dtype.kind == "u" else array


def frame_numbers(values: object, count: int, path: Path) -> np.ndarray:
    """Return (count,) int32 frame numbers.

    Raises:
        InputError: another count, or no whole numbers of 32 bits.
    """
    frames = numeric(values, "frame numbers", path).reshape(-1)
    if len(frames) != count:
        raise InputError(f"{path}: {len(frames)} frame numbers for {count} poses; expected one each.")
    if not (np.isfinite(frames).all() and (np.abs(frames) < 2**31).all() and (frames == np.floor(frames)).all()):
        raise InputError(f"{path}: frame numbers are not all whole numbers below 2**31.")
    return frames.astype(np.int32)


def group(
    videos: Items[object],
    persons: Items[object],
    sizes: Items[tuple[int, int] | None] | None = None,
    fps: float | None = None,
) -> tuple[np.ndarray, tuple[Sequence, ...]]:
    """Group N poses into clips by video, person and picture size, in the order in which these appear.

    Returns:
        (N,) index of each pose's clip, and the clips.
    """
    known: dict[tuple[object, object, tuple[int, int] | None], int] = {}
    keys = zip(videos, persons, sizes if sizes is not None else [None] * len(videos), strict=True)
    index = np.fromiter((known.setdefault(key, len(known)) for key in keys), np.int32, len(videos))
    return index, tuple(
        Sequence(subject=str(person), trial=str(video), image_size=size, fps=fps) for video, person, size in known
    )


def picture_size(value: object, path: Path) -> tuple[int, int] | None:
    """Return (width, height) in px, or None for None.

    Raises:
        InputError: not two positive numbers.
    """
    if value is None:
        return None
    size = numeric(value, "the image size", path)
    if size.shape != (2,) or not np.isfinite(size).all() or not ((size >= 1) & (size < _MAX_PIXEL)).all():
        raise InputError(f"{path}: the image size is {np.asarray(value).tolist()}; expected (width, height) in pixels.")
    return int(size[0]), int(size[1])


def looks_normalised(xy: np.ndarray) -> bool:
    """Return whether coordinates (..., 2) are fractions of a picture: half within 2, where no person's pixels are."""
    known = np.abs(xy[np.isfinite(xy)])
    return not known.size or float(np.median(known)) <= 2


def to_posedata(
    clips: Clips, skeleton: str | Skeleton | None, path: Path, image_size: tuple[int, int] | None = None
) -> PoseData:
    """Check values, split off the confidence, find the layout, bring fractions of the picture to pixels.

    ``image_size`` holds for the clips whose size the file does not say.

    Raises:
        InputError: see :func:`posezoo.data.read_keypoints`.

    Warns:
        PoseZooWarning: the file says another size.
    """
    keypoints = clips.keypoints
    if keypoints.ndim != 3 or keypoints.shape[-1] not in (2, 3):
        raise InputError(f"{path}: keypoints have shape {keypoints.shape}; expected (poses, joints, 2 or 3).")
    # Checks and conversions hold a few copies in double precision.
    check_shape(keypoints.shape[:2], _BYTES_PER_JOINT, path)
    if not keypoints.size:
        raise InputError(f"{path} holds no poses (keypoints have shape {keypoints.shape}).")
    confidence, sequences = clips.confidence, clips.sequences
    if image_size is not None:
        said = next((clip.image_size for clip in sequences if clip.image_size not in (None, image_size)), None)
        if said is not None:
            warnings.warn(
                f"{path} says that its pictures are {said[0]} x {said[1]} px, which counts; image_size={image_size} says "
                "otherwise.",
                PoseZooWarning,
                stacklevel=2,
            )
        sequences = tuple(clip if clip.image_size else replace(clip, image_size=image_size) for clip in sequences)
    layout, columns = _layout(clips, skeleton, path)
    depth = clips.depth
    if columns is not None:
        keypoints = keypoints[:, columns]
        confidence = None if confidence is None else confidence[:, columns]
        depth = None if depth is None else depth[:, columns]
    if keypoints.shape[-1] == 3:
        if confidence is not None:
            raise InputError(
                f"{path}: confidences stand both beside the keypoints and as their third column; give them once."
            )
        refuse_3d(keypoints, path, layout)
        confidence = keypoints[..., 2]
    if confidence is not None and confidence.shape != keypoints.shape[:2]:
        raise InputError(
            f"{path}: confidence has shape {confidence.shape}; expected {keypoints.shape[:2]}, one value a joint."
        )
    if confidence is not None:
        below = confidence[confidence < 0]
        if (below != -1).any():  # -1 stands for a joint that was not found
            found = f"{below.min():g} to {np.nanmax(confidence):g}"
            raise InputError(
                f"{path}: confidence (or the third column) runs from {found}; expected 0 to 1 beside 2D pixels. If these "
                "are depths, leave them out."
            )
    # Before fractions become pixels, because the placeholder is the fraction (-1, -1).
    sizes = None if clips.normalised else _sizes(clips.sequence, sequences)
    unknown = missing_joints(keypoints[..., :2], layout, confidence, sizes)
    if unknown.all():
        raise InputError(f"{path}: no joint of any pose is known (all are NaN or zero); expected pixel coordinates.")
    if depth is not None:
        refuse_metric(np.where(unknown[..., None], np.nan, keypoints[..., :2]), depth, path, layout)
    refuse_boxes(keypoints[..., :2], unknown, path)
    if clips.normalised or (are_fractions(keypoints[..., :2], unknown) and all(clip.image_size for clip in sequences)):
        keypoints = _in_pixels(keypoints, clips.sequence, sequences, path)
    else:
        refuse_percent(keypoints[..., :2], unknown, sequences, path)
        refuse_sides(keypoints[..., :2], unknown, layout, sequences, path)
    with np.errstate(over="ignore"):
        pixels = np.ascontiguousarray(keypoints[..., :2], dtype=np.float32)
    if pixels is keypoints or np.shares_memory(pixels, keypoints):
        pixels = pixels.copy()
    pixels[unknown] = np.nan
    _check_pixels(pixels, layout, path)
    if confidence is not None:
        confidence = _confidence(confidence, unknown, path)
        confidence[unknown] = 0
        # MotionBERT's demo and others write 0 for every joint, which carries no information.
        confidence = confidence if confidence.any() else None
    data = PoseData(
        skeleton=layout,
        keypoints_2d=pixels,
        confidence=confidence,
        sequence=clips.sequence.astype(np.int32),
        frame=clips.frame.astype(np.int32),
        sequences=sequences,
        time_s=None if clips.time_s is None else clips.time_s.astype(np.float64),
        picture=clips.picture,
        counted=clips.counted,
    )
    return identify(data, clips.identified)


def _layout(clips: Clips, skeleton: str | Skeleton | None, path: Path) -> tuple[Skeleton, list[int] | None]:
    """Return the layout, and where each of its joints stands where names tell that."""
    wanted, count = None if skeleton is None else get_skeleton(skeleton), clips.keypoints.shape[1]

    def by_count() -> Skeleton:
        return layout_of(clips.keypoints, skeleton, clips.stated, clips.implied, path)

    if clips.names:
        if len(clips.names) != count:
            raise InputError(f"{path} names {len(clips.names)} joints, but its poses have {count}.")
        return columns_of(clips.names, wanted, path)
    if clips.beside:
        return by_names_beside(clips.beside, wanted, clips.stated, by_count, path)
    return by_count(), None


def _sizes(sequence: np.ndarray, sequences: tuple[Sequence, ...]) -> np.ndarray | None:
    """Return (N, 2) width and height of each pose's picture, NaN where unknown; None where none is known."""
    if not any(clip.image_size for clip in sequences):
        return None
    return np.asarray([clip.image_size or (np.nan, np.nan) for clip in sequences], dtype=np.float64)[sequence]


def _in_pixels(keypoints: np.ndarray, sequence: np.ndarray, sequences: tuple[Sequence, ...], path: Path) -> np.ndarray:
    """Return fractions of the picture times its width and height."""
    if not looks_normalised(keypoints[..., :2]):
        known = keypoints[..., :2][np.isfinite(keypoints[..., :2])]
        raise InputError(
            f"{path} holds coordinates up to {known.max():g}, where this format has fractions of the picture (0 to 1): if "
            "they are pixels, save them as an array (keypoints, skeleton) of an .npz file."
        )
    sizes = [clip.image_size for clip in sequences]
    if None in sizes:
        raise InputError(
            f"{path} holds fractions of the picture (0 to 1), but not the picture's size; "
            "give it in pixels: image_size=(width, height)."
        )
    pixels = keypoints.astype(np.float64)
    with np.errstate(over="ignore"):
        pixels[..., :2] *= np.asarray(sizes, dtype=np.float64)[sequence][:, None]
    return pixels


def _check_pixels(pixels: np.ndarray, layout: Skeleton, path: Path) -> None:
    with np.errstate(invalid="ignore"):
        wrong = np.abs(pixels) > _MAX_PIXEL
    if wrong.any():
        pose, joint, axis = np.argwhere(wrong)[0]
        raise InputError(
            f"{path}: the {layout.joints[joint]} of pose {pose} has {'xy'[axis]} = {pixels[pose, joint, axis]:g} "
            f"(values infinite or beyond {_MAX_PIXEL:.0e}: {wrong.sum()}); expected pixels, NaN where unknown."
        )


def _confidence(values: np.ndarray, unknown: np.ndarray, path: Path) -> np.ndarray:
    """Return (N, J) float32 in [0, 1]; COCO's flags 0 1 2 (absent, occluded, visible) become 0 1 1."""
    with np.errstate(over="ignore"):
        confidence = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=np.inf, neginf=-np.inf)
    known = confidence[~unknown]
    if np.isin(known, (0, 1, 2)).all():
        return np.minimum(confidence, 1).clip(0)
    low, high = known.min(), known.max()
    if low < 0 or high > MAX_CONFIDENCE:
        raise InputError(
            f"{path}: confidence (or the third column) runs from {low:g} to {high:g}; expected 0 to 1 beside 2D pixels."
        )
    return confidence.clip(0, 1)
