"""CVAT's XML, "for images" and "for video", of skeletons or of single points."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element

from posezoo.errors import InputError
from posezoo.formats.keypoints.clips import Clips, picture_size
from posezoo.formats.keypoints.containers import Content
from posezoo.formats.keypoints.frame_names import frames_of
from posezoo.formats.keypoints.people import Frame, Person, gather

_Points = dict[str, list[float]]


def is_cvat(content: Content) -> bool:
    """Return whether the file is XML of ``annotations``."""
    return content.kind == "xml" and content.value.tag == "annotations"


def read_cvat(content: Content) -> Clips:
    """Read points by label; what is ``outside`` is unknown. A track of a video is a person.

    Raises:
        InputError: no points, points that are not x,y, or a label that stands twice without telling whose it is.
    """
    root, path = content.value, content.path
    pictures = list(root.iter("image"))
    named = frames_of([PurePosixPath(picture.get("name", "").replace("\\", "/")).stem for picture in pictures])
    images = [
        replace(_image(picture, path), number=number, video=video)
        for picture, (video, number) in zip(pictures, named, strict=True)
    ]
    frames = images or _tracks(root, path)
    if any(frame.number is None for frame in frames):
        frames = [Frame(frame.people, order, "", frame.size) for order, frame in enumerate(frames)]
    if not any(frame.people for frame in frames):
        raise InputError(f"{path} is CVAT's XML without points; expected skeletons, or points labelled by joint.")
    return gather(frames, path, "CVAT")


def _image(image: Element, path: Path) -> Frame:
    """Return the people of a picture: skeletons, or loose points by their group."""
    people = [Person(_skeleton(skeleton, path)) for skeleton in image.findall("skeleton")]
    loose: dict[str, _Points] = {}
    for points in image.findall("points"):
        _add(points, loose.setdefault(points.get("group_id", ""), {}), path)
    people += [Person(points) for points in loose.values() if points]
    size = _size(image.get("width"), image.get("height"), path)
    return Frame(tuple(person for person in people if person.points), size=size)


def _tracks(root: Element, path: Path) -> list[Frame]:
    """Return frames of a video: of every track its skeleton in each frame, or loose points by the group of their tracks."""
    original = root.find(".//original_size")
    size = None if original is None else _size(original.findtext("width"), original.findtext("height"), path)
    people: dict[int, dict[str, _Points]] = {}
    for track in root.iter("track"):
        identity = track.get("id", "")
        for skeleton in track.findall("skeleton"):
            if skeleton.get("outside", "0") != "1" and (points := _skeleton(skeleton, path)):
                people.setdefault(_whole(skeleton.get("frame"), path), {})[identity] = points
        for point in track.findall("points"):
            point.set("label", track.get("label", ""))
            person = people.setdefault(_whole(point.get("frame"), path), {}).setdefault(track.get("group_id", "0"), {})
            _add(point, person, path)
    return [
        Frame(tuple(Person(points, identity=identity) for identity, points in present.items() if points), number, "", size)
        for number, present in sorted(people.items())
    ]


def _skeleton(skeleton: Element, path: Path) -> _Points:
    found: _Points = {}
    for points in skeleton.findall("points"):
        _add(points, found, path)
    return found


def _add(points: Element, person: _Points, path: Path) -> None:
    """Put one labelled point to a person's, unless it is outside the picture."""
    if points.get("outside", "0") == "1":
        return
    label, text = points.get("label", ""), points.get("points", "")
    try:
        x, y = map(float, text.split(","))
    except ValueError as error:
        raise InputError(f"{path}: the points of {label!r} are {text[:40]!r}; expected one x,y.") from error
    if label in person:
        raise InputError(f"{path}: the label {label!r} stands twice in one picture; group each person's points (group_id).")
    person[label] = [x, y]


def _size(width: object, height: object, path: Path) -> tuple[int, int] | None:
    if not width or not height:
        return None
    return picture_size([_whole(width, path), _whole(height, path)], path)


def _whole(text: object, path: Path) -> int:
    try:
        return int(str(text))
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: {str(text)[:20]!r} stands where CVAT writes a whole number.") from error
