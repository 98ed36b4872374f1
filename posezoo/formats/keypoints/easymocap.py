"""EasyMocap's ``annots``: one JSON file a frame, OpenPose's BODY_25 of everyone in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from posezoo.errors import InputError
from posezoo.formats.keypoints.clips import picture_size
from posezoo.formats.keypoints.people import Frame, Person, identity_of

IMPLIED = ("body25", "coco17", "halpe26")


def is_easymocap_frame(value: object) -> bool:
    """Return whether a JSON value is one frame: ``annots``, a list of people."""
    return isinstance(value, Mapping) and isinstance(value.get("annots"), list)


def easymocap_frame(value: Mapping[str, Any], path: Path) -> Frame:
    """Return the people of a frame; ``personID`` (else ``id``) tells them apart where the annotations were tracked."""
    people = []
    for person in value["annots"]:
        if not isinstance(person, Mapping) or "keypoints" not in person:
            raise InputError(f"{path}: a person of EasyMocap's annots lacks `keypoints`; expected x, y, c of every joint.")
        people.append(Person(person["keypoints"], identity=identity_of(person.get("personID", person.get("id")))))
    size = None
    if value.get("width") and value.get("height"):
        size = picture_size([value["width"], value["height"]], path)
    return Frame(tuple(people), size=size)
