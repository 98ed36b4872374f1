"""MediaPipe's pose landmarks, as people write them to JSON and NumPy: fractions of the picture, one entry a frame."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from posezoo.errors import InputError
from posezoo.formats.keypoints.clips import Clips, frame_numbers, group, looks_normalised, numeric, picture_size
from posezoo.formats.keypoints.containers import Content
from posezoo.formats.keypoints.frame_names import frames_of
from posezoo.formats.keypoints.names import joint_name
from posezoo.skeletons import get_skeleton

_LANDMARKS = ("pose_landmarks", "poseLandmarks", "landmarks", "landmark", "keypoints")
_WORLD = ("pose_world_landmarks", "poseWorldLandmarks", "world_landmarks", "worldLandmarks")
_NUMBERS = ("frame", "frame_number", "frame_index", "frame_idx", "frame_id", "frameNumber", "frameIndex")
_SIZES = ("image_size", "imageSize", "frame_size", "resolution")
_SIDES = (("width", "height"), ("image_width", "image_height"), ("imageWidth", "imageHeight"), ("w", "h"))
_ABOUT = ("metadata", "meta", "video", "video_info", "videoInfo", "info")
_COUNT = 33
_NUMBERED = (list(range(_COUNT)), list(range(1, _COUNT + 1)))
# Numbers a frame where x, y, z of hands, or of a face and hands, follow the body's x, y, z, visibility.
_WITH_OTHERS = (4 * _COUNT + 3 * 2 * 21, 4 * _COUNT + 3 * (468 + 2 * 21))


def is_mediapipe(content: Content) -> bool:
    """Return whether a frame has a list of landmarks: objects with x and y, or 33 rows of x, y, z, visibility.

    World landmarks alone are recognised, too, and refused when they are read.
    """
    frames = _frames(content.value) if content.kind in ("json", "pickle") else []
    if any(_is_landmark(person[0], len(person)) for _, frame in frames for person in _people(frame) if person):
        return True
    return any(isinstance(frame, Mapping) and any(isinstance(frame.get(key), list) for key in _WORLD) for _, frame in frames)


def read_mediapipe(content: Content) -> Clips:
    """Read landmarks: ``frame`` is the frame's own number, else its place; ``subject`` the person's place in it.

    The visibility (else the presence) is the confidence; depth and world landmarks are not read. The picture's size is
    taken from the frame or the file; coordinates that are pixels already stay what they are.

    Raises:
        InputError: world landmarks alone, hands or faces, or a landmark without x and y.
    """
    path, frames = content.path, _frames(content.value)
    whole = _size(content.value, path)
    landmarks: list[object] = []
    people: list[int] = []
    numbers: list[object] = []
    sizes: list[tuple[int, int] | None] = []
    for order, frame in frames:
        size = (_size(frame, path) if frame is not content.value else None) or whole
        for place, person in enumerate(_people(frame)):
            if not person:
                continue
            if len(person) != _COUNT:
                raise InputError(
                    f"{path}: a person of frame {order} has {len(person)} landmarks; expected MediaPipe's {_COUNT} of "
                    "a pose (hands and faces are not read)."
                )
            landmarks.append([_landmark(landmark, order, path) for landmark in person])
            people.append(place)
            numbers.append(_number(frame, order))
            sizes.append(size)
    if not landmarks:
        raise _world_alone(path)
    values = numeric(landmarks, "landmarks", path).astype(np.float64)
    xy, visibility = values[..., :2], values[..., 2:4]
    normalised = looks_normalised(xy)
    if normalised:
        refuse_world(xy, path)
    visibility = np.where(np.isnan(visibility[..., 0]), visibility[..., 1], visibility[..., 0])
    sequence, sequences = group([path.stem] * len(values), people, sizes)
    return Clips(
        keypoints=xy,
        sequence=sequence,
        frame=frame_numbers(numbers, len(values), path),
        sequences=sequences,
        confidence=None if np.isnan(visibility).all() else visibility,
        implied=("mediapipe33",),
        normalised=normalised,
        identified=max(people) == 0,
    )


def is_mediapipe_array(content: Content) -> bool:
    """Return whether an array is (..., 33, 4) or, flat, (frames, 132): x, y, z, visibility; or 99 numbers with x, y, z."""
    array = _landmark_array(content)
    if array is None:
        return False
    # (33, 3) with a third column that is below zero somewhere is no confidence.
    return array.shape[-1] == 4 or (looks_normalised(array[..., :2]) and bool((array[..., 2] < 0).any()))


def read_mediapipe_array(content: Content) -> Clips:
    """Read x, y and, where there are four columns, the visibility; the depth is not read.

    Raises:
        InputError: world landmarks, or coordinates in millimetres.
    """
    rows, path = _landmark_array(content), content.path
    assert rows is not None
    xy = rows[..., :2]
    normalised = looks_normalised(xy)
    if normalised:
        refuse_world(xy, path)
    sequence, sequences = group([path.stem] * len(rows), [""] * len(rows))
    return Clips(
        keypoints=xy,
        sequence=sequence,
        frame=np.arange(len(rows)),
        sequences=sequences,
        confidence=rows[..., 3] if rows.shape[-1] == 4 else None,
        implied=("mediapipe33",),
        normalised=normalised,
        counted=True,
    )


def _landmark_array(content: Content) -> np.ndarray | None:
    """Return (frames, 33, 3 or 4) of an array or of JSON's lists of numbers, one person a frame; None of other shapes."""
    array = only_array(content)
    flat = content.value if content.kind == "json" and isinstance(content.value, list) else []
    if flat and all(isinstance(row, list) and len(row) == len(flat[0]) in (4 * _COUNT, 3 * _COUNT) for row in flat):
        array = numeric(flat, "landmarks", content.path)
    if array is None or array.dtype.kind not in "fiu":
        return None
    if array.ndim == 2 and array.shape[1] in _WITH_OTHERS:
        array = array[:, : 4 * _COUNT]
    if array.ndim == 2 and array.shape[1] in (4 * _COUNT, 3 * _COUNT):
        array = array.reshape(len(array), _COUNT, -1)
    if array.ndim == 4 and 1 in array.shape[:2]:
        array = array.reshape(-1, *array.shape[2:])
    array = array[None] if array.ndim == 2 else array
    fits = array.ndim == 3 and array.shape[1] == _COUNT and array.shape[2] in (3, 4)
    return array.astype(np.float64) if fits else None


def only_array(content: Content) -> np.ndarray | None:
    """Return the only array of a file, or None."""
    value = content.value
    if content.kind in ("npz", "pickle") and isinstance(value, Mapping):
        named = [key for key in _LANDMARKS[:4] if key in value] or (list(value) if len(value) == 1 else [])
        value = value[named[0]] if named else None
    return value if isinstance(value, np.ndarray) else None


def refuse_world(xy: np.ndarray, path: Path) -> None:
    """Raise InputError where coordinates (..., 2) lie around 0, as those of world landmarks do."""
    with np.errstate(invalid="ignore"):
        if (xy < 0).mean() > 0.3:
            raise _world_alone(path)


def _world_alone(path: Path) -> InputError:
    return InputError(
        f"{path} holds coordinates around 0, as MediaPipe's world landmarks are (metres from the hips); "
        "expected `pose_landmarks`, fractions of the picture."
    )


def _frames(value: object) -> list[tuple[int, object]]:
    """Return (number, frame) of every frame: of a list, of an object of frames by number, or of a single frame."""
    if isinstance(value, Mapping):
        for key in ("frames", *_LANDMARKS):
            inner = value.get(key)
            numbered = isinstance(inner, Mapping) and all(str(name).isdecimal() for name in inner)
            if numbered or (key == "frames" and isinstance(inner, list | Mapping)):
                return _frames(inner)
        if value and all(isinstance(key, int) or (isinstance(key, str) and key.isdecimal()) for key in value):
            numbers = [number for _, number in frames_of([str(key) for key in value])]
            return [(number, frame) for number, frame in zip(numbers, value.values(), strict=True) if number is not None]
        numbered_names = [number for _, number in frames_of([Path(str(key)).stem for key in value])]
        if len(value) > 1 and None not in numbered_names and all(_is_frame(frame) for frame in value.values()):
            return [(number or 0, frame) for number, frame in zip(numbered_names, value.values(), strict=True)]
        return [(0, value)]
    return list(enumerate(value)) if isinstance(value, list) else []


def _is_frame(value: object) -> bool:
    """Return whether what stands under a name is a frame, rather than a point: a list, or an object with landmarks."""
    return isinstance(value, list) or (isinstance(value, Mapping) and any(key in value for key in _LANDMARKS))


def _people(frame: object) -> list[list[object]]:
    """Return the lists of landmarks in a frame: one, or with MediaPipe's tasks one for each person."""
    if isinstance(frame, Mapping):
        if (named := _by_name(frame)) is not None:
            return [named]
        frame = next((frame[key] for key in _LANDMARKS if isinstance(frame.get(key), list | Mapping) and frame[key]), None)
    if isinstance(frame, Mapping):  # protocol buffers, or names
        if (named := _by_name(frame)) is not None:
            return [named]
        frame = frame.get("landmark", frame.get("landmarks"))
    if not isinstance(frame, list) or not frame:
        return []
    first = frame[0]
    if isinstance(first, Mapping) and isinstance(first.get("landmark"), list):
        frame = [person.get("landmark") if isinstance(person, Mapping) else None for person in frame]
    elif not (isinstance(first, list) and first and isinstance(first[0], Mapping | list)):
        return [_in_order(frame)]
    return [_in_order(person) for person in frame if isinstance(person, list)]


def _in_order(person: list[Any]) -> list[object]:
    """Return landmarks in MediaPipe's order where each says its number, from 0 or 1, or its name; else as they are."""
    if len(person) != _COUNT or not all(isinstance(landmark, Mapping) for landmark in person):
        return person
    for key in ("id", "index", "idx"):
        numbers = [landmark.get(key) for landmark in person]
        if all(isinstance(number, int) for number in numbers) and sorted(numbers) in _NUMBERED:
            return [person[place] for place in sorted(range(_COUNT), key=numbers.__getitem__)]
    return _by_name({str(landmark.get("name", place)): landmark for place, landmark in enumerate(person)}) or person


def _by_name(frame: Mapping[str, object]) -> list[object] | None:
    """Return the 33 landmarks of an object that names them as MediaPipe does (``LEFT_SHOULDER``); else None."""
    if len(frame) < _COUNT:
        return None
    named = {joint_name(str(name).rpartition(".")[2]): landmark for name, landmark in frame.items()}
    joints = get_skeleton("mediapipe33").joints
    return [named[joint] for joint in joints] if set(joints) <= set(named) else None


def _is_landmark(landmark: object, count: int) -> bool:
    if isinstance(landmark, Mapping):
        # Other programs name their points; MediaPipe's points are identified by their place in the list.
        return {"x", "y"} <= {str(key).lower() for key in landmark} and ("name" not in landmark or count == _COUNT)
    return isinstance(landmark, list) and len(landmark) in (4, 5) and count == _COUNT


def _landmark(landmark: object, order: int, path: Path) -> list[object]:
    """Return x, y, visibility, presence; None where not given."""
    if isinstance(landmark, Mapping):
        lower = {str(key).lower(): value for key, value in landmark.items()}
        if {"x", "y"} <= set(lower):
            return [lower["x"], lower["y"], lower.get("visibility", lower.get("score")), lower.get("presence")]
    if isinstance(landmark, list) and len(landmark) in (4, 5):
        return [*landmark[:2], landmark[3], None]
    raise InputError(f"{path}: a landmark of frame {order} is {str(landmark)[:40]!r}; expected an object with x and y.")


def _number(frame: object, order: int) -> object:
    given = [frame[key] for key in _NUMBERS if isinstance(frame.get(key), int)] if isinstance(frame, Mapping) else []
    return given[0] if given else order


def _size(value: object, path: Path) -> tuple[int, int] | None:
    """Return (width, height) where an object states it, itself or in its description of the video; else None."""
    if not isinstance(value, Mapping):
        return None
    for about in (value, *(value.get(key) for key in _ABOUT)):
        if not isinstance(about, Mapping):
            continue
        given = next((about[key] for key in _SIZES if about.get(key)), about)
        if not isinstance(given, Mapping):
            return picture_size(given, path)
        for width, height in _SIDES:
            if given.get(width) and given.get(height):
                return picture_size([given[width], given[height]], path)
    return None
