"""Read cameras from NumPy's archives: one, or arrays with an axis of cameras."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from posezoo.errors import InputError
from posezoo.files.arrays import load_npz
from posezoo.files.reading import reading
from posezoo.formats.cameras.entries import FOCAL, NAMES, VECTORS, entries_of
from posezoo.formats.cameras.lenses import is_list, is_number

_VECTOR = ((3,), (3, 1), (1, 3))
_BOTH = ((3, 4), (4, 4))
# The shapes of one camera's values, in the arrays of a rig after the axis of cameras.
_SHAPES: dict[str, tuple[tuple[int, ...], ...]] = {
    "K": ((3, 3), (2, 3)),
    "R": ((3, 3), *_VECTOR, *_BOTH),
    "t": _VECTOR,
    "extrinsics": _BOTH,
    "pose": _BOTH,
    "projection": ((3, 4),),
    "image_size": ((2,), (2, 1), (1, 2)),
    "name": ((),),
    "number": ((), (1,)),
}
_KEYS = {name: key for key, names in NAMES.items() for name in names} | {"name": "name", "names": "name"}
# An R whose rows are as far from a rotation's is none that was printed with few digits.
_NO_ROTATION = 0.05


def read_npz(path: Path) -> list[dict[str, object]]:
    """Return one camera, or as many as the arrays have along their first axis.

    Coefficients of distortion, the size of pictures and single values may be one for all cameras.

    Raises:
        InputError: arrays of different numbers of cameras, or an R (3, 3) that may be one matrix or three vectors.
    """
    values = load_npz(path)
    shapes = {name: value.shape for name, value in values.items() if isinstance(value, np.ndarray) and value.ndim}
    known = {name: shape for name, shape in shapes.items() if _key(name)}
    counts = {shape[0] for name, shape in known.items() if _is_stack(_key(name), shape)}
    if counts <= {1}:
        return entries_of(values, path)
    views = max(counts)
    stacked = {name for name, shape in known.items() if not _is_for_all(_key(name), shape)}
    if counts != {views} or any(not _is_of(views, _key(name), known[name]) for name in stacked):
        found = ", ".join(f"{name} {known[name]}" for name in known)
        raise InputError(
            f"{path} holds arrays of different numbers of cameras ({found}); expected V of each: K (V, 3, 3), R (V, 3, 3) "
            "or rvec (V, 3), t (V, 3), distortion (V, 5)."
        )
    for name in stacked:
        with reading(path, "a camera's rotation"):
            one = _key(name) == "R" and shapes[name] == (3, 3) and name not in VECTORS and _is_rotation(values[name])
        if one:
            raise InputError(
                f"{path}: {name} has shape (3, 3) and is one rotation, beside 3 cameras; expected matrices (3, 3, 3), or "
                "Rodrigues vectors (3, 3) under the name rvec."
            )
    # Of other names, what is as long as there are cameras has something for each.
    stacked |= {name for name, shape in shapes.items() if name not in known and shape[0] == views}
    entries = [{name: value[view] if name in stacked else value for name, value in values.items()} for view in range(views)]
    return [_named(entry) for entry in entries]


def _named(entry: Mapping[str, object]) -> dict[str, object]:
    return {"name": entry["names"], **entry} if "names" in entry else dict(entry)


def _key(name: str) -> str:
    """Return what stands under a name, in the words of `_SHAPES`, or ``list`` of coefficients; empty where it is unknown."""
    if is_list(name):
        return "list"
    return "number" if is_number(name) or name in FOCAL else _KEYS.get(name, "")


def _is_stack(key: str, shape: tuple[int, ...]) -> bool:
    """Return whether an array's shape is no single camera's."""
    if len(shape) != 2:
        return len(shape) > 2 or (key in ("number", "name") and shape[0] > 1)
    # A single t or vector may be a row; (3, 3) is three translations, but one rotation.
    return shape[0] > 1 and (key, shape[1]) in (("t", 3), ("image_size", 2), ("R", 3)) and (key, shape) != ("R", (3, 3))


def _is_for_all(key: str, shape: tuple[int, ...]) -> bool:
    return len(shape) == 1 and key in ("list", "image_size")


def _is_of(views: int, key: str, shape: tuple[int, ...]) -> bool:
    """Return whether an array has a value of one camera for each of so many."""
    each = shape[1:]
    # A column is what OpenCV makes of one camera's coefficients.
    fits = len(each) > 0 and max(each) > 1 if key == "list" else each in _SHAPES[key]
    return shape[0] == views and fits


def _is_rotation(R: np.ndarray) -> bool:
    R = R.astype(np.float64)
    return bool(np.abs(R @ R.T - np.eye(3)).max() < _NO_ROTATION)
