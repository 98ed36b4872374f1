"""Bring what a pickle holds to the values that JSON has, so that every format of nested objects reads both."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

# Formats nest less deeply; a pickle may hold itself.
_DEPTH = 12


def as_json(value: object) -> object:
    """Return a pickle's value with its arrays as lists where they stand in objects of a list, and numbers as Python's.

    Arrays elsewhere are a clip's, and stay. Keys of the outermost object, such as numbers of frames, become texts.

    Example:
        >>> as_json([{"keypoints": np.zeros((1, 3)), "score": np.float32(0.5)}])
        [{'keypoints': [[0.0, 0.0, 0.0]], 'score': 0.5}]
        >>> as_json({7: np.zeros(2)})
        {'7': array([0., 0.])}
    """
    found = _converted(value, False, False, {}, 0)
    return {str(key): entry for key, entry in found.items()} if isinstance(found, Mapping) else found


def _converted(value: object, in_list: bool, in_object: bool, known: dict[int, object], depth: int) -> object:
    """Return a value with what is within it converted; ``known`` has what is converted already, by identity."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        objects = value.dtype == object and value.ndim == 1 and len(value) and isinstance(value[0], Mapping)
        if not objects and not in_object:
            return value
        value = value.tolist()
        if not objects:
            return value
    if not isinstance(value, Mapping | list | tuple) or depth == _DEPTH:
        return value
    if id(value) not in known:
        known[id(value)] = value
        if isinstance(value, Mapping):
            known[id(value)] = {key: _converted(entry, in_list, in_list, known, depth + 1) for key, entry in value.items()}
        else:
            known[id(value)] = [_converted(entry, True, in_object, known, depth + 1) for entry in value]
    return known[id(value)]
