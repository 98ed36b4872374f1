"""People found frame by frame become tracks: one person each, with gaps that are filled or left open."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import linear_sum_assignment

from posezoo.errors import InputError
from posezoo.poses.posedata import PoseData

# How much the latest step counts in a track's velocity.
_LATEST = 0.3


@dataclass(frozen=True)
class Detections:
    """The N people that a detector finds in one picture.

    Attributes:
        keypoints: (N, J, 2) px, y down; NaN where a joint is not found.
        confidence: (N, J) in [0, 1].
    """

    keypoints: Float[np.ndarray, "N J 2"]
    confidence: Float[np.ndarray, "N J"]

    def __len__(self) -> int:
        return len(self.keypoints)


@dataclass(frozen=True)
class Track:
    """One person over T consecutive frames.

    Attributes:
        first_frame: the number of the first.
        keypoints: (T, J, 2) px, y down; NaN where unknown.
        confidence: (T, J) in [0, 1]; 0 where unknown or interpolated.
        filled: (T, J) bool, which joints were interpolated, see :func:`fill_gaps`.
        person, video: whose it is, as the input names people and recordings.
        time_s: (T,) seconds of the frames, None where only a rate tells them.
    """

    first_frame: int
    keypoints: Float[np.ndarray, "T J 2"]
    confidence: Float[np.ndarray, "T J"]
    filled: Any = None
    person: str = ""
    video: str = ""
    time_s: Any = None

    def __post_init__(self) -> None:
        if self.filled is None:
            object.__setattr__(self, "filled", np.zeros(self.keypoints.shape[:2], bool))

    def __len__(self) -> int:
        return len(self.keypoints)

    @property
    def seen(self) -> Bool[np.ndarray, "T"]:
        """Frames in which a joint is known that was not interpolated."""
        return (np.isfinite(self.keypoints).all(-1) & ~self.filled).any(-1)

    @property
    def presence(self) -> float:
        """The mean confidence of the joints, summed over frames: who is seen longest and best has most."""
        return float(self.confidence.mean(1).sum())

    def starting_at(self, frame: int) -> Track:
        """The same with unknown frames before, so that row i is frame ``frame + i``."""
        room = ((self.first_frame - frame, 0), (0, 0))
        times = self.time_s
        if times is not None:  # the frames before are as far apart as the first ones
            step = float(times[1] - times[0]) if len(times) > 1 else 0.0
            times = np.concatenate([times[0] + step * np.arange(frame - self.first_frame, 0), times])
        return replace(
            self,
            first_frame=frame,
            keypoints=np.pad(self.keypoints, (*room, (0, 0)), constant_values=np.nan),
            confidence=np.pad(self.confidence, room),
            filled=np.pad(self.filled, room),
            time_s=times,
        )


@dataclass
class _Open:
    """A track that may go on."""

    frames: list[int]
    keypoints: list[np.ndarray]
    confidence: list[np.ndarray]
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(2))

    def distance(self, frame: int, keypoints: np.ndarray, confidence: np.ndarray) -> float:
        """Mean distance of the joints that both have from where the person should be, over the person's size."""
        both = np.isfinite(keypoints).all(-1) & np.isfinite(self.keypoints[-1]).all(-1)
        weights = np.where(both, confidence * self.confidence[-1], 0.0)
        if weights.sum() <= 0:
            return np.inf
        last = self.keypoints[-1][both]
        expected = last + self.velocity * (frame - self.frames[-1])
        size = max(float(np.hypot(*np.ptp(last, axis=0))), float(np.hypot(*np.ptp(keypoints[both], axis=0))), 1.0)
        return float(np.average(np.linalg.norm(keypoints[both] - expected, axis=-1), weights=weights[both])) / size

    def append(self, frame: int, keypoints: np.ndarray, confidence: np.ndarray) -> None:
        step = (keypoints - self.keypoints[-1])[np.isfinite(keypoints - self.keypoints[-1]).all(-1)]
        latest = np.median(step, axis=0) / (frame - self.frames[-1])
        self.velocity = latest if len(self.frames) == 1 else (1 - _LATEST) * self.velocity + _LATEST * latest
        self.frames.append(frame)
        self.keypoints.append(keypoints)
        self.confidence.append(confidence)

    def close(self) -> Track:
        return _dense(np.array(self.frames), np.stack(self.keypoints), np.stack(self.confidence))


def track_people(pictures: Iterable[Detections], max_gap: int = 30, max_distance: float | int = 0.3) -> list[Track]:
    """Connect the people of consecutive frames.

    Each track expects its person where the last pose would be at the track's velocity. In every frame tracks and detections
    are paired so that the sum of their distances is least (the Hungarian method). A detection without a track begins one.

    Args:
        pictures: what was found in each frame, in order.
        max_gap: frames without the person after which a track ends; who comes back later is another track.
        max_distance: mean distance of the joints, weighted by confidence, over the diagonal of the person's box, up to which
            a detection may be the track's person.

    Returns:
        the tracks, that of the greatest :attr:`Track.presence` first.

    Example:
        >>> import numpy as np
        >>> standing = np.random.default_rng(0).uniform(0, 100, (1, 17, 2))
        >>> pair = Detections(np.concatenate([standing, standing + 300]), np.array([[0.5], [0.9]]) * np.ones((2, 17)))
        >>> [(len(track), round(track.presence, 1)) for track in track_people([pair, pair, pair])]
        [(3, 2.7), (3, 1.5)]
    """
    open_: list[_Open] = []
    closed: list[_Open] = []
    for frame, found in enumerate(pictures):
        closed += [track for track in open_ if frame - track.frames[-1] > max_gap]
        open_ = [track for track in open_ if frame - track.frames[-1] <= max_gap]
        people = list(zip(np.asarray(found.keypoints, np.float64), np.asarray(found.confidence, np.float64), strict=True))
        distances = np.array([[track.distance(frame, *person) for person in people] for track in open_])
        distances = distances.reshape(len(open_), len(people))
        free = set(range(len(people)))
        # A pair beyond max_distance costs more than any set of pairs within it, so that it never displaces one.
        far = max_distance * (1 + distances.size)
        for track, person in zip(*linear_sum_assignment(np.where(distances <= max_distance, distances, far)), strict=True):
            if distances[track, person] <= max_distance:
                open_[track].append(frame, *people[person])
                free.discard(int(person))
        open_ += [_Open([frame], [people[person][0]], [people[person][1]]) for person in sorted(free)]
    return sorted((track.close() for track in closed + open_), key=lambda track: -track.presence)


def tracks_of(data: PoseData) -> list[Track]:
    """The clips of a file of keypoints as tracks, that of the greatest :attr:`Track.presence` first.

    Raises:
        InputError: a person has two poses in one frame, or frame numbers are those of pictures rather than of a video.
    """
    tracks = []
    for clip, rows in data.by_sequence():
        name = f"person {clip.subject or '?'} of {clip.trial or 'the file'}"
        if (np.diff(rows.frame) == 0).any():
            twice = int(rows.frame[:-1][np.diff(rows.frame) == 0][0])
            raise InputError(f"{name} has two poses in frame {twice}; a clip has one pose of one person in each frame.")
        if rows.frame[-1] - rows.frame[0] > 100 * len(rows):
            raise InputError(
                f"{name} has {len(rows)} poses in frames {rows.frame[0]} to {rows.frame[-1]}, which is no video; "
                "lift them one by one, to .npz, .json or .csv and without the options for clips."
            )
        known = np.isfinite(rows.keypoints_2d).all(-1)
        confidence = known.astype(np.float64) if rows.confidence is None else np.where(known, rows.confidence, 0.0)
        track = _dense(rows.frame, rows.keypoints_2d, confidence)
        times = rows.time_s
        if times is not None:
            times = np.interp(np.arange(len(track)), rows.frame - rows.frame[0], times)
        tracks.append(replace(track, person=clip.subject, video=clip.trial, time_s=times))
    return sorted(tracks, key=lambda track: -track.presence)


def _dense(frames: np.ndarray, keypoints: np.ndarray, confidence: np.ndarray) -> Track:
    """Poses of numbered frames with unknown ones between them."""
    first, count = int(frames[0]), int(frames[-1] - frames[0]) + 1
    rows = frames - first
    points = np.full((count, *keypoints.shape[1:]), np.nan)
    trust = np.zeros((count, keypoints.shape[1]))
    points[rows], trust[rows] = keypoints, np.where(np.isfinite(keypoints).all(-1), confidence, 0.0)
    points[~np.isfinite(points).all(-1)] = np.nan
    return Track(first, points, trust)


def fill_gaps(track: Track, max_gap: int = 10) -> Track:
    """Interpolate each joint linearly over gaps of up to ``max_gap`` frames; longer ones stay NaN.

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
    for joint in range(keypoints.shape[1]):
        known = np.flatnonzero(np.isfinite(keypoints[:, joint]).all(-1))
        for before, after in itertools.pairwise(known):
            if 1 < after - before <= max_gap + 1:
                share = (np.arange(before + 1, after) - before)[:, None] / (after - before)
                ends = keypoints[before, joint], keypoints[after, joint]
                keypoints[before + 1 : after, joint] = (1 - share) * ends[0] + share * ends[1]
                filled[before + 1 : after, joint] = True
    return replace(track, keypoints=keypoints, filled=filled, confidence=np.where(filled, 0.0, track.confidence))
