"""Read what files say of when their frames were taken."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from posezoo.errors import InputError, PoseZooWarning
from posezoo.formats.keypoints.clips import numeric

_LONG_S, _ENOUGH = 5.0, 8
"""Frames of videos are never so many seconds apart; the least number of frames that tells."""


def rate(value: object, path: Path) -> float | None:
    """Return the frames per second that a file says; None where it says none.

    Raises:
        InputError: it is not one positive number.
    """
    if value is None:
        return None
    found = numeric(value, "fps", path).reshape(-1)
    if found.shape != (1,) or not 0 < found[0] < 1e6:
        raise InputError(f"{path}: fps is {found.tolist()}; expected one positive number.")
    return float(found[0])


def seconds(values: object, count: int, what: str, path: Path) -> np.ndarray | None:
    """Return the (count,) times that a file says of frames or poses, in seconds; None where it says none.

    Raises:
        InputError: another number of them, or times that are not finite.

    Warns:
        PoseZooWarning: they are so far apart that they seem to be milliseconds.
    """
    if values is None:
        return None
    found = numeric(values, "times", path).reshape(-1)
    if len(found) != count or not np.isfinite(found).all():
        raise InputError(f"{path}: time_s has {len(found)} values for {count} {what}; expected seconds of each.")
    steps = np.diff(np.unique(found))
    if len(steps) >= _ENOUGH and (step := float(np.median(steps))) >= _LONG_S:
        warnings.warn(
            f"{path}: by time_s frames are {step:.3g} s apart; if these are milliseconds, divide them by 1000.",
            PoseZooWarning,
            stacklevel=2,
        )
    return found
