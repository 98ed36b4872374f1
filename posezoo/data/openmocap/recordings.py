"""Read the prepared file of OpenMocap: recorded motions in the world frame, and the errors of a real detector."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import h5py
import numpy as np

from posezoo.data.openmocap.naming import SPLITS, Recording
from posezoo.data.prepared.contents import from_json, holds, read_contents
from posezoo.data.prepared.reading import read_array, read_table
from posezoo.files.hdf5 import dataset_shape, open_hdf5, read_attributes, read_dataset
from posezoo.files.reading import PathLike
from posezoo.formats.bvh import Motion
from posezoo.skeletons import get_skeleton

DATASET = "openmocap"
FPS = 30.0
SKELETON = get_skeleton("h36m17")
MOTION = "pose_world"
"""The array of a clip: (N, 17, 3) mm, world frame."""
ERRORS = "detector_errors"
"""The table: (M, 17, 2) detection minus annotation, in body heights."""
CLIPS = "clips/"
"""The group of all clips, so that no BVH file's name can be that of another group."""
_FORMAT_1_ERRORS = "_residuals"


@dataclass(frozen=True)
class _Stored:
    """A motion in an open file, of either format."""

    name: str
    recording: Recording
    frames: int
    read: Callable[[], np.ndarray]


def is_openmocap(path: PathLike) -> bool:
    """Return whether the file holds OpenMocap, in the current format or in the first one.

    Raises:
        MissingFileError, CorruptFileError: the file is missing or is no HDF5 file.
    """
    with open_hdf5(path) as file:
        return is_format_1(file) or holds(file, DATASET)


def read_motions(path: PathLike, split: str) -> list[tuple[Recording, Motion]]:
    """Read the motions of a split, in the order of their names.

    Raises:
        MissingFileError, CorruptFileError: the file is missing, damaged, or no OpenMocap file.
    """
    with open_hdf5(path) as file:
        return [
            (stored.recording, Motion(stored.read(), SKELETON, FPS, stored.name, ""))
            for stored in _stored(file)
            if stored.recording.split == split
        ]


def read_detector_errors(path: PathLike) -> np.ndarray | None:
    """Read the errors of a real detector that a prepared file holds.

    Returns:
        (M, 17, 2) detection minus annotation, in body heights; None where the file was prepared without MPII.

    Raises:
        MissingFileError, CorruptFileError: the file is missing, damaged, or no OpenMocap file.
    """
    shape = (None, len(SKELETON), 2)
    with open_hdf5(path) as file:
        if is_format_1(file):
            return read_dataset(file, _FORMAT_1_ERRORS, shape) if _FORMAT_1_ERRORS in file else None
        return read_table(file, read_contents(file, DATASET), ERRORS, shape)


def describe_openmocap(path: PathLike) -> dict[str, Any]:
    """Count clips and frames of each split of a prepared file, and say whether it holds detector errors.

    Raises:
        MissingFileError, CorruptFileError: the file is missing, damaged, or no OpenMocap file.
    """
    with open_hdf5(path) as file:
        clips = [(stored.recording.split, stored.frames) for stored in _stored(file)]
        summary: dict[str, object] = {
            split: {"clips": sum(s == split for s, _ in clips), "frames": sum(n for s, n in clips if s == split)}
            for split in SPLITS
        }
        if is_format_1(file):
            return {**summary, "detector_errors": _FORMAT_1_ERRORS in file, "digest": read_attributes(file)["digest"]}
        contents = read_contents(file, DATASET)
        return {**summary, "detector_errors": ERRORS in contents.get("tables", {}), "digest": contents["digest"]}


def content_digest(path: PathLike) -> str:
    """Return a SHA-256 of what a prepared file holds: poses, to a hundredth of a millimetre, clips and detector errors.

    Two files that hold the same data have the same digest, whichever format they are in, and whatever else changed of
    the sources or of the joint maps.

    Raises:
        MissingFileError, CorruptFileError: the file is missing, damaged, or no OpenMocap file.
    """
    with open_hdf5(path) as file:
        arrays = [(stored.name, stored.recording.described(), stored.read(), 100.0) for stored in _stored(file)]
    errors = read_detector_errors(path)
    if errors is not None:  # in body heights, hence the finer rounding; the name is that of the first format
        arrays.append((_FORMAT_1_ERRORS, {}, errors, 1e5))
    digest = hashlib.sha256(str(FPS).encode())
    for name, described, values, scale in sorted(arrays, key=lambda array: array[0]):
        digest.update(f"{name} {sorted(described.items())}".encode())
        digest.update(np.round(np.asarray(values, np.float64) * scale).astype(np.int64).tobytes())
    return digest.hexdigest()


def is_format_1(file: h5py.File) -> bool:
    """Return whether the file is in OpenMocap's first format.

    A dataset for each motion, whose attributes are its subject, trial, action and split; errors in ``_residuals``; no
    checksums. PoseZoo 0.1.0 wrote it, and it is read so that nobody has to prepare again.
    """
    attributes = read_attributes(file)
    return bool(attributes.get("kind") == DATASET and attributes.get("format") == 1)


def _stored(file: h5py.File) -> list[_Stored]:
    """Return the motions of an open file.

    Raises:
        CorruptFileError: it is no OpenMocap file, or its contents differ from their checksum.
    """
    shape = (None, len(SKELETON), 3)
    if is_format_1(file):
        return [
            _Stored(
                name,
                Recording(**{key: str(value) for key, value in read_attributes(file[name]).items() if key != "split"}),
                dataset_shape(file, name)[0],
                partial(read_dataset, file, name, shape),
            )
            for name in file
            if name != _FORMAT_1_ERRORS
        ]
    found = []
    for entry in read_contents(file, DATASET)["clips"]:
        clip = from_json(entry["sequence"])
        found.append(
            _Stored(
                entry["group"].removeprefix(CLIPS).rpartition("/")[0],
                Recording(clip.subject, clip.trial, clip.action),
                dataset_shape(file, f"{entry['group']}/{MOTION}")[0],
                partial(read_array, file, entry, MOTION, shape),
            )
        )
    return found
