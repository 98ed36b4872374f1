"""Turn poses into the motion of one person, which BVH and TRC hold."""

from __future__ import annotations

import warnings
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float

from posezoo.errors import InputError, PoseZooWarning
from posezoo.geometry import bone_lengths
from posezoo.poses.body import level, on_the_floor
from posezoo.poses.body import one_body as body
from posezoo.poses.exports.settings import UNITS_MM, MotionSettings
from posezoo.skeletons import Skeleton
from posezoo.skeletons.posed import Posed


@runtime_checkable
class Poses(Posed, Protocol):
    """Poses that can be exported: :class:`posezoo.poses.Prediction`, or anything with its attributes as NumPy arrays."""

    @property
    def keypoints_2d(self) -> np.ndarray | None: ...
    @property
    def confidence(self) -> np.ndarray | None: ...
    @property
    def reprojection_px(self) -> np.ndarray | None: ...
    @property
    def view_count(self) -> np.ndarray | None: ...
    @property
    def fps(self) -> float | int | None: ...
    @property
    def frame_number(self) -> np.ndarray | None: ...
    @property
    def person(self) -> np.ndarray | None: ...
    @property
    def video(self) -> np.ndarray | None: ...
    @property
    def time_s(self) -> np.ndarray | None: ...
    @property
    def picture(self) -> np.ndarray | None: ...


HEIGHT_MM = 1700.0
"""The assumed height of a person of unknown size."""
# The share of steps between frames of a variable rate that may be shorter than the step that gives the rate.
_SHORT_STEPS = 0.1
# Steps that differ by more than this factor are not of an even rate.
_EVEN = 1.5
_AT_A_VARIABLE_RATE = {
    "TRC": "its column Time holds the time of each frame",
    "BVH": "each pose stands from its time until the next",
}
# Ankles above the floor, as a share of stature: Drillis and Contini 1966.
_ANKLE = 0.039
# Of the poses, so many may lie down without a word.
_MOST_LYING = 0.8
# Of the coordinates of each frame, where x, y (up) and z of the export come from, and their signs. Both are rotations: a
# half turn about the camera's x, and a quarter turn about the world's.
_Y_UP = {
    "camera": (np.array([0, 1, 2]), np.array([1.0, -1.0, -1.0])),
    "world": (np.array([0, 2, 1]), np.array([1.0, 1.0, -1.0])),
}


def one_clip(poses: Poses, kind: str) -> Float[np.ndarray, "T J 3"]:
    """Return the poses as frames of one clip, in their own frame and unit, float64.

    Raises:
        InputError: more than one leading dimension, several people, or no pose.
    """
    pose = rows_of_clip(poses, kind)
    people = () if poses.person is None else np.unique(np.ravel(poses.person))
    if len(people) > 1:
        raise InputError(
            f"the poses are of {len(people)} people ({', '.join(map(str, people[:4]))}); {kind} holds one: save them one by "
            "one (--person), or as .csv, .npz or .json."
        )
    return pose


def rows_of_clip(poses: Poses, kind: str) -> Float[np.ndarray, "T J 3"]:
    """Return the poses of all people as (rows, joints, 3), float64.

    Raises:
        InputError: more than one leading dimension, or no pose.
    """
    pose = np.asarray(poses.pose_3d, dtype=np.float64)
    if pose.ndim > 3:
        raise InputError(f"pose_3d has shape {pose.shape}; {kind} holds one clip, (frames, joints, 3): save clip by clip.")
    pose = pose.reshape(-1, *pose.shape[-2:])
    if not np.isfinite(pose).any():
        raise InputError(f"pose_3d of shape {pose.shape} has no known joint; {kind} needs at least one pose.")
    return pose


def frames_per_second(poses: Poses, fps: float | int | None, kind: str) -> float:
    """Return the given rate, else the poses' own, else that of the closest successive times.

    Warns:
        UserWarning: the poses' rate varies, and the file states one.

    Raises:
        InputError: none of them says it, or no positive number.
    """
    rate = poses.fps if fps is None else fps
    if rate is None and poses.time_s is not None and np.size(poses.time_s) > 1:
        numbers = numbers_of(poses, np.size(poses.time_s))
        steps = np.diff(np.ravel(poses.time_s)) / np.maximum(np.diff(numbers), 1)
        rate = 1 / max(float(np.quantile(steps, _SHORT_STEPS)), 1e-9)
        if steps.max() > _EVEN * steps.min() > 0:
            warnings.warn(
                f"the frame rate varies ({1 / steps.max():.3g} to {1 / steps.min():.3g} a second); {kind} states one, "
                f"{rate:.4g}: {_AT_A_VARIABLE_RATE[kind]}.",
                stacklevel=4,
            )
    if rate is None:
        raise InputError(f"{kind} needs the frames per second, which the input does not say; give fps=.")
    if not 0 < float(rate) < 1e5:
        raise InputError(f"{rate} frames per second; expected a positive number.")
    return float(rate)


def numbers_of(poses: Poses, rows: int) -> np.ndarray:
    """Return the frame number of each row; counted from 0 where the poses have none."""
    return np.arange(rows) if poses.frame_number is None else np.ravel(poses.frame_number)


def times_of(poses: Poses, rows: int, fps: float | int | None) -> np.ndarray | None:
    """Return the seconds of each row: the poses' own, else frame numbers by a rate; None without one."""
    if fps is None and poses.time_s is not None:
        return np.ravel(poses.time_s)
    rate = poses.fps if fps is None else fps
    return None if rate is None else numbers_of(poses, rows) / float(rate)


def motion_of(poses: Poses, settings: MotionSettings, kind: str, unit: str, one_body: bool) -> Float[np.ndarray, "T J 3"]:
    """Return a clip in the axes of the file: x right, y up and z toward the viewer, or z up; NaN stays NaN.

    Camera coordinates (y down, z forward) are turned by half about x, world coordinates (z up) by a quarter: never mirrored.
    Where the scale is not known, every pose gets bones of the same total length, and the clip the size of a person
    ``height_mm`` tall: ankles to hips to crown along the bones is 0.961 of it.

    Args:
        poses: a clip, ``mm`` or ``relative``.
        settings: what is asked for.
        kind: of file, for messages.
        unit: the one that the format usually has.
        one_body: whether the format has one body in any case.

    Raises:
        InputError: no clip, a height that no person has or that is not needed, a layout without legs and head to tell its
            size by, or a world frame that is to be levelled.

    Warns:
        PoseZooWarning: people in a world frame do not stand along z.
    """
    pose, skeleton = one_clip(poses, kind), poses.skeleton
    camera, relative = poses.frame.startswith("camera"), poses.unit != "mm"
    if settings.levels:
        if not camera:
            raise InputError("these poses are in a world frame, whose gravity is known; level is for camera frames.")
        pose = level(pose, skeleton, settings.pitch)
    if not camera:
        _warn_unless_z_is_up(pose, skeleton, kind)
    axes, signs = _Y_UP["camera" if camera else "world"]
    pose = pose[..., axes] * signs
    if relative:
        pose = _as_large_as_a_person(pose, skeleton, settings.height_mm, kind)
    elif settings.height_mm is not None:
        raise InputError("this prediction is in mm already; a height is for models whose scale is not known.")
    if one_body if settings.one_body is None else settings.one_body:
        pose = body(pose, skeleton)
    if camera if settings.floor is None else settings.floor:
        pose = on_the_floor(pose, skeleton, per_frame="root-relative" in poses.frame)
    if settings.up == "z":
        pose = np.stack([pose[..., 0], -pose[..., 2], pose[..., 1]], axis=-1)
    return pose / UNITS_MM[settings.unit or unit]


def _warn_unless_z_is_up(pose: Float[np.ndarray, "T J 3"], skeleton: Skeleton, kind: str) -> None:
    """Warn of people who stand along another axis of the rig's world, such as that of a rig whose first camera is the world.

    Warns:
        PoseZooWarning: most poses stand more than 60 degrees off z.
    """
    if not {"head_top", "left_ankle", "right_ankle"} <= set(skeleton.joints):
        return
    feet = (pose[:, skeleton.index("left_ankle")] + pose[:, skeleton.index("right_ankle")]) / 2
    along = pose[:, skeleton.index("head_top")] - feet
    along = along[np.isfinite(along).all(-1)]
    along = along / np.maximum(np.linalg.norm(along, axis=-1, keepdims=True), 1e-9)
    share = float((along[:, 2] < 0.5).mean()) if len(along) else 0.0
    if share > _MOST_LYING:
        mean = along.mean(0)
        axis = int(np.abs(mean).argmax())
        warnings.warn(
            f"in {share:.0%} of the poses people stand along {'-' * bool(mean[axis] < 0)}{'xyz'[axis]} of the rig's world, "
            f"whose z {kind} takes for up: unless they lie there, turn the world (R of every camera) so that z points up.",
            PoseZooWarning,
            stacklevel=4,
        )


def _as_large_as_a_person(
    pose: Float[np.ndarray, "T J 3"], skeleton: Skeleton, height_mm: float | int | None, kind: str
) -> Float[np.ndarray, "T J 3"]:
    """Return poses of unknown scale in mm, each of the same total length of bones."""
    height = HEIGHT_MM if height_mm is None else float(height_mm)
    if not 300 <= height <= 3000:
        raise InputError(f"a height of {height:g} mm; expected that of a person, 300 to 3000 mm.")
    lengths = bone_lengths(torch.from_numpy(pose), skeleton).numpy()
    if not (lengths.sum(-1) != 0).all():
        raise InputError(f"a pose has all joints in one point; {kind} needs bones of some length.")
    pose = pose / lengths.sum(-1)[:, None, None]
    return pose * (height * (1 - _ANKLE) / np.nanmean(_stature(pose, skeleton)))


def _stature(pose: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Return (T,) lengths from the ankles to the crown along the bones, the mean of both legs."""
    missing = sorted({"head_top", "left_ankle", "right_ankle", "left_hip", "right_hip"} - set(skeleton.joints))
    if missing:
        raise InputError(
            f"{skeleton.name} lacks {', '.join(missing)}, which a person's height is told by; save .npz or .csv."
        )

    def along(joint: int, stop: int) -> np.ndarray:
        length: np.ndarray = np.zeros(len(pose))
        while joint not in (stop, skeleton.root):
            length = length + np.linalg.norm(pose[:, joint] - pose[:, skeleton.parents[joint]], axis=-1)
            joint = skeleton.parents[joint]
        return length

    legs = [along(skeleton.index(f"{side}_ankle"), skeleton.index(f"{side}_hip")) for side in ("left", "right")]
    return (legs[0] + legs[1]) / 2 + along(skeleton.index("head_top"), skeleton.root)
