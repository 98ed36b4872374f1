"""Poses of OpenMocap: bodies of several shapes in recorded motions, seen through the cameras of Human3.6M."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from posezoo.data.h36m.facts import SUBJECTS
from posezoo.data.openmocap.recordings import FPS, SKELETON, read_detector_errors, read_motions
from posezoo.errors import InputError, UnknownNameError
from posezoo.geometry import bone_lengths, h36m_cameras, rotation_about, scale_bones
from posezoo.poses.posedata import PoseData
from posezoo.poses.views import concatenate, see_motion
from posezoo.skeletons import Skeleton

# The subjects of Human3.6M by whose camera calibrations a split is seen; a body is drawn for each. Human3.6M validates on
# one of its training subjects (S8). Here, too, the validation split has cameras of the training split, three of its five;
# its motions and bodies are new. The test split has new cameras as well.
_RIGS = {**SUBJECTS, "val": ("S6", "S7", "S8")}
_SHAPE_SEED = {"train": 1, "val": 2, "test": 3}
_ANKLE_HEIGHT_MM = 80.0


def body_shape(split: str, index: int, skeleton: Skeleton = SKELETON) -> np.ndarray:
    """Return (J,) factors on the recorded body's bones: one stature, and a proportion a segment, left as right.

    Stature varies by 6 %, segments by 7 % (standard deviations), fixed by split and index alone. The recorded CMU
    body is tall (1.90 m), so shapes centre on 0.93 of it.
    """
    generator = np.random.default_rng([_SHAPE_SEED[split], index])
    stature = 0.93 * (1 + 0.06 * generator.standard_normal())
    segments = {name: 1 + 0.07 * generator.standard_normal() for name in sorted({_segment(j) for j in skeleton.joints})}
    return np.array([stature * np.clip(segments[_segment(joint)], 0.8, 1.2) for joint in skeleton.joints], dtype=np.float32)


def _segment(joint: str) -> str:
    return joint.removeprefix("left_").removeprefix("right_")


def _place(motion: np.ndarray, heading: float) -> np.ndarray:
    """Turn a clip about the vertical, centre it on the world's origin and stand it on the floor."""
    world = torch.from_numpy(motion) @ rotation_about("z", torch.tensor(heading)).T
    root = world[:, SKELETON.root]
    middle = (root.amin(0) + root.amax(0)) / 2
    ankles = world[:, [SKELETON.index("left_ankle"), SKELETON.index("right_ankle")], 2]
    middle[2] = ankles.min() - _ANKLE_HEIGHT_MM
    return (world - middle).numpy()


def load_openmocap(
    path: str | Path,
    split: str = "test",
    keypoints: str = "gt",
    views: tuple[int, ...] = (0, 1, 2, 3),
    seed: int = 0,
) -> PoseData:
    """Read poses of a prepared file, as the cameras see them.

    Args:
        path: what :func:`prepare_openmocap` wrote.
        split: ``train`` (5 bodies), ``val`` (3) or ``test`` (2); no two splits share a body or a motion. A collection other
            than CMU's is a test split with the body as recorded.
        keypoints: ``gt`` (projected through the distorted lens) or ``detected``: the same plus, joint by joint, errors
            drawn from those of a real detector on MPII, scaled to the person's height in the image.
        views: which of the four cameras.
        seed: of the detection errors.

    Returns:
        frames in which every joint is inside the image.

    Raises:
        MissingFileError, CorruptFileError: no such file, or not an OpenMocap file.
        UnknownNameError: no such split or kind of keypoints.
        InputError: the split is empty, or the file was prepared without MPII and ``detected`` was asked for.
    """
    if split not in _RIGS:
        raise UnknownNameError.of("split", split, _RIGS)
    if keypoints not in ("gt", "detected"):
        raise UnknownNameError.of("kind of keypoints", keypoints, ("gt", "detected"))
    motions = read_motions(path, split)
    if not motions:
        raise InputError(f"{path} holds no clip of the {split} split; expected CMU's clips, or split='test'.")
    parts = []
    for clip, motion in motions:
        for index, subject in enumerate(_RIGS[split] if clip.is_cmu else ("S9",)):
            factors = body_shape(split, index) if clip.is_cmu else np.ones(len(SKELETON), dtype=np.float32)
            body = scale_bones(torch.from_numpy(motion.pose_world_mm), torch.from_numpy(factors), SKELETON).numpy()
            # Each clip and body has its own heading, so that cameras and directions of motion are independent.
            heading = zlib.crc32(f"{motion.name}/{subject}".encode()) / 2**32 * 2 * np.pi
            parts.append(
                see_motion(
                    _place(body, heading),
                    h36m_cameras(subject),
                    SKELETON,
                    subject=f"{clip.subject}/{subject}" if clip.is_cmu else clip.subject,
                    action=clip.action,
                    trial=clip.trial,
                    fps=FPS,
                    views=views,
                )
            )
    data = concatenate(parts)
    if keypoints == "detected":
        residuals = read_detector_errors(path)
        if residuals is None:
            raise InputError(f"{path} was prepared without detector errors; prepare it again with --mpii.")
        data = with_detection_errors(data, residuals, seed)
    return data


def with_detection_errors(data: PoseData, residuals: np.ndarray, seed: int = 0) -> PoseData:
    """Return the poses with 2D as a detector would give it.

    Args:
        data: with 3D labels, from which the person's height in px is known.
        residuals: (M, J, 2) errors in body heights; each joint of each pose draws one of its own column.
        seed: same seed, same errors.

    Raises:
        InputError: no labels, or a clip without a camera.
    """
    if data.pose_3d is None:
        raise InputError("detection errors scale with the person's height, which needs 3D labels.")
    if any(data.sequences[number].camera is None for number in np.unique(data.sequence)):
        raise InputError("detection errors scale with the person's height in the picture, which needs each clip's camera.")
    generator = np.random.default_rng(seed)
    count, joints = data.keypoints_2d.shape[:2]
    drawn = residuals[generator.integers(len(residuals), size=(count, joints)), np.arange(joints)]
    focal = np.array([0.0 if c.camera is None else float(c.camera.K[0, 0]) for c in data.sequences])[data.sequence]
    depth = data.pose_3d[:, data.skeleton.root, 2]
    height_px = focal * _stature_mm(data.pose_3d, data.skeleton) / depth
    noisy = data.keypoints_2d + drawn * height_px[:, None, None]
    return replace(data, keypoints_2d=noisy.astype(np.float32))


def _stature_mm(pose: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Return the height of the body standing straight: the bones from ankle to crown, and the foot below."""
    chain = ("right_knee", "right_ankle", "spine", "thorax", "nose", "head_top")
    columns = [[child for _, child in skeleton.bones].index(skeleton.index(joint)) for joint in chain]
    return bone_lengths(torch.from_numpy(pose), skeleton)[:, columns].sum(-1).numpy() + _ANKLE_HEIGHT_MM
