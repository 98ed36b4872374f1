"""MPII's pictures, as the hourglass prepared them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from posezoo.data.mpii.annotations import read_mpii
from posezoo.data.pictures.files import PictureFiles, present
from posezoo.data.pictures.people import PeopleInPictures
from posezoo.errors import UnknownNameError
from posezoo.files.reading import PathLike
from posezoo.formats.mpii import PX_PER_SCALE

# As the hourglass does: MPII's box is moved down a little and widened, so that it contains the feet.
_DOWN, _WIDER = 15.0, 1.25


def mpii_pictures(split: str = "val", path: PathLike = ".", images: PathLike | None = None) -> PeopleInPictures:
    """Read people of MPII.

    Args:
        split: ``train``, or ``val`` and ``test`` for the same 2,958 people.
        path: an annotation file that :func:`posezoo.data.mpii.annotations.read_mpii` reads, or the folder of the hourglass's
            ``train.h5`` and ``valid.h5``.
        images: the folder of the pictures; ``images`` beside the annotations where not given.

    Returns:
        the people whose pictures are there; the square around each is 1.25 times MPII's box, as the hourglass has it.

    Raises:
        MissingFileError: no annotations, or not one of their pictures.
        CorruptFileError, InputError: annotations that cannot be read, or hold nobody of the split.
        UnknownNameError: no such split.

    Warns:
        UserWarning: some pictures are missing.
    """
    files = {"train": "train.h5", "val": "valid.h5", "test": "valid.h5"}
    if split not in files:
        raise UnknownNameError.of("split", split, files)
    path = Path(path)
    mpii = read_mpii(path / files[split] if path.is_dir() else path, split="train" if split == "train" else "val")
    folder = Path(images) if images is not None else (path if path.is_dir() else path.parent) / "images"
    names = tuple(clip.trial for clip in mpii.people.sequences)
    there = present(folder, names)
    center = mpii.center + np.stack([np.zeros(len(names)), _DOWN * mpii.scale], 1)
    return PeopleInPictures(
        poses=mpii.people,
        center=center.astype(np.float32),
        side_px=(PX_PER_SCALE * _WIDER * mpii.scale).astype(np.float32),
        picture=PictureFiles(folder, names),
        head_px=mpii.normalize if np.isfinite(mpii.normalize).all() else None,
    )[there]
