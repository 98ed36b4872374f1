"""Tell whether a clip that should be one person's holds the poses of others."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Num

from posezoo.poses.posedata import PoseData

# Shares of the pose's extent. Poses that alternate are further apart from row to row than the first, and a third of that
# or less from turn to turn. Of people who move, in any direction, the second frame is 1.9 times as far as the next.
_LEAST_APART, _LEAST_NEARER = 0.25, 1 / 3
_MOST_PEOPLE, _LEAST_TURNS = 6, 4
# A clip moves by less from frame to frame. A jump is above the second, and many times what is usual.
_CLIP, _JUMP, _TIMES_USUAL = 0.1, 0.5, 8.0
# Of frames; longer ones are clips of their own.
_LONGEST = 60


def alternating(poses: Num[np.ndarray, "T J 2"]) -> int:
    """Return how many people take turns in the rows of a clip, frames in order; 1 where nobody does.

    Example:
        >>> from posezoo.data import load_dataset
        >>> walk = load_dataset("procedural")[:30].keypoints_2d
        >>> alternating(walk), alternating(np.stack([walk, walk + 300], 1).reshape(60, 17, 2))
        (1, 2)
    """
    if len(poses) < 2 * _LEAST_TURNS:
        return 1
    next_one = _median(_steps(poses, 1))
    if not next_one > _LEAST_APART:
        return 1
    counts = [count for count in range(2, _MOST_PEOPLE + 1) if len(poses) >= _LEAST_TURNS * count]
    return next((count for count in counts if _median(_steps(poses, count)) < _LEAST_NEARER * next_one), 1)


def strangers(poses: Num[np.ndarray, "T J 2"]) -> list[tuple[int, int]]:
    """Return the first and the last row of each stretch of a clip that jumps away, after which the clip goes on as before.

    Clips that were put one after the other jump and do not come back; nothing is returned of them.

    Example:
        >>> from posezoo.data import load_dataset
        >>> walk = load_dataset("procedural")[:30].keypoints_2d.copy()
        >>> walk[10:20] += 500
        >>> strangers(walk)
        [(10, 19)]
    """
    if len(poses) < 2 * _LEAST_TURNS:
        return []
    steps = _steps(poses, 1)
    usual = _median(steps)
    if not usual < _CLIP:
        return []
    jumps = np.flatnonzero(steps > max(_JUMP, _TIMES_USUAL * usual)).tolist()
    found: list[tuple[int, int]] = []
    while len(jumps) > 1:
        away, back = jumps[:2]
        ends = poses[[away, back + 1]]
        if back - away > _LONGEST or not _steps(ends, 1)[0] < 0.5 * min(steps[away], steps[back]):
            return []
        found.append((away + 1, back))
        jumps = jumps[2:]
    return [] if jumps else found


def people_in_turn(data: PoseData) -> int:
    """Return how many people take turns in the rows of a clip; 0 where nobody does."""
    return max((count for rows in clips_of(data) if (count := alternating(data.keypoints_2d[rows])) > 1), default=0)


def clips_of(data: PoseData) -> Iterator[np.ndarray]:
    """Yield the rows of each clip that is long enough to tell, frames in order."""
    order = np.lexsort((data.frame, data.sequence))
    for rows in np.split(order, np.flatnonzero(np.diff(data.sequence[order])) + 1):
        if len(rows) >= 2 * _LEAST_TURNS:
            yield rows


def _steps(poses: np.ndarray, count: int) -> np.ndarray:
    """Return how far the median joint moves over so many rows, in shares of the pose's extent."""
    extent = extents(poses)
    return np.asarray(moved(poses, count) / np.maximum(np.fmax(extent[count:], extent[:-count]), 1e-9))


def extents(poses: Num[np.ndarray, "T J D"]) -> Float[np.ndarray, " T"]:
    """Return the larger of the spans of each pose's known joints along the axes; NaN where no joint is known."""
    here = poses.astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of poses without a known joint
        return np.asarray((np.nanmax(here, axis=1) - np.nanmin(here, axis=1)).max(-1))


def moved(poses: Num[np.ndarray, "T J D"], count: int = 1) -> Float[np.ndarray, " S"]:
    """Return how far the median joint moves from each row to the one so many rows later; NaN where no joint is in both."""
    here = poses.astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of poses without a common joint
        return np.asarray(np.nanmedian(np.linalg.norm(here[count:] - here[:-count], axis=-1), axis=1))


def _median(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")
