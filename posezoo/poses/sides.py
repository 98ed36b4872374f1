"""Detect exchanged sides: left and right swapped in all of the keypoints, or in single frames."""

from __future__ import annotations

import warnings
from itertools import pairwise

import numpy as np

from posezoo.skeletons import Skeleton

# As shares of a pose's extent. Below these a pose faces the camera, or its two sides are equally far from it.
_LEAST_FORWARD, _LEAST_DEPTH = 0.04, 0.02
# Fewer poses that face one way decide nothing.
_LEAST_VOTES = 40
# A frame whose sides are exchanged lies nearer to its neighbour once they are changed back, and near enough.
_LEAST_MOVE, _MOST_MOVE = 0.04, 0.06


def sides_agreement(keypoints: np.ndarray, skeleton: Skeleton) -> tuple[float, int]:
    """Return how far geometry agrees with the names of the sides.

    Two things are seen without knowing the sides: which way in the picture a person faces, by the bend of knees
    (forward) and elbows (backward), by nose against ears or neck, and by toes against heels. A person who faces the
    picture's right has the left side away from the camera, and away means higher in the picture and smaller: the left
    hip is above the right one, the left leg and arm are the shorter. Each pose of which both are clear votes.

    Who always lifts the right leg, or leans, deceives the poses that face one way and confirms the others. So the share
    counts that is greater of the two, and both must be of enough poses. On correct keypoints it is about 0.8 for motion
    capture seen by four cameras and for MPII's people in the wild; with the sides exchanged it is about 0.2. Below a
    third the sides are suspect: none of 150 clips of dance, sport and work that turn both ways was, one by one.

    Args:
        keypoints: (N, J, 2) px, y down, NaN where unknown; seen by cameras above the hips.
        skeleton: their layout.

    Returns:
        the greater share of votes that agree, NaN with too few, and the number of votes.
    """
    pose = _Joints(keypoints, skeleton)
    forward = _sum(
        pose.bend("hip", "knee", "ankle", "left"),
        pose.bend("hip", "knee", "ankle", "right"),
        -0.5 * pose.bend("shoulder", "elbow", "wrist", "left"),
        -0.5 * pose.bend("shoulder", "elbow", "wrist", "right"),
        _offset(pose.middle("shoulder"), pose["nose"], pose["head_top"]),
        (pose["nose"] - pose.middle("ear"))[:, 0],
        *((pose[f"{side}_big_toe"] - pose[f"{side}_heel"])[:, 0] for side in ("left", "right")),
        *((pose[f"{side}_foot_index"] - pose[f"{side}_heel"])[:, 0] for side in ("left", "right")),
        *((pose[f"{side}_toe"] - pose[f"{side}_ankle"])[:, 0] for side in ("left", "right")),
    )
    nearer = _sum(
        (pose["left_hip"] - pose["right_hip"])[:, 1],
        0.5 * (pose.length("left", "hip", "knee", "ankle") - pose.length("right", "hip", "knee", "ankle")),
        0.5 * (pose.length("left", "shoulder", "elbow", "wrist") - pose.length("right", "shoulder", "elbow", "wrist")),
    )
    clear = (np.abs(forward) > _LEAST_FORWARD * pose.extent) & (np.abs(nearer) > _LEAST_DEPTH * pose.extent)
    agree = forward * nearer < 0
    facing = agree[clear & (forward > 0)], agree[clear & (forward < 0)]
    enough = min(map(len, facing)) >= _LEAST_VOTES
    return max(float(votes.mean()) for votes in facing) if enough else float("nan"), int(clear.sum())


def exchanged_frames(keypoints: np.ndarray, skeleton: Skeleton, sequence: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Return rows at which a person's sides change places from one frame to the next, while the person hardly moves.

    Args:
        keypoints: (N, J, 2) px, NaN where unknown.
        skeleton: their layout.
        sequence: (N,) which clip.
        frame: (N,) frame numbers; neighbours differ by one.

    Returns:
        indices of the later frames. One wrong frame is two changes: to it and back.
    """
    order = np.lexsort((frame, sequence))
    earlier, later = order[:-1], order[1:]
    neighbours = (sequence[earlier] == sequence[later]) & (frame[later] - frame[earlier] == 1)
    earlier, later = earlier[neighbours], later[neighbours]
    sides = [*skeleton.left, *skeleton.right]
    mirror = [skeleton.mirror[joint] for joint in sides]
    now, before = keypoints[later], keypoints[earlier]
    extent = _Joints(now, skeleton).extent
    as_named = _mean_distance(now[:, sides], before[:, sides])
    changed = _mean_distance(now[:, mirror], before[:, sides])
    with np.errstate(invalid="ignore"):
        found = (changed < 0.5 * as_named) & (as_named > _LEAST_MOVE * extent) & (changed < _MOST_MOVE * extent)
    return np.sort(later[found])


class _Joints:
    """Joints of poses (N, J, 2) by name; NaN where the layout lacks one."""

    def __init__(self, keypoints: np.ndarray, skeleton: Skeleton) -> None:
        self.keypoints, self.skeleton = keypoints.astype(np.float64), skeleton
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            low, high = np.nanmin(self.keypoints, axis=1), np.nanmax(self.keypoints, axis=1)
        self.extent = (high - low).max(-1)

    def __getitem__(self, joint: str) -> np.ndarray:
        if joint not in self.skeleton.joints:
            return np.full((len(self.keypoints), 2), np.nan)
        return self.keypoints[:, self.skeleton.index(joint)]

    def middle(self, part: str) -> np.ndarray:
        """Return (N, 2) the middle of left and right."""
        return (self[f"left_{part}"] + self[f"right_{part}"]) / 2

    def bend(self, start: str, joint: str, end: str, side: str) -> np.ndarray:
        """Return (N,) how far a joint lies to the right of the line between its neighbours."""
        return _offset(self[f"{side}_{start}"], self[f"{side}_{joint}"], self[f"{side}_{end}"])

    def length(self, side: str, *parts: str) -> np.ndarray:
        """Return (N,) length of a limb."""
        joints = [self[f"{side}_{part}"] for part in parts]
        return sum(np.linalg.norm(a - b, axis=-1) for a, b in pairwise(joints))


def _offset(start: np.ndarray, point: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return (N,) x of a point seen from its foot on the line from start to end."""
    line = end - start
    along = ((point - start) * line).sum(-1) / np.maximum((line**2).sum(-1), 1e-9)
    return (point - start - line * along[:, None])[:, 0]


def _sum(*parts: np.ndarray) -> np.ndarray:
    """Return the sum of what is known."""
    return np.nansum(np.stack(parts), axis=0)


def _mean_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the distance (N,) over the joints that are known in both."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmean(np.linalg.norm(a.astype(np.float64) - b, axis=-1), axis=1)
