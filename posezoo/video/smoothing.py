"""Jitter out of a person's keypoints: the One-Euro filter.

Casiez, Roussel, Vogel: 1€ Filter: A Simple Speed-based Low-pass Filter for Noisy Input in Interactive Systems, CHI 2012.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from posezoo.errors import InputError
from posezoo.video.tracking import Track


def one_euro(
    values: Float[np.ndarray, "T *rest"],
    fps: float | int,
    min_cutoff: float | int = 1.0,
    beta: float | int = 0.0,
    derivative_cutoff: float | int = 1.0,
) -> Float[np.ndarray, "T *rest"]:
    """Low-pass filter whose cutoff rises with speed: still things do not tremble, fast ones hardly lag.

    Casiez et al. 2012, Algorithm 1, each coordinate on its own: the speed is that from the last filtered value to the new
    one, itself filtered at ``derivative_cutoff``; the cutoff is ``min_cutoff + beta * |speed|``.

    Args:
        values: over T frames, any unit; after a NaN a coordinate begins anew.
        fps: frames per second.
        min_cutoff: Hz, of what does not move: lower is smoother.
        beta: Hz per unit and second: higher lags less. 0 is a plain low-pass filter.
        derivative_cutoff: Hz.

    Returns:
        filtered values, NaN where the input is.

    Raises:
        InputError: a rate or a cutoff that is not positive, or a negative ``beta``.

    Example:
        >>> import numpy as np
        >>> one_euro(np.array([0.0, 1.0, 1.0]), fps=10).round(4).tolist()
        [0.0, 0.3859, 0.6228]
    """
    if not (min(fps, min_cutoff, derivative_cutoff) > 0 and beta >= 0 and math.isfinite(fps)):
        raise InputError(
            f"fps {fps}, cutoffs {min_cutoff} and {derivative_cutoff}, beta {beta}; expected positive ones, and beta >= 0."
        )
    result = np.array(values, dtype=np.float64).reshape(len(values), -1)
    speed: np.ndarray = np.zeros(result.shape[1:])
    for row in range(1, len(result)):
        new, last = result[row].copy(), result[row - 1]
        begins = np.isnan(last)
        speed += _share(np.full_like(speed, derivative_cutoff), fps) * ((new - last) * fps - speed)
        speed = np.where(np.isnan(speed), 0.0, speed)
        smooth = last + _share(min_cutoff + beta * np.abs(speed), fps) * (new - last)
        result[row] = np.where(begins, new, smooth)
    return result.reshape(np.shape(values))


def _share(cutoff: np.ndarray, fps: float | int) -> np.ndarray:
    """How much a new value counts in an exponential filter of that cutoff in Hz."""
    return 1 / (1 + fps / (2 * math.pi * cutoff))


def smooth_track(track: Track, fps: float | int, min_cutoff: float | int = 1.0, beta: float | int = 20.0) -> Track:
    """:func:`one_euro` over a person's keypoints, in units of the person's size: the median diagonal of the boxes.

    The same settings hold for people near and far. A lower ``beta`` takes more jitter and lags behind fast limbs; the
    default was chosen at 30 frames per second with jitter of 1 % of the size. Smooth after
    :func:`posezoo.video.tracking.fill_gaps`.
    """
    known = np.isfinite(track.keypoints).all(-1).any(-1)
    if not known.any():
        return track
    extent = np.nanmax(track.keypoints[known], axis=1) - np.nanmin(track.keypoints[known], axis=1)
    size = max(float(np.median(np.hypot(extent[:, 0], extent[:, 1]))), 1.0)
    return replace(track, keypoints=one_euro(track.keypoints / size, fps, min_cutoff, beta) * size)
