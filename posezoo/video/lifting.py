"""Lift a person's track: one row for each frame, NaN where the person is not known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from posezoo.errors import InputError
from posezoo.lifting.inputs import check_convertible, has_enough_joints
from posezoo.lifting.module import LiftingModule
from posezoo.poses.missing import convert_found, missing_joints
from posezoo.poses.prediction import Prediction
from posezoo.skeletons import Skeleton, convert, get_skeleton
from posezoo.video.tracking import Track


def lift_track(
    model: LiftingModule,
    track: Track,
    skeleton: str | Skeleton,
    image_size: tuple[int, int] | None = None,
    fps: float | int | None = None,
) -> Prediction:
    """Lift every frame of a track that has enough joints for the model; the poses of the other frames are NaN.

    See :func:`posezoo.lifting.inputs.has_enough_joints`.

    Args:
        model: a model of single views.
        track: one person over consecutive frames, in the layout ``skeleton``.
        skeleton: a named layout, or a Skeleton.
        image_size: (width, height) in px, carried into the result.
        fps: frames per second, carried into the result.

    Returns:
        (T, J, ...) arrays, row i being frame ``track.first_frame + i``. ``filled`` marks joints that were interpolated, or
        made from such, or filled in by the model; their confidence is 0.

    Raises:
        InputError: no frame is complete enough, or the layout cannot give the model's.
    """
    layout, confidence = get_skeleton(skeleton), track.confidence.astype(np.float32)
    keypoints = track.keypoints.astype(np.float32)
    sizes = None if image_size is None else np.asarray([image_size])
    keypoints[missing_joints(keypoints, layout, image_sizes=sizes)] = np.nan  # a detector's placeholders
    converted = convert_found(keypoints, layout, model.skeleton, confidence)
    check_convertible(layout, converted.missing)
    known = np.isfinite(converted.keypoints).all(-1)
    rows = np.flatnonzero(has_enough_joints(known, model.fills_missing))
    if not len(rows):
        most = int(known.sum(1).max(initial=0))
        raise InputError(
            f"in none of {len(track)} frames enough joints are known to be lifted by {model.zoo_name} (at most {most} of "
            f"{len(model.skeleton)}); fill longer gaps (max_gap=), or take a model that fills in joints (geoselfsup)."
        )
    result = model.predict(keypoints[rows], layout, image_size, incomplete="nan")

    def spread(values: np.ndarray, empty: float | bool) -> np.ndarray:
        whole: np.ndarray = np.full((len(track), *values.shape[1:]), empty, dtype=values.dtype)
        whole[rows] = values
        return whole

    filled = convert(np.where(track.filled, 1.0, 0.0)[..., None], layout, model.skeleton).keypoints[..., 0]
    made_up = np.isfinite(filled) & (np.abs(filled) > 0) & known
    if result.filled is not None:
        made_up |= spread(result.filled, False)
    notes = [f"row 0 is frame {track.first_frame}"] if track.first_frame else []
    if len(rows) < len(track):
        notes.append(f"{len(track) - len(rows)} of {len(track)} frames, in which the person is not known, are NaN")
    numbers = track.first_frame + np.arange(len(track))
    times = numbers / fps if track.time_s is None and fps else track.time_s
    return replace(
        result,
        pose_3d=spread(result.pose_3d, np.nan),
        keypoints_2d=None if result.keypoints_2d is None else spread(result.keypoints_2d, np.nan),
        confidence=np.where(made_up | ~known, 0.0, converted.confidence).astype(np.float32),
        filled=made_up if made_up.any() else None,
        fps=fps,
        notes=(*result.notes, *notes),
        frame_number=numbers,
        person=np.full(len(track), track.person) if track.person else None,
        video=np.full(len(track), track.video) if track.video else None,
        time_s=times,
    )
