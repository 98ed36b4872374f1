"""Tell when the frames of a video were taken."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

# The share of a step by which times may deviate from an even rate. Containers round times; a missing frame deviates by half.
_EVEN = 0.25
# The share by which a header's rate may differ from that of the times: 29.97 is often called 30.
_STATED = 0.05


@dataclass(frozen=True)
class Clock:
    """The times of a video's frames, given by a rate or one by one.

    Attributes:
        fps: frames per second of an even rate; None where the rate varies or nothing says it.
        times_s: (N,) seconds of each frame from the first one, where the rate varies; None where ``fps`` tells them.
    """

    fps: float | int | None
    times_s: np.ndarray | None = None


def clock_of(
    stamps_s: Sequence[float | int] | Float[np.ndarray, " N"], stated: float | int | None, name: str = "the video"
) -> Clock:
    """Return the clock of a video's frames.

    Args:
        stamps_s: what the container says of each frame, seconds from any start.
        stated: frames per second by the header, which counts where the container has no times; None where there is none.
        name: of the video, for warnings.

    Warns:
        UserWarning: the times do not rise; the header's rate is taken.

    Example:
        >>> clock_of([0.0, 0.1, 0.2, 0.3], stated=10)
        Clock(fps=10, times_s=None)
        >>> clock_of([0.0, 0.1, 0.2, 0.7], stated=5.7).times_s.tolist()
        [0.0, 0.1, 0.2, 0.7]
    """
    times = np.asarray(stamps_s, dtype=np.float64)
    if len(times) < 2 or not np.ptp(times) > 0:
        return Clock(stated)
    times = times - times[0]
    if not (np.diff(times) > 0).all():
        rate = "no rate" if stated is None else f"{stated:.4g} frames per second"
        warnings.warn(f"the times of the frames in {name} do not rise; {rate} is taken from its header.", stacklevel=2)
        return Clock(stated)
    step = times[-1] / (len(times) - 1)
    if np.abs(times - step * np.arange(len(times))).max() > _EVEN * step:
        return Clock(None, times)
    return Clock(stated if stated is not None and abs(stated * step - 1) <= _STATED else float(1 / step))
