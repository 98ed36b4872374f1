"""Look inside an object around keypoints: frames by their numbers or names, or one value that is of a known format."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np

from posezoo.files.endings import PICTURE_ENDINGS
from posezoo.formats.keypoints.containers import Content
from posezoo.formats.keypoints.frame_names import frames_of
from posezoo.skeletons import SKELETONS

_COUNTS = {len(layout) for layout in SKELETONS.values()}
_FRAME = re.compile(r"(frames?|img|images?|f|picture)[\s_-]*", re.IGNORECASE)
# Frames that lack are gaps, but numbers this much sparser than the entries are no frames.
_SPARSEST = 100


def inside(content: Content, is_known: Callable[[Content], bool]) -> Iterator[Content]:
    """Yield what an object of JSON or of a pickle holds instead of people: its frames as a list, else its one known value.

    Args:
        content: an object of no known format.
        is_known: whether content is of a known format.
    """
    value = content.value
    if content.kind not in ("json", "pickle") or not isinstance(value, Mapping):
        return
    if (frames := _frames(value)) is not None:
        yield replace(content, value=frames)
    inner = [replace(content, value=entry) for entry in value.values() if isinstance(entry, list | Mapping | np.ndarray)]
    known = [entry for entry in inner if _may_be_poses(entry.value) and is_known(entry)]
    if len(known) == 1:
        yield known[0]


def _frames(value: Mapping[object, object]) -> list[object] | None:
    """Return the frames of an object in the order of their numbers, [] for those that lack; None where keys are no frames.

    Keys that are mere numbers may be people: frames are more than the people in each, and an array is one pose.
    """
    names = [PurePosixPath(str(key)) for key in value]
    stems = [name.stem if name.suffix.lower() in PICTURE_ENDINGS else str(name) for name in names]
    found = frames_of(stems)
    numbers = [number for _, number in found if number is not None]
    if not names or len(set(numbers)) < len(names) or max(numbers) > _SPARSEST * len(names):
        return None
    pictures = all(name.suffix.lower() in PICTURE_ENDINGS for name in names)
    prefixes = {video for video, _ in found}
    if not pictures and not all(not prefix or _FRAME.fullmatch(prefix) for prefix in prefixes):
        return None
    entries = dict(zip(numbers, value.values(), strict=True))
    if prefixes == {""} and not pictures and any(_is_long(entry, len(names)) for entry in entries.values()):
        return None
    people = {number: [entry] if len(_shape(entry)) == 2 else entry for number, entry in entries.items()}
    return [people.get(number, []) for number in range(max(numbers) + 1)]


def _is_long(entry: object, frames: int) -> bool:
    """Return whether an entry holds more than the people of a frame may be, where there are so many frames."""
    shape = _shape(entry)
    return len(shape) > 2 if shape else isinstance(entry, list) and len(entry) > frames


def _shape(value: object) -> tuple[int, ...]:
    """Return the shape of an array or of nested lists of numbers; () of anything else."""
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, OverflowError):
        return ()
    return array.shape if array.dtype.kind in "fiu" else ()


def _may_be_poses(value: object) -> bool:
    """Return whether a value holds objects, or numbers in the shape of poses of a named layout."""
    shape = _shape(value)
    return not shape or (len(shape) > 1 and shape[-1] in (2, 3) and shape[-2] in _COUNTS)
