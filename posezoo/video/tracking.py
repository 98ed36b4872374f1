"""Build the tracks of a clip's people, with gaps filled or left open."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np

from posezoo.errors import InputError
from posezoo.poses.mixing import alternating
from posezoo.poses.posedata import PoseData, Sequence
from posezoo.poses.tracking import Detections, Track, dense_track, track_people

__all__ = ["Detections", "Track", "fill_gaps", "track_people", "tracks_of"]


def tracks_of(data: PoseData) -> list[Track]:
    """Return the clips of a file of keypoints as tracks, the greatest :attr:`Track.presence` first.

    Raises:
        InputError: as :func:`track_of`.
    """
    return sorted((track_of(clip, rows) for clip, rows in data.by_sequence()), key=lambda track: -track.presence)


def track_of(clip: Sequence, rows: PoseData) -> Track:
    """Return a clip of a file of keypoints as a track.

    Args:
        clip: whose it is.
        rows: its poses, frames in order.

    Raises:
        InputError: a person has two poses in one frame, or is several people in turn, or frame numbers
            are those of pictures rather than of a video.
    """
    name = f"person {clip.subject or '?'} of {clip.trial or 'the file'}"
    if (np.diff(rows.frame) == 0).any():
        twice = int(rows.frame[:-1][np.diff(rows.frame) == 0][0])
        raise InputError(f"{name} has two poses in frame {twice}; a clip has one pose of one person in each frame.")
    if rows.frame[-1] - rows.frame[0] > 100 * len(rows):
        raise InputError(
            f"{name} has {len(rows)} poses in frames {rows.frame[0]} to {rows.frame[-1]}, which is no video; "
            "take them one by one, without the options for clips, and as results to .npz, .json or .csv."
        )
    turns = alternating(rows.keypoints_2d)
    if turns > 1:
        raise InputError(
            f"{name} is {turns} people, or cameras, who take turns from row to row, and a clip is of one; say whose each "
            "pose is (person), or give arrays of (frames, people, joints, 2)."
        )
    known = np.isfinite(rows.keypoints_2d).all(-1)
    confidence = known.astype(np.float64) if rows.confidence is None else np.where(known, rows.confidence, 0.0)
    track = dense_track(rows.frame, rows.keypoints_2d, confidence)
    times = rows.time_s
    if times is not None and not (np.diff(times) > 0).all():
        warnings.warn(f"the times of {name} do not rise from frame to frame, and are left out.", stacklevel=2)
        times = None
    if times is not None:
        times = np.interp(np.arange(len(track)), rows.frame - rows.frame[0], times)
    return replace(track, person=clip.subject, video=clip.trial, time_s=times)


def fill_gaps(track: Track, max_gap: int = 10) -> Track:
    """Interpolate each joint linearly in time over gaps of up to ``max_gap`` frames; longer ones stay NaN.

    What is interpolated is marked in :attr:`Track.filled`, and its confidence is 0. Nothing is extrapolated: a joint stays
    unknown before it is first seen and after it is last seen.

    Raises:
        InputError: a negative ``max_gap``.

    Example:
        >>> import numpy as np
        >>> points = np.array([0.0, np.nan, 4.0])[:, None, None] * np.ones((3, 1, 2))
        >>> filled = fill_gaps(Track(0, points, np.array([[1.0], [0.0], [1.0]])))
        >>> filled.keypoints[1].tolist(), filled.confidence[1].tolist(), filled.filled[:, 0].tolist()
        ([[2.0, 2.0]], [0.0], [False, True, False])
    """
    if max_gap < 0:
        raise InputError(f"max_gap is {max_gap}; expected a number of frames, 0 to fill nothing.")
    keypoints, filled = track.keypoints.copy(), track.filled.copy()
    times = np.arange(len(track)) if track.time_s is None else np.asarray(track.time_s)
    for joint in range(keypoints.shape[1]):
        known = np.flatnonzero(np.isfinite(keypoints[:, joint]).all(-1))
        steps = np.diff(known)
        for gap in np.flatnonzero((steps > 1) & (steps <= max_gap + 1)):
            before, after = known[gap], known[gap + 1]
            share = ((times[before + 1 : after] - times[before]) / (times[after] - times[before]))[:, None]
            ends = keypoints[before, joint], keypoints[after, joint]
            keypoints[before + 1 : after, joint] = (1 - share) * ends[0] + share * ends[1]
            filled[before + 1 : after, joint] = True
    return replace(track, keypoints=keypoints, filled=filled, confidence=np.where(filled, 0.0, track.confidence))
