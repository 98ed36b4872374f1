"""OpenPifPaf: ``img.predictions.json`` of a picture, and the JSON lines of a video."""

from __future__ import annotations

from collections.abc import Mapping

from posezoo.formats.keypoints.clips import Clips
from posezoo.formats.keypoints.containers import Content
from posezoo.formats.keypoints.framing import frames_in, some_person
from posezoo.formats.keypoints.people import Person, gather, identity_of


def is_openpifpaf_person(value: Mapping[str, object]) -> bool:
    """Return whether an object is one annotation: flat keypoints, a box, a score, and no picture that it belongs to."""
    points = value.get("keypoints")
    flat = isinstance(points, list) and bool(points) and isinstance(points[0], int | float) and len(points) % 3 == 0
    return flat and "bbox" in value and "score" in value and not {"image_id", "id", "num_keypoints"} & set(value)


def is_openpifpaf(content: Content) -> bool:
    """Return whether the file holds annotations of one picture, or frames of ``predictions``."""
    return content.kind in ("json", "pickle") and some_person(content.value, is_openpifpaf_person)


def parse_openpifpaf(value: Mapping[str, object]) -> Person:
    """Return one annotation; ``id_`` is written where OpenPifPaf tracks."""
    return Person(value["keypoints"], identity=identity_of(value.get("id_")))


def read_openpifpaf(content: Content) -> Clips:
    """Read annotations by frame; a joint that was not found is (0, -3) with confidence 0."""
    frames = frames_in(content.value, is_openpifpaf_person, parse_openpifpaf, content.path)
    return gather(frames, content.path, "OpenPifPaf", implied=("coco17", "wholebody133"))
