"""People of COCO's keypoint annotations with their photographs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from posezoo.data.pictures.annotated import annotated_people
from posezoo.data.pictures.files import present
from posezoo.data.pictures.packed import pack_pictures, packed_pictures
from posezoo.data.pictures.people import PeopleInPictures
from posezoo.errors import CorruptFileError, InputError, MissingFileError, UnknownNameError
from posezoo.files.reading import PathLike, load_json
from posezoo.skeletons import get_skeleton

_SKELETON = get_skeleton("coco17")
SPLITS = ("train", "val", "test")
_FOLDERS = {"train": "train2017", "val": "train2017", "test": "val2017"}
_VAL = 20
"""Every n-th picture of the training set validates, by its number; the published val set is the test set here."""
_LEAST = 8
"""The fewest joints, and the smallest box in px, of a person that is used; fewer do not determine the pose."""
_LEAST_PX = 48.0


def coco_pictures(split: str = "train", path: PathLike = "coco.h5", count: int | None = None) -> PeopleInPictures:
    """Read the people of COCO's keypoint annotations of 2017.

    Args:
        split: ``train``; ``val``, one picture of twenty of what is published as training set; ``test``, what is published
            as validation set.
        path: a file that :func:`prepare_coco_pictures` wrote; or the folder with ``annotations``, ``train2017`` and
            ``val2017``.
        count: so many people, evenly over all; all where not given.

    Returns:
        the people with eight joints or more, at least 48 px large, whose pictures are there; 2D alone, NaN where a joint is
        not annotated; the square around each is that of the joints.

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
    return (_of_folder(path, split) if path.is_dir() else packed_pictures(path, split)).thin(count)


def prepare_coco_pictures(source: PathLike, out: PathLike, side: int = 256, count: int | None = None) -> Path:
    """Cut the people of COCO's folder out of their pictures and write them to one file.

    Args:
        source: the folder, see :func:`coco_pictures`.
        out: the .h5 file to write.
        side: of the pictures that are written, px.
        count: so many people of each split, evenly over all; all where not given.

    Returns:
        ``out``.

    Raises:
        MissingFileError, CorruptFileError, InputError: as :func:`coco_pictures`.
        SaveError: the file cannot be written.
    """
    return pack_pictures({split: coco_pictures(split, source, count) for split in SPLITS}, out, side)


def _of_folder(folder: Path, split: str) -> PeopleInPictures:
    """Return a split of the downloaded folder."""
    published = _FOLDERS[split]
    path = folder / "annotations" / f"person_keypoints_{published}.json"
    if not path.is_file():
        raise MissingFileError(f"{path} is not there; expected COCO's annotations of 2017, and {published} beside them.")
    content = load_json(path)
    if not isinstance(content, Mapping) or not all(isinstance(content.get(key), list) for key in ("images", "annotations")):
        raise CorruptFileError(f"{path} lacks images or annotations; expected COCO's file of person keypoints.")
    names, points = _people(path, content, split)
    return annotated_people("coco", _SKELETON, points, folder / published, names, present(folder / published, names))


def _people(path: Path, content: Mapping[str, Any], split: str) -> tuple[tuple[str, ...], np.ndarray]:
    """Return names of pictures and joints (N, 17, 2) px, NaN where not annotated, of the people that can be used."""
    names, points = [], []
    try:
        files = {image["id"]: str(image["file_name"]) for image in content["images"]}
        for person in content["annotations"]:
            validates = int(person["image_id"]) % _VAL == 0
            if person.get("iscrowd") or (split != "test" and validates != (split == "val")):
                continue
            values = np.asarray(person["keypoints"], dtype=np.float64).reshape(len(_SKELETON), 3)
            joints = np.where(values[:, 2:] > 0, values[:, :2], np.nan)
            if np.isfinite(joints[:, 0]).sum() < _LEAST:
                continue
            if np.ptp(joints[np.isfinite(joints[:, 0])], axis=0).max() >= _LEAST_PX:
                names.append(files[person["image_id"]])
                points.append(joints)
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptFileError(
            f"{path} holds an annotation that cannot be read ({str(error)[:80]}); get it again."
        ) from error
    if not points:
        raise InputError(f"{path} holds nobody of the {split} split with {_LEAST} joints and {_LEAST_PX:g} px or more.")
    return tuple(names), np.stack(points)
