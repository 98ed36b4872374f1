"""Connect people found frame by frame to tracks, one person each, over consecutive frames."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

# The weight of the latest step in a track's velocity.
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
        """The mean confidence of the joints, summed over frames: the greatest for who is seen longest and best."""
        return float(self.confidence.mean(1).sum())

    def starting_at(self, frame: int) -> Track:
        """Return the track with unknown frames before it, so that row i is frame ``frame + i``."""
        room = ((self.first_frame - frame, 0), (0, 0))
        times = self.time_s
        if times is not None:  # assume the rate of the first frames before them
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
    places: list[int]
    keypoints: list[np.ndarray]
    confidence: list[np.ndarray]
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(2))

    def distance(self, frame: int, keypoints: np.ndarray, confidence: np.ndarray) -> float:
        """Return the mean distance of common joints from where the person is expected, over the person's size."""
        both = np.isfinite(keypoints).all(-1) & np.isfinite(self.keypoints[-1]).all(-1)
        weights = np.where(both, confidence * self.confidence[-1], 0.0)
        if weights.sum() <= 0:
            return np.inf
        last = self.keypoints[-1][both]
        expected = last + self.velocity * (frame - self.frames[-1])
        size = max(float(np.hypot(*np.ptp(last, axis=0))), float(np.hypot(*np.ptp(keypoints[both], axis=0))), 1.0)
        return float(np.average(np.linalg.norm(keypoints[both] - expected, axis=-1), weights=weights[both])) / size

    def append(self, frame: int, place: int, keypoints: np.ndarray, confidence: np.ndarray) -> None:
        step = (keypoints - self.keypoints[-1])[np.isfinite(keypoints - self.keypoints[-1]).all(-1)]
        latest = np.median(step, axis=0) / (frame - self.frames[-1])
        self.velocity = latest if len(self.frames) == 1 else (1 - _LATEST) * self.velocity + _LATEST * latest
        self.frames.append(frame)
        self.places.append(place)
        self.keypoints.append(keypoints)
        self.confidence.append(confidence)

    @property
    def presence(self) -> float:
        """See :attr:`Track.presence`."""
        known = np.isfinite(np.stack(self.keypoints)).all(-1)
        return float(np.where(known, np.stack(self.confidence), 0.0).mean(1).sum())


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
    found = _connect(pictures, max_gap, max_distance)
    tracks = [dense_track(np.array(t.frames), np.stack(t.keypoints), np.stack(t.confidence)) for t in found]
    return sorted(tracks, key=lambda track: -track.presence)


def connect_people(
    pictures: Iterable[Detections], max_gap: int = 30, max_distance: float | int = 0.3
) -> list[list[tuple[int, int]]]:
    """Return each person's frames, and the person's place among the detections of each frame.

    See :func:`track_people` for the method, the arguments and the order of the people.

    Example:
        >>> import numpy as np
        >>> standing = np.random.default_rng(0).uniform(0, 100, (1, 17, 2))
        >>> pair = np.concatenate([standing, standing + 300])
        >>> frames = [Detections(pair, np.ones((2, 17))), Detections(pair[::-1], np.ones((2, 17)))]
        >>> connect_people(frames)
        [[(0, 0), (1, 1)], [(0, 1), (1, 0)]]
    """
    found = sorted(_connect(pictures, max_gap, max_distance), key=lambda track: -track.presence)
    return [list(zip(track.frames, track.places, strict=True)) for track in found]


def _connect(pictures: Iterable[Detections], max_gap: int, max_distance: float | int) -> list[_Open]:
    from scipy.optimize import linear_sum_assignment  # a third of a second

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
                open_[track].append(frame, int(person), *people[person])
                free.discard(int(person))
        open_ += [_Open([frame], [person], [people[person][0]], [people[person][1]]) for person in sorted(free)]
    return closed + open_


def dense_track(frames: np.ndarray, keypoints: np.ndarray, confidence: np.ndarray) -> Track:
    """Return the poses of numbered frames, with unknown poses in missing frames."""
    first, count = int(frames[0]), int(frames[-1] - frames[0]) + 1
    rows = frames - first
    points = np.full((count, *keypoints.shape[1:]), np.nan)
    trust = np.zeros((count, keypoints.shape[1]))
    points[rows], trust[rows] = keypoints, np.where(np.isfinite(keypoints).all(-1), confidence, 0.0)
    points[~np.isfinite(points).all(-1)] = np.nan
    return Track(first, points, trust)
