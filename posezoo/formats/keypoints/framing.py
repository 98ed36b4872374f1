"""Find the frames and people in nested lists and objects, as detectors and annotation tools write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from posezoo.errors import InputError
from posezoo.formats.keypoints.people import Frame, Person, number_of

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


class OneList(NamedTuple):
    """The rule by which people in one list are frames of one person.

    Boxes of one person in consecutive frames overlap by more than those of several people in one picture.

    Attributes:
        overlap: the least median overlap (intersection over union) of consecutive boxes.
        least: the least number of people in the list.
    """

    overlap: float
    least: int


FIRST_POSES = OneList(0.2, 2)
"""For programs whose users save the first pose of every frame."""
DETECTIONS = OneList(0.6, 5)
"""For programs that list the people of a picture, who may stand close together."""


IsPerson = Callable[[Mapping[str, object]], bool]
Parse = Callable[[Mapping[str, object]], Person]


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
    if isinstance(value, list):  # frames, the first of which may be empty
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
