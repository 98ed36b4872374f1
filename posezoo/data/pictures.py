"""Pictures on disk, and datasets of people in pictures by name."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from posezoo.data.files import PathLike, read_bytes
from posezoo.data.images import PeopleInPictures
from posezoo.data.mpii import read_mpii
from posezoo.data.opencv import opencv
from posezoo.data.rendered import rendered_people
from posezoo.errors import CorruptFileError, InputError, MissingFileError, UnknownNameError

# The hourglass's own: MPII's box is moved down a little and widened, so that feet are in.
_DOWN, _WIDER = 15.0, 1.25
_PERSON_PX = 200.0


def read_picture(path: PathLike) -> UInt8[np.ndarray, "H W 3"]:
    """A picture of any format OpenCV reads, RGB.

    Raises:
        MissingFileError: no such file.
        CorruptFileError: no picture, or a damaged one.
        InputError: OpenCV is not installed.
    """
    cv2 = opencv()
    data = read_bytes(path, "a picture")
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        picture = None
    if picture is None:
        raise CorruptFileError(f"{path} is no picture that can be read; expected .jpg, .png or another common format.")
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))


@dataclass(frozen=True)
class PictureFiles:
    """Reads a row's picture from a folder when it is called.

    Attributes:
        folder: of the pictures.
        names: of each row.
    """

    folder: Path
    names: tuple[str, ...]

    def __call__(self, row: int) -> UInt8[np.ndarray, "H W 3"]:
        return read_picture(self.folder / self.names[row])


def mpii_pictures(split: str = "val", path: PathLike = ".", images: PathLike | None = None) -> PeopleInPictures:
    """MPII as the hourglass prepared it: ``train.h5`` or ``valid.h5`` beside a folder ``images``.

    Args:
        split: ``train``, or ``val`` and ``test`` for the same 2,958 people.
        path: the folder of the annotations.
        images: that of the pictures; ``images`` in the same where not given.

    Returns:
        the people whose pictures are there; the square around each is 1.25 times MPII's box, as the hourglass has it.

    Raises:
        MissingFileError: no annotations, or not one of their pictures.
        UnknownNameError: no such split.

    Warns:
        UserWarning: some pictures are missing.
    """
    files = {"train": "train.h5", "val": "valid.h5", "test": "valid.h5"}
    if split not in files:
        raise UnknownNameError.of("split", split, files)
    mpii = read_mpii(Path(path) / files[split])
    folder = Path(images) if images is not None else Path(path) / "images"
    names = tuple(clip.trial for clip in mpii.people.sequences)
    there = present(folder, names)
    center = mpii.center + np.stack([np.zeros(len(names)), _DOWN * mpii.scale], 1)
    return PeopleInPictures(
        poses=mpii.people,
        center=center.astype(np.float32),
        side_px=(_PERSON_PX * _WIDER * mpii.scale).astype(np.float32),
        picture=PictureFiles(folder, names),
        head_px=mpii.normalize,
    )[there]


def present(folder: Path, names: tuple[str, ...]) -> np.ndarray:
    """Rows whose pictures are in a folder; the others are counted and the first is named.

    Raises:
        MissingFileError: there is no such folder, or none of the pictures is in it.
    """
    if not folder.is_dir():
        raise MissingFileError(f"there is no folder {folder}; expected one with {names[0]} and {len(names) - 1} others.")
    found = {entry.name for entry in folder.iterdir()}
    there = np.array([name in found for name in names])
    if not there.any():
        raise MissingFileError(f"{folder} holds none of {len(names)} pictures; expected {names[0]} and so on in it.")
    if not there.all():
        first = names[int(np.flatnonzero(~there)[0])]
        warnings.warn(
            f"{int((~there).sum())} of {len(names)} people are left out, as {folder} lacks their pictures (first: {first}).",
            stacklevel=3,
        )
    return np.flatnonzero(there)


PICTURES: dict[str, Callable[..., PeopleInPictures]] = {
    "rendered_studio": partial(rendered_people, "studio"),
    "rendered_wild": partial(rendered_people, "wild"),
    "mpii": mpii_pictures,
}
"""What :func:`load_pictures` knows. A loader takes ``split`` and whatever else it names."""


def load_pictures(dataset: str, split: str = "test", **settings: Any) -> PeopleInPictures:
    """People in pictures of a named dataset.

    Args:
        dataset: ``rendered_studio``, ``rendered_wild`` (which need no file) or ``mpii``.
        split: ``train``, ``val`` or ``test``.
        settings: what else the dataset takes, such as ``count=100`` or ``path="mpii/"``.

    Raises:
        UnknownNameError: no such dataset.
        InputError: a setting that it does not have.

    Example:
        >>> from posezoo.data.pictures import load_pictures
        >>> people = load_pictures("rendered_studio", "test", side=64, count=5)
        >>> people.read(0).shape
        (64, 64, 3)
    """
    if dataset not in PICTURES:
        raise UnknownNameError.of("dataset of pictures", dataset, PICTURES)
    known = inspect.signature(PICTURES[dataset]).parameters
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise InputError(f"dataset {dataset} has no setting {', '.join(unknown)}; it takes {', '.join(known)}.")
    return PICTURES[dataset](split=split, **settings)
