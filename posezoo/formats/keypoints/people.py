"""Gather the people of frames, as detectors and annotation tools list them, into clips.

A format says what a person is in its files (:class:`Person`); :func:`frames_in` finds the frames around the people, and
:func:`gather` makes :class:`~posezoo.formats.keypoints.clips.Clips` of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from posezoo.errors import InputError
from posezoo.formats.keypoints.clips import Clips, frame_numbers, group, numeric

NUMBERS = ("frame", "frame_id", "frame_number", "frame_index", "frame_idx", "frameNumber", "frameIndex", "frameId")
_LISTS = (
    "frames",
    "people",
    "poses",
    "predictions",
    "instances",
    "instance_info",
    "results",
    "detections",
    "persons",
    "data",
)
_MAX_DEPTH = 6


# Boxes of one person in two frames overlap; those of two people in a picture hardly do, and of several people seldom so
# much as those that a detector finds in consecutive frames.
class OneList(NamedTuple):
    """The rule by which people in one list are frames of one person: how far boxes overlap, and from how many people on."""

    overlap: float
    least: int


FIRST_POSES = OneList(0.2, 2)
"""Of programs whose users save the first pose of every frame."""
DETECTIONS = OneList(0.6, 5)
"""Of programs that list the people of a picture, two who embrace among them."""


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


IsPerson = Callable[[Mapping[str, object]], bool]
Parse = Callable[[Mapping[str, object]], Person]


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


def first_object(value: object, depth: int = 0) -> Mapping[str, object] | None:
    """Return the first object inside nested lists, or None."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, list) and depth < _MAX_DEPTH:
        # The first frames of a clip are often empty.
        return next((found for entry in value if (found := first_object(entry, depth + 1)) is not None), None)
    return None


def some_person(value: object, is_person: IsPerson, depth: int = 0) -> bool:
    """Return whether the first objects in frames and lists are people of a format."""
    found = first_object(value)
    if found is None or depth > _MAX_DEPTH:
        return False
    if is_person(found):
        return True
    if isinstance(value, list):  # frames, of which the first ones may hold nobody
        return any(some_person(frame, is_person, depth + 1) for frame in value if isinstance(frame, Mapping | list))
    return any(some_person(found[key], is_person, depth + 1) for key in _LISTS if isinstance(found.get(key), list))


def frames_in(
    value: object,
    is_person: IsPerson,
    parse: Parse,
    path: Path,
    clip: OneList | None = None,
) -> list[Frame]:
    """Find frames and people: an object of frames, frames of people, people with frame numbers, or people of one picture.

    Args:
        value: what the file holds.
        is_person: whether an object is a person.
        parse: an object as a person.
        path: for messages.
        clip: whether people in one list may be frames: they are where an identity comes again, and those of one person
            where each box overlaps the next so; None where lists are always of one picture.

    Raises:
        InputError: an entry is neither a frame nor a person.
    """
    if (
        clip is not None
        and isinstance(value, list)
        and all(isinstance(entry, Mapping) and is_person(entry) for entry in value if entry)
    ):
        people = [parse(entry) if entry else None for entry in value]
        known = [person for person in people if person is not None]
        if (repeated := _by_repeated_identity(people, known)) is not None:
            return repeated
        numbered = any(person.number is not None for person in known)
        if not numbered and (len(known) < len(people) or is_one_person(known, clip)):
            return [Frame(() if person is None else (person,), order) for order, person in enumerate(people)]
    return _frames(value, is_person, parse, path, 0)


def _by_repeated_identity(people: list[Person | None], known: list[Person]) -> list[Frame] | None:
    """Split a list into frames where identities repeat: a frame ends before an identity that it already has."""
    names = [person.identity for person in known]
    if None in names or any(person.number is not None for person in known) or len(set(names)) == len(names):
        return None
    frames: list[list[Person]] = [[]]
    for person in people:
        if person is None or person.identity in {other.identity for other in frames[-1]}:
            frames.append([])
        if person is not None:
            frames[-1].append(person)
    return [Frame(tuple(listed), order) for order, listed in enumerate(frames)]


def _frames(value: object, is_person: IsPerson, parse: Parse, path: Path, depth: int) -> list[Frame]:
    if depth > _MAX_DEPTH:
        raise InputError(f"{path} nests deeper than {_MAX_DEPTH} levels; expected frames of people.")
    if isinstance(value, Mapping):
        if is_person(value):
            person = parse(value)
            return [Frame((person,), person.number if person.number is not None else number_of(value))]
        inner = next((value[key] for key in _LISTS if isinstance(value.get(key), list)), None)
        if inner is None:
            raise InputError(f"{path}: an entry holds {', '.join(map(str, value))[:60] or 'nothing'}; expected people.")
        if number_of(value) is not None or not _holds_frames(inner, is_person):
            people = [person for frame in _frames(inner, is_person, parse, path, depth + 1) for person in frame.people]
            return [Frame(tuple(people), number_of(value))]
        return _frames(inner, is_person, parse, path, depth + 1)
    if not isinstance(value, list):
        if value is None:
            return [Frame(())]
        raise InputError(f"{path}: an entry is {str(value)[:30]!r}; expected people or frames of people.")
    if not any(isinstance(entry, Mapping) and is_person(entry) for entry in value):
        found = [_frames(entry, is_person, parse, path, depth + 1) for entry in value]
        return [
            replace(frame, number=order) if frame.number is None and len(frames) == 1 else frame
            for order, frames in enumerate(found)
            for frame in frames
        ]
    odd = next((entry for entry in value if entry and not (isinstance(entry, Mapping) and is_person(entry))), None)
    if odd is not None:
        raise InputError(f"{path}: an entry is {str(odd)[:40]!r}; expected a person like the others.")
    return _of_people([parse(entry) for entry in value if entry])


def _holds_frames(inner: list[object], is_person: IsPerson) -> bool:
    return not any(isinstance(entry, Mapping) and is_person(entry) for entry in inner)


def _of_people(people: list[Person]) -> list[Frame]:
    """Return frames of people who state their frame; else one frame of all."""
    if not all(person.number is not None for person in people):
        return [Frame(tuple(people))]
    by_number: dict[int | None, list[Person]] = {}
    for person in people:
        by_number.setdefault(person.number, []).append(person)
    return [Frame(tuple(listed), number) for number, listed in by_number.items()]


def is_one_person(people: list[Person], clip: OneList) -> bool:
    """Return whether boxes of consecutive entries overlap as those of one person in consecutive frames do."""
    boxes = [_box(person.points) for person in people]
    if len(boxes) < clip.least or any(box is None for box in boxes):
        return False
    overlaps = []
    for one, other in pairwise(box for box in boxes if box is not None):
        common = np.clip(np.minimum(one[1], other[1]) - np.maximum(one[0], other[0]), 0, None).prod()
        whole = (one[1] - one[0]).prod() + (other[1] - other[0]).prod() - common
        overlaps.append(common / whole if whole > 0 else 0.0)
    return float(np.median(overlaps)) > clip.overlap


def _box(points: object) -> tuple[np.ndarray, np.ndarray] | None:
    """Return (least, greatest) of the known points, or None where they are no points."""
    try:
        rows = [row[:2] for row in points.values()] if isinstance(points, Mapping) else points
        values = np.asarray(rows, dtype=np.float64)
        values = values.reshape(-1, 3)[:, :2] if values.ndim == 1 else values[..., :2].reshape(-1, 2)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    values = values[np.isfinite(values).all(1) & (values > 0).any(1)]
    return (values.min(0), values.max(0)) if len(values) else None


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
    else:
        keypoints = numeric(points, "keypoints", path)
        if keypoints.ndim == 2 and keypoints.shape[1] % 3 == 0:
            keypoints = keypoints.reshape(len(points), -1, 3)
        if keypoints.ndim != 3 or keypoints.shape[-1] not in (2, 3):
            raise InputError(f"{path}: a person has {keypoints.shape[1:]} numbers; expected x, y of every joint.")
        if any(person.confidence is not None for *_, person in people):
            confidence = numeric([person.confidence for *_, person in people], "confidences", path)
            if confidence.ndim == 3 and confidence.shape[-1] == 1:
                confidence = confidence[..., 0]
    identified = all(person.identity is not None for *_, person in people)
    repeated = Counter((order, person.identity) for order, _, _, person in people)
    # An identity that two people of one frame share identifies nobody.
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
