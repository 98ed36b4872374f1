"""Project world motions through calibrated cameras and back, and join clips."""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from posezoo.errors import InputError
from posezoo.geometry import Camera, project
from posezoo.poses.posedata import PoseData, Sequence
from posezoo.skeletons import Skeleton, convert


def see_motion(
    world_mm: np.ndarray,
    cameras: Many[Camera],
    skeleton: Skeleton,
    *,
    subject: str,
    action: str,
    trial: str,
    fps: float | int,
    views: tuple[int, ...] = (0, 1, 2, 3),
) -> PoseData:
    """Project one motion through several cameras.

    A frame is dropped from a view in which any joint lies outside the image or behind the camera; ``frame`` keeps
    the number it had in the clip. A view that sees no frame at all makes no sequence.

    Args:
        world_mm: (T, J, 3) mm, world frame (z up).
        cameras: the rig, each with its ``image_size``.
        skeleton: the layout of the joints.
        subject, action, trial, fps: what the sequences are to say.
        views: which cameras of the rig look on.

    Returns:
        float32: 2D in pixels through the cameras' distortion, 3D in mm in each camera's frame; view by view.

    Raises:
        InputError: wrong shape, NaN, no such camera, or one that does not know its image's size.

    Example:
        >>> import numpy as np
        >>> from posezoo.geometry import h36m_cameras
        >>> from posezoo.skeletons import get_skeleton
        >>> standing = np.zeros((5, 17, 3)) + [0.0, 0.0, 900.0]
        >>> cameras = h36m_cameras("S9")
        >>> data = see_motion(
        ...     standing, cameras, get_skeleton("h36m17"), subject="S9", action="Stand", trial="1", fps=30.0, views=(0, 2)
        ... )
        >>> data.keypoints_2d.shape, data.view.tolist()
        ((10, 17, 2), [0, 0, 0, 0, 0, 2, 2, 2, 2, 2])
    """
    if world_mm.ndim != 3 or world_mm.shape[1:] != (len(skeleton), 3):
        raise InputError(f"world_mm has shape {world_mm.shape}; expected (T, {len(skeleton)}, 3) for {skeleton.name}.")
    if not np.isfinite(world_mm).all():
        raise InputError("world_mm holds NaN or infinite values; drop those frames first.")
    points = torch.as_tensor(world_mm, dtype=torch.float64)
    keypoints, poses, frames, sequences = [], [], [], []
    for view in views:
        if not 0 <= view < len(cameras):
            raise InputError(f"view {view}; the rig has cameras 0 to {len(cameras) - 1}.")
        camera = cameras[view]
        if camera.image_size is None:
            raise InputError(f"camera {view} has no image_size, so what it sees is undefined; give it one.")
        pose = camera.world_to_camera(points)
        pixels = project(pose, camera, frame="camera")
        # Distortion folds rays far off the axis back into the image, so check the image without distortion too.
        pinhole = project(pose, replace(camera, distortion=None), frame="camera")
        seen = _inside(pixels, camera.image_size) & _inside(pinhole, camera.image_size, margin=0.5)
        if not bool(seen.any()):
            continue
        keypoints.append(pixels[seen].float().numpy())
        poses.append(pose[seen].float().numpy())
        frames.append(torch.nonzero(seen)[:, 0].int().numpy())
        sequences.append(Sequence(subject, action, trial, view, camera, camera.image_size, fps))
    joints = len(skeleton)
    return PoseData(
        skeleton=skeleton,
        keypoints_2d=np.concatenate([np.empty((0, joints, 2), np.float32), *keypoints]),
        pose_3d=np.concatenate([np.empty((0, joints, 3), np.float32), *poses]),
        sequence=np.repeat(np.arange(len(frames), dtype=np.int32), [len(part) for part in frames]),
        frame=np.concatenate([np.empty(0, np.int32), *frames]),
        sequences=tuple(sequences),
    )


def _inside(
    pixels: Float[Tensor, "frames J 2"], image_size: tuple[int, int], margin: float = 0.0
) -> Bool[Tensor, " frames"]:
    """Return frames whose joints are all in the image, widened on each side by a fraction of its size; NaN is outside."""
    size = torch.tensor(image_size, dtype=pixels.dtype)
    return ((pixels >= -margin * size) & (pixels <= (1 + margin) * size - 1)).flatten(1).all(1)


def concatenate(parts: list[PoseData]) -> PoseData:
    """Join several datasets; clips keep their order, sequence indices are shifted.

    Raises:
        InputError: nothing to put together, the skeletons differ, or only some have labels or confidences.
    """
    if not parts:
        raise InputError("there is nothing to concatenate; give at least one PoseData.")
    skeletons = {part.skeleton.name: part.skeleton for part in parts}
    if any(part.skeleton != parts[0].skeleton for part in parts):
        raise InputError(
            f"skeletons {', '.join(sorted(skeletons))} cannot be concatenated; convert them to one layout first."
        )
    optional: dict[str, np.ndarray | None] = {}
    for name in ("pose_3d", "confidence"):
        arrays = [values for part in parts if (values := getattr(part, name)) is not None]
        if len(arrays) not in (0, len(parts)):
            raise InputError(f"{len(arrays)} of {len(parts)} datasets have {name}; either all need it or none.")
        optional[name] = np.concatenate(arrays) if arrays else None
    times = [part.time_s for part in parts if part.time_s is not None]
    offsets = np.cumsum([0] + [len(part.sequences) for part in parts[:-1]])
    return PoseData(
        skeleton=parts[0].skeleton,
        keypoints_2d=np.concatenate([part.keypoints_2d for part in parts]),
        pose_3d=optional["pose_3d"],
        confidence=optional["confidence"],
        sequence=np.concatenate([part.sequence + np.int32(start) for part, start in zip(parts, offsets, strict=True)]),
        frame=np.concatenate([part.frame for part in parts]),
        sequences=tuple(clip for part in parts for clip in part.sequences),
        time_s=np.concatenate(times) if len(times) == len(parts) else None,
    )


def synchronised(data: PoseData, pairs: Many[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return frames that both cameras of a pair see.

    Args:
        data: several views of the same clips: sequences alike in subject, action and trial are one clip.
        pairs: of cameras, as ``view`` numbers them.

    Returns:
        (M, 2) rows of ``data``, first and second view, and (M,) which pair; pair by pair, then in the order of ``data``.

    Raises:
        InputError: no frame is seen by both cameras of any pair.
    """
    key, view = _moment(data), data.view
    rows, which = [], []
    for number, (first, second) in enumerate(pairs):
        one, other = np.flatnonzero(view == first), np.flatnonzero(view == second)
        _, mine, theirs = np.intersect1d(key[one], key[other], return_indices=True)
        order = np.argsort(one[mine])
        rows.append(np.stack([one[mine][order], other[theirs][order]], 1))
        which.append(np.full(len(mine), number))
    if not sum(map(len, rows)):
        raise InputError(
            f"no frame is seen by both cameras of {', '.join(map(str, pairs))}; the data have views "
            f"{', '.join(str(v) for v in np.unique(view))}."
        )
    return np.concatenate(rows), np.concatenate(which)


def moments(data: PoseData) -> np.ndarray:
    """Return the rows of each frame of each clip once, in its first view, clip by clip, frames in order."""
    return np.unique(_moment(data), return_index=True)[1]


def _moment(data: PoseData) -> np.ndarray:
    """Return (N,) a number for each frame of each clip, the same in every view; sequences alike in name are one clip."""
    names = [(clip.subject, clip.action, clip.trial) for clip in data.sequences]
    codes = {name: code for code, name in enumerate(dict.fromkeys(names))}
    clip = np.asarray([codes[name] for name in names], dtype=np.int64)[data.sequence]
    return clip << 32 | data.frame.astype(np.int64)


def world_poses(data: PoseData, skeleton: Skeleton) -> Float[Tensor, "N J 3"]:
    """Return poses in the world's frame, mm, root at the origin, in the order of the data (see :func:`moments`).

    Raises:
        InputError: no labels, or a clip without a camera.
    """
    if data.pose_3d is None:
        raise InputError("virtual cameras need 3D poses to look at; this data has none.")
    pose = torch.from_numpy(convert(data.pose_3d, data.skeleton, skeleton).keypoints).float()
    pose = pose - pose[:, skeleton.root : skeleton.root + 1]
    return pose @ rotations(data)[torch.from_numpy(data.sequence.astype(np.int64))]


def rotations(data: PoseData) -> Float[Tensor, "clips 3 3"]:
    """Return the rotation from world to camera of every sequence.

    Raises:
        InputError: a sequence whose camera is not known.
    """
    missing = [clip for clip in data.sequences if clip.camera is None]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(data.sequences)} sequences have no camera (first: {missing[0].subject} "
            f"{missing[0].action}); how they are turned against each other is not known."
        )
    return torch.stack([clip.camera.R.float() for clip in data.sequences if clip.camera is not None])
