"""Read a user's keypoints for fine-tuning: complete people, split so that validation shares no recording with training."""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from posezoo.data import PoseData, read_keypoints
from posezoo.errors import InputError
from posezoo.formats.keypoints import inspect_keypoints
from posezoo.lifting.inputs import check_convertible, check_keypoints, has_enough_joints
from posezoo.poses.missing import missing_joints
from posezoo.skeletons import Skeleton, convert
from posezoo.video.defaults import MAX_GAP
from posezoo.video.tracking import fill_gaps, track_of


@dataclass(frozen=True)
class OwnData:
    """2D poses in a model's layout, with all joints, without 3D.

    Attributes:
        splits: ``train`` and ``val``.
        left_out: how many people lacked a joint that the model needs.
        split: how the two were told apart, in words.
        interpolated: how many joints were filled in between frames.
        fillable: how many of those left out filling gaps of the usual length would keep, where that can be asked for.
        remedy: what helps those who were left out, in words; empty where nothing is known to.
    """

    splits: dict[str, PoseData]
    left_out: int
    split: str
    interpolated: int = 0
    fillable: int = 0
    remedy: str = ""


@dataclass(frozen=True)
class WholePeople:
    """People with all joints of a model's layout, see :func:`read_whole_people`.

    Attributes:
        data: the people.
        left_out, interpolated, fillable, remedy: of :class:`OwnData`.
    """

    data: PoseData
    left_out: int
    interpolated: int
    fillable: int
    remedy: str


def read_own_data(
    source: str | Path | PoseData,
    skeleton: str | None,
    target: Skeleton,
    fraction: float,
    seed: int,
    image_size: tuple[int, int] | None = None,
    max_gap: int = 0,
) -> OwnData:
    """Read whole people (:func:`read_whole_people`) and split them.

    Args:
        source, skeleton, target, image_size, max_gap: of :func:`read_whole_people`.
        fraction: of the poses, to validate.
        seed: of the split.

    Raises:
        PoseZooError: as :func:`read_whole_people`.
    """
    people = read_whole_people(source, skeleton, target, image_size, max_gap=max_gap)
    splits, how = split_by_sequence(people.data, fraction, seed)
    return OwnData(splits, people.left_out, how, people.interpolated, people.fillable, people.remedy)


def read_whole_people(
    source: str | Path | PoseData,
    skeleton: str | None,
    target: Skeleton,
    image_size: tuple[int, int] | None = None,
    labels: bool = False,
    max_gap: int | None = None,
) -> WholePeople:
    """Read and convert people, and leave out who lacks a joint or is a single point.

    Joints are missing where :func:`posezoo.poses.missing.missing_joints` says so.

    Args:
        source: a file, see :func:`posezoo.data.read_keypoints`, or poses; labels among them are dropped unread, but
            for ``labels``.
        skeleton: layout of the file, where it does not say.
        target: the model's layout.
        image_size: (width, height) px of the pictures, where the file does not say.
        labels: keep the 3D of poses, in their layout.
        max_gap: interpolate joints over gaps of up to so many frames (:func:`posezoo.video.tracking.fill_gaps`), 0 for none.
            None where the caller has no such setting, which the remedy then does not name.

    Raises:
        PoseZooError: a file that cannot be read, joints that cannot be had, gaps to fill of what is no clip, or nobody left.

    Warns:
        UserWarning: heads below feet in most poses (y up?), keypoints that look normalised, or left and right exchanged.
    """
    data = source if isinstance(source, PoseData) else read_keypoints(source, skeleton, image_size)
    missing = missing_joints(data.keypoints_2d, data.skeleton, data.confidence)
    found = replace(data, keypoints_2d=np.where(missing[..., None], np.float32(np.nan), data.keypoints_2d))
    filled = filled_in(found, max_gap) if max_gap else found
    keypoints, whole = _converted(filled, target)
    left_out = int((~whole).sum())
    fillable = 0 if max_gap is None or max_gap >= MAX_GAP or not left_out else left_out - _lacking(found, target)
    remedy = _remedy(fillable, keypoints[~whole])
    if not whole.any():
        name = "these poses" if isinstance(source, PoseData) else source
        what = remedy or "look which joints were found of them (posezoo data check)"
        raise InputError(f"none of the {len(data)} people of {name} has every joint that the model needs; {what}.")
    check_keypoints(keypoints[whole], target, target)
    label = convert(data.pose_3d, data.skeleton, target).keypoints if labels and data.pose_3d is not None else None
    data = replace(data, skeleton=target, keypoints_2d=keypoints, pose_3d=label, confidence=None)[whole]
    for finding in inspect_keypoints(data).findings:
        if finding.name == "sides":
            warnings.warn(finding.text, stacklevel=4)
    interpolated = int((np.isnan(found.keypoints_2d) & ~np.isnan(filled.keypoints_2d)).any(-1).sum())
    return WholePeople(data, left_out, interpolated, fillable, remedy)


def filled_in(data: PoseData, max_gap: int) -> PoseData:
    """Return poses with joints interpolated over gaps of each clip, see :func:`posezoo.video.tracking.fill_gaps`.

    Args:
        data: NaN where a joint is missing. No pose is added for a frame that has none.
        max_gap: of how many frames.

    Raises:
        InputError: joints are missing in what is no clip, see :func:`posezoo.video.tracking.track_of`.
    """
    keypoints = data.keypoints_2d.copy()
    order = np.lexsort((data.frame, data.sequence))
    for rows in np.split(order, np.flatnonzero(np.diff(data.sequence[order])) + 1):
        if np.isnan(keypoints[rows]).any():
            track = fill_gaps(track_of(data.sequences[data.sequence[rows[0]]], data[rows]), max_gap)
            keypoints[rows] = track.keypoints[data.frame[rows] - track.first_frame]
    return replace(data, keypoints_2d=keypoints)


def _converted(data: PoseData, target: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """Return (N, J, 2) keypoints in a model's layout, and (N,) who has all joints and is no single point."""
    converted = convert(data.keypoints_2d, data.skeleton, target, data.confidence)
    check_convertible(data.skeleton, converted.missing)
    keypoints = np.ascontiguousarray(converted.keypoints, dtype=np.float32)
    whole = np.asarray(np.isfinite(keypoints).all((1, 2)))
    whole[whole] = np.ptp(keypoints[whole], axis=1).max(1) > 0  # detectors write a person that was not found as one point
    return keypoints, whole


def _lacking(found: PoseData, target: Skeleton) -> int:
    """Return how many people would still lack a joint, were gaps of the usual length filled."""
    with warnings.catch_warnings(), contextlib.suppress(InputError):  # what is no clip has no gaps
        warnings.simplefilter("ignore")
        found = filled_in(found, MAX_GAP)
    return int((~_converted(found, target)[1]).sum())


def _remedy(fillable: int, left_out: np.ndarray) -> str:
    """Return what helps people who were left out, in words; empty where nothing is known to.

    Args:
        fillable: of :class:`OwnData`.
        left_out: (N, J, 2) their keypoints in the model's layout.
    """
    known = np.isfinite(left_out).all(-1)
    liftable = int((has_enough_joints(known, True) & ~known.all(1)).sum())
    parts = [f"{filling_keeps(fillable)} of them"] if fillable else []
    if liftable:
        parts.append(f"geoselfsup, which fills in missing joints by itself, lifts {liftable} of them as they are")
    return ", and ".join(parts)


def filling_keeps(people: int) -> str:
    """Return in words how many people filling gaps of the usual length would keep."""
    return f"filling gaps of up to {MAX_GAP} frames (max_gap={MAX_GAP}) keeps {people}"


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
