"""Read the poses of a prepared file; every array is compared with its checksum."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from posezoo.data.prepared.contents import OWN, TABLES, checksum, from_json, read_contents
from posezoo.errors import CorruptFileError, InputError
from posezoo.files.hdf5 import dataset_shape, open_hdf5, read_dataset
from posezoo.files.reading import PathLike
from posezoo.poses.posedata import PoseData, Sequence
from posezoo.skeletons import get_skeleton
from posezoo.terminal import progress

__all__ = ["describe_prepared", "detectors", "read_prepared"]


def read_prepared(
    path: PathLike,
    dataset: str,
    keep: Callable[[Sequence], bool],
    keypoints: str = "gt",
    labels: str = "pose_3d",
    prefer: str | None = None,
) -> PoseData:
    """Read poses of a prepared file.

    Args:
        path: the file.
        dataset: which it is to hold.
        keep: which clips.
        keypoints: ``gt``; a detector by its name; ``detected`` for the only one, or for ``prefer`` where there are more.
        labels: the array of the 3D poses.
        prefer: see ``keypoints``; of a detector, the other name that it goes by.

    Raises:
        MissingFileError: no such file.
        CorruptFileError: no prepared file, another dataset's, or one that is altered: an array's checksum says so.
        InputError: no clip is left, or keypoints that the file does not hold.
    """
    with open_hdf5(path) as file:
        stored = read_contents(file, dataset)
        skeleton = get_skeleton(stored["skeleton"])
        clips = [(entry, clip) for entry in stored["clips"] if keep(clip := from_json(entry["sequence"]))]
        if not clips:
            raise InputError(f"{path} holds no clip of what is asked for; `posezoo data info {path}` says what it holds.")
        key = _keypoints(stored["clips"], file, keypoints, prefer)
        # A detector may lack a video; leave out its clips, as other readers do.
        clips = [(entry, clip) for entry, clip in clips if key in entry["sha256"]]
        counts = [dataset_shape(file, f"{entry['group']}/frame")[0] for entry, _ in clips]
        start, total, joints = 0, sum(counts), len(skeleton)
        two, three = np.empty((total, joints, 2), np.float32), np.empty((total, joints, 3), np.float32)
        frame = np.empty(total, np.int32)
        for (entry, _), count in progress(list(zip(clips, counts, strict=True)), f"loading {Path(path).name}"):
            rows = slice(start, start + count)
            two[rows] = read_array(file, entry, key, (count, joints, 2))
            three[rows] = read_array(file, entry, labels, (count, joints, 3))
            frame[rows] = read_array(file, entry, "frame", (count,))
            start += count
    return PoseData(
        skeleton=skeleton,
        keypoints_2d=two,
        pose_3d=three,
        sequence=np.repeat(np.arange(len(clips), dtype=np.int32), counts),
        frame=frame,
        sequences=tuple(clip for _, clip in clips),
    )


def describe_prepared(path: PathLike) -> dict[str, Any]:
    """Return clips and frames by subject, which keypoints there are, and what differs from what was published.

    Raises:
        CorruptFileError: no prepared file.
    """
    with open_hdf5(path) as file:
        stored = read_contents(file)
        summary: dict[str, Any] = {"dataset": stored["dataset"]}
        names: set[str] = set()
        for entry in stored["clips"]:
            row = summary.setdefault(from_json(entry["sequence"]).subject, {"clips": 0, "frames": 0})
            row["clips"] += 1
            row["frames"] += dataset_shape(file, f"{entry['group']}/frame")[0]
            names |= set(entry["sha256"]) - set(OWN)
        return {**summary, "also": sorted(names), "notes": stored["notes"]}


def detectors(path: PathLike) -> tuple[str, ...]:
    """Return the names of the detectors whose keypoints a prepared file holds.

    Raises:
        MissingFileError, CorruptFileError: no prepared file.
    """
    with open_hdf5(path) as file:
        return tuple(_detectors(read_contents(file)["clips"], file))


def _detectors(clips: list[dict[str, Any]], file: h5py.File) -> list[str]:
    """Return the names of the arrays of detected keypoints: those of two coordinates that are not annotations."""
    found = []
    for name in sorted({name for entry in clips for name in entry["sha256"]} - set(OWN)):
        group = next(entry["group"] for entry in clips if name in entry["sha256"])
        if dataset_shape(file, f"{group}/{name}")[-1] == 2:
            found.append(name)
    return found


def _keypoints(clips: list[dict[str, Any]], file: h5py.File, wanted: str, prefer: str | None) -> str:
    """Return the name of the array of keypoints that is meant."""
    detectors = _detectors(clips, file)
    if wanted == "detected" and detectors:
        if len(detectors) == 1 or prefer in detectors:
            return str(prefer) if prefer in detectors else detectors[0]
        held = ", ".join(detectors)
        raise InputError(f"{file.filename} holds keypoints of {held}; name one of them (keypoints={detectors[0]!r}).")
    if wanted not in ("gt", "detected") and wanted not in detectors and prefer in detectors:
        return str(prefer)
    if wanted != "gt" and wanted not in detectors:
        held = ", ".join(["gt", *detectors])
        raise InputError(
            f"{file.filename} holds no keypoints {wanted!r}; it holds {held}: prepare it again with the detections."
        )
    return wanted


def check_arrays(file: h5py.File, stored: dict[str, Any]) -> None:
    """Compare the arrays of all clips, and the tables, with their checksums.

    Args:
        file: open.
        stored: its contents.

    Raises:
        CorruptFileError: one is missing or altered.
    """
    for entry in progress(stored["clips"], f"checking {Path(file.filename).name}"):
        for key in entry["sha256"]:
            read_array(file, entry, key)
    for name in stored.get(TABLES, {}):
        read_table(file, stored, name)


def read_array(file: h5py.File, entry: dict[str, Any], key: str, shape: tuple[int | None, ...] | None = None) -> np.ndarray:
    """Read an array of a clip.

    Args:
        file: open.
        entry: the clip's, from the file's contents.
        key: the array's name.
        shape: that it has to have, None where any will do.

    Raises:
        CorruptFileError: it is missing, has another shape, or differs from its checksum.
    """
    return _checked(file, f"{entry['group']}/{key}", entry["sha256"].get(key), shape)


def read_table(
    file: h5py.File, contents: dict[str, Any], name: str, shape: tuple[int | None, ...] | None = None
) -> np.ndarray | None:
    """Read an array that belongs to no clip; None where the file has none of this name.

    Raises:
        CorruptFileError: it has another shape, or differs from its checksum.
    """
    sums = contents.get(TABLES, {})
    return _checked(file, f"{TABLES}/{name}", sums[name], shape) if name in sums else None


def _checked(file: h5py.File, name: str, sha256: str | None, shape: tuple[int | None, ...] | None) -> np.ndarray:
    """Read an array and compare it with its checksum."""
    values = read_dataset(file, name, shape)
    if checksum(values.tobytes()).decode() != sha256:
        raise CorruptFileError(f"{file.filename}, {name} differs from its checksum; it is altered: prepare it again.")
    return values
