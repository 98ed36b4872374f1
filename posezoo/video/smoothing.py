"""Smooth a person's keypoints.

Two filters serve two uses. The Butterworth filter runs forward and backward over a finished recording and so does not lag:
it is what biomechanics uses (Winter: Biomechanics and Motor Control of Human Movement, 4th ed., Sec. 3.4.4). The One-Euro
filter sees the past alone and so serves a live picture (Casiez, Roussel, Vogel: 1€ Filter: A Simple Speed-based Low-pass
Filter for Noisy Input in Interactive Systems, CHI 2012).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from posezoo.errors import InputError
from posezoo.video.tracking import Track

METHODS = ("butterworth", "one_euro")
# The share of steps between frames of a variable rate that may be shorter than the step of the filter.
_SHORT_STEPS = 0.1
_MOST_STEPS_PER_FRAME = 100


def one_euro(
    values: Float[np.ndarray, "T *rest"],
    fps: float | int,
    min_cutoff: float | int = 1.0,
    beta: float | int = 0.0,
    derivative_cutoff: float | int = 1.0,
) -> Float[np.ndarray, "T *rest"]:
    """Filter with a cutoff that rises with speed: still joints do not tremble, fast ones lag less.

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
    """Return how much a new value counts in an exponential filter of that cutoff in Hz."""
    return 1 / (1 + fps / (2 * math.pi * cutoff))


def butterworth(
    values: Float[np.ndarray, "T *rest"], fps: float | int, cutoff: float | int = 6.0, order: int = 4
) -> Float[np.ndarray, "T *rest"]:
    """Filter forward and backward with a Butterworth low-pass: no lag, and no loss of a slow movement's peak.

    The filter runs over each stretch without NaN. A stretch too short for the filter (fewer than ``3 * order`` frames or so)
    stays as it is.

    Args:
        values: over T frames, any unit.
        fps: frames per second.
        cutoff: Hz, at which both passes together leave half of the power (-3 dB).
        order: of both passes together; an even number.

    Returns:
        filtered values, NaN where the input is.

    Raises:
        InputError: a rate, cutoff or order that cannot be.

    Example:
        >>> import numpy as np
        >>> time = np.arange(200) / 60
        >>> slow = np.sin(2 * np.pi * time)
        >>> noisy = slow + 0.2 * np.sin(2 * np.pi * 25 * time)
        >>> bool(np.abs(butterworth(noisy, 60) - slow)[20:-20].max() < 0.01)
        True
    """
    from scipy.signal import butter, sosfiltfilt

    if order < 2 or order % 2 or not (math.isfinite(fps) and fps > 0 and cutoff > 0):
        raise InputError(f"fps {fps}, cutoff {cutoff}, order {order}; expected positive ones, and an even order.")
    if cutoff >= fps / 2:
        # A recording holds no frequency above half its rate.
        return np.array(values, dtype=np.float64)
    # The second pass halves the power again, which moves the -3 dB point; Winter's correction restores it.
    passes = 2
    corrected = math.tan(math.pi * cutoff / fps) / (2 ** (1 / passes) - 1) ** (1 / order)
    sections = butter(order // 2, min(math.atan(corrected) / math.pi * 2, 0.99), output="sos")
    shortest = 3 * (2 * len(sections) + 1)
    result = np.array(values, dtype=np.float64).reshape(len(values), -1)
    for column in result.T:
        for start, stop in _stretches(column):
            if stop - start > shortest:
                column[start:stop] = sosfiltfilt(sections, column[start:stop])
    return result.reshape(np.shape(values))


def smooth_track(
    track: Track,
    fps: float | int | None = None,
    min_cutoff: float | int = 1.0,
    beta: float | int = 20.0,
    method: str = "butterworth",
    cutoff: float | int = 6.0,
) -> Track:
    """Smooth a person's keypoints by one of :data:`METHODS`. Smooth after :func:`posezoo.video.tracking.fill_gaps`.

    Both filters need an even rate. Where the rate varies, each coordinate is interpolated to an even one, filtered, and read
    off again at the frames' own times.

    Args:
        track: one person over consecutive frames.
        fps: frames per second; where not given, the track's ``time_s`` tell them.
        min_cutoff, beta: of :func:`one_euro`, whose values are in units of the person's size (the median diagonal of the
            boxes), so that the same settings hold for people near and far. A lower ``beta`` takes more jitter and lags
            behind fast limbs; the default was chosen at 30 frames per second with jitter of 1 % of the size.
        method: ``butterworth`` for recordings, ``one_euro`` for what is filtered as it comes in.
        cutoff: Hz, of :func:`butterworth`.

    Raises:
        InputError: another method, a setting that cannot be, or neither a rate nor times.
    """
    if fps is None and track.time_s is None:
        raise InputError("smoothing needs the frames per second, which the clip does not say; give fps=.")
    if method not in METHODS:
        raise InputError(f"smoothing is {method!r}; expected {' or '.join(METHODS)}.")
    known = np.isfinite(track.keypoints).all(-1).any(-1)
    if not known.any():
        return track

    def smooth(values: np.ndarray, rate: float | int) -> np.ndarray:
        return butterworth(values, rate, cutoff) if method == "butterworth" else one_euro(values, rate, min_cutoff, beta)

    size = 1.0
    if method == "one_euro":
        extent = np.nanmax(track.keypoints[known], axis=1) - np.nanmin(track.keypoints[known], axis=1)
        size = max(float(np.median(np.hypot(extent[:, 0], extent[:, 1]))), 1.0)
    values = track.keypoints / size
    smoothed = smooth(values, fps) if fps is not None else _at_an_even_rate(smooth, values, np.asarray(track.time_s))
    return replace(track, keypoints=smoothed * size)


def _at_an_even_rate(
    smooth: Callable[[np.ndarray, float], np.ndarray], values: Float[np.ndarray, "T *rest"], times_s: Float[np.ndarray, " T"]
) -> Float[np.ndarray, "T *rest"]:
    """Smooth each stretch without NaN at an even rate, about that of the closest frames.

    Raises:
        InputError: frames that lie too far apart for a clip.
    """
    step = float(np.quantile(np.diff(times_s), _SHORT_STEPS)) if len(times_s) > 1 else 1.0
    result = np.array(values, dtype=np.float64).reshape(len(values), -1)
    for column in result.T:
        for start, stop in _stretches(column):
            times = times_s[start:stop]
            count = math.ceil((times[-1] - times[0]) / step) + 1
            if count > _MOST_STEPS_PER_FRAME * (stop - start):
                raise InputError(f"{stop - start} frames lie {times[-1] - times[0]:.6g} s apart; smoothing is for clips.")
            if count > 1:
                even = np.linspace(times[0], times[-1], count)
                filtered = smooth(np.interp(even, times, column[start:stop]), (count - 1) / float(times[-1] - times[0]))
                column[start:stop] = np.interp(times, even, filtered)
    return result.reshape(np.shape(values))


def _stretches(column: Float[np.ndarray, " T"]) -> list[tuple[int, int]]:
    """Return the first row and the row after the last of each stretch without NaN."""
    known = np.isfinite(column)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]
