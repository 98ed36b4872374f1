"""Find the rows of several results that are of the same frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from posezoo.errors import InputError


def common_rows(results: Sequence[object], names: Sequence[str]) -> list[np.ndarray | None]:
    """Return the rows of each result that are of the same frames, None for all rows in their order.

    Args:
        results: with ``frame_number`` and ``keypoints_2d``, where they have any.
        names: of the results, for messages.

    Raises:
        InputError: results say their frames and have none in common.
    """
    numbers = [_numbers(result) for result in results]
    stated = [frames for frames in numbers if frames is not None]
    unlike = [frames for frames in stated if not np.array_equal(frames, stated[0])]
    if len(stated) < len(results) or not unlike or _same_keypoints(results):
        return [None] * len(results)
    if any(len(np.unique(frames)) < len(frames) for frames in stated):
        raise InputError(f"{' and '.join(names)} hold other frames, and some twice; show results of the same 2D poses.")
    shared = stated[0]
    for frames in stated[1:]:
        shared = shared[np.isin(shared, frames)]
    if not len(shared):
        spans = ", ".join(
            f"{name} of frames {frames.min()} to {frames.max()}" for name, frames in zip(names, stated, strict=True)
        )
        raise InputError(f"{spans}: no frame in common; show results of the same clip.")
    rows = [{frame: row for row, frame in enumerate(frames.tolist())} for frames in stated]
    return [np.array([row_of[frame] for frame in shared.tolist()]) for row_of in rows]


def _numbers(result: object) -> np.ndarray | None:
    numbers = getattr(result, "frame_number", None)
    return None if numbers is None else np.ravel(np.asarray(numbers))


def _same_keypoints(results: Sequence[object]) -> bool:
    """Return whether all results are of the same 2D keypoints row by row, whatever numbers their frames have."""
    seen = [getattr(result, "keypoints_2d", None) for result in results]
    if any(keypoints is None for keypoints in seen):
        return False
    first, *others = (array_of(keypoints) for keypoints in seen)
    return all(one.shape == first.shape and np.allclose(one, first, atol=0.5, equal_nan=True) for one in others)


def array_of(values: object) -> np.ndarray:
    """Return an array or tensor as a float64 array."""
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values, dtype=np.float64)
