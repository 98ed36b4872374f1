"""Connect people found frame by frame to tracks, one person each, over consecutive frames."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

# The weight of the latest step in a track's velocity.
_LATEST = 0.3
# So many pairs of a track and a person are compared at once.
_PAIRS = 200_000


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
        keypoints = np.asarray(found.keypoints, np.float64)
        confidence = np.asarray(found.confidence, np.float64)
        block = max(1, _PAIRS // max(1, len(keypoints)))
        parts = [open_[start : start + block] for start in range(0, max(1, len(open_)), block)]
        distances = np.concatenate([_distances(part, frame, keypoints, confidence, max_distance) for part in parts])
        free = set(range(len(keypoints)))
        # Whom nobody is near cannot be paired, so leave them out: most tracks of a crowd are elsewhere.
        near = distances <= max_distance
        tracks, people = np.flatnonzero(near.any(1)), np.flatnonzero(near.any(0))
        costs = distances[np.ix_(tracks, people)]
        # A pair beyond max_distance costs more than any set of pairs within it, so that it never displaces one.
        costs = np.where(costs <= max_distance, costs, max_distance * (1 + costs.size))
        for row, column in zip(*linear_sum_assignment(costs), strict=True):
            track, person = int(tracks[row]), int(people[column])
            if near[track, person]:
                open_[track].append(frame, person, keypoints[person], confidence[person])
                free.discard(person)
        open_ += [_Open([frame], [person], [keypoints[person]], [confidence[person]]) for person in sorted(free)]
    return closed + open_


def _distances(
    tracks: list[_Open], frame: int, keypoints: np.ndarray, confidence: np.ndarray, most: float | int
) -> Float[np.ndarray, "tracks people"]:
    """Return the mean distance of common joints from where people are expected, over the person's size.

    It is infinite where there is no common joint, and where it is above ``most`` in any case.
    """
    distances: np.ndarray = np.full((len(tracks), len(keypoints)), np.inf)
    if not distances.size:
        return distances
    last = np.stack([track.keypoints[-1] for track in tracks])
    trust = np.stack([track.confidence[-1] for track in tracks])
    gap = np.array([frame - track.frames[-1] for track in tracks])
    expected = last + (np.stack([track.velocity for track in tracks]) * gap[:, None])[:, None]
    boxes = _box(expected, np.isfinite(expected).all(-1)), _box(keypoints, np.isfinite(keypoints).all(-1))
    # No size of a pair is above that of the larger box, and no joint of one is closer to the other's than the boxes are.
    sizes = [np.hypot(*(high - low).T) for low, high in boxes]
    largest = np.maximum(np.maximum(sizes[0][:, None], sizes[1][None]), 1.0) * (1 + 1e-9) + 1e-6  # above all rounding
    (low, high), (least, greatest) = boxes
    apart = np.maximum(low[:, None] - greatest[None], least[None] - high[:, None]).clip(0)
    rows, columns = np.nonzero(np.hypot(apart[..., 0], apart[..., 1]) <= most * largest)
    away = np.hypot(*np.moveaxis(keypoints[columns] - expected[rows], -1, 0))
    both = np.isfinite(away)
    weights = np.where(both, trust[rows] * confidence[columns], 0.0)
    total = weights.sum(1)
    mean = (np.where(both, away, 0.0) * weights).sum(1) / np.where(total > 0, total, 1.0)
    kept = (total > 0) & (mean <= most * largest[rows, columns])
    rows, columns, both = rows[kept], columns[kept], both[kept]
    size = np.maximum(np.maximum(_diagonals(last[rows], both), _diagonals(keypoints[columns], both)), 1.0)
    distances[rows, columns] = mean[kept] / size
    return distances


def _box(points: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and the greatest x and y of the known joints."""
    low = np.where(known[..., None], points, np.inf).min(1)
    high = np.where(known[..., None], points, -np.inf).max(1)
    nobody = ~known.any(1)
    low[nobody], high[nobody] = 0.0, 0.0  # no joint is common with anybody, so that the place does not matter
    return low, high


def _diagonals(points: np.ndarray, known: np.ndarray) -> np.ndarray:
    low, high = _box(points, known)
    return np.hypot(*(high - low).T)


def dense_track(frames: np.ndarray, keypoints: np.ndarray, confidence: np.ndarray) -> Track:
    """Return the poses of numbered frames, with unknown poses in missing frames."""
    first, count = int(frames[0]), int(frames[-1] - frames[0]) + 1
    rows = frames - first
    points = np.full((count, *keypoints.shape[1:]), np.nan)
    trust = np.zeros((count, keypoints.shape[1]))
    points[rows], trust[rows] = keypoints, np.where(np.isfinite(keypoints).all(-1), confidence, 0.0)
    points[~np.isfinite(points).all(-1)] = np.nan
    return Track(first, points, trust)
