"""Label Studio's JSON and JSON_MIN exports of labelled key points, which are percentages of the picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from posezoo.errors import InputError
from posezoo.formats.keypoints.clips import Clips, numeric, picture_size
from posezoo.formats.keypoints.containers import Content
from posezoo.formats.keypoints.frame_names import frames_of
from posezoo.formats.keypoints.people import Frame, Person, gather


def is_label_studio(content: Content) -> bool:
    """Return whether the file is a list of tasks in which points are labelled."""
    tasks = content.value
    return isinstance(tasks, list) and any(
        any(True for _ in _points(task)) for task in tasks[:100] if isinstance(task, Mapping)
    )


def read_label_studio(content: Content) -> Clips:
    """Read one picture a task; points belong to one person, or to the box that is their parent.

    Raises:
        InputError: a label stands twice, so that it is not clear whose it is; a picture's size is not given.
    """
    path = content.path
    frames = []
    named = frames_of([PurePosixPath(_picture(task)).stem if isinstance(task, Mapping) else "" for task in content.value])
    for order, (task, (video, number)) in enumerate(zip(content.value, named, strict=True)):
        if not isinstance(task, Mapping):
            raise InputError(f"{path}: task {order} is {str(task)[:30]!r}; expected Label Studio's objects.")
        people: dict[object, dict[str, list[object]]] = {}
        size = None
        for entry, point in _points(task):
            size = picture_size([entry.get("original_width"), entry.get("original_height")], path)
            assert size is not None
            place = numeric([point.get("x"), point.get("y")], "points", path).astype(float) / 100 * size
            label, parent = str(point["keypointlabels"][0]), str(entry.get("parentID", ""))
            person = people.setdefault(parent, {})
            if label in person:
                raise InputError(
                    f"{path}: the label {label!r} stands twice in task {order}; relate the points of every person to a box "
                    "(Label Studio's parent), or label one person a task."
                )
            person[label] = place.tolist()
        frames.append(Frame(tuple(Person(points) for points in people.values()), number, video, size))
    if any(frame.number is None for frame in frames):
        frames = [Frame(frame.people, order, "", frame.size) for order, frame in enumerate(frames)]
    return gather(frames, path, "Label Studio")


def _points(task: Mapping[str, object]) -> Iterator[tuple[Mapping[str, object], Mapping[str, Any]]]:
    """Yield (entry, point) of every labelled point of a task: the entry says the picture's size, the point where it is.

    Of several annotations of one task the first that was not cancelled counts.
    """
    annotations = task.get("annotations", task.get("completions"))
    if isinstance(annotations, list):
        kept = (entry for entry in annotations if isinstance(entry, Mapping) and not entry.get("was_cancelled"))
        results = next(kept, {}).get("result", [])
    else:
        results = [entry for value in task.values() if isinstance(value, list) for entry in value]
    for entry in results if isinstance(results, list) else []:
        if not isinstance(entry, Mapping):
            continue
        point = entry.get("value", entry)
        labels = point.get("keypointlabels") if isinstance(point, Mapping) else None
        if isinstance(labels, list) and labels:
            yield entry, point


def _picture(task: Mapping[str, object]) -> str:
    """Return the name of a task's picture."""
    data = task.get("data", task)
    names = (
        [value for value in data.values() if isinstance(value, str) and "." in value] if isinstance(data, Mapping) else []
    )
    return names[0] if names else ""
