"""Pictures on disk."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from posezoo.data.pictures.opencv import opencv
from posezoo.errors import CorruptFileError, MissingFileError
from posezoo.files.reading import PathLike, read_bytes


def read_picture(path: PathLike) -> UInt8[np.ndarray, "H W 3"]:
    """Read a picture of any format that OpenCV knows, as RGB.

    Raises:
        MissingFileError: no such file.
        CorruptFileError: no picture, or a damaged one.
        InputError: OpenCV is not installed.
    """
    cv2 = opencv()
    data = read_bytes(path, "a picture")
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        if "OPENCV_IO_MAX_IMAGE" in str(error):
            raise CorruptFileError(
                f"{path} claims more pixels than are read; set POSEZOO_MAX_BYTES to more if the picture is what you expect."
            ) from error
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


def present(folder: Path, names: tuple[str, ...]) -> np.ndarray:
    """Return rows whose pictures are in a folder; the others are counted and the first is named.

    Raises:
        MissingFileError: there is no such folder, or none of the pictures is in it.
    """
    if not folder.is_dir():
        raise MissingFileError(f"there is no folder {folder}; expected one with {names[0]} and {len(names) - 1} others.")
    within = {str(Path(name).parent) for name in names}
    found = {entry for part in within if (folder / part).is_dir() for entry in (folder / part).iterdir()}
    there = np.array([folder / name in found for name in names])
    if not there.any():
        raise MissingFileError(f"{folder} holds none of {len(names)} pictures; expected {names[0]} and so on in it.")
    if not there.all():
        first = names[int(np.flatnonzero(~there)[0])]
        warnings.warn(
            f"{int((~there).sum())} of {len(names)} people are left out, as {folder} lacks their pictures (first: {first}).",
            stacklevel=3,
        )
    return np.flatnonzero(there)
