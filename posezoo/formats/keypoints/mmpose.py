"""MMPose: what its Inferencer writes for a picture or a video, and what its demo scripts write."""

from __future__ import annotations

from collections.abc import Mapping

from posezoo.errors import InputError
from posezoo.formats.keypoints.clips import Clips
from posezoo.formats.keypoints.containers import Content
from posezoo.formats.keypoints.people import Person, frames_in, gather, identity_of, some_person

# What Inferencer's aliases give: human, body26, wholebody and the models trained on feet.
IMPLIED = ("coco17", "halpe26", "wholebody133", "coco23")


def is_mmpose_person(value: Mapping[str, object]) -> bool:
    """Return whether an object is one instance: ``keypoints`` and ``keypoint_scores``."""
    return "keypoints" in value and "keypoint_scores" in value


def is_mmpose(content: Content) -> bool:
    """Return whether the file holds instances, frames of them, or ``meta_info`` with ``instance_info``."""
    if isinstance(content.value, Mapping):
        return "instance_info" in content.value or some_person(content.value, is_mmpose_person)
    return isinstance(content.value, list) and some_person(content.value, is_mmpose_person)


def parse_mmpose(value: Mapping[str, object]) -> Person:
    """Return one instance; ``track_id`` is written by the demos that track."""
    return Person(value["keypoints"], value["keypoint_scores"], identity_of(value.get("track_id")))


def read_mmpose(content: Content) -> Clips:
    """Read instances by frame; ``keypoint_id2name``, where there is one, names the joints.

    Raises:
        InputError: 3D poses, which Inferencer's ``pose3d`` writes in the same form.
    """
    value, path = content.value, content.path
    frames = frames_in(value, is_mmpose_person, parse_mmpose, path)
    for person in (person for frame in frames for person in frame.people):
        first = person.points[0] if isinstance(person.points, list) and person.points else None
        if isinstance(first, list) and len(first) == 3:
            raise InputError(
                f"{path} holds 3D poses of MMPose (x, y, z of every joint); a lifter takes 2D keypoints: run "
                "Inferencer with pose2d='human' instead of pose3d."
            )
    return gather(frames, path, "MMPose", implied=IMPLIED, names=_names(value))


def _names(value: object) -> tuple[str, ...]:
    """Return the joints' names in their order, where ``meta_info`` says them."""
    meta = value.get("meta_info") if isinstance(value, Mapping) else None
    named = meta.get("keypoint_id2name") if isinstance(meta, Mapping) else None
    if not isinstance(named, Mapping) or not all(str(index) in named for index in range(len(named))):
        return ()
    return tuple(str(named[str(index)]) for index in range(len(named)))
