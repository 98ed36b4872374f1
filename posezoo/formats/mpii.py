"""MPII's annotations as others hold them: the original ``.mat``, and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Items
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from posezoo.errors import CorruptFileError, InputError
from posezoo.files.hdf5 import open_hdf5, read_dataset
from posezoo.files.matlab import load_mat
from posezoo.files.reading import PathLike, load_json, reading

JOINTS = 16
PX_PER_SCALE = 200.0
"""The unit of MPII's ``scale``, which is a person's height, in px."""
_HEAD = 0.6  # of the diagonal of the head's box


@dataclass
class Person:
    """One person of a file; NaN where the file says nothing.

    Attributes:
        image, person: the picture, and which person in it.
        part: (16, 2) px.
        visible: (16,) whether a joint is annotated and not occluded.
        center: (2,) px.
        scale: height / 200 px.
        normalize: the head's size, px.
        training: whether it is of the training split; None where the file does not say.
    """

    image: str
    person: int
    part: np.ndarray
    visible: np.ndarray
    center: np.ndarray
    scale: float
    normalize: float = float("nan")
    training: bool | None = True


def people_of_json(path: PathLike) -> list[Person]:
    """Read a list of people.

    It is that of simple-baselines (``image joints joints_vis center scale``) or of pytorch-pose (``img_paths joint_self
    objpos scale_provided isValidation``).

    Raises:
        MissingFileError, CorruptFileError: no such file, no JSON, or not one of these.
    """
    content = load_json(path)
    if not isinstance(content, list) or not content or not all(isinstance(entry, Mapping) for entry in content):
        raise CorruptFileError(f"{path} holds {type(content).__name__}; expected a list of MPII's people.")
    kind = _simple if "joints" in content[0] else _pytorch_pose if "joint_self" in content[0] else None
    if kind is None:
        raise CorruptFileError(f"{path}: people have {', '.join(map(str, content[0]))}; expected joints or joint_self.")
    counts: dict[str, int] = {}
    people = []
    for number, entry in enumerate(content):
        try:
            person = kind(entry)
            if person.part.shape != (JOINTS, 2) or person.visible.shape != (JOINTS,) or person.center.shape != (2,):
                raise ValueError(f"joints of shape {person.part.shape}")
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise CorruptFileError(
                f"{path}, person {number}: {type(error).__name__} {error}; expected 16 joints."
            ) from error
        person.person = counts.get(person.image, 0)
        counts[person.image] = person.person + 1
        people.append(person)
    return people


def _simple(entry: Mapping[str, Any]) -> Person:
    """Read a person of simple-baselines and HRNet; pixels count from 1, as MATLAB's do."""
    annotated = np.asarray(entry["joints_vis"], np.float64) > 0
    part = np.where(annotated[:, None], np.asarray(entry["joints"], np.float64) - 1, np.nan)
    center, scale = np.asarray(entry["center"], np.float64) - 1, float(entry["scale"])
    return Person(str(entry["image"]), 0, part, annotated, center, scale, training=None)


def _pytorch_pose(entry: Mapping[str, Any]) -> Person:
    """Read a person of pytorch-pose: x, y from 1, then 1 for visible, 0 for occluded or, at (0, 0), not annotated."""
    joints = np.asarray(entry["joint_self"], np.float64)
    part = np.where((joints[:, :2] != 0).any(1, keepdims=True), joints[:, :2] - 1, np.nan)
    center, scale = np.asarray(entry["objpos"], np.float64) - 1, float(entry["scale_provided"])
    training = not bool(entry["isValidation"])
    return Person(str(entry["img_paths"]), 0, part, joints[:, 2] > 0, center, scale, training=training)


def people_of_mat(path: PathLike) -> list[Person]:
    """Return ``mpii_human_pose_v1_u12_1.mat``: everybody whose joints are annotated.

    Raises:
        MissingFileError, CorruptFileError: no such file, damaged, or without ``RELEASE``.
        InputError: nobody in it has joints.
    """
    release = load_mat(path).get("RELEASE")
    if not isinstance(release, Mapping) or not {"annolist", "img_train"} <= set(release):
        raise CorruptFileError(f"{path} has no RELEASE.annolist; expected mpii_human_pose_v1_u12_1.mat.")
    people = []
    with reading(path, "MPII's annotations"):
        training = np.asarray(release["img_train"]).reshape(-1)
        for number, picture in enumerate(_structures(release["annolist"])):
            for person, rectangle in enumerate(_structures(picture.get("annorect"))):
                found = _of_rectangle(str(picture["image"]["name"]), person, rectangle)
                if found is not None:
                    found.training = bool(training[number])
                    people.append(found)
    if not people:
        raise InputError(f"{path} holds nobody with joints; expected MPII's annotations.")
    return people


def _of_rectangle(image: str, person: int, rectangle: Mapping[str, Any]) -> Person | None:
    """Read a person of the original file; None without joints or scale."""
    points = rectangle.get("annopoints")
    if not isinstance(points, Mapping) or "point" not in points or not _size(rectangle.get("scale")):
        return None
    part, visible = np.full((JOINTS, 2), np.nan), np.zeros(JOINTS, bool)
    for point in _structures(points["point"]):
        joint = int(_number(point["id"]))
        # MATLAB counts pixels from 1.
        part[joint] = _number(point["x"]) - 1, _number(point["y"]) - 1
        seen = point.get("is_visible")
        visible[joint] = bool(_size(seen)) and _number(seen) > 0
    box = [_number(rectangle[edge]) for edge in ("x1", "y1", "x2", "y2")]
    head = _HEAD * float(np.hypot(box[2] - box[0], box[3] - box[1]))
    center = np.array([_number(rectangle["objpos"]["x"]), _number(rectangle["objpos"]["y"])]) - 1
    return Person(image, person, part, visible, center, _number(rectangle["scale"]), head)


def _structures(value: object) -> Iterator[Mapping[str, Any]]:
    """Yield the structures of one structure, of an array of them, or of nothing."""
    if isinstance(value, Mapping):
        yield value
    elif isinstance(value, np.ndarray) and value.dtype == object:
        yield from (item for item in value.reshape(-1, order="F") if isinstance(item, Mapping))


def _number(value: object) -> float:
    return float(np.asarray(value).reshape(-1)[0])


def _size(value: object) -> int:
    """Return how many numbers there are; MATLAB writes an empty array for none."""
    return 0 if value is None else int(np.asarray(value).size)


def picture_names(names: np.ndarray) -> list[str]:
    """Return strings, or rows of character codes as the older files have them."""
    if names.dtype.kind in "fiu" and names.ndim == 2:
        return [bytes(int(code) for code in row if 0 < code < 128).decode("ascii") for row in names]
    return [name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name) for name in names.reshape(-1)]


def unannotated(part: np.ndarray) -> np.ndarray:
    """Return (N, J) mask of what the annotators left out.

    Hourglass tells it by x alone: heads that the upper edge cuts have y of 0 or less, and are annotated.
    """
    return part[..., 0] == 0


def people_of_hourglass(path: Path) -> list[Person]:
    """Read the people of the hourglass's HDF5."""
    with open_hdf5(path) as file:
        part = finite(file, "part", (None, 16, 2))
        count = len(part)
        if not count:
            raise CorruptFileError(f"{path} holds no people; expected MPII's annotations.")
        scale, normalize = finite(file, "scale", (count,)), finite(file, "normalize", (count,))
        center, visible = finite(file, "center", (count, 2)), finite(file, "visible", (count, 16))
        images, person = _names(file, count), finite(file, "person", (count,))
    part[unannotated(part)] = np.nan
    return [
        Person(
            images[row],
            int(person[row]),
            part[row],
            visible[row] > 0,
            center[row],
            float(scale[row]),
            float(normalize[row]),
        )
        for row in range(count)
    ]


def finite(file: h5py.File, key: str, shape: Items[int | None]) -> np.ndarray:
    """Read a dataset as float32."""
    values = read_dataset(file, key, shape)
    if values.dtype.kind not in "fiu":
        raise CorruptFileError(f"{file.filename}, {key!r} is of type {values.dtype}; expected numbers.")
    with np.errstate(over="ignore"):
        values = values.astype(np.float32)
    if not np.isfinite(values).all():
        raise CorruptFileError(f"{file.filename}, {key!r} holds NaN or infinite values; get the file again.")
    return values


def _names(file: h5py.File, count: int) -> list[str]:
    """Read the pictures' names."""
    names = read_dataset(file, "imgname")
    if len(names) != count:
        raise CorruptFileError(f"{file.filename}, 'imgname' has {len(names)} rows for {count} people; get the file again.")
    return picture_names(names)
