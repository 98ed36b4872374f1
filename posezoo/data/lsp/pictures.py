"""People of Leeds Sports Pose with their photographs."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np

from posezoo.data.pictures.annotated import annotated_people
from posezoo.data.pictures.files import present
from posezoo.data.pictures.packed import pack_pictures, packed_pictures
from posezoo.data.pictures.people import PeopleInPictures
from posezoo.errors import CorruptFileError, InputError, MissingFileError, UnknownNameError
from posezoo.files.reading import PathLike, reading
from posezoo.formats.keypoints import read_keypoints
from posezoo.skeletons import get_skeleton

_SKELETON = get_skeleton("lsp14")
SPLITS = ("train", "val", "test")
_OFFICIAL = 2000
"""People of the first release; the second half is its test set."""
_TEST, _VAL = 1000, 500
"""How many rows at the end of the extended set test, and how many before those validate; both are our choice."""
_LEAST = 6
"""The fewest joints of a person that is used; fewer do not determine the place in the picture."""


def lsp_pictures(split: str = "train", path: PathLike = "lsp.h5") -> PeopleInPictures:
    """Read the people of Leeds Sports Pose or of its extended set.

    The first release (2,000 people) is half training, half test, as published; its last hundred training rows are the
    validation split. The extended set was published for training alone; here its last 1,000 rows are the test split and the
    500 before them the validation split.

    Args:
        split: ``train``, ``val`` or ``test``.
        path: a file that :func:`prepare_lsp` wrote; or a folder with ``joints.mat``, or ``keypoints.csv``, and ``images``.

    Returns:
        the people whose pictures are there; 2D alone, NaN where a joint is not annotated; the square around each is that of
        the joints.

    Raises:
        MissingFileError: no annotations, or not one of their pictures.
        CorruptFileError, InputError: annotations that cannot be read.
        UnknownNameError: no such split.

    Warns:
        UserWarning: some pictures are missing.
    """
    if split not in SPLITS:
        raise UnknownNameError.of("split", split, SPLITS)
    path = Path(path)
    if path.is_dir():
        return _of_folder(path)[split]
    return packed_pictures(path, split)


def prepare_lsp(source: PathLike, out: PathLike, side: int = 256) -> Path:
    """Cut the people of a folder out of their pictures and write them to one file.

    Args:
        source: the folder, see :func:`lsp_pictures`.
        out: the .h5 file to write.
        side: of the pictures that are written, px.

    Returns:
        ``out``.

    Raises:
        MissingFileError, CorruptFileError, InputError: as :func:`lsp_pictures`.
        SaveError: the file cannot be written.
    """
    return pack_pictures(_of_folder(Path(source)), out, side)


def _of_folder(folder: Path) -> dict[str, PeopleInPictures]:
    """Return all three splits of the downloaded folder."""
    readers: dict[str, Callable[[Path], tuple[np.ndarray, tuple[str, ...]]]] = {
        "joints.mat": _of_mat,
        "keypoints.csv": _of_csv,
    }
    found = [name for name in readers if (folder / name).is_file()]
    if not found:
        raise MissingFileError(f"{folder} holds none of {', '.join(readers)}; expected one, and the folder images.")
    keypoints, names = readers[found[0]](folder / found[0])
    whole = np.flatnonzero(np.isfinite(keypoints).all(-1).sum(1) >= _LEAST)
    there = np.intersect1d(whole, present(folder / "images", names))
    if not len(there):
        raise CorruptFileError(f"{folder / found[0]} holds nobody with {_LEAST} joints or more; get it again.")
    people = annotated_people("lsp", _SKELETON, keypoints, folder / "images", names, there)
    count = len(keypoints)
    test = count - (_OFFICIAL // 2 if count == _OFFICIAL else min(_TEST, count // 7))
    val = test - (100 if count == _OFFICIAL else min(_VAL, count // 14))
    bounds = {"train": (0, val), "val": (val, test), "test": (test, count)}
    return {name: people[(there >= low) & (there < high)] for name, (low, high) in bounds.items()}


def _of_mat(path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return joints (N, 14, 2), NaN where not annotated, and the names of the pictures: im0001.jpg, extended im00001.jpg."""
    data = read_keypoints(path)
    digits = 4 if len(data) == _OFFICIAL else 5
    return data.keypoints_2d, tuple(f"im{frame:0{digits}d}.jpg" for frame in data.frame)


def _of_csv(path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return joints and pictures of a table with ``image`` and each joint's ``_x`` and ``_y``, empty where not annotated."""
    with reading(path, "a table"), path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    joints = [name if name != "thorax" else "neck" for name in _SKELETON.joints]
    lacking = [f"{joint}_{axis}" for joint in joints for axis in "xy" if not rows or f"{joint}_{axis}" not in rows[0]]
    if lacking or "image" not in rows[0]:
        raise CorruptFileError(f"{path} lacks the column {(lacking or ['image'])[0]}; expected image and x, y of 14 joints.")
    try:
        values = [[[float(row[f"{joint}_{axis}"] or "nan") for axis in "xy"] for joint in joints] for row in rows]
    except ValueError as error:
        raise InputError(f"{path} holds a coordinate that is no number ({error}); get it again.") from error
    return np.array(values), tuple(row["image"] for row in rows)
