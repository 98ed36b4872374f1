"""Find the names of joints that stand beside keypoints, and the order of the joints that they say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from posezoo.errors import InputError
from posezoo.formats.keypoints.depth import is_3d_name
from posezoo.formats.keypoints.names import are_joints, columns_of, joint_name
from posezoo.skeletons import Skeleton

# What programs call the list: joint_names, keypoint_names, labels, bodyparts, node_names, joints_order, keypoint_id2name.
_KEYS = re.compile(r"name|label|part|joint|node|landmark|marker|order|column|skeleton", re.IGNORECASE)
# The names stand at the top or in an object such as `meta`. An object of more entries holds frames.
_DEPTH, _MOST_ENTRIES = 2, 100


def names_beside(value: object, count: int) -> tuple[tuple[str, ...], ...]:
    """Return the lists of ``count`` names of joints in an object of a file, each order once.

    Example:
        >>> names_beside({"meta": {"names": ["nose", "left_hip"]}, "keypoints": [[1, 2], [3, 4]]}, 2)
        (('nose', 'left_hip'),)
        >>> names_beside({"labels": ["walk", "run"], "order": {"nose": 1, "left_hip": 0}}, 2)
        (('left_hip', 'nose'),)
    """
    found = {tuple(map(joint_name, names)): names for names in _lists(value, count, 0)}
    return tuple(names for plain, names in found.items() if len(set(plain)) == count and are_joints(names))


def by_names_beside(
    found: tuple[tuple[str, ...], ...],
    wanted: Skeleton | None,
    stated: Skeleton | None,
    by_count: Callable[[], Skeleton],
    path: Path,
) -> tuple[Skeleton, list[int]]:
    """Return the layout of keypoints with names beside them, and where each of its joints stands.

    Where the names do not fill the layout, joints stand in the layout's order, unless one of the names contradicts that.

    Args:
        found: as :func:`names_beside` gives them, at least one.
        wanted: the layout that the caller names.
        stated: the layout that the file names.
        by_count: gives the layout that names do not tell.
        path: for messages.

    Raises:
        InputError: lists of names that differ, or names in another order than that of the layout that the file names.
    """
    in_order = list(range(len(found[0])))
    if stated is not None:
        # Other names are of something else, such as of labels in 3D.
        found = tuple(names for names in found if _same_joints(names, stated))
        if not found or stated.joints in found:
            return by_count(), in_order
    names = found[0]
    if len(found) > 1:
        raise InputError(
            f"{path} names its {len(names)} joints {len(found)} times, in other orders or words (one begins "
            f"{', '.join(found[0][:3])}, one {', '.join(found[1][:3])}); keep the names of the keypoints' columns."
        )
    try:
        layout, places = columns_of(names, wanted or stated, path)
    except InputError:
        layout, places = by_count(), in_order
        if not _may_be(names, layout):
            raise
    if stated is not None and places != in_order:
        raise InputError(
            f"{path}: its joints are named in another order than that of {stated.name}, which it names; drop one of the two."
        )
    return layout, places


def _lists(value: object, count: int, depth: int) -> Iterator[tuple[str, ...]]:
    """Yield lists of names, and objects that number names, in an object and in those within it."""
    if not isinstance(value, Mapping) or len(value) > _MOST_ENTRIES:
        return
    for key in value:
        entry = value[key] if isinstance(value, dict) or _is_naming(key) else None
        if isinstance(entry, Mapping) and depth < _DEPTH:
            yield from _lists(entry, count, depth + 1)
        if _is_naming(key) and (names := _texts(entry, count)):
            yield names


def _is_naming(key: object) -> bool:
    return _KEYS.search(str(key)) is not None and "3d" not in str(key).lower() and not is_3d_name(str(key))


def _texts(value: object, count: int) -> tuple[str, ...]:
    """Return ``count`` texts of a list, an array, one text with commas, or an object from numbers to texts or back."""
    if isinstance(value, Mapping):
        pairs = {str(index): _name(entry) for index, entry in value.items()}
        if not set(map(str, range(count))) <= set(pairs):
            pairs = {str(number): name for name, number in value.items()}
        value = [pairs.get(str(index), "") for index in range(count)] if len(pairs) == count else []
    if isinstance(value, np.ndarray):
        value = value.reshape(-1).tolist() if value.dtype.kind in "OSU" and value.size in (1, count) else []
        value = value[0] if len(value) == 1 and count > 1 else value
    if isinstance(value, str):
        value = re.split(r"[,;]", value)
    if not isinstance(value, list | tuple) or len(value) != count:
        return ()
    texts = [_name(entry) for entry in value]
    return tuple(text.strip() for text in texts if isinstance(text, str)) if None not in texts else ()


def _name(entry: object) -> str | None:
    """Return a text, that in a cell of MATLAB, or the name in an object; None of anything else."""
    if isinstance(entry, np.ndarray) and entry.size == 1:
        entry = entry.item()
    if isinstance(entry, Mapping):
        entry = entry.get("name")
    if isinstance(entry, bytes):
        return entry.decode("utf-8", "replace")
    return entry if isinstance(entry, str) else None


def _same_joints(names: tuple[str, ...], layout: Skeleton) -> bool:
    return {joint_name(name) for name in names} == {joint_name(joint) for joint in layout.joints}


def _may_be(names: tuple[str, ...], layout: Skeleton) -> bool:
    """Return whether every name that the layout has stands at its joint's place."""
    plain = [joint_name(name) for name in names]
    return all(name not in layout.joints or layout.joints[place] == name for place, name in enumerate(plain))
