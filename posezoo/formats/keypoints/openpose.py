"""OpenPose's JSON: one file a frame, in a folder, or a single one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from posezoo.errors import InputError
from posezoo.files.reading import load_json
from posezoo.formats.keypoints.clips import Clips, group, numeric
from posezoo.formats.keypoints.containers import Content
from posezoo.formats.keypoints.names import frame_of
from posezoo.terminal import progress

_POSES = ("pose_keypoints_2d", "pose_keypoints", "joints")


def is_openpose(content: Content) -> bool:
    """``{"people": [{"pose_keypoints_2d": [...]}]}``."""
    return isinstance(content.value, Mapping) and isinstance(content.value.get("people"), list)


def is_folder(content: Content) -> bool:
    """A folder of JSON files."""
    return content.kind == "folder"


def read_openpose(content: Content) -> Clips:
    """The people of one frame."""
    return read_frames([(content.path, content.value)], content.path)


def read_folder(content: Content) -> Clips:
    """Frame by frame in the order of the names; the number in the name is ``frame``, what stands before it ``trial``.

    ``subject`` is ``person_id`` where tracking was on, else the person's place in the frame's list.
    """
    files = progress(content.value, f"Reading {content.path.name}")
    return read_frames([(file, load_json(file)) for file in files], content.path)


def read_frames(frames: list[tuple[Path, Any]], path: Path) -> Clips:
    """People of frames by the names of their files; ``bodies`` with ``joints`` (AlphaPose) is read as ``people``."""
    values, videos, people, numbers = [], [], [], []
    for order, (file, frame) in enumerate(frames):
        listed = frame.get("people", frame.get("bodies")) if isinstance(frame, Mapping) else None
        if not isinstance(listed, list):
            raise InputError(f"{file} is not a frame of OpenPose; expected an object with `people`.")
        video, number = _name(file, order)
        for place, person in enumerate(listed):
            pose = _pose(person, file)
            if pose:
                values.append(pose)
                videos.append(video)
                people.append(_identity(person, place))
                numbers.append(number)
    if not values:
        raise InputError(f"{path} holds no people ({len(frames)} frames of OpenPose, all empty).")
    lengths = [len(pose) for pose in values]
    if len(set(lengths)) > 1 or lengths[0] % 3:
        odd = next((length for length in lengths if length != lengths[0]), lengths[0])
        raise InputError(
            f"{path}: people have {lengths[0]} and {odd} numbers; expected x, y, c of as many joints for everyone."
        )
    keypoints = numeric(values, "keypoints", path).reshape(len(values), -1, 3)
    posed = (np.nan_to_num(keypoints, nan=0) != 0).any((1, 2))
    if not posed.any():
        raise InputError(f"{path} holds no people (every joint of OpenPose is zero).")
    sequence, sequences = group(videos, people)
    used, sequence = np.unique(sequence[posed], return_inverse=True)
    return Clips(
        keypoints[posed],
        sequence,
        np.asarray(numbers)[posed],
        tuple(sequences[index] for index in used),
        implied=("openpose18", "body25"),
    )


def _pose(person: Any, file: Path) -> list[Any]:
    """The flat list of a person; empty where only hands or a face were found."""
    if not isinstance(person, Mapping):
        raise InputError(f"{file}: a person is {type(person).__name__}; expected an object with `pose_keypoints_2d`.")
    pose: Any = next((person[key] for key in _POSES if key in person), [])
    if not isinstance(pose, list):
        raise InputError(f"{file}: pose_keypoints_2d is {type(pose).__name__}; expected a list of x, y, c.")
    return pose


def _identity(person: Mapping[str, Any], place: int) -> str:
    identity = person.get("person_id")
    if isinstance(identity, list) and identity:
        identity = identity[0]
    return str(identity) if isinstance(identity, int) and identity >= 0 else str(place)


def _name(file: Path, order: int) -> tuple[str, int]:
    """Video and frame number from a file's name."""
    video, number = frame_of(file.stem)
    return video, order if number is None else number
