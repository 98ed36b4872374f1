"""Write CSV: a row for each frame, with columns named by joint, axis and unit."""

from __future__ import annotations

import numpy as np

from posezoo.errors import InputError
from posezoo.poses.exports.clip import Poses, numbers_of, rows_of_clip, times_of
from posezoo.poses.exports.settings import MotionSettings


def csv(poses: Poses, settings: MotionSettings | None = None, name: str = "poses.csv") -> str:
    """Return the text of a CSV file: ``frame,person,time_s,pelvis_x_mm,pelvis_y_mm,pelvis_z_mm,...``.

    A row is a pose, of whichever person. The coordinates are the prediction's own, in its frame and unit
    (``pelvis_x_relative``); then come, where there are such, ``pelvis_u_px,pelvis_v_px``, ``pelvis_confidence``, and of
    several cameras ``pelvis_reprojection_px`` and ``pelvis_views``.
    ``person``, ``video`` and ``picture`` are there where the input says them, ``time_s`` where the rate is known. Unknown is
    empty.

    Raises:
        InputError: more than one leading dimension, or a setting other than the rate: the poses are written as they are.
    """
    settings = settings or MotionSettings()
    if settings.changed():
        raise InputError(f"CSV keeps the prediction's own unit and place; {settings.changed()[0]} is for .bvh and .trc.")
    here, pose = poses, rows_of_clip(poses, "CSV")
    joints, rows = poses.skeleton.joints, len(pose)
    names, blocks = ["frame"], [[str(number) for number in numbers_of(here, rows).tolist()]]
    for title, labels in (("person", here.person), ("video", here.video), ("picture", here.picture)):
        if labels is not None and (title != "video" or len(np.unique(labels)) > 1):
            names.append(title)
            blocks.append([_cell(str(label)) for label in np.ravel(labels)])
    times = times_of(here, rows, settings.fps)
    if times is not None:
        names.append("time_s")
        blocks.append([f"{time:.6f}" for time in times.tolist()])
    columns: list[tuple[str, np.ndarray]] = [
        (f"{joint}_{axis}_{poses.unit}", pose[:, i, k]) for i, joint in enumerate(joints) for k, axis in enumerate("xyz")
    ]
    if here.keypoints_2d is not None:
        pixels = here.keypoints_2d.reshape(rows, len(joints), 2)
        columns += [(f"{joint}_{axis}_px", pixels[:, i, k]) for i, joint in enumerate(joints) for k, axis in enumerate("uv")]
    if here.confidence is not None:
        trust = here.confidence.reshape(rows, len(joints))
        columns += [(f"{joint}_confidence", trust[:, i]) for i, joint in enumerate(joints)]
    for ending, by_view in (("reprojection_px", here.reprojection_px), ("views", here.view_count)):
        if by_view is not None:
            by_joint = by_view.reshape(rows, len(joints)).T
            columns += [(f"{joint}_{ending}", values) for joint, values in zip(joints, by_joint, strict=True)]
    for title, values in columns:
        names.append(title)
        blocks.append([f"{value:.6g}" if np.isfinite(value) else "" for value in values.tolist()])
    return "\n".join(",".join(cells) for cells in [names, *zip(*blocks, strict=True)]) + "\n"


def _cell(text: str) -> str:
    """Return text as a cell, in quotes where it holds a separator."""
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\n\r') else text
