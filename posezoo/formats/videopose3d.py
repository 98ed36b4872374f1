"""VideoPose3D's archives: ``positions_3d.item()[subject][action]`` and ``positions_2d``, a list of arrays, one a camera."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from posezoo.errors import CorruptFileError, PoseZooError
from posezoo.files.arrays import load_npz
from posezoo.files.reading import PathLike
from posezoo.skeletons import Skeleton, get_skeleton

_H36M17, _MPII16 = get_skeleton("h36m17"), get_skeleton("mpii16")
_H36M16 = _H36M17.without("nose")


def _reordered(layout: Skeleton, joints: tuple[str, ...], name: str) -> Skeleton:
    """Return the joints of a layout, and their tree, in another order."""
    parents = [layout.parents[layout.index(joint)] for joint in joints]
    return Skeleton(name, joints, tuple(-1 if parent < 0 else joints.index(layout.joints[parent]) for parent in parents))


def _renamed(joints: tuple[str, ...], names: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(names.get(joint, joint) for joint in joints)


# The hourglass has MPII's joints. Fine-tuned on Human3.6M, it puts that data set's spine, thorax and crown where MPII's
# thorax, upper neck and crown were (Martinez et al. 2017).
_FINE_TUNED = {"thorax": "spine", "upper_neck": "thorax"}
HOURGLASS_FINE_TUNED = _reordered(_H36M16, _renamed(_MPII16.joints, _FINE_TUNED), "mpii16 of Human3.6M")
HOURGLASS_FINE_TUNED_FOLDER = "StackedHourglassFineTuned240"
"""Folders below a subject's, in the files of Martinez et al."""
_HOURGLASS_REORDERED = _reordered(
    _MPII16, _renamed(_H36M16.joints, {new: old for old, new in _FINE_TUNED.items()}), "h36m16 of MPII"
)
_LAYOUTS = {
    "h36m": (_H36M17, _H36M16, get_skeleton("h36m32")),
    "coco": (get_skeleton("coco17"),),
    "mpii": (_MPII16,),
    "humaneva15": (get_skeleton("humaneva15"),),
}
"""Layouts by ``layout_name`` of an archive's metadata."""


def entries(
    content: Mapping[str, object], name: str, path: PathLike, error: type[PoseZooError] = CorruptFileError
) -> Iterator[tuple[str, str, object]]:
    """Yield subject, action, and what stands there.

    Args:
        content: of the archive.
        name: ``positions_3d`` or ``positions_2d``.
        path: for messages.
        error: what is raised of another structure.
    """
    if name not in content:
        raise error(f"{path} holds {', '.join(content)}; expected {name}: subject -> action -> arrays.")
    for subject, actions in _items(content[name], name, path, error):
        for action, values in _items(actions, f"subject {subject}", path, error):
            yield subject, action, values


def cameras(
    content: Mapping[str, object], path: PathLike, error: type[PoseZooError] = CorruptFileError
) -> Iterator[tuple[str, str, list[object]]]:
    """Yield subject, action, and what stands in ``positions_2d`` for each camera; None for one without a video.

    Arguments and errors as of :func:`entries`.
    """
    for subject, action, views in entries(content, "positions_2d", path, error):
        if not isinstance(views, list | tuple | np.ndarray):
            raise error(f"{path}: {subject}, {action} is {type(views).__name__}; expected a list, one array a camera.")
        yield subject, action, list(views)


def _items(value: object, what: str, path: PathLike, error: type[PoseZooError]) -> list[tuple[str, object]]:
    if not isinstance(value, Mapping):
        raise error(f"{path}: {what} is {type(value).__name__}; expected a dictionary, subject -> action -> arrays.")
    return [(str(key), item) for key, item in value.items()]


def layout_of(joints: int, metadata: object, stem: str) -> Skeleton | None:
    """Return the layout of an archive's 2D.

    Its metadata name it, or tell it by ``keypoints_symmetry``: the hourglass's archives name none, those of VideoPose3D are
    in MPII's order, those of SemGCN, whose files are called the same, in Human3.6M's.

    Args:
        joints: how many there are.
        metadata: of the archive; anything else tells nothing.
        stem: the file's name, which tells on what an hourglass was trained last.

    Returns:
        None where the archive does not tell.
    """
    metadata = metadata if isinstance(metadata, Mapping) else {}
    named = _LAYOUTS.get(str(metadata.get("layout_name")), ())
    found = next((layout for layout in named if len(layout) == joints), None)
    if found is None:
        left = _left(metadata.get("keypoints_symmetry"))
        every = (layout for layouts in _LAYOUTS.values() for layout in layouts)
        found = next((layout for layout in every if len(layout) == joints and set(layout.left) == left), None)
        if found is _MPII16 and "ft_h36m" in stem:
            return HOURGLASS_FINE_TUNED
        if found is _H36M16 and "mpii" in stem:
            return _HOURGLASS_REORDERED
    return found


def _left(symmetry: Any) -> set[int]:
    """Return the joints of the left side, listed first; none where they are not told."""
    try:
        return {int(joint) for joint in symmetry[0]}
    except (TypeError, ValueError, IndexError, KeyError, OverflowError):
        return set()


@dataclass(frozen=True)
class Views:
    """2D of an archive.

    Attributes:
        clips: (N, J, 2) px of each camera, None for one without a video, by subject and action.
        layout: of the J joints; None where the archive does not tell.
    """

    clips: dict[tuple[str, str], list[np.ndarray | None]]
    layout: Skeleton | None


def positions_3d(path: PathLike, joints: int) -> dict[tuple[str, str], np.ndarray]:
    """Return (N, joints, 3) metres, world frame, by subject and action.

    Raises:
        MissingFileError, CorruptFileError: no such file, damaged, or of another layout.
    """
    found = entries(load_npz(path), "positions_3d", path)
    return {(subject, action): _array(path, (subject, action), values, (joints,), 3) for subject, action, values in found}


def positions_2d(path: PathLike, joints: tuple[int, ...]) -> Views:
    """Project what the cameras see.

    Raises:
        MissingFileError, CorruptFileError: no such file, damaged, of another layout, or J not among ``joints``.
    """
    content = load_npz(path)
    clips, count = dict[tuple[str, str], list[np.ndarray | None]](), 0
    for subject, action, views in cameras(content, path):
        key = subject, action
        clips[key] = [None if values is None else _array(path, key, values, joints, 2) for values in views]
        for values in clips[key]:
            count = values.shape[1] if values is not None else count
            joints = (count,) if count else joints  # of the first, for all others
    return Views(clips, layout_of(count, content.get("metadata"), Path(path).stem))


def _array(path: PathLike, key: tuple[str, str], values: object, joints: tuple[int, ...], axes: int) -> np.ndarray:
    array, where = np.asarray(values), f"{path}, positions_{axes}d, {'/'.join(key)}"
    shape = array.shape
    if array.dtype.kind not in "fiu" or len(shape) != 3 or shape[1] not in joints or shape[2] not in (axes, axes + 1):
        wanted = " or ".join(map(str, joints))
        raise CorruptFileError(f"{where} is {array.dtype} of shape {shape}; expected (N, {wanted}, {axes}).")
    array = array[..., :axes].astype(np.float32)
    if not np.isfinite(array).all():
        raise CorruptFileError(f"{where} holds NaN or infinite values; get it again.")
    return array
