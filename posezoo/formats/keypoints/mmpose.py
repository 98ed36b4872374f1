"""MMPose: what its Inferencer writes for a picture or a video, and what its demo scripts write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from posezoo.errors import InputError
from posezoo.files.reading import reading
from posezoo.formats.keypoints.clips import Clips, picture_size
from posezoo.formats.keypoints.containers import Content
from posezoo.formats.keypoints.frame_names import frames_of
from posezoo.formats.keypoints.framing import DETECTIONS, frames_in, some_person
from posezoo.formats.keypoints.people import Frame, Person, gather, identity_of, number_of

# The layouts of Inferencer's aliases: human, body26, wholebody and the models trained on feet.
IMPLIED = ("coco17", "halpe26", "wholebody133", "coco23")


def is_mmpose_person(value: Mapping[str, object]) -> bool:
    """Return whether an object is one instance: ``keypoints`` and ``keypoint_scores``, in MMPose 0.x both in one."""
    points = value.get("keypoints")
    if isinstance(points, list | np.ndarray) and "keypoint_scores" in value:
        # Of more axes it is whole arrays under these names.
        first = points[0] if len(points) else None
        return not (isinstance(first, list | np.ndarray) and len(first) and isinstance(first[0], list | np.ndarray))
    # MMPose 0.x: rows of x, y, score, and the box.
    if isinstance(points, np.ndarray):
        rows = points.ndim == 2 and points.shape[1] == 3
    else:
        rows = isinstance(points, list) and bool(points) and isinstance(points[0], list) and len(points[0]) == 3
    return rows and "bbox" in value and not {"image_id", "id", "image_name", "file_name"} & set(value)


def is_mmpose(content: Content) -> bool:
    """Return whether the file holds instances, frames of them, or ``meta_info`` with ``instance_info``."""
    if isinstance(content.value, Mapping):
        return "instance_info" in content.value or some_person(content.value, is_mmpose_person)
    return isinstance(content.value, list) and some_person(content.value, is_mmpose_person)


def parse_mmpose(value: Mapping[str, object]) -> Person:
    """Return one instance; ``track_id`` is written by the demos that track."""
    points = value["keypoints"]
    points = points.tolist() if isinstance(points, np.ndarray) else points
    return Person(points, value.get("keypoint_scores"), identity_of(value.get("track_id")), number_of(value))


def read_mmpose(content: Content) -> Clips:
    """Read instances by frame; ``keypoint_id2name``, where there is one, names the joints.

    Raises:
        InputError: 3D poses, which Inferencer's ``pose3d`` writes in the same form.
    """
    value, path = content.value, content.path
    frames = frames_in(value, is_mmpose_person, parse_mmpose, path, clip=DETECTIONS)
    for person in (person for frame in frames for person in frame.people):
        first = person.points[0] if isinstance(person.points, list) and person.points else None
        if isinstance(first, list) and len(first) == 3 and person.confidence is not None:
            raise InputError(
                f"{path} holds 3D poses of MMPose (x, y, z of every joint); a lifter takes 2D keypoints: run "
                "Inferencer with pose2d='human' instead of pose3d."
            )
    return gather(frames, path, "MMPose", implied=IMPLIED, names=_names(value))


def is_mmpose_dump(content: Content) -> bool:
    """Return whether this is what ``tools/test.py --dump`` writes: a pickled list with ``pred_instances``."""
    entries = content.value if content.kind == "pickle" and isinstance(content.value, list) else []
    return bool(entries) and all(
        isinstance(entry, Mapping) and isinstance(entry.get("pred_instances"), Mapping) for entry in entries
    )


def read_mmpose_dump(content: Content) -> Clips:
    """Read the instances of each picture, by ``img_id``; a top-down model has an entry a person.

    Raises:
        InputError: an entry without keypoints or scores.
    """
    found: dict[int, Frame] = {}
    for order, entry in enumerate(content.value):
        with reading(content.path, "MMPose's predictions"):
            instances = entry["pred_instances"]
            pairs = zip(instances["keypoints"], instances["keypoint_scores"], strict=True)
            people = tuple(Person(np.asarray(points).tolist(), np.asarray(scores).tolist()) for points, scores in pairs)
            number = entry.get("img_id", order)
            number = number if isinstance(number, int) and 0 <= number < 2**31 else order
            shape = entry.get("ori_shape")
            size = picture_size(list(shape[:2])[::-1], content.path) if shape is not None else None
        before = found.get(number, Frame((), number, size=size))
        found[number] = replace(before, people=before.people + people)
    return gather(list(found.values()), content.path, "MMPose", implied=IMPLIED)


def is_mmpose_batches(content: Content) -> bool:
    """Return whether this is what ``tools/test.py --out`` of MMPose 0.x writes: a list of batches of ``preds``."""
    batches = content.value if isinstance(content.value, list) else []
    return bool(batches) and all(isinstance(batch, Mapping) and {"preds", "image_paths"} <= set(batch) for batch in batches)


def read_mmpose_batches(content: Content) -> Clips:
    """Read rows of x, y, score of each person; the name of the picture says the video and the frame, where it has a number.

    Raises:
        InputError: a batch in which the people are not as many as the pictures' paths.
    """
    found: dict[str, Frame] = {}
    pairs: list[tuple[object, str]] = []
    for batch in content.value:
        with reading(content.path, "MMPose's predictions"):
            pairs += [(np.asarray(rows).tolist(), str(name)) for rows, name in zip(*_people_of(batch), strict=True)]
    named = frames_of([PurePosixPath(name.replace("\\", "/")).stem for _, name in pairs])
    for (rows, name), (video, number) in zip(pairs, named, strict=True):
        before = found.get(name, Frame((), number, video))
        found[name] = replace(before, people=(*before.people, Person(rows)))
    return gather(list(found.values()), content.path, "MMPose", implied=IMPLIED)


def _people_of(batch: Mapping[str, Any]) -> tuple[list[object], list[object]]:
    """Return the people of a batch and the paths of their pictures."""
    people, names = list(batch["preds"]), list(batch["image_paths"])
    return people, names * len(people) if len(names) == 1 else names  # a bottom-up model gives everybody of one picture


def _names(value: object) -> tuple[str, ...]:
    """Return the joints' names in their order, where ``meta_info`` says them."""
    meta = value.get("meta_info") if isinstance(value, Mapping) else None
    named = meta.get("keypoint_id2name") if isinstance(meta, Mapping) else None
    if not isinstance(named, Mapping) or not all(str(index) in named for index in range(len(named))):
        return ()
    return tuple(str(named[str(index)]) for index in range(len(named)))
