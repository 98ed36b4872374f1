"""TensorFlow.js pose detection (MoveNet, PoseNet, BlazePose) and ml5, as people save what they return."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from posezoo.formats.keypoints.clips import Clips, looks_normalised
from posezoo.formats.keypoints.containers import Content
from posezoo.formats.keypoints.framing import FIRST_POSES, frames_in, some_person
from posezoo.formats.keypoints.people import Person, gather, identity_of, number_of

_NAMES = ("name", "part")
_SCORES = ("score", "confidence", "visibility")


def is_tfjs_person(value: Mapping[str, object]) -> bool:
    """Return whether an object is one pose: ``keypoints`` as objects with a name and x, y; ml5's stands in ``pose``."""
    points = _pose(value).get("keypoints")
    first = points[0] if isinstance(points, list) and points else None
    return isinstance(first, Mapping) and any(key in first for key in _NAMES) and {"x", "y"} <= set(_place(first))


def is_tfjs(content: Content) -> bool:
    """Return whether the file holds such poses, frame by frame or alone."""
    return content.kind in ("json", "pickle") and some_person(content.value, is_tfjs_person)


def parse_tfjs(value: Mapping[str, object]) -> Person:
    """Return one pose; its ``keypoints3D`` are not read."""
    points: dict[str, list[object]] = {}
    for index, point in enumerate(_pose(value)["keypoints"]):
        entry = point if isinstance(point, Mapping) else {}
        place = _place(entry)
        name = next((str(entry[key]) for key in _NAMES if key in entry), f"point {index}")
        points[name] = [place.get("x"), place.get("y"), next((entry[key] for key in _SCORES if key in entry), None)]
    return Person(points, identity=identity_of(value.get("id")), number=number_of(value))


def read_tfjs(content: Content) -> Clips:
    """Read poses by frame; the joints are found by their names.

    Many save the first pose of every frame in one list: overlapping neighbours are taken for frames of one person.
    """
    clips = gather(
        frames_in(content.value, is_tfjs_person, parse_tfjs, content.path, clip=FIRST_POSES), content.path, "TensorFlow.js"
    )
    clips.normalised = looks_normalised(clips.keypoints)
    return clips


def _pose(value: Mapping[str, object]) -> Mapping[str, Any]:
    inner = value.get("pose")
    return inner if isinstance(inner, Mapping) else value


def _place(point: Mapping[str, object]) -> Mapping[str, object]:
    inner = point.get("position")
    return inner if isinstance(inner, Mapping) else point
