"""TRC, the marker files of OpenSim (Motion Analysis): one marker a joint."""

from __future__ import annotations

import numpy as np

from posezoo.poses.exports.clip import Poses, frames_per_second, in_mm_y_up, numbers_of, times_of

_KEYS = (
    "DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units", "OrigDataRate", "OrigDataStartFrame", "OrigNumFrames",
)  # fmt: skip


def trc(
    prediction: Poses, fps: float | int | None = None, height_mm: float | int | None = None, name: str = "poses.trc"
) -> str:
    """Return the text of a TRC file: mm, y up (see :func:`posezoo.poses.exports.clip.in_mm_y_up`).

    Cells are empty where a joint is unknown. Root-relative poses have their root at the origin in every
    frame. ``Frame#`` is the input's frame number plus 1, as TRC counts frames from 1; ``Time`` is the time of that frame,
    at a variable frame rate too.

    Raises:
        InputError: no clip, unknown rate, a height that does not belong here.
    """
    rate = frames_per_second(prediction, fps, "TRC")
    pose = in_mm_y_up(prediction, height_mm, "TRC")
    frames, joints = pose.shape[:2]
    stated = f"{rate:.6g}"
    numbers = numbers_of(prediction, frames) + 1
    times = times_of(prediction, frames, fps)
    seconds = (numbers - 1) / rate if times is None else times
    lines = [
        ("PathFileType", "4", "(X/Y/Z)", name),
        _KEYS,
        (stated, stated, str(frames), str(joints), "mm", stated, str(numbers[0]), str(frames)),
        ("Frame#", "Time", *(cell for joint in prediction.skeleton.joints for cell in (joint, "", ""))),
        ("", "", *(f"{axis}{joint + 1}" for joint in range(joints) for axis in "XYZ")),
        ("",),
    ]
    known = np.isfinite(pose).all(-1, keepdims=True) & np.ones(3, bool)
    for row in range(frames):
        values = zip(pose[row].reshape(-1).tolist(), known[row].reshape(-1).tolist(), strict=True)
        cells = [f"{value + 0.0:.5f}" if there else "" for value, there in values]
        # Every cell ends in a tab, as OpenSim writes them: it does not count an empty one at the end of a line.
        lines.append((str(numbers[row]), f"{seconds[row]:.6f}", *cells, ""))
    return "\n".join("\t".join(cells) for cells in lines) + "\n"
