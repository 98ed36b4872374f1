"""Gather the people of frames, as detectors and annotation tools list them, into clips.

Each format turns the people of its files into :class:`Person`, :mod:`posezoo.formats.keypoints.framing` finds the frames
around them, and :func:`gather` makes :class:`~posezoo.formats.keypoints.clips.Clips`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from posezoo.errors import InputError
from posezoo.formats.keypoints.clips import Clips, frame_numbers, group, numeric
from posezoo.formats.keypoints.columns import by_number
from posezoo.skeletons import SKELETONS

NUMBERS = ("frame", "frame_id", "frame_number", "frame_index", "frame_idx", "frameNumber", "frameIndex", "frameId")
_COUNTS = {len(layout) for layout in SKELETONS.values()}
# No confidence or flag is larger. Few pixels are that small, and hardly one of a joint's two alone.
_NO_PIXEL, _MOST_ODD = 2, 0.15
# Scores beside pixels are a smaller share of these, even as logits.
_LEAST_SHARE = 0.2


@dataclass(frozen=True)
class Person:
    """One person in one frame, as a file has it.

    Attributes:
        points: (J, 2), or (J, 3) with the confidence last, or that flat; or a mapping of names to (x, y) or (x, y, c).
        confidence: (J,), where it stands apart.
        identity: who it is, where the file tells people apart.
        number: the frame, where it stands with the person.
    """

    points: object
    confidence: object = None
    identity: str | None = None
    number: int | None = None


@dataclass(frozen=True)
class Frame:
    """The people of one frame.

    Attributes:
        people: those in it, in the file's order.
        number: the frame's number; its place in the file where None.
        video: the recording; the file's name where empty.
        size: (width, height) px, where the file says it.
    """

    people: tuple[Person, ...]
    number: int | None = None
    video: str = ""
    size: tuple[int, int] | None = None


def identity_of(value: object) -> str | None:
    """Return an identity as text, whether a tracker wrote 3, 3.0, [3] or "3"; None for none or a negative one."""
    while isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, bool) or not isinstance(value, int | float | str) or value != value or value == "":
        return None
    if isinstance(value, str):
        return None if value == "-1" else value
    return f"{value:.0f}" if 0 <= value < 2**53 else None


def number_of(value: object) -> int | None:
    """Return the frame number that an object states, or None."""
    given = [value[key] for key in NUMBERS if key in value] if isinstance(value, Mapping) else []
    given = [number for number in given if isinstance(number, int | float) and not isinstance(number, bool)]
    return int(given[0]) if given and given[0] == given[0] and abs(given[0]) < 2**31 else None


def in_columns(flat: np.ndarray, named: int = 0) -> np.ndarray:
    """Return (N, J, 2 or 3) points of flat lists: x, y, confidence of each joint, or x, y where the values say so.

    Args:
        flat: (N, numbers); anything else, or another number of numbers, is returned as it is.
        named: how many joints the file names, 0 where it names none.

    Example:
        >>> in_columns(np.arange(100.0, 136.0).reshape(1, 36)).shape, in_columns(np.tile([9.0, 9.0, 0.5], (1, 18))).shape
        ((1, 18, 2), (1, 18, 3))
    """
    if flat.ndim != 2:
        return flat
    count, numbers = flat.shape
    pairs = numbers % 2 == 0 and (numbers // 2 == named or numbers // 2 in _COUNTS) and _are_pairs(flat)
    if numbers % 3 == 0 and not (pairs and numbers // 3 != named and _are_alike(flat)):
        return flat.reshape(count, -1, 3)
    return flat.reshape(count, -1, 2) if pairs else flat


def _are_pairs(flat: np.ndarray) -> bool:
    """Return whether numbers are pixels, x and y in turn, without confidences among them."""
    small = np.abs(np.nan_to_num(flat)) <= _NO_PIXEL
    below = float((np.nan_to_num(flat) < 0).mean())  # many are in 3D poses
    # Of a joint that was not found both are 0.
    return bool((small[:, ::2] != small[:, 1::2]).mean() < _MOST_ODD and small.mean() < 0.5 and below < _MOST_ODD)


def _are_alike(flat: np.ndarray) -> bool:
    """Return whether every third number is as large as the others, as no confidence or logit is."""
    sizes = np.abs(np.nan_to_num(flat.reshape(len(flat), -1, 3)))
    return bool(np.median(sizes[..., 2]) > _LEAST_SHARE * np.median(sizes[..., :2]))


def gather(
    frames: list[Frame],
    path: Path,
    what: str,
    implied: tuple[str, ...] = (),
    names: tuple[str, ...] = (),
    normalised: bool = False,
    fps: float | None = None,
) -> Clips:
    """Make clips of the people in frames.

    Args:
        frames: in the file's order.
        path: for messages, and the name of a video that has none.
        what: the format, for messages ("MMPose").
        implied: see :class:`Clips`.
        names: the joints' names, where they stand apart from the points.
        normalised: see :class:`Clips`.
        fps: frames per second, where known.

    Raises:
        InputError: nobody in any frame, or people of unequal numbers of joints.
    """
    people = [
        (order, frame, place, person) for order, frame in enumerate(frames) for place, person in enumerate(frame.people)
    ]
    if not people:
        raise InputError(f"{path} holds no people ({len(frames)} frames of {what}, all empty).")
    points = [person.points for *_, person in people]
    confidence: Any = None
    if isinstance(points[0], Mapping):
        keypoints, confidence, names = _by_name(points, what, path)
        if (numbered := by_number(names, path)) is not None:
            columns, names = [names.index(name) for name in numbered], ()
            keypoints = keypoints[:, columns]
            confidence = None if confidence is None else confidence[:, columns]
    else:
        keypoints = numeric(points, "keypoints", path)
        keypoints = in_columns(keypoints, len(names))
        if keypoints.ndim != 3 or keypoints.shape[-1] not in (2, 3):
            raise InputError(f"{path}: a person has {keypoints.shape[1:]} numbers; expected x, y of every joint.")
        if any(person.confidence is not None for *_, person in people):
            confidence = numeric([person.confidence for *_, person in people], "confidences", path)
            if confidence.ndim == 3 and confidence.shape[-1] == 1:
                confidence = confidence[..., 0]
    identified = all(person.identity is not None for *_, person in people)
    repeated = Counter((order, person.identity) for order, _, _, person in people)
    # If two people of a frame share an identity, identities are not reliable.
    identified = identified and max(repeated.values()) == 1
    sequence, sequences = group(
        [frame.video or path.stem for _, frame, _, _ in people],
        [str(person.identity if identified else place) for _, _, place, person in people],
        [frame.size for _, frame, _, _ in people],
        fps,
    )
    numbers = [order if frame.number is None else frame.number for order, frame, _, _ in people]
    return Clips(
        keypoints=keypoints,
        confidence=confidence,
        sequence=sequence,
        frame=frame_numbers(numbers, len(people), path),
        sequences=sequences,
        implied=implied,
        names=names,
        normalised=normalised,
        identified=identified,
    )


def _by_name(people: list[Any], what: str, path: Path) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """Return (N, J, 2), (N, J) or None, and the names of the J joints, in the order in which they first appear."""
    if not all(isinstance(points, Mapping) for points in people):
        raise InputError(
            f"{path}: some people of {what} have names for their points, others none; expected the same for all."
        )
    names = tuple(dict.fromkeys(str(name) for points in people for name in points))
    if len(people) * len(names) > 8 * sum(map(len, people)) + 1000:
        raise InputError(
            f"{path}: its people have {len(names)} names for their points, few in common; expected the same names."
        )
    column = {name: index for index, name in enumerate(names)}
    rows = [
        [pose, column[str(name)], *point, *([None] if len(point) == 2 else [])]
        for pose, points in enumerate(people)
        for name, point in points.items()
    ]
    values = numeric(rows, "points", path).astype(np.float64)
    if values.ndim != 2 or values.shape[1] != 5:
        raise InputError(f"{path}: the points of {what} are not x, y each.")
    keypoints = np.full((len(people), len(names), 3), np.nan)
    pose, joint = values[:, 0].astype(int), values[:, 1].astype(int)
    keypoints[pose, joint] = values[:, 2:]
    confidence = keypoints[..., 2]
    return keypoints[..., :2], None if np.isnan(confidence).all() else confidence, names
