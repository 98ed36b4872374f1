"""Pictures of a user: files, folders of them, the frames of a video."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from posezoo.data.pictures.files import read_picture
from posezoo.errors import CorruptFileError, InputError, MissingFileError
from posezoo.files.endings import PICTURE_ENDINGS, VIDEO_ENDINGS
from posezoo.files.opencv import opencv
from posezoo.files.reading import PathLike, check_file, check_size, reading

# Headers compute the number of frames from duration and rate, so that a small share may be missing.
_PROMISED = 0.95
# So many bytes at the start of a video contain some that are no text, in every container.
_HEAD = 64


@dataclass(frozen=True)
class Frame:
    """A picture, and where it comes from.

    Attributes:
        name: of the file, and in a video the frame's number.
        picture: RGB.
        number: of the frame in its video, or of the file in its folder, from 0.
        stamp_s: seconds that the video's container gives the frame, NaN for pictures. :func:`clock_of` judges them.
    """

    name: str
    picture: UInt8[np.ndarray, "H W 3"]
    number: int = 0
    stamp_s: float = float("nan")


class Frames:
    """The pictures of a file, a folder (in the order of their names and numbers) or a video, one after the other.

    In a folder, a picture that cannot be read is left out, named and counted in :attr:`unreadable`.

    Args:
        path: of a picture, a video or a folder.

    Raises:
        MissingFileError: it is not there, or a folder without pictures.
        InputError: neither picture nor video, by its ending; a device, a FIFO or a name that is no text; a text.
        CorruptFileError: a video whose header claims larger pictures than :func:`posezoo.files.reading.max_bytes` allows.
    """

    def __init__(self, path: PathLike) -> None:
        self.path = Path(path)
        self.unreadable: list[str] = []
        folder = os.path.isdir(path)
        self.video = self.path.suffix.lower() in VIDEO_ENDINGS and not folder
        if not folder:
            check_file(path, "a video" if self.video else "a picture")
        if folder:
            self.files = pictures_in(self.path)
            if not self.files:
                raise MissingFileError(f"{path} holds no picture; expected files that end in {', '.join(PICTURE_ENDINGS)}.")
        elif self.video or self.path.suffix.lower() in PICTURE_ENDINGS:
            self.files = [self.path]
            if self.video:
                _check_first_bytes(self.path)
        else:
            known = ", ".join((*PICTURE_ENDINGS, *VIDEO_ENDINGS))
            raise InputError(f"{path} ends in {self.path.suffix!r}; pictures and videos end in {known}.")

    def __len__(self) -> int:
        """Return the number of frames; of a video as its header says, at least one."""
        if not self.video:
            return len(self.files)
        return max(1, int(self._header("CAP_PROP_FRAME_COUNT")))

    @property
    def fps(self) -> float | None:
        """Frames per second of a video as its header says, a mean where they vary; None for pictures, or where unknown."""
        rate = self._header("CAP_PROP_FPS") if self.video else 0.0
        return rate if 0 < rate <= 1000 else None

    def _header(self, name: str) -> float:
        """Return a number in the header of the video, 0 where there is none."""
        cv2 = opencv()
        capture = _open(self.path)
        value = float(capture.get(getattr(cv2, name))) if capture.isOpened() else 0.0
        capture.release()
        return value if np.isfinite(value) else 0.0

    def __iter__(self) -> Iterator[Frame]:
        opencv()  # a missing OpenCV is not the picture's fault
        if self.video:
            yield from self._of_video()
            return
        for number, file in enumerate(self.files):
            try:
                # A name of other bytes than text is still to be written beside results.
                yield Frame(os.fsencode(file.name).decode("utf-8", "replace"), read_picture(file), number)
            except (CorruptFileError, MissingFileError, InputError) as error:
                if len(self.files) == 1:
                    raise
                self.unreadable.append(file.name)
                warnings.warn(f"left out: {error}", stacklevel=2)
        if len(self.unreadable) == len(self.files):
            raise CorruptFileError(f"none of the {len(self.files)} pictures in {self.path} can be read.")

    def _of_video(self) -> Iterator[Frame]:
        cv2 = opencv()
        promised = len(self)
        capture = _open(self.path)
        number = 0
        try:
            edges = [float(capture.get(edge)) for edge in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)]
            check_size(3 * int(max(edges[0], 0) * max(edges[1], 0)), self.path)
            while capture.isOpened():
                found, picture = capture.read()
                if not found:
                    break
                stamp_s = float(capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000
                rgb = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
                yield Frame(f"{self.path.name} {number}", rgb, number, stamp_s)
                number += 1
        finally:
            capture.release()
        if not number:
            raise CorruptFileError(f"{self.path} is no video that can be read; expected one with at least one frame.")
        if number < _PROMISED * promised:
            warnings.warn(
                f"{self.path} ends after {number} of the {promised} frames that its header promises, so it is cut off or "
                "damaged; those are used.",
                stacklevel=2,
            )


def _open(path: Path) -> Any:
    """Return the video's capture."""
    # FFmpeg takes text before a colon for a protocol, which an absolute path does not have.
    return opencv().VideoCapture(os.path.abspath(path))


def pictures_in(folder: PathLike) -> list[Path]:
    """Return the pictures of a folder in the order of their names, of which numbers count as such: 9.jpg before 10.jpg.

    Names that begin with a dot are left out: macOS writes ``._9.jpg`` beside 9.jpg on other file systems.

    Raises:
        InputError: the folder may not be read.
    """
    with reading(folder, "pictures"):
        entries = [entry for entry in Path(folder).iterdir() if entry.suffix.lower() in PICTURE_ENDINGS]
    return sorted((entry for entry in entries if not entry.name.startswith(".")), key=_by_numbers)


def _by_numbers(path: Path) -> tuple[list[tuple[str, int]], str]:
    """Return a key that sorts names by their texts and numbers in turn; of equal ones (1 and 01), by their signs."""
    parts = [*re.split(r"(\d{1,20})", path.name), "0"]
    return [(word, int(number)) for word, number in zip(parts[::2], parts[1::2], strict=True)], path.name


def _check_first_bytes(path: Path) -> None:
    """Refuse empty files, and texts under the name of a video: FFmpeg takes some for playlists, and opens what they name.

    Raises:
        CorruptFileError: the file is empty.
        InputError: it begins as a text does.
    """
    with reading(path, "a video"), open(path, "rb") as stream:
        head = stream.read(_HEAD)
    if not head:
        raise CorruptFileError(f"{path} is empty (0 bytes); expected a video.")
    if head.isascii() and b"\0" not in head and head.strip():
        raise InputError(f"{path} begins as a text does, {head[:20].decode()!r}; expected a video.")
