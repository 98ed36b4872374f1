"""VideoPose3D's archives: ``positions_3d.item()[subject][action]`` and ``positions_2d``, a list of arrays, one a camera."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from posezoo.data.files import PathLike, load_npz
from posezoo.errors import CorruptFileError


def positions_3d(path: PathLike, joints: int) -> dict[tuple[str, str], np.ndarray]:
    """(N, joints, 3) metres, world frame, by subject and action.

    Raises:
        MissingFileError, CorruptFileError: no such file, damaged, or of another layout.
    """
    content = load_npz(path)
    return {
        key: _array(path, "positions_3d", key, values, (joints,), 3)
        for key, values in _items(path, content, "positions_3d").items()
    }


def positions_2d(path: PathLike, joints: tuple[int, ...]) -> tuple[dict[tuple[str, str], list[np.ndarray]], str]:
    """(N, J, 2) px of each camera, by subject and action, and the layout's name as the archive's metadata have it.

    Raises:
        MissingFileError, CorruptFileError: no such file, damaged, of another layout, or J not among ``joints``.
    """
    content = load_npz(path)
    found = {}
    for key, views in _items(path, content, "positions_2d").items():
        if not isinstance(views, list | tuple | np.ndarray):
            raise CorruptFileError(
                f"{path}, {'/'.join(key)} is {type(views).__name__}; expected a list, one array a camera."
            )
        found[key] = [_array(path, "positions_2d", key, values, joints, 2) for values in views]
    metadata = content.get("metadata")
    return found, str(metadata.get("layout_name", "")) if isinstance(metadata, Mapping) else ""


def _items(path: PathLike, content: Mapping[str, Any], name: str) -> dict[tuple[str, str], Any]:
    """What stands under subject and action."""
    table = content.get(name)
    if not isinstance(table, Mapping) or not all(isinstance(actions, Mapping) for actions in table.values()):
        raise CorruptFileError(f"{path} holds {', '.join(content)}; expected {name}: subject -> action -> arrays.")
    return {(str(s), str(a)): values for s, actions in table.items() for a, values in actions.items()}


def _array(path: PathLike, name: str, key: tuple[str, str], values: Any, joints: tuple[int, ...], axes: int) -> np.ndarray:
    array = np.asarray(values)
    shape = array.shape
    if array.dtype.kind not in "fiu" or len(shape) != 3 or shape[1] not in joints or shape[2] not in (axes, axes + 1):
        wanted = " or ".join(map(str, joints))
        raise CorruptFileError(
            f"{path}, {name}, {'/'.join(key)} is {array.dtype} of shape {shape}; expected (N, {wanted}, {axes})."
        )
    array = array[..., :axes].astype(np.float32)
    if not np.isfinite(array).all():
        raise CorruptFileError(f"{path}, {name}, {'/'.join(key)} holds NaN or infinite values; get it again.")
    return array
