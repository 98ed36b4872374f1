"""Stacked hourglass: MPII's annotations (``part``), its detections (``preds``), and Martinez' Human3.6M ones (``poses``)."""

from __future__ import annotations

import numpy as np

from posezoo.data.keypoints.clips import Clips, group, numeric
from posezoo.data.keypoints.containers import Content
from posezoo.data.keypoints.plain import flatten

_KEYS = ("part", "preds", "poses")


def is_hourglass(content: Content) -> bool:
    """One of the three keys."""
    return content.kind in ("hdf5", "npz") and not content.keys().isdisjoint(_KEYS)


def read_hourglass(content: Content) -> Clips:
    """Row by row; see :func:`posezoo.data.mpii.read_mpii` for the people's scales and pictures."""
    key = next(key for key in _KEYS if key in content.keys())  # noqa: SIM118  (Content is no mapping)
    rows, _, _ = flatten(numeric(content.value[key], key, content.path), content.path)
    if key == "part":
        rows = np.where(unannotated(rows)[..., None], np.nan, rows)
    sequence, sequences = group([content.path.stem] * len(rows), [""] * len(rows))
    return Clips(rows, sequence, np.arange(len(rows)), sequences, implied=("mpii16",))


def unannotated(part: np.ndarray) -> np.ndarray:
    """(N, J) mask of what the annotators left out.

    Hourglass tells it by x alone: heads that the upper edge cuts have y of 0 or less, and are annotated.
    """
    return part[..., 0] == 0
