"""Pictures on disk."""

from __future__ import annotations

import struct
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from posezoo.errors import CorruptFileError, MissingFileError
from posezoo.files.opencv import opencv
from posezoo.files.reading import MAX_RATIO, PathLike, read_bytes

# Bytes up to the end of a PNG's first chunk, and how many numbers a pixel has by its colour type (W3C's PNG, 11.2.2).
_PNG_HEADER = 33
_PNG_CHANNELS = {2: 3, 4: 2, 6: 4}


def read_picture(path: PathLike) -> UInt8[np.ndarray, "H W 3"]:
    """Read a picture of any format that OpenCV knows, as RGB.

    Raises:
        MissingFileError: no such file.
        CorruptFileError: no picture, or a damaged one.
        InputError: OpenCV is not installed.
    """
    cv2 = opencv()
    data = read_bytes(path, "a picture")
    _check_png(data, path)
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


def _check_png(data: bytes, path: PathLike) -> None:
    """Refuse a PNG whose header claims more rows than its bytes can hold: OpenCV takes a minute to see that they lack.

    Raises:
        CorruptFileError: the header claims more than deflate can pack into so many bytes.
    """
    if not data.startswith(b"\x89PNG\r\n\x1a\n") or len(data) < _PNG_HEADER:
        return
    width, height, bits, colour = struct.unpack_from(">IIBB", data, 16)
    claimed = height * (1 + width * bits * _PNG_CHANNELS.get(colour, 1) // 8)
    if claimed > MAX_RATIO * len(data):
        raise CorruptFileError(f"{path} claims {width} x {height} pixels, more than {len(data):,} bytes of PNG can hold.")


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
