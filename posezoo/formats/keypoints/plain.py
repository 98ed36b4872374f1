"""Read PoseZoo's own schema, the same in NPZ, JSON, HDF5, pickle and MAT, and plain arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from posezoo.errors import InputError, UnknownNameError
from posezoo.formats.keypoints.axes import flatten, frames_first
from posezoo.formats.keypoints.beside import names_beside
from posezoo.formats.keypoints.clips import Clips, frame_numbers, group, numeric, picture_size
from posezoo.formats.keypoints.containers import Content
from posezoo.formats.keypoints.depth import is_3d_name
from posezoo.formats.keypoints.framing import first_object
from posezoo.formats.keypoints.table_rows import FRAMES, PERSONS, VIDEOS, key_of
from posezoo.formats.keypoints.times import rate, seconds
from posezoo.skeletons import SKELETONS, Skeleton

FORMAT = "posezoo-keypoints/1"
PREDICTION = "posezoo-prediction/1"
# Where ``confidence`` stands apart from the keypoints, and what other programs call it.
CONFIDENCES = ("confidence", "confidences", "conf", "keypoint_scores", "keypoints_scores", "scores", "score", "visibility")

SCHEMA = f"""\
PoseZoo keypoints, version 1: named arrays in .npz, .h5, .pkl, .mat, or an object in .json.

  keypoints    (J, 2), (N, J, 2) or (frames, people, J, 2): pixels, y down, NaN (null) where unknown;
               a third column is the confidence
  confidence   optional, the same shape without the last axis: 0 to 1; a joint of confidence 0 is unknown, unless all are 0
  skeleton     optional, a named layout ("coco17"); needed where several have as many joints
  joints       optional, J names in the order of the keypoints (also joint_names, keypoint_names, ...); with
  parents      J indices (-1 for the root): a layout of your own
  image_size   optional, (width, height) in pixels, or one pair a pose (N, 2)
  frame        optional, N frame numbers (as many as frames, where people is an axis)
  person       optional, N names or numbers: who it is (as many as people, where that is an axis)
  video        optional, N names: which video
  picture      optional, N names of pictures, which results keep
  fps          optional, frames per second
  time_s       optional, N times in seconds (as many as frames, where people is an axis)
  pose_3d      optional, (N, J, 3): 3D labels in the keypoints' layout, which `posezoo eval` scores against, with
  unit         "mm", "cm" or "m"
  format       optional, "{FORMAT}"
"""


def is_plain(content: Content) -> bool:
    """Return whether this is a mapping with ``keypoints``, or one that says what it is."""
    return bool({"keypoints", "keypoints_2d"} & set(content.keys()))


def read_plain(content: Content) -> Clips:
    """Read a mapping of the schema above."""
    value, path = content.value, content.path
    if text(value.get("format", "")) == PREDICTION:
        value = _of_prediction(value, path)
    check_format(text(value.get("format", FORMAT)), path)
    keypoints = numeric(value["keypoints" if "keypoints" in value else "keypoints_2d"], "keypoints", path)
    confidence = _confidence(value, keypoints.shape, path)
    if confidence is not None and confidence.shape != keypoints.shape[:-1]:
        raise InputError(
            f"{path}: confidence has shape {confidence.shape}; expected {keypoints.shape[:-1]}, one value a joint."
        )
    value = _by_our_names(value, len(np.atleast_1d(keypoints)), math.prod(keypoints.shape[:-2]))
    if value.get("frame") is None and value.get("person") is None:
        keypoints, confidence = frames_first(keypoints, confidence)
    rows, frames, people = flatten(keypoints, path)
    frame = np.arange(frames) if value.get("frame") is None else frame_numbers(value["frame"], frames, path)
    count = frames * people
    by_person = _labels(value.get("person", [""] if people == 1 else range(people)), "person", path)
    if people > 1 and len(by_person) == people:
        by_person = by_person * frames
    sizes = _sizes(value.get("image_size"), count, path)
    videos = _column(value.get("video", path.stem), count, "video", path)
    fps = rate(value.get("fps"), path)
    sequence, sequences = group(videos, _column(by_person, count, "person", path), sizes, fps)
    times = seconds(value.get("time_s"), frames, "frames", path)
    return Clips(
        keypoints=rows,
        confidence=None if confidence is None else confidence.reshape(rows.shape[:2]),
        sequence=sequence,
        frame=np.repeat(frame, people),
        sequences=sequences,
        stated=_stated(value, path),
        time_s=None if times is None else np.repeat(times, people),
        picture=_pictures(value.get("picture"), count),
        counted=value.get("frame") is None,
    )


def _pictures(value: object, count: int) -> np.ndarray | None:
    """Return (count,) names of pictures, None where a file has another number of them or something else."""
    names = value.tolist() if isinstance(value, np.ndarray) and value.ndim == 1 else value
    if not isinstance(names, list) or len(names) != count or not all(isinstance(name, str) for name in names):
        return None
    return np.asarray(names)


def _by_our_names(value: Mapping[str, object], frames: int, poses: int) -> Mapping[str, object]:
    """Return the same with frames, people and videos by the schema's names, where arrays beside it have other names."""
    found = dict(value)
    for name, words, count in (("frame", FRAMES, frames), ("person", PERSONS, poses), ("video", VIDEOS, poses)):
        for key, values in value.items():
            # A number of frames, or a list of the videos there are, is no label of poses.
            if found.get(name) is not None or key_of(str(key)) not in words:
                continue
            if isinstance(values, list | np.ndarray) and getattr(values, "ndim", 1) == 1 and len(values) == count:
                found[name] = values
    return found


def _confidence(value: Mapping[str, object], shape: tuple[int, ...], path: Path) -> np.ndarray | None:
    """Return ``confidence``, else what other programs call so where it has one value a joint of (..., J, 2) keypoints."""
    for name in CONFIDENCES:
        if value.get(name) is None:
            continue
        if name != CONFIDENCES[0] and not isinstance(value[name], np.ndarray | list):
            continue
        found = numeric(value[name], "confidences", path)
        found = found[..., 0] if found.shape == (*shape[:-1], 1) else found
        if name == CONFIDENCES[0] or found.shape == shape[:-1]:
            return found
    return None


def _of_prediction(value: Mapping[str, object], path: Path) -> dict[str, object]:
    """Return the keypoints that were lifted, by the schema's names; those that the model filled in are NaN again.

    Raises:
        InputError: a prediction without its keypoints, as those of several views are.
    """
    if value.get("keypoints_2d") is None:
        raise InputError(f"{path} is a prediction without the 2D keypoints that were lifted; read the file of those.")
    keypoints = numeric(value["keypoints_2d"], "keypoints", path).astype(np.float64)
    names = {"confidence": "confidence", "frame": "frame_number", "person": "person", "video": "video", "time_s": "time_s"}
    names["picture"] = "picture"
    found = {name: value[key] for name, key in names.items() if value.get(key) is not None}
    found |= {
        name: value[name] for name in ("skeleton", "joints", "parents", "image_size", "fps") if value.get(name) is not None
    }
    if value.get("filled") is not None:
        keypoints[np.asarray(value["filled"]).astype(bool)] = np.nan
    if keypoints.ndim == 3:  # a gap of a clip holds no person
        there = ~np.isnan(keypoints).all((1, 2))
        found |= {
            name: np.asarray(found[name], dtype=None if name in ("person", "video", "picture") else np.float64)[there]
            for name in names
            if name in found
        }
        keypoints = keypoints[there]
    return {**found, "keypoints": keypoints}


def check_format(stated: str, path: Path) -> None:
    """Raise InputError where a file states another version of the schema than this one."""
    if stated != FORMAT:
        raise InputError(
            f"{path} is of format {stated[:40]!r}; this PoseZoo reads {FORMAT!r}: update PoseZoo or convert the file."
        )


def text(value: object) -> str:
    """Return a string from what the containers make of one."""
    # A list of unequal lists is no array of text or numbers.
    value = np.asarray(value, dtype=object if isinstance(value, list | tuple) else None).reshape(-1)
    first = value[0] if len(value) else ""
    return first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first).strip()


def _column(value: object, count: int, what: str, path: Path) -> list[object]:
    """Return one value for each pose; a single one is repeated."""
    values = _labels(value, what, path)
    if len(values) == 1:
        return values * count
    if len(values) != count:
        raise InputError(f"{path}: {what} has {len(values)} values for {count} poses; expected one each.")
    return values


def _labels(value: object, what: str, path: Path) -> list[object]:
    """Return a text or number, or those of an array or of nested lists, one after the other.

    Raises:
        InputError: there is something else among them.
    """
    values = np.asarray(value, dtype=object if isinstance(value, list | tuple) else None).reshape(-1).tolist()
    for entry in values:
        if not isinstance(entry, str | bytes | int | float | None):
            raise InputError(f"{path}: {what} holds a {type(entry).__name__}; expected text or numbers, one each.")
    return values


def _sizes(value: object, count: int, path: Path) -> list[tuple[int, int] | None] | None:
    if value is None:
        return None
    sizes = numeric(value, "the image size", path)
    if sizes.size == 2:
        return [picture_size(sizes.reshape(2), path)] * count
    if sizes.shape != (count, 2):
        raise InputError(f"{path}: image_size has shape {sizes.shape}; expected (2,) or ({count}, 2).")
    known = {tuple(size): picture_size(size, path) for size in np.unique(sizes, axis=0).tolist()}
    return [known[tuple(size)] for size in sizes.tolist()]


def _stated(value: Mapping[str, object], path: Path) -> Skeleton | None:
    """Return the layout that the file names or describes."""
    layout = value.get("skeleton")
    # A list or an object is names of joints, or the pairs that bones join.
    several = isinstance(layout, Mapping) or (
        isinstance(layout, list | np.ndarray) and np.size(np.asarray(layout, object)) > 1
    )
    name = "" if layout is None or several else text(layout)
    if value.get("joints") is None:
        if name and name not in SKELETONS:
            raise UnknownNameError.of(f"skeleton in {path}:", name, SKELETONS)
        return SKELETONS[name] if name else None
    joints = tuple(text(joint) for joint in np.asarray(value["joints"]).reshape(-1))
    if name in SKELETONS:
        if SKELETONS[name].joints != joints:
            raise InputError(f"{path}: its joints are not those of {name}, which it names; drop one of the two.")
        return SKELETONS[name]
    if value.get("parents") is None and not name and names_beside({"joints": value["joints"]}, len(joints)):
        return None  # the names alone tell the layout
    if value.get("parents") is None:
        raise InputError(f"{path} lists joints but no parents; give both, or a named skeleton.")
    return Skeleton(name or "custom", joints, tuple(frame_numbers(value["parents"], len(joints), path).tolist()))


def is_array(content: Content) -> bool:
    """Return whether this is an array, nested lists of numbers, or a mapping with one array of keypoints."""
    if isinstance(content.value, Mapping):
        return len(_candidates(content.value)) == 1
    if isinstance(content.value, list) and content.kind in ("json", "pickle"):
        return bool(content.value) and isinstance(content.value[0], list | np.ndarray) and not first_object(content.value)
    return isinstance(content.value, np.ndarray)


def read_array(content: Content) -> Clips:
    """Read one array of keypoints, with the confidences beside it where a file names them."""
    value = content.value
    keypoints = numeric(_candidates(value)[0] if isinstance(value, Mapping) else value, "keypoints", content.path)
    confidence = _confidence(value, keypoints.shape, content.path) if isinstance(value, Mapping) else None
    if confidence is not None and (confidence.shape != keypoints.shape[:-1] or keypoints.shape[-1] == 3):
        confidence = None
    keypoints, confidence = frames_first(keypoints, confidence)
    rows, frames, people = flatten(keypoints, content.path)
    persons = [""] * frames if people == 1 else list(range(people)) * frames
    sequence, sequences = group([content.path.stem] * len(rows), persons)
    trust = None if confidence is None else confidence.reshape(rows.shape[:2])
    return Clips(rows, sequence, np.repeat(np.arange(frames), people), sequences, trust, counted=True)


def _candidates(value: Mapping[str, object]) -> list[np.ndarray]:
    """Return the arrays that look like keypoints: (..., J, 2 or 3) of three or four axes, or two as a last resort."""
    arrays = [
        array
        for name, array in value.items()
        if isinstance(array, np.ndarray) and array.dtype.kind in "fiu" and not is_3d_name(str(name))
    ]
    least = 3 if len(arrays) > 1 else 2
    return [array for array in arrays if least <= array.ndim <= 4 and array.shape[-1] in (2, 3)]
