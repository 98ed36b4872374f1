"""easy_ViTPose's JSON: frames of people by their track, each joint (y, x, score)."""

from __future__ import annotations

from collections.abc import Mapping

from posezoo.errors import InputError
from posezoo.formats.keypoints.clips import Clips
from posezoo.formats.keypoints.containers import Content
from posezoo.formats.keypoints.people import Frame, Person, gather


def is_easy_vitpose(content: Content) -> bool:
    """Return whether the file holds ``{"keypoints": [{"0": [[y, x, score], ...]}, ...], "skeleton": {...}}``."""
    value = content.value
    frames = value.get("keypoints") if isinstance(value, Mapping) and content.kind == "json" else None
    return isinstance(frames, list) and bool(frames) and all(isinstance(frame, Mapping) for frame in frames)


def read_easy_vitpose(content: Content) -> Clips:
    """Read people by track; ``skeleton`` names the joints. y stands before x in these files."""
    path = content.path
    frames = []
    for order, frame in enumerate(content.value["keypoints"]):
        people = [Person(_exchanged(points, order, content), identity=str(track)) for track, points in frame.items()]
        frames.append(Frame(tuple(people), order))
    return gather(frames, path, "easy_ViTPose", implied=("coco17", "wholebody133"), names=_names(content.value))


def _exchanged(points: object, order: int, content: Content) -> list[list[object]]:
    if not isinstance(points, list) or not all(isinstance(point, list) and len(point) == 3 for point in points):
        raise InputError(f"{content.path}: a person of frame {order} is not y, x, score of every joint.")
    return [[x, y, score] for y, x, score in points]


def _names(value: Mapping[str, object]) -> tuple[str, ...]:
    named = value.get("skeleton")
    if not isinstance(named, Mapping) or not all(str(index) in named for index in range(len(named))):
        return ()
    return tuple(str(named[str(index)]) for index in range(len(named)))
