"""People in pictures: datasets of them, crops around them, what users hold.

The names that need every dataset are imported when first used, because each dataset's pictures import this package.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from posezoo.data.pictures.crops import Augmentation, CropLoader, Crops, crop_matrix, cut
from posezoo.data.pictures.files import read_picture
from posezoo.data.pictures.frames import Frames
from posezoo.data.pictures.people import PeopleInPictures

if TYPE_CHECKING:
    from posezoo.data.named_pictures import PICTURES, load_pictures
    from posezoo.data.pictures.datamodule import PicturesDataModule

__all__ = [
    "PICTURES",
    "Augmentation",
    "CropLoader",
    "Crops",
    "Frames",
    "PeopleInPictures",
    "PicturesDataModule",
    "crop_matrix",
    "cut",
    "load_pictures",
    "read_picture",
]

_LATER = {
    "PICTURES": "posezoo.data.named_pictures",
    "PicturesDataModule": "posezoo.data.pictures.datamodule",
    "load_pictures": "posezoo.data.named_pictures",
}


def __getattr__(name: str) -> object:
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
