"""What MoveNet returns, saved as it is: fractions of the picture, (y, x, score)."""

from __future__ import annotations

import numpy as np

from posezoo.errors import InputError
from posezoo.formats.keypoints.clips import Clips, group, numeric
from posezoo.formats.keypoints.containers import Content

_JOINTS = 17
# MultiPose: 17 joints, then the box's ymin, xmin, ymax, xmax and score.
_MULTI = 3 * _JOINTS + 5


def is_movenet(content: Content) -> bool:
    """Return whether an array is (..., 1, 1, 17, 3), or MultiPose's (..., 6, 56)."""
    if content.kind not in ("npy", "npz", "json", "pickle"):
        return False
    shape = () if (array := _array(content)) is None else array.shape
    return shape[-4:] == (1, 1, _JOINTS, 3) or shape[-2:] == (6, _MULTI)


def read_movenet(content: Content) -> Clips:
    """Read frames; MultiPose always has six people, those whose score is next to nothing are left out."""
    values = numeric(_array(content), "keypoints", content.path).astype(np.float64)
    multi = values.shape[-1] == _MULTI
    rows = values.reshape(-1, 6, _MULTI) if multi else values.reshape(-1, 1, 3 * _JOINTS)
    present = rows[..., -1] > 0.1 if multi else np.ones(rows.shape[:2], bool)
    frame, person = np.nonzero(present)
    if not len(frame):
        raise InputError(f"{content.path} holds no people (MoveNet's scores are all below 0.1).")
    points = rows[present][:, : 3 * _JOINTS].reshape(-1, _JOINTS, 3)[..., [1, 0, 2]]
    sequence, sequences = group([content.path.stem] * len(frame), person.tolist())
    return Clips(
        points, sequence, frame, sequences, implied=("coco17",), normalised=True, identified=not multi, counted=True
    )


def _array(content: Content) -> np.ndarray | None:
    """Return the only array of a file; lists of JSON that nest as deeply."""
    value = content.value
    if isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    if isinstance(value, np.ndarray):
        return value
    inner, depth = value, 0
    while isinstance(inner, list) and inner:
        inner, depth = inner[0], depth + 1
    if depth not in (3, 4, 5) or not isinstance(inner, int | float):
        return None
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
