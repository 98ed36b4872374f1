"""Read a user's keypoints for fine-tuning: complete people, split so that validation shares no recording with training."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from posezoo.data import PoseData, read_keypoints
from posezoo.errors import InputError
from posezoo.formats.keypoints import inspect_keypoints
from posezoo.lifting.inputs import check_convertible, check_keypoints
from posezoo.poses.missing import missing_joints
from posezoo.skeletons import Skeleton, convert


@dataclass(frozen=True)
class OwnData:
    """2D poses in a model's layout, with all joints, without 3D.

    Attributes:
        splits: ``train`` and ``val``.
        left_out: how many people lacked a joint that the model needs.
        split: how the two were told apart, in words.
    """

    splits: dict[str, PoseData]
    left_out: int
    split: str


def read_own_data(
    source: str | Path | PoseData,
    skeleton: str | None,
    target: Skeleton,
    fraction: float,
    seed: int,
    image_size: tuple[int, int] | None = None,
) -> OwnData:
    """Read whole people (:func:`read_whole_people`) and split them.

    Args:
        source, skeleton, target, image_size: of :func:`read_whole_people`.
        fraction: of the poses, to validate.
        seed: of the split.

    Raises:
        PoseZooError: as :func:`read_whole_people`.
    """
    data, left_out = read_whole_people(source, skeleton, target, image_size)
    splits, how = split_by_sequence(data, fraction, seed)
    return OwnData(splits, left_out, how)


def read_whole_people(
    source: str | Path | PoseData,
    skeleton: str | None,
    target: Skeleton,
    image_size: tuple[int, int] | None = None,
    labels: bool = False,
) -> tuple[PoseData, int]:
    """Read and convert people, and leave out who lacks a joint or is a single point.

    Joints are missing where :func:`posezoo.poses.missing.missing_joints` says so.

    Args:
        source: a file, see :func:`posezoo.data.read_keypoints`, or poses; labels among them are dropped unread, but
            for ``labels``.
        skeleton: layout of the file, where it does not say.
        target: the model's layout.
        image_size: (width, height) px of the pictures, where the file does not say.
        labels: keep the 3D of poses, in their layout.

    Returns:
        the people, and how many were left out.

    Raises:
        PoseZooError: a file that cannot be read, joints that cannot be had, or nobody left.

    Warns:
        UserWarning: heads below feet in most poses (y up?), keypoints that look normalised, or left and right exchanged.
    """
    data = source if isinstance(source, PoseData) else read_keypoints(source, skeleton, image_size)
    missing = missing_joints(data.keypoints_2d, data.skeleton, data.confidence)
    found = np.where(missing[..., None], np.float32(np.nan), data.keypoints_2d)
    converted = convert(found, data.skeleton, target, data.confidence)
    check_convertible(data.skeleton, converted.missing)
    keypoints = np.ascontiguousarray(converted.keypoints, dtype=np.float32)
    whole = np.asarray(np.isfinite(keypoints).all((1, 2)))
    whole[whole] = np.ptp(keypoints[whole], axis=1).max(1) > 0  # detectors write a person that was not found as one point
    if not whole.any():
        name = "these poses" if isinstance(source, PoseData) else source
        raise InputError(f"none of the {len(data)} people of {name} has every joint that the model needs.")
    check_keypoints(keypoints[whole], target, target)
    label = convert(data.pose_3d, data.skeleton, target).keypoints if labels and data.pose_3d is not None else None
    data = replace(data, skeleton=target, keypoints_2d=keypoints, pose_3d=label, confidence=None)[whole]
    for finding in inspect_keypoints(data).findings:
        if finding.name == "sides":
            warnings.warn(finding.text, stacklevel=4)
    return data, int((~whole).sum())


def split_by_sequence(data: PoseData, fraction: float = 0.1, seed: int = 0) -> tuple[dict[str, PoseData], str]:
    """Return training and validation poses that share no recording, all cameras of a recording on one side.

    Recordings are taken in random order, each that still fits into the fraction; the shortest where none does. Of a single
    recording the last frames validate: they are much like the ones before, so validation is milder than it should be.

    Returns:
        ``train`` and ``val``, and how they were told apart.
    """
    names: dict[tuple[str, str, str], int] = {}
    of_clip = [names.setdefault((clip.subject, clip.action, clip.trial), len(names)) for clip in data.sequences]
    recording = np.asarray(of_clip)[data.sequence]
    present, sizes = np.unique(recording, return_counts=True)
    if len(present) == 1:
        order = np.argsort(data.frame, kind="stable")
        held = np.zeros(len(data), dtype=bool)
        held[order[len(data) - max(1, round(fraction * len(data))) :]] = True
        how = "a single recording, of which the last frames validate; they are much like the others, so judge by new ones"
    else:
        room, chosen = round(fraction * len(data)), list[int]()
        for index in np.random.default_rng(seed).permutation(len(present)):
            if sizes[index] <= room:
                chosen.append(present[index])
                room -= sizes[index]
        held = np.isin(recording, chosen or [present[sizes.argmin()]])
        how = f"{max(1, len(chosen))} of {len(present)} recordings validate"
    return {"train": data[~held], "val": data[held]}, how
