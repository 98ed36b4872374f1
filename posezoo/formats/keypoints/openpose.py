"""OpenPose's JSON: one file a frame, in a folder, or a single one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from posezoo.errors import InputError
from posezoo.formats.keypoints.clips import Clips, group, numeric
from posezoo.formats.keypoints.containers import Content
from posezoo.formats.keypoints.frame_names import frames_of
from posezoo.formats.keypoints.people import identity_of

# OpenPose's models, and those of Pose2Sim and rtmlib that write the same files. 25 joints may be two of them.
IMPLIED = ("openpose18", "mpi15", "body135", "coco17", "coco23", "halpe26", "wholebody133", "halpe136")
_POSES = ("pose_keypoints_2d", "pose_keypoints", "joints")


def is_openpose(content: Content) -> bool:
    """Return whether this is ``{"people": [{"pose_keypoints_2d": [...]}]}``."""
    return isinstance(content.value, Mapping) and isinstance(content.value.get("people"), list)


def is_opencap(content: Content) -> bool:
    """Return whether this is a pickle of frames of people, as OpenCap keeps OpenPose's output (``Cam0_keypoints.pkl``)."""
    frames = content.value if content.kind == "pickle" and isinstance(content.value, list) else []
    people = next((frame for frame in frames if isinstance(frame, list) and frame), [])
    return bool(people) and isinstance(people[0], Mapping) and not {*_POSES}.isdisjoint(people[0])


def read_opencap(content: Content) -> Clips:
    """Read the people of every frame."""
    frames = [(content.path.parent / f"{order}.json", {"people": people}) for order, people in enumerate(content.value)]
    return read_frames(frames, content.path)


def read_openpose(content: Content) -> Clips:
    """Read the people of one frame."""
    return read_frames([(content.path, content.value)], content.path)


def read_frames(frames: Sequence[tuple[Path, object]], path: Path) -> Clips:
    """Read people of frames by the names of their files; ``bodies`` with ``joints`` (AlphaPose) is read as ``people``."""
    values, videos, people, numbers, identified = [], [], [], [], True
    named = frames_of([file.stem for file, _ in frames])
    for order, ((file, frame), (video, numbered)) in enumerate(zip(frames, named, strict=True)):
        number = order if numbered is None else numbered
        listed = frame.get("people", frame.get("bodies")) if isinstance(frame, Mapping) else None
        if not isinstance(listed, list):
            raise InputError(
                f"{file} is not a frame of OpenPose; expected an object with `people`: move it out of the folder, or give "
                "the one file that holds keypoints."
            )
        for place, person in enumerate(listed):
            pose = _pose(person, file)
            if pose:
                values.append(pose)
                videos.append(video)
                identity = identity_of(person.get("person_id"))
                identified &= identity is not None
                people.append(str(place) if identity is None else identity)
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
        implied=(*IMPLIED, "body25b" if _is_body25b(keypoints[posed]) else "body25"),
        identified=identified,
    )


def _is_body25b(keypoints: np.ndarray) -> bool:
    """Return whether 25 joints are BODY_25B's, not BODY_25's: both end in the feet, but have the ankles in other places.

    The heels lie at the ankles. Where no heel was seen, BODY_25 has joint 8 between the hips, 9 and 12, and BODY_25B the
    upper neck, 17, above the shoulders, 5 and 6, rather than at the hips, 11 and 12.
    """
    if keypoints.shape[1] != 25:
        return False
    points = np.where(keypoints[..., 2:] > 0, keypoints[..., :2], np.nan)

    def ratio(one: list[int], other: list[int], there: list[int], elsewhere: list[int]) -> float:
        """Return how far joints are from others, by how far these are from elsewhere; the median, NaN if not known."""
        with np.errstate(divide="ignore", invalid="ignore"):
            near = np.linalg.norm(points[:, one].mean(1) - points[:, other].mean(1), axis=-1)
            far = np.linalg.norm(points[:, there].mean(1) - points[:, elsewhere].mean(1), axis=-1)
            known = (near / far)[np.isfinite(near / far)]
        return float(np.median(known)) if len(known) else np.nan

    # (heel, ankle of BODY_25B) against (heel, ankle of BODY_25), left and right.
    heels = [ratio([21], [15], [21], [14]), ratio([24], [16], [24], [11])]
    if np.isfinite(heels).any():
        return bool(np.nanmean(heels) < 0.5)
    return ratio([8], [9, 12], [1], [8]) > 0.3 and ratio([17], [5, 6], [17], [11, 12]) < 0.5


def _pose(person: object, file: Path) -> list[object]:
    """Return the flat list of a person; empty where only hands or a face were found."""
    if not isinstance(person, Mapping):
        raise InputError(f"{file}: a person is {type(person).__name__}; expected an object with `pose_keypoints_2d`.")
    pose: object = next((person[key] for key in _POSES if key in person), [])
    if not isinstance(pose, list):
        raise InputError(f"{file}: pose_keypoints_2d is {type(pose).__name__}; expected a list of x, y, c.")
    return pose
