"""Read and write the ``contents`` of a prepared file, and its clips as JSON."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import h5py
import numpy as np

from posezoo.errors import CorruptFileError
from posezoo.files.hdf5 import read_attributes, read_dataset
from posezoo.geometry import Camera
from posezoo.poses.posedata import Sequence

FORMAT = 2
"""Raised also when the sources are read in another way, so that files which an older version wrote are made again."""
KIND = "posezoo-dataset"
CONTENTS = "contents"
TABLES = "tables"
"""The group of arrays that belong to no clip."""
OWN = ("pose_3d", "gt", "frame")
"""Arrays that are neither detections nor further labels."""


def is_own(file: h5py.File) -> bool:
    """Return whether :func:`write_prepared` wrote the open file."""
    return text_of(read_attributes(file).get("kind")) == KIND


def holds(file: h5py.File, dataset: str) -> bool:
    """Return whether an open file is a prepared one, in the current format, of this dataset.

    Raises:
        CorruptFileError: its contents differ from their checksum.
    """
    if not is_own(file) or read_attributes(file).get("format") != FORMAT:
        return False
    return bool(read_contents(file)["dataset"] == dataset)


def read_contents(file: h5py.File, dataset: str | None = None) -> dict[str, Any]:
    """Read the contents of an open file and compare them with their checksum.

    Raises:
        CorruptFileError: the file is not prepared, is of another dataset than ``dataset``, or is altered.
    """
    stored, name = read_attributes(file), dataset or "NAME"
    expected = f"no {dataset or 'prepared'} file of format {FORMAT}; make it with `posezoo data prepare {name}`."
    if not is_own(file) or stored.get("format") != FORMAT:
        raise CorruptFileError(f"{file.filename} is {expected}")
    text = read_dataset(file, CONTENTS, (None,)).tobytes()
    if checksum(text) != stored.get("sha256"):
        raise CorruptFileError(f"{file.filename}, 'contents' differs from its checksum; it is altered: prepare it again.")
    content: dict[str, object] = json.loads(text)
    if dataset is not None and content["dataset"] != dataset:
        raise CorruptFileError(f"{file.filename} holds {content['dataset']}, {expected}")
    return content


def checksum(data: bytes) -> bytes:
    """Return the SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest().encode()


def to_json(sequence: Sequence) -> str:
    """Return a clip and its camera as JSON."""
    camera = sequence.camera
    calibration = camera and {
        name: None if (value := getattr(camera, name)) is None else np.asarray(value).tolist()
        for name in ("K", "R", "t", "distortion")
    }
    plain = {name: getattr(sequence, name) for name in ("subject", "action", "trial", "view", "image_size", "fps")}
    return json.dumps({**plain, "camera": calibration and {**calibration, "name": camera.name}})  # type: ignore[union-attr]


def from_json(text: str) -> Sequence:
    """Return the clip that :func:`to_json` wrote."""
    entry = json.loads(text)
    size = entry["image_size"] and tuple(entry["image_size"])
    camera = entry["camera"]
    if camera is not None:
        numbers = {
            key: value if value is None else np.asarray(value, np.float64) for key, value in camera.items() if key != "name"
        }
        camera = Camera(**numbers, image_size=size, name=camera["name"])
    return Sequence(**{**entry, "image_size": size, "camera": camera})


def text_of(value: object) -> str:
    """Return text, which HDF5 or NumPy may give as bytes, as str."""
    return value.decode() if isinstance(value, bytes) else str(value)
