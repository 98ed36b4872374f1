"""Leeds Sports Pose: ``joints.mat``, 2,000 people (3, 14, N), and its extended training set (14, 3, N)."""

from __future__ import annotations

import numpy as np

from posezoo.formats.keypoints.clips import Clips, group, numeric
from posezoo.formats.keypoints.containers import Content


def is_lsp(content: Content) -> bool:
    """Return whether this is a MATLAB file with ``joints`` of either shape."""
    return content.kind == "mat" and np.shape(content.value.get("joints"))[:2] in ((3, 14), (14, 3))


def read_lsp(content: Content) -> Clips:
    """Read picture by picture, ``frame`` being the number in its name (im0001.jpg is 1); pixels count from 0 here.

    LSP's third row marks joints that are hidden, yet located. The extended set's marks those that are located, by the
    workers who annotated it; the others' coordinates mean nothing.
    """
    joints = numeric(content.value["joints"], "joints", content.path).astype(np.float64)
    joints = joints[..., None] if joints.ndim == 2 else joints
    extended = joints.shape[0] == 14
    rows = joints.transpose(2, 0, 1) if extended else joints.transpose(2, 1, 0)
    keypoints = rows[..., :2] - 1  # MATLAB counts from 1
    confidence = np.ones(keypoints.shape[:2])
    if extended:
        confidence = (rows[..., 2] != 0).astype(np.float64)
        keypoints = np.where(confidence[..., None] == 0, np.nan, keypoints)
    sequence, sequences = group([content.path.stem] * len(rows), [""] * len(rows))
    frame = np.arange(1, len(rows) + 1)
    return Clips(keypoints, sequence, frame, sequences, confidence=confidence, implied=("lsp14",))
