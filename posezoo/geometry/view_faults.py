"""Find what is wrong with views: one of another size, early or late, of another rate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Int

from posezoo.geometry.cameras import Camera
from posezoo.geometry.rig_fit import FACTORS, FITTED, reprojection_share, worst_share
from posezoo.geometry.view_sides import Keypoints, ViewFault, by_error, share_of_some, some_frames, turned

_POOR = 0.008
"""Reprojection error, as :func:`reprojection_share` gives it, below which nothing is tried in time."""
_MUCH_BETTER = 0.6
"""Share of the error that remains where frames are moved rightly. On real pairs and fours of cameras that are synchronised
nothing brings it below 0.74; of ones that are not, 0.24 to 0.58 remain."""
_BETTER_OF_HALF = 0.9
_SHIFTS, _COARSE = 60, 4
_LEAST_FRAMES, _WINDOW = 24, 600

NOTICEABLE, MUCH_WORSE = 0.01, 2.5
"""A view is suspect that is off by more than so much of the person's height, and by so many times what the others are. On
real fours of cameras the worst is 1.4 times the others. Of a calibration off by a degree 1.6, and of one detector 2.6."""


def fault_of_view(
    keypoints: Keypoints, cameras: Sequence[Camera], view: int, mirror: Sequence[int], widths: Sequence[float]
) -> ViewFault | None:
    """Return what makes a view fit the others, which fits nobody as it is; None where nothing does.

    It must fit as well as right views do.

    Args:
        keypoints, cameras, mirror, widths: as in :func:`~posezoo.geometry.view_sides.fault_of_sides`.
        view: the one that does not fit.
    """
    some = some_frames(keypoints)
    given = reprojection_share(torch.from_numpy(some), cameras)
    found = [*turned(some, cameras, (view,), mirror, widths, given)]
    for factor in FACTORS:
        scaled = some.copy()
        scaled[view] *= factor
        # Three views that fit each other hide one whose keypoints come to lie where its camera sees nothing.
        found.append(ViewFault(view, "scaled", worst_share(torch.from_numpy(scaled), cameras), given, factor))
    best = min(found, key=by_error)
    return best if best.error <= FITTED else None


def fault_of_time(
    keypoints: Keypoints, cameras: Sequence[Camera], frames: Int[np.ndarray, " T"], halves: Sequence[int] = ()
) -> ViewFault | None:
    """Return the view that fits the others much better some frames earlier or later, or at half its rate.

    None where what is seen fits well, where nothing fits much better and as well as right views do, and of clips that are
    too short to tell.

    Args:
        keypoints, cameras: as in :func:`~posezoo.geometry.view_sides.fault_of_sides`.
        frames: their numbers.
        halves: views of half as many frames as the longest; of these a little better is enough.
    """
    if frames[-1] - frames[0] + 1 < _LEAST_FRAMES:
        return None
    given = reprojection_share(torch.from_numpy(some_frames(keypoints)), cameras)
    if given <= _POOR and not halves:
        return None
    dense = np.full((len(keypoints), int(frames[-1] - frames[0]) + 1, *keypoints.shape[2:]), np.nan)
    dense[:, frames - frames[0]] = keypoints
    found = [ViewFault(v, "slow", _error_when_slow(dense, cameras, v), given, 2.0) for v in range(len(cameras))]
    if given > _POOR:
        # Moving one of two views is moving the other back.
        movable = range(len(cameras)) if len(cameras) > 2 else [1]
        found += [_best_shift(dense, cameras, view, given) for view in movable]
    best = min(found, key=by_error)
    enough = _BETTER_OF_HALF if best.kind == "slow" and best.view in halves else _MUCH_BETTER
    return best if best.error <= min(FITTED, enough * given) else None


def _best_shift(dense: Keypoints, cameras: Sequence[Camera], view: int, given: float) -> ViewFault:
    """Return by how many frames a view is late that fits best: coarsely, then frame by frame about the best."""
    start = max(0, (dense.shape[1] - _WINDOW) // 2)
    window = dense[:, start : start + _WINDOW]
    most = min(_SHIFTS, window.shape[1] // 3)

    def late(frames: int) -> ViewFault:
        count = window.shape[1] - abs(frames)
        others, own = max(0, frames), max(0, -frames)
        moved = window[:, others : others + count].copy()
        moved[view] = window[view, own : own + count]
        return ViewFault(view, "shifted", share_of_some(moved, cameras), given, float(frames))

    best = min((late(frames) for frames in range(-most, most + 1, _COARSE) if frames), key=by_error)
    near = range(max(-most, int(best.amount) - _COARSE + 1), min(most, int(best.amount) + _COARSE - 1) + 1)
    return min((late(frames) for frames in near if frames), key=by_error)


def _error_when_slow(dense: Keypoints, cameras: Sequence[Camera], view: int) -> float:
    """Return the error where each frame of a view lasts as long as two of the others."""
    window = dense[:, :_WINDOW]
    count = (window.shape[1] + 1) // 2
    moved = window[:, ::2].copy()
    moved[view] = window[view, :count]
    return share_of_some(moved, cameras)
