"""People in pictures: datasets of them, crops around them, what users hold."""

from posezoo.data.pictures.crops import Augmentation, CropLoader, Crops, crop_matrix, cut
from posezoo.data.pictures.datamodule import PicturesDataModule
from posezoo.data.pictures.datasets import PICTURES, load_pictures
from posezoo.data.pictures.files import read_picture
from posezoo.data.pictures.frames import Frames
from posezoo.data.pictures.people import PeopleInPictures

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
