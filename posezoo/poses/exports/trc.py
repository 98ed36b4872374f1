"""TRC, the marker files of OpenSim (Motion Analysis): one marker a joint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from posezoo.poses.exports.clip import frames_per_second, in_mm_y_up

if TYPE_CHECKING:
    from posezoo.poses.prediction import Prediction

_KEYS = (
    "DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units", "OrigDataRate", "OrigDataStartFrame", "OrigNumFrames",
)  # fmt: skip


def trc(prediction: Prediction, fps: Any = None, height_mm: Any = None, name: str = "poses.trc") -> str:
    """The text of a TRC file: mm, y up (see :func:`posezoo.poses.exports.clip.in_mm_y_up`).

    Cells are empty where a joint is unknown. Root-relative poses have their root at the origin in every
    frame. Frames are counted from 1, time runs from 0.

    Raises:
        InputError: no clip, unknown rate, a height that does not belong here.
    """
    rate = frames_per_second(prediction, fps, "TRC")
    pose = in_mm_y_up(prediction, height_mm, "TRC")
    frames, joints = pose.shape[:2]
    stated = f"{rate:.6g}"
    lines = [
        ("PathFileType", "4", "(X/Y/Z)", name),
        _KEYS,
        (stated, stated, str(frames), str(joints), "mm", stated, "1", str(frames)),
        ("Frame#", "Time", *(cell for joint in prediction.skeleton.joints for cell in (joint, "", ""))),
        ("", "", *(f"{axis}{joint + 1}" for joint in range(joints) for axis in "XYZ")),
        ("",),
    ]
    known = np.isfinite(pose).all(-1, keepdims=True) & np.ones(3, bool)
    for row in range(frames):
        values = zip(pose[row].reshape(-1).tolist(), known[row].reshape(-1).tolist(), strict=True)
        cells = [f"{value + 0.0:.5f}" if there else "" for value, there in values]
        # Every cell ends in a tab, as OpenSim writes them: it does not count an empty one at the end of a line.
        lines.append((str(row + 1), f"{row / rate:.6f}", *cells, ""))
    return "\n".join("\t".join(cells) for cells in lines) + "\n"
