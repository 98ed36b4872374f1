"""Find which poses of a prediction and of its ground truth are of the same moment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from posezoo.errors import InputError

if TYPE_CHECKING:
    from posezoo.data import Prediction

Rows = tuple[np.ndarray, np.ndarray]
# Rates that differ by less are one.
_SAME_RATE = 0.01
# Another match is the right one if its error is below this share. A frame's delay adds a few percent to a walk's error.
_BETTER = 0.9
_LEAST_POSES = 8


def moments_of(content: Mapping[str, object], count: int, path: Path) -> dict[str, Any]:
    """Return what the arrays beside ``pose_3d`` say of its frames, as the arguments of a prediction.

    They have the names that files of keypoints give them: ``frame``, ``frame_number`` and the like, ``person``, ``time_s``
    and ``fps``.

    Raises:
        InputError: another number of them than of poses, or no numbers.
    """
    from posezoo.formats.keypoints.clips import frame_numbers
    from posezoo.formats.keypoints.table_rows import FRAMES, PERSONS, key_of
    from posezoo.formats.keypoints.times import rate, seconds

    found: dict[str, Any] = {}
    for name, values in content.items():
        key = key_of(str(name))
        if not isinstance(values, list | np.ndarray) or np.ndim(values) != 1:  # such as the name of a frame of reference
            continue
        stated = key in ("frame", "framenumber")  # others may be lists of something else
        if key in FRAMES and "frame" in key and (stated or _are_numbers(values, count)) and "frame_number" not in found:
            found["frame_number"] = frame_numbers(values, count, path)
        elif key in PERSONS and len(values) == count:
            found["person"] = np.asarray(values).astype(str)
    times = seconds(content.get("time_s"), count, "poses", path)
    found |= {} if times is None else {"time_s": times.astype(np.float64)}
    fps = rate(content.get("fps"), path)
    return found if fps is None else {**found, "fps": fps}


def matched(result: Prediction, truth: Prediction, path: Path) -> Rows:
    """Return the rows of a result and of its ground truth that belong to the same moments.

    Rows match by time where both say it and their rates differ, else by frame number, else by their place.

    Raises:
        InputError: several people, a frame that is there twice, other numbers of poses without frame numbers, or nothing
            in common.
    """
    for what, poses, advice in (("the prediction", result, "predict one: --person N"), (str(path), truth, "leave one")):
        if poses.person is not None and len(set(poses.person.tolist())) > 1:
            raise InputError(f"{what} is of {len(set(poses.person.tolist()))} people; {advice}.")
    (times, rate), (clock, other_rate) = _times(result), _times(truth)
    if times is not None and clock is not None and rate and other_rate and abs(other_rate / rate - 1) > _SAME_RATE:
        nearest = np.abs(times[:, None] - clock[None]).argmin(1)
        rows = np.flatnonzero(np.abs(times - clock[nearest]) <= 0.5 / other_rate + 1e-6)
        return _some(rows, nearest[rows], path)
    if result.frame_number is None or truth.frame_number is None:
        return _by_place(result, truth, path)
    if np.array_equal(result.frame_number, truth.frame_number):
        return np.arange(len(result)), np.arange(len(truth))
    for what, numbers in (("the prediction", result.frame_number), (str(path), truth.frame_number)):
        twice = np.flatnonzero(np.diff(np.sort(numbers)) == 0)
        if len(twice):
            raise InputError(f"{what} has frame {np.sort(numbers)[twice[0]]} twice; expected one pose in each frame.")
    _, rows, others = np.intersect1d(result.frame_number, truth.frame_number, return_indices=True)
    return _some(rows, others, path)


def check_moments(result: Prediction, truth: Prediction, found: Rows, path: Path) -> None:
    """Refuse a match that another one beats by far: poses of other moments were then compared.

    Args:
        result, truth: in one layout.
        found: the rows that :func:`matched` returned.
        path: of the truth.

    Raises:
        InputError: the rows' places fit better than their frame numbers, or the reverse.
    """
    numbers, others = (_numbers(poses) for poses in (result, truth))
    by_number = np.intersect1d(numbers, others, return_indices=True)[1:]
    ways = [("by frame number", by_number)]
    ways += [("row by row", (np.arange(len(result)), np.arange(len(truth))))] if len(result) == len(truth) else []
    for words, rows in ways:
        shared = np.intersect1d(found[0], rows[0], return_indices=True)[1:]
        if np.array_equal(found[1][shared[0]], rows[1][shared[1]]):
            continue
        here, there = (
            _error(result, truth, pair[0][at], pair[1][at]) for pair, at in zip((found, rows), shared, strict=True)
        )
        if there < _BETTER * here:
            raise InputError(
                f"{path} fits the prediction {words} ({there:.3g} {truth.unit} after alignment) far better than as it was "
                f"matched ({here:.3g}); add frame to it, the number of each pose's frame as the prediction counts them."
            )


def _are_numbers(values: list[object] | np.ndarray, count: int) -> bool:
    return len(values) == count and np.asarray(values).dtype.kind in "iuf"


def _by_place(result: Prediction, truth: Prediction, path: Path) -> Rows:
    if len(result) != len(truth):
        lacking = path if truth.frame_number is None else "the prediction"
        raise InputError(
            f"{path} has {len(truth)} poses, the prediction {len(result)}; expected the same frames, or frame numbers, "
            f"which {lacking} does not say (frame, one number for each pose)."
        )
    return np.arange(len(result)), np.arange(len(truth))


def _times(poses: Prediction) -> tuple[np.ndarray | None, float | None]:
    """Return the seconds of each pose and their rate, None where not known."""
    from posezoo.poses.exports.clip import times_of

    times = times_of(poses, len(poses), None)
    if poses.fps or times is None or len(times) < 2:
        return times, None if poses.fps is None else float(poses.fps)
    step = float(np.median(np.diff(np.sort(times))))
    return times, 1 / step if step > 0 else None


def _numbers(poses: Prediction) -> np.ndarray:
    return np.arange(len(poses)) if poses.frame_number is None else poses.frame_number


def _some(rows: np.ndarray, others: np.ndarray, path: Path) -> Rows:
    if not len(rows):
        raise InputError(f"{path} and the prediction have no frame in common; expected frames of the same clip.")
    return rows, others


def _error(result: Prediction, truth: Prediction, rows: np.ndarray, others: np.ndarray) -> float:
    """Return the P-MPJPE of some pairs of poses, over the joints that are known in both; NaN where too little is."""
    found, target = (np.asarray(poses.pose_3d[at], np.float32) for poses, at in ((result, rows), (truth, others)))
    found, target, known = known_in_both(found, target)
    return aligned_error(found, target, known) if len(found) >= _LEAST_POSES else float("nan")


def known_in_both(found: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the poses (N, J, 3) of which four joints or more are known in both, and which joints (N, J) these are."""
    known = np.asarray(np.isfinite(found).all(-1) & np.isfinite(target).all(-1))
    usable = known.sum(-1) > 3
    return found[usable], target[usable], known[usable]


def aligned_error(found: np.ndarray, target: np.ndarray, known: np.ndarray) -> float:
    """Return the P-MPJPE of poses over the joints that are known, as :func:`known_in_both` gives both."""
    import torch

    from posezoo.metrics.functional import p_mpjpe

    filled = [torch.from_numpy(np.nan_to_num(poses)) for poses in (found, target)]
    return float(p_mpjpe(filled[0], filled[1], mask=torch.from_numpy(known)))
