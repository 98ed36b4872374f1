"""Describe what ``posezoo data prepare`` wrote, whichever dataset it is."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np

from posezoo.data.openmocap import describe_openmocap, is_openmocap
from posezoo.data.pictures import packed
from posezoo.data.prepared import describe_prepared
from posezoo.errors import CorruptFileError
from posezoo.files.hdf5 import dataset_shape, hard_child, open_hdf5, read_attributes, read_dataset
from posezoo.files.reading import PathLike
from posezoo.synthetic import bodies


def describe(path: PathLike) -> dict[str, Any]:
    """Return what a file holds in a few words for each part: subjects, splits, bodies, pictures or keypoints.

    Raises:
        MissingFileError: no such file.
        CorruptFileError: another file, or a damaged one.
    """
    with open_hdf5(path) as file:
        about = read_attributes(file)
        if bodies.KEY in about:
            shapes, points = dataset_shape(file, "points")[:2]
            return {"bodies": f"{shapes} of {points:,} points"}
        if packed.KEY in about:
            return _of_pictures(file, about)
        if isinstance(hard_child(file, "keypoints"), h5py.Dataset) and "digest" in about:
            shape = dataset_shape(file, "keypoints")
            layout = "" if hard_child(file, "skeleton") is None else f" of {_text(file, 'skeleton')}"
            return {"keypoints": f"{shape[0]:,} people{layout}"}
    return (describe_openmocap if is_openmocap(path) else describe_prepared)(path)


def _of_pictures(file: h5py.File, about: dict[str, Any]) -> dict[str, Any]:
    """Return how many people each split has in packed pictures."""
    splits = str(about.get("splits", "")).split(",")
    codes = read_dataset(file, "split", (None,))
    if not len(codes) or int(codes.max()) >= len(splits):
        raise CorruptFileError(f"{file.filename} is damaged: its pictures are of no split; prepare it again.")
    counts = np.bincount(codes.astype(np.int64), minlength=len(splits)).tolist()
    return {name: f"{count:,} people" for name, count in zip(splits, counts, strict=True)}


def _text(file: h5py.File, name: str) -> str:
    value = np.ravel(read_dataset(file, name))[0]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
