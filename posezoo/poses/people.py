"""Tell the people of results apart: which rows are one person's clip."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from posezoo.poses.mixing import extents
from posezoo.poses.prediction import Prediction
from posezoo.poses.prediction_files import ARRAYS, LABELS

# Median step of the joints from one frame to the next, over the pose's extent, above which poses are of single pictures.
_PICTURES = 0.6


def rows_of(result: Prediction, rows: np.ndarray) -> Prediction:
    """Return some of the poses, with all that belongs to each."""
    own = result.numpy()
    chosen = {name: np.asarray(values)[rows] for name in (*ARRAYS, *LABELS) if (values := getattr(own, name)) is not None}
    return replace(result, **chosen)


def people_of(result: Prediction) -> list[np.ndarray]:
    """Return the rows of each person of a clip, frames in order; who is seen longest and best first.

    People of several pictures that are no clip are not told apart: they are all there is to see, picture by picture.

    Example:
        >>> from posezoo.skeletons import get_skeleton
        >>> poses = np.random.default_rng(0).normal(size=(1, 17, 3)).repeat(5, 0)
        >>> frames, people = np.array([0, 0, 1, 1, 2]), np.array(["a", "b", "a", "b", "b"])
        >>> two = Prediction(poses, get_skeleton("h36m17"), "mm", fps=30, frame_number=frames, person=people)
        >>> [rows.tolist() for rows in people_of(two)]
        [[1, 3, 4], [0, 2]]
    """
    if result.person is None or result.pose_3d.ndim != 3:
        return [np.arange(len(result))]
    videos = np.full(len(result), "") if result.video is None else result.video
    listed: dict[tuple[str, str], list[int]] = {}
    for row, label in enumerate(zip(videos.tolist(), result.person.tolist(), strict=True)):
        listed.setdefault(label, []).append(row)
    groups = [np.array(rows) for rows in listed.values()]
    if result.frame_number is not None:
        groups = [rows[np.argsort(result.frame_number[rows], kind="stable")] for rows in groups]
    if len(groups) == 1 or not (result.fps or result.time_s is not None or _move(result, groups)):
        return [np.arange(len(result))]
    known = np.isfinite(np.asarray(result.numpy().pose_3d)).all(-1)
    trust = known if result.confidence is None else np.where(known, np.asarray(result.numpy().confidence), 0)
    return sorted(groups, key=lambda rows: -float(trust[rows].mean(1).sum()))


def _move(result: Prediction, groups: list[np.ndarray]) -> bool:
    """Return whether people move from frame to frame as in a clip, rather than being others in each picture."""
    here = result.numpy()
    points = np.asarray(here.pose_3d if here.keypoints_2d is None else here.keypoints_2d, np.float64)
    pairs = np.concatenate([np.stack([rows[:-1], rows[1:]], 1) for rows in groups])
    if not len(pairs):
        return False
    steps = np.linalg.norm(points[pairs[:, 1]] - points[pairs[:, 0]], axis=-1)
    shares = steps / np.maximum(extents(points[pairs[:, 0]]), 1e-9)[:, None]
    return bool(np.isfinite(shares).any() and np.nanmedian(shares) < _PICTURES)
