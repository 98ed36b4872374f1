"""labelme: one JSON file a picture, a labelled point for every joint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from posezoo.errors import InputError
from posezoo.formats.keypoints.clips import picture_size
from posezoo.formats.keypoints.people import Frame, Person


def is_labelme_frame(value: object) -> bool:
    """Return whether a JSON value is labelme's: ``shapes``, a list."""
    return isinstance(value, Mapping) and isinstance(value.get("shapes"), list)


def labelme_frame(value: Mapping[str, Any], path: Path) -> Frame:
    """Return the people of a picture: points by label, told apart by ``group_id``; boxes and polygons are not read.

    Raises:
        InputError: a label stands twice in one group, so that it is not clear whose it is.
    """
    people: dict[int | str | None, dict[str, list[object]]] = {}
    for shape in value["shapes"]:
        if not isinstance(shape, Mapping) or shape.get("shape_type", "point") != "point":
            continue
        points, label = shape.get("points"), str(shape.get("label", ""))
        if not isinstance(points, list) or len(points) != 1 or not isinstance(points[0], list) or len(points[0]) != 2:
            raise InputError(f"{path}: the point {label!r} of labelme is not one x, y.")
        group = shape.get("group_id")
        group = group if isinstance(group, int | str) else None
        person = people.setdefault(group, {})
        if label in person:
            raise InputError(
                f"{path}: the label {label!r} stands twice in group {group}; give every person a group_id of their own."
            )
        person[label] = points[0]
    size = None
    if value.get("imageWidth") and value.get("imageHeight"):
        size = picture_size([value["imageWidth"], value["imageHeight"]], path)
    return Frame(tuple(Person(points) for points in people.values()), size=size)
