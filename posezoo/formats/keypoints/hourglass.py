"""Stacked hourglass: MPII's annotations (``part``), its detections (``preds``), and Martinez' Human3.6M ones (``poses``)."""

from __future__ import annotations

import numpy as np

from posezoo.formats.keypoints.axes import flatten
from posezoo.formats.keypoints.clips import Clips, group, numeric
from posezoo.formats.keypoints.containers import Content
from posezoo.formats.mpii import picture_names, unannotated
from posezoo.formats.videopose3d import HOURGLASS_FINE_TUNED, HOURGLASS_FINE_TUNED_FOLDER

_KEYS = ("part", "preds", "poses")


def is_hourglass(content: Content) -> bool:
    """Return whether one of the three keys is there; ``poses`` beside ``trans`` or ``betas`` are SMPL's rotations."""
    names = content.keys()
    return content.kind in ("hdf5", "npz") and not names.isdisjoint(_KEYS) and names.isdisjoint(("trans", "betas"))


def read_hourglass(content: Content) -> Clips:
    """Read row by row; see :func:`posezoo.data.mpii.annotations.read_mpii` for the people's scales.

    Annotations name the picture and the person in it, who is a clip of their own: neighbouring rows are not one video.
    """
    key = next(key for key in _KEYS if key in content.keys())  # noqa: SIM118  (Content is no mapping)
    rows, _, _ = flatten(numeric(content.value[key], key, content.path), content.path)
    if key == "part":
        rows = np.where(unannotated(rows)[..., None], np.nan, rows)
    videos, persons = [content.path.stem] * len(rows), [""] * len(rows)
    if key == "part" and len(names := np.asarray(content.value.get("imgname", ()))) == len(rows):
        videos = picture_names(names)
        people = np.asarray(content.value.get("person", ()))
        persons = [f"{person:g}" for person in people] if people.shape == (len(rows),) else persons
    sequence, sequences = group(videos, persons)
    # Martinez' folder of those that were fine-tuned: spine and thorax, where MPII has thorax and upper neck.
    tuned = key == "poses" and content.path.absolute().parent.name == HOURGLASS_FINE_TUNED_FOLDER and rows.shape[1] == 16
    stated = HOURGLASS_FINE_TUNED if tuned else None
    return Clips(rows, sequence, np.arange(len(rows)), sequences, stated=stated, implied=("mpii16",))
