"""Define Clip, which is drawn frame by frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from posezoo.errors import InputError
from posezoo.skeletons import Skeleton, get_skeleton

# The vertical of each frame of reference where nothing else is known.
UP = {"camera": (0.0, -1.0, 0.0), "world": (0.0, 0.0, 1.0)}


@dataclass(frozen=True, eq=False)
class Clip:
    """One person: 2D keypoints and any number of 3D poses (models, ground truth), frame by frame.

    Args:
        keypoints_2d: (T, J, 2) pixels, y down; NaN where a joint is missing; None where there are only 3D poses.
        poses: name -> (T, J, 3), camera frame (x right, y down, z forward), any one unit; they are drawn root on root.
            A pose named ``ground truth`` is drawn in greys.
        skeleton: the layout of the poses.
        title: whatever tells this clip from others.
        image_size: (width, height) in px, where known.
        fps: frames per second.
        keypoints_skeleton: the layout of the keypoints, where it is another.
        up: the world's vertical in the frame of the poses, where known; a pitched camera is then levelled. ``-y`` in the
            camera frame, ``z`` in the world where not given.
        pictures: (T, H, W, 3) uint8 RGB, what the keypoints are drawn on in still pictures, where there are any.
        frame: ``camera``, or ``world``: the poses are then drawn where they are, not root on root.
        first: number of the first frame.
        step: from the number of a frame to that of the next.

    Raises:
        InputError: shapes that do not belong together, no frames, or an ``up`` that is no direction.
        UnknownNameError: no such layout.

    Example:
        >>> import numpy as np
        >>> clip = Clip(np.zeros((5, 17, 2)), {"model": np.ones((5, 17, 3))}, "h36m17")
        >>> len(clip), clip.poses["model"].shape, len(clip[1:3])
        (5, (5, 17, 3), 2)
    """

    keypoints_2d: np.ndarray | None
    poses: Mapping[str, np.ndarray]
    skeleton: str | Skeleton = "h36m17"
    title: str = ""
    image_size: tuple[int, int] | None = None
    fps: float | int = 30.0
    keypoints_skeleton: str | Skeleton | None = None
    up: object = None
    pictures: np.ndarray | None = None
    frame: str = "camera"
    first: int = 0
    step: int = 1
    layout: Skeleton = field(init=False)
    keypoints_layout: Skeleton = field(init=False)

    def __post_init__(self) -> None:
        layout = get_skeleton(self.skeleton)
        keypoints_layout = layout if self.keypoints_skeleton is None else get_skeleton(self.keypoints_skeleton)
        poses = {name: _finite(pose) for name, pose in self.poses.items()}
        keypoints = None if self.keypoints_2d is None else _finite(self.keypoints_2d)
        everything = [] if keypoints is None else [("keypoints_2d", keypoints, keypoints_layout, 2)]
        everything += [(f"pose {name!r}", pose, layout, 3) for name, pose in poses.items()]
        frames = len(everything[0][1]) if everything and everything[0][1].ndim else 0
        for name, values, skeleton, size in everything:
            expected = (frames, len(skeleton), size)
            if values.shape != expected:
                raise InputError(
                    f"{name} has shape {values.shape}; expected {expected}: frames, {skeleton.name}'s joints, {size}."
                )
        if not frames or not poses:
            raise InputError(
                f"clip {self.title!r} has {frames} frames and {len(poses)} poses; at least one of each is drawn."
            )
        if self.frame not in UP:
            raise InputError(f"frame is {self.frame!r}; expected {' or '.join(UP)}.")
        if not 0.0 < self.fps <= 1000.0:
            raise InputError(f"fps is {self.fps}; expected more than 0 and at most 1000 frames per second.")
        up = np.array(UP[self.frame]) if self.up is None else np.asarray(self.up, dtype=np.float64)
        if up.shape != (3,) or not np.isfinite(up).all() or np.linalg.norm(up) < 1e-9:
            raise InputError(f"up is {self.up}; expected three numbers, the world's vertical in the frame of the poses.")
        for name, value in {
            "keypoints_2d": keypoints,
            "poses": poses,
            "layout": layout,
            "keypoints_layout": keypoints_layout,
            "up": up / np.linalg.norm(up),
        }.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(next(iter(self.poses.values())))

    def __getitem__(self, rows: slice) -> Clip:
        """Return some of the frames; a step, such as ``clip[::2]``, keeps the speed of what is shown.

        Raises:
            InputError: a step backwards.
        """
        start, stop, step = rows.indices(len(self))
        if step < 1:
            raise InputError(f"the step is {step}; frames of a clip go forwards: 1 or more.")
        rows = slice(start, stop, step)
        return replace(
            self,
            keypoints_2d=None if self.keypoints_2d is None else self.keypoints_2d[rows],
            poses={name: pose[rows] for name, pose in self.poses.items()},
            pictures=None if self.pictures is None else self.pictures[rows],
            fps=self.fps / step,
            first=self.first + start * self.step,
            step=self.step * step,
        )


def _finite(values: object) -> np.ndarray:
    """Return values in float64, NaN for those that cannot be drawn."""
    array = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(array), array, np.nan)
