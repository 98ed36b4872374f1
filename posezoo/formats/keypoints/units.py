"""Tell fractions and percent of a picture from pixels by their values."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from posezoo.errors import InputError
from posezoo.poses.posedata import Sequence

# Pictures of at least this size, and this many poses, tell percent from people in the corner of their pictures.
_LARGE_PX, _ENOUGH = 300, 8


def are_fractions(xy: np.ndarray, unknown: np.ndarray) -> bool:
    """Return whether coordinates that should be pixels are fractions of the picture: all in or near 0 to 1, few below 0."""
    known = xy[~unknown]
    return bool(np.abs(known - 0.5).max() <= 1 and (known < 0).mean() < 0.05)


def refuse_percent(xy: np.ndarray, unknown: np.ndarray, sequences: tuple[Sequence, ...], path: Path) -> None:
    """Refuse coordinates of 0 to 100 that reach across half of that range where the pictures are many times as large.

    Raises:
        InputError: people would all stand in the same small corner of their pictures, as those in percent seem to.
    """
    known = xy[~unknown]
    smallest = min((min(clip.image_size) for clip in sequences if clip.image_size), default=0)
    sized = all(clip.image_size for clip in sequences)
    reach = np.ptp(known, axis=0).max()
    if sized and smallest >= _LARGE_PX and len(xy) >= _ENOUGH and known.min() >= 0 and reach >= 50 and known.max() <= 100:
        width, height = next(clip.image_size for clip in sequences if clip.image_size)
        raise InputError(
            f"{path} holds coordinates from {known.min():.3g} to {known.max():.3g} beside pictures of {width} x {height}: "
            f"they are percent; multiply x by {width / 100:g} and y by {height / 100:g}, or leave the size out if they are "
            "pixels."
        )
