"""Find what is wrong with views: one of them mirrored, sides exchanged, another size, early or late, another rate."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int

from posezoo.errors import InputError
from posezoo.geometry.cameras import Camera
from posezoo.geometry.rig_fit import FACTORS, GOOD, reprojection_share
from posezoo.skeletons import Skeleton

Kind = Literal["mirrored", "exchanged", "mirrored and exchanged", "scaled", "shifted", "slow"]

_POOR = 0.008
"""Reprojection error, as :func:`reprojection_share` gives it, below which nothing is tried in time."""
_MUCH_BETTER = 0.6
"""Share of the error that remains where frames are moved rightly. On real pairs and fours of cameras that are synchronised
nothing brings it below 0.74; of ones that are not, 0.24 to 0.58 remain."""
_BETTER_OF_HALF = 0.9
_SIDES_BETTER = 0.75
"""The same of a view's mirror image: 1.4 and more on right views, 0.04 to 0.7 on mirrored ones."""
_SIDES_FIT = 0.02  # two views may nearly fit by chance where it is the size of pictures that is wrong
_SHIFTS, _COARSE = 60, 4
_LEAST_FRAMES, _WINDOW, _SAMPLE = 24, 600, 40

NOTICEABLE, MUCH_WORSE = 0.01, 2.5
"""A view is suspect that is off by more than so much of the person's height, and by so many times what the others are. On
real fours of cameras the worst is 1.4 times the others. Of a calibration off by a degree 1.6, and of one detector 2.6."""
_TRUNK = ("left_hip", "right_hip", "left_shoulder", "right_shoulder")
_LEGS = ("left_knee", "right_knee", "left_ankle", "right_ankle")
_LEAST_BEND = 0.02
"""Share of the trunk's length: less says nothing. People who walk bend their knees by 0.1 on the average of time."""

Keypoints = Float[np.ndarray, "V T J 2"]


@dataclass(frozen=True)
class ViewFault:
    """What makes a view fit the others.

    Attributes:
        view: which.
        kind: what it seems to be.
        error, given_error: :func:`reprojection_share` with that mended, and as given.
        amount: the factor of a view that is ``scaled``; by how many frames a ``shifted`` one is late; how many frames of the
            others a frame of a ``slow`` one lasts.
    """

    view: int
    kind: Kind
    error: float
    given_error: float
    amount: float = 1.0


def fault_of_sides(
    keypoints: Keypoints, cameras: Sequence[Camera], mirror: Sequence[int], widths: Sequence[float]
) -> ViewFault | None:
    """Return the view whose mirror image, or whose sides exchanged, fit the others much better; None where none does.

    Args:
        keypoints: px; NaN where a joint was not seen.
        cameras: one a view.
        mirror: the joint of the other side of each.
        widths: of each view's pictures, px.
    """
    some = _spread(keypoints)
    given = reprojection_share(torch.from_numpy(some), cameras)
    best = min((f for v in range(len(cameras)) for f in _sides(some, cameras, v, mirror, widths, given)), key=_error)
    return best if best.error <= min(_SIDES_FIT, _SIDES_BETTER * given) else None


def fault_of_view(
    keypoints: Keypoints, cameras: Sequence[Camera], view: int, mirror: Sequence[int], widths: Sequence[float]
) -> ViewFault | None:
    """Return what makes a view fit the others, which fits nobody as it is; None where nothing does.

    Args:
        keypoints, cameras, mirror, widths: as in :func:`fault_of_sides`.
        view: the one that does not fit.
    """
    some = _spread(keypoints)
    given = reprojection_share(torch.from_numpy(some), cameras)
    found = [*_sides(some, cameras, view, mirror, widths, given)]
    for factor in FACTORS:
        found.append(ViewFault(view, "scaled", _error_with(some, cameras, view, some[view] * factor), given, factor))
    best = min(found, key=_error)
    return best if best.error <= GOOD else None


def fault_of_time(
    keypoints: Keypoints, cameras: Sequence[Camera], frames: Int[np.ndarray, " T"], halves: Sequence[int] = ()
) -> ViewFault | None:
    """Return the view that fits the others much better some frames earlier or later, or at half its rate.

    None where what is seen fits well, where nothing fits much better, and of clips that are too short to tell.

    Args:
        keypoints, cameras: as in :func:`fault_of_sides`.
        frames: their numbers.
        halves: views of half as many frames as the longest; of these a little better is enough.
    """
    if frames[-1] - frames[0] + 1 < _LEAST_FRAMES:
        return None
    given = reprojection_share(torch.from_numpy(_spread(keypoints)), cameras)
    if given <= _POOR and not halves:
        return None
    dense = np.full((len(keypoints), int(frames[-1] - frames[0]) + 1, *keypoints.shape[2:]), np.nan)
    dense[:, frames - frames[0]] = keypoints
    found = [ViewFault(v, "slow", _error_when_slow(dense, cameras, v), given, 2.0) for v in range(len(cameras))]
    if given > _POOR:
        # Moving one of two views is moving the other back.
        movable = range(len(cameras)) if len(cameras) > 2 else [1]
        found += [_best_shift(dense, cameras, view, given) for view in movable]
    best = min(found, key=_error)
    enough = _BETTER_OF_HALF if best.kind == "slow" and best.view in halves else _MUCH_BETTER
    return best if np.isfinite(best.error) and best.error <= enough * given else None


def sides_of_body(world: Float[np.ndarray, "T J 3"], skeleton: Skeleton) -> int:
    """Return 1 where bodies bend as their names of left and right say, -1 where all of it is the other way, else 0.

    Left and right, and the way from hips to shoulders, say which way a body faces. Knees bend to there, nose and toes
    point to there.

    Args:
        world: poses in a frame that is not mirrored; NaN where unknown.
        skeleton: their layout; without hips, shoulders, legs and nose nothing is said.
    """
    if not {*_TRUNK, *_LEGS, "nose"} <= set(skeleton.joints):
        return 0
    at = {name: world[:, number] for number, name in enumerate(skeleton.joints)}
    hips, shoulders = ((at[f"left_{part}"] + at[f"right_{part}"]) / 2 for part in ("hip", "shoulder"))
    across = at["left_hip"] - at["right_hip"] + at["left_shoulder"] - at["right_shoulder"]
    forward = np.cross(across, shoulders - hips)
    ears = (at["left_ear"] + at["right_ear"]) / 2 if {"left_ear", "right_ear"} <= set(at) else shoulders
    parts = [at["nose"] - ears]
    for side in ("left", "right"):
        parts.append(at[f"{side}_knee"] - (at[f"{side}_hip"] + at[f"{side}_ankle"]) / 2)
        parts += [
            at[f"{side}_{toe}"] - at[f"{side}_heel"]
            for toe in ("big_toe", "foot_index")
            if {f"{side}_{toe}", f"{side}_heel"} <= set(at)
        ]
    size = np.linalg.norm(shoulders - hips, axis=-1) * np.linalg.norm(forward, axis=-1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of joints that are never known
        votes = np.array([np.nanmedian((part * forward).sum(-1) / size) for part in parts])
    if not (np.abs(votes) >= _LEAST_BEND).all():
        return 0
    return 1 if (votes > 0).all() else -1 if (votes < 0).all() else 0


def _error(fault: ViewFault) -> float:
    return fault.error


def _sides(
    some: Keypoints, cameras: Sequence[Camera], view: int, mirror: Sequence[int], widths: Sequence[float], given: float
) -> Iterator[ViewFault]:
    """Yield a view with its picture mirrored, its sides exchanged, and both."""
    flipped = some[view] * [-1, 1] + [widths[view], 0]
    variants: dict[Kind, np.ndarray] = {
        "mirrored": flipped,
        "exchanged": some[view][:, list(mirror)],
        "mirrored and exchanged": flipped[:, list(mirror)],
    }
    for kind, own in variants.items():
        yield ViewFault(view, kind, _error_with(some, cameras, view, own), given)


def _error_with(some: Keypoints, cameras: Sequence[Camera], view: int, own: Float[np.ndarray, "T J 2"]) -> float:
    changed = some.copy()
    changed[view] = own
    return _share(changed, cameras)


def _share(keypoints: Keypoints, cameras: Sequence[Camera]) -> float:
    """Return the reprojection error of some frames; infinite where no joint is seen by two views."""
    try:
        return reprojection_share(torch.from_numpy(_spread(keypoints)), cameras)
    except InputError:
        return float("inf")


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
        return ViewFault(view, "shifted", _share(moved, cameras), given, float(frames))

    best = min((late(frames) for frames in range(-most, most + 1, _COARSE) if frames), key=_error)
    near = range(max(-most, int(best.amount) - _COARSE + 1), min(most, int(best.amount) + _COARSE - 1) + 1)
    return min((late(frames) for frames in near if frames), key=_error)


def _error_when_slow(dense: Keypoints, cameras: Sequence[Camera], view: int) -> float:
    """Return the error where each frame of a view lasts as long as two of the others."""
    window = dense[:, :_WINDOW]
    count = (window.shape[1] + 1) // 2
    moved = window[:, ::2].copy()
    moved[view] = window[view, :count]
    return _share(moved, cameras)


def _spread(keypoints: Keypoints) -> Float[np.ndarray, "V S J 2"]:
    """Return frames that are spread evenly, in double precision."""
    count = keypoints.shape[1]
    rows = np.unique(np.linspace(0, count - 1, min(_SAMPLE, count)).astype(int))
    return keypoints[:, rows].astype(np.float64)
