"""CSV: a row for each frame, columns named for joint, axis and unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from posezoo.errors import InputError
from posezoo.poses.exports.clip import frames_per_second, one_clip

if TYPE_CHECKING:
    from posezoo.poses.prediction import Prediction


def csv(prediction: Prediction, fps: Any = None, height_mm: Any = None, name: str = "poses.csv") -> str:
    """The text of a CSV file: ``frame,time_s,pelvis_x_mm,pelvis_y_mm,pelvis_z_mm,...``.

    The coordinates are the prediction's own, in its frame and unit (``pelvis_x_relative``); then come, where there are such,
    ``pelvis_u_px,pelvis_v_px`` and ``pelvis_confidence``. ``time_s`` is there where the rate is known. Unknown is empty.

    Raises:
        InputError: no clip, or a height, which no coordinate here is scaled by.
    """
    if height_mm is not None:
        raise InputError("CSV keeps the prediction's own unit; a height is for .bvh and .trc.")
    here, pose = prediction.numpy(), one_clip(prediction, "CSV")
    joints, rows = prediction.skeleton.joints, len(pose)
    names, blocks = ["frame"], [[str(row) for row in range(rows)]]
    if fps is not None or prediction.fps is not None:
        rate = frames_per_second(prediction, fps, "CSV")
        names.append("time_s")
        blocks.append([f"{row / rate:.6f}" for row in range(rows)])
    columns: list[tuple[str, np.ndarray]] = [
        (f"{joint}_{axis}_{prediction.unit}", pose[:, i, k])
        for i, joint in enumerate(joints)
        for k, axis in enumerate("xyz")
    ]
    if here.keypoints_2d is not None:
        pixels = here.keypoints_2d.reshape(rows, len(joints), 2)
        columns += [(f"{joint}_{axis}_px", pixels[:, i, k]) for i, joint in enumerate(joints) for k, axis in enumerate("uv")]
    if here.confidence is not None:
        trust = here.confidence.reshape(rows, len(joints))
        columns += [(f"{joint}_confidence", trust[:, i]) for i, joint in enumerate(joints)]
    for title, values in columns:
        names.append(title)
        blocks.append([f"{value:.6g}" if np.isfinite(value) else "" for value in values.tolist()])
    return "\n".join(",".join(cells) for cells in [names, *zip(*blocks, strict=True)]) + "\n"
