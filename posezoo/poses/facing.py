"""Turn poses to cameras that look straight at each person."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from posezoo.errors import InputError
from posezoo.geometry import assumed_camera, face_root
from posezoo.poses.posedata import PoseData

FOCAL_PX, CENTER_PX = 1145.0, 500.0
"""Focal length and centre of turned cameras, px: those of Human3.6M's, whose pictures are 1000 px wide."""


def face_roots(data: PoseData) -> PoseData:
    """Turn the camera of every picture towards the person's root, with keypoints and labels.

    Every turned camera has the focal length :data:`FOCAL_PX` and no distortion, and the root is in the middle of its
    picture. Where a camera is not known, :func:`posezoo.geometry.assumed_camera` stands for it.

    Args:
        data: poses of any layout with a pelvis or both hips.

    Returns:
        the same poses; the sequences have no camera, since each pose has its own.

    Raises:
        InputError: a sequence with neither camera nor image size, or a layout without pelvis and hips.
    """
    names = data.skeleton.joints
    hips = [name for name in (["pelvis"] if "pelvis" in names else ["left_hip", "right_hip"]) if name in names]
    if not hips:
        raise InputError(f"{data.skeleton.name} has neither pelvis nor hips to look at.")
    root = [data.skeleton.index(name) for name in hips]
    keypoints = np.empty_like(data.keypoints_2d)
    pose = None if data.pose_3d is None else np.empty_like(data.pose_3d)
    for index in np.unique(data.sequence):
        clip, rows = data.sequences[index], np.flatnonzero(data.sequence == index)
        if clip.camera is None and clip.image_size is None:
            raise InputError(
                f"{clip.subject} {clip.action} has neither camera nor image_size; give one, or leave out facing."
            )
        camera = clip.camera or assumed_camera(clip.image_size or (0, 0))
        turned, back = face_root(torch.from_numpy(data.keypoints_2d[rows]), camera, root)
        keypoints[rows] = (turned / camera.K[0, 0].to(turned) * FOCAL_PX + CENTER_PX).numpy()
        if pose is not None and data.pose_3d is not None:
            pose[rows] = (torch.from_numpy(data.pose_3d[rows]) @ back).numpy()
    sequences = tuple(replace(clip, camera=None, image_size=None) for clip in data.sequences)
    return replace(data, keypoints_2d=keypoints, pose_3d=pose, sequences=sequences)
