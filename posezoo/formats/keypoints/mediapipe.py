"""MediaPipe's pose landmarks, as people write them to JSON: fractions of the picture, one entry a frame."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from posezoo.errors import InputError
from posezoo.formats.keypoints.clips import Clips, frame_numbers, group, looks_normalised, numeric, picture_size
from posezoo.formats.keypoints.containers import Content

_LANDMARKS = ("pose_landmarks", "poseLandmarks", "landmarks")
_NUMBERS = ("frame", "frame_number", "frame_index", "frame_idx", "frame_id", "frameNumber", "frameIndex")
_SIZES = ("image_size", "imageSize", "frame_size", "resolution")
_SIDES = (("width", "height"), ("image_width", "image_height"), ("imageWidth", "imageHeight"), ("w", "h"))
_ABOUT = ("metadata", "meta", "video", "video_info", "videoInfo", "info")
_COUNT = 33


def is_mediapipe(content: Content) -> bool:
    """Somewhere in a frame is a list of landmarks: objects with x and y, or 33 rows of x, y, z, visibility."""
    frames = _frames(content.value) if content.kind in ("json", "pickle") else []
    return any(_is_landmark(person[0], len(person)) for frame in frames for person in _people(frame) if person)


def read_mediapipe(content: Content) -> Clips:
    """``frame`` is the frame's own number, else its place; ``subject`` the person's place in it.

    The visibility (else the presence) is the confidence; depth and world landmarks are not read. The picture's size is
    taken from the frame or the file; coordinates that are pixels already stay what they are.
    """
    path, frames = content.path, _frames(content.value)
    whole = _size(content.value, path)
    landmarks: list[Any] = []
    people: list[int] = []
    numbers: list[Any] = []
    sizes: list[tuple[int, int] | None] = []
    for order, frame in enumerate(frames):
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
    values = numeric(landmarks, "landmarks", path).astype(np.float64)
    xy, visibility = values[..., :2], values[..., 2:4]
    normalised = looks_normalised(xy)
    with np.errstate(invalid="ignore"):
        if normalised and (xy < 0).mean() > 0.3:
            raise InputError(
                f"{path} holds coordinates around 0, as MediaPipe's world landmarks are (metres from the hips); "
                "expected `pose_landmarks`, fractions of the picture."
            )
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
    )


def _frames(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        frames = value.get("frames")
        return frames if isinstance(frames, list) else [value]
    return value if isinstance(value, list) else []


def _people(frame: Any) -> list[list[Any]]:
    """The lists of landmarks in a frame: one, or with MediaPipe's tasks one a person."""
    if isinstance(frame, Mapping):
        frame = next((frame[key] for key in _LANDMARKS if frame.get(key)), None)
    if isinstance(frame, Mapping):  # protocol buffers
        frame = frame.get("landmark", frame.get("landmarks"))
    if not isinstance(frame, list) or not frame:
        return []
    first = frame[0]
    if isinstance(first, Mapping) and isinstance(first.get("landmark"), list):
        frame = [person.get("landmark") if isinstance(person, Mapping) else None for person in frame]
    elif not (isinstance(first, list) and first and isinstance(first[0], Mapping | list)):
        return [frame]
    return [person for person in frame if isinstance(person, list)]


def _is_landmark(landmark: Any, count: int) -> bool:
    if isinstance(landmark, Mapping):
        return "x" in landmark and "y" in landmark
    return isinstance(landmark, list) and len(landmark) in (4, 5) and count == _COUNT


def _landmark(landmark: Any, order: int, path: Path) -> list[Any]:
    """x, y, visibility, presence; None where not given."""
    if isinstance(landmark, Mapping) and "x" in landmark and "y" in landmark:
        return [landmark["x"], landmark["y"], landmark.get("visibility"), landmark.get("presence")]
    if isinstance(landmark, list) and len(landmark) in (4, 5):
        return [*landmark[:2], landmark[3], None]
    raise InputError(f"{path}: a landmark of frame {order} is {str(landmark)[:40]!r}; expected an object with x and y.")


def _number(frame: Any, order: int) -> Any:
    given = [frame[key] for key in _NUMBERS if isinstance(frame.get(key), int)] if isinstance(frame, Mapping) else []
    return given[0] if given else order


def _size(value: Any, path: Path) -> tuple[int, int] | None:
    """(width, height) where an object says it, itself or in what it says about its video."""
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
