"""Lay results of models and ground truth over each other: one layout, one size, one frame of reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from posezoo.errors import InputError
from posezoo.skeletons import convert
from posezoo.skeletons.posed import Posed
from posezoo.viz.clip import Clip
from posezoo.viz.moments import array_of, common_rows
from posezoo.viz.scene import TRUTH


@runtime_checkable
class Result(Posed, Protocol):
    """Result that can be drawn, such as a :class:`posezoo.data.Prediction`."""

    @property
    def keypoints_2d(self) -> object: ...

    @property
    def image_size(self) -> tuple[int, int] | None: ...

    @property
    def model(self) -> str: ...


def overlay(
    *results: Result,
    truth: Result | None = None,
    names: Sequence[str] = (),
    title: str = "",
    fps: float | int = 30.0,
    up: object = None,
) -> Clip:
    """Return a clip of one or several models' poses of the same 2D keypoints.

    Poses come in the layout of the first result. Results that say their frames (``frame_number``) are laid over each other
    frame by frame, of the frames that all have, others row by row. They are never turned: where one has no scale of its own,
    it is made as large as the ground truth, else as the first result, by one factor for all frames.

    Args:
        results: :class:`posezoo.data.Prediction`, of as many poses each.
        truth: ground truth, a ``Prediction`` in the same frame of reference.
        names: of the results; the models' where not given.
        title: of the clip.
        fps: frames per second.
        up: see :class:`posezoo.viz.Clip`.

    Raises:
        InputError: no result, different numbers of poses, no frame in common, different frames of reference, or layouts
            without a common joint.

    Example:
        >>> import numpy as np
        >>> from posezoo.data import Prediction
        >>> from posezoo.skeletons import get_skeleton
        >>> pose = np.random.default_rng(0).normal(size=(5, 17, 3)).astype(np.float32)
        >>> small, large = (Prediction(pose * s, get_skeleton("h36m17"), "relative", model=f"m{s}") for s in (1, 9))
        >>> clip = overlay(small, large)
        >>> list(clip.poses), bool(np.allclose(clip.poses["m1"], clip.poses["m9"], atol=1e-5))
        (['m1', 'm9'], True)
    """
    if not results:
        raise InputError("there is nothing to show; give at least one prediction.")
    for result in (*results, *([] if truth is None else [truth])):
        if not isinstance(result, Posed):
            raise InputError(f"a result is of type {type(result).__name__}; expected a posezoo.data.Prediction.")
    shown: list[Result] = [*results, *([] if truth is None else [truth])]
    labels = _labels(shown, list(names), truth is not None)
    rows = dict(zip(labels, common_rows(shown, labels), strict=True))
    counts = {label: len(_rows(result.pose_3d, rows[label])) for label, result in zip(labels, shown, strict=True)}
    layout, frame = shown[0].skeleton, frame_of(shown[0])
    poses: dict[str, np.ndarray] = {}
    for label, result in zip(labels, shown, strict=True):
        if frame_of(result) != frame:
            raise InputError(
                f"{label} is in the {frame_of(result)} frame and {labels[0]} in the {frame} frame; show poses of one frame."
            )
        pose = _rows(result.pose_3d, rows[label])
        if counts[label] != counts[labels[0]]:
            raise InputError(
                f"{label} has {counts[label]} poses and {labels[0]} has {counts[labels[0]]}; expected results of the "
                "same 2D poses."
            )
        if result.skeleton != layout:
            pose = convert(pose, result.skeleton, layout).keypoints
            if not np.isfinite(pose).any():
                raise InputError(f"{label} ({result.skeleton.name}) has no joint that {layout.name} has; show it alone.")
        poses[label] = pose
    base = labels[-1] if truth is not None else labels[0]
    for label, result in zip(labels, shown, strict=True):
        if label != base and not result.unit == shown[labels.index(base)].unit == "mm":
            poses[label] = poses[label] * _size_ratio(poses[base], poses[label], layout.root)
    seen, flat = next(((label, r) for label, r in zip(labels, shown, strict=True) if r.keypoints_2d is not None), ("", None))
    return Clip(
        None if flat is None else _rows(flat.keypoints_2d, rows[seen]),
        poses,
        layout,
        title,
        None if flat is None else flat.image_size,
        fps,
        None if flat is None else flat.skeleton,
        up,
        frame=frame,
    )


def frame_of(result: Result) -> str:
    """Return ``camera`` or ``world``, from a result's description of its frame."""
    return "world" if result.frame.startswith("world") else "camera"


def _rows(values: object, rows: np.ndarray | None) -> np.ndarray:
    """Return an array or tensor (..., J, D) as (N, J, D), or some of its rows."""
    array = array_of(values)
    array = array.reshape(-1, *array.shape[-2:])
    return array if rows is None else array[rows]


def _labels(shown: list[Result], names: list[str], has_truth: bool) -> list[str]:
    """Return a different name for each result: the second of a model is ``model (2)``."""
    count = len(shown) - has_truth
    if names and len(names) != count:
        raise InputError(f"{len(names)} names for {count} results; give one each.")
    labels: list[str] = []
    for name in names or [result.model or "prediction" for result in shown[:count]]:
        repeats = sum(label == name or label.startswith(f"{name} (") for label in labels)
        labels.append(f"{name} ({repeats + 1})" if repeats else name)
    return labels + [TRUTH] * has_truth


def _size_ratio(base: np.ndarray, other: np.ndarray, root: int) -> float:
    """Return how much larger the poses of ``base`` are, over the joints that both have: the ratio of root mean squares."""
    base, other = base - base[:, [root]], other - other[:, [root]]
    both = np.isfinite(base) & np.isfinite(other)
    sizes = [float(np.square(pose[both]).sum()) for pose in (base, other)]
    return float(np.sqrt(sizes[0] / sizes[1])) if min(sizes) > 0 else 1.0
