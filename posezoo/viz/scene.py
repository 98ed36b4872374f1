"""What both backends share: what a clip is, the colours of the limbs, and where its points are drawn.

Drawn coordinates: X to the right of the image, Y away from the camera, Z up. From the camera frame (x right, y down,
z forward) that is ``(x, z, -y)``, a rotation: nothing is ever mirrored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from posezoo.errors import InputError
from posezoo.skeletons import Skeleton, get_skeleton

SIDES = ("left", "right", "centre")
# Blues against reds, told apart with any colour vision (Okabe and Ito 2008); the next pose is paler, the third
# takes the palette's remaining hues, and so on round.
PALETTES: tuple[dict[str, str], ...] = (
    {"left": "#0072B2", "right": "#D55E00", "centre": "#222222"},
    {"left": "#56B4E9", "right": "#E69F00", "centre": "#999999"},
    {"left": "#009E73", "right": "#CC79A7", "centre": "#444444"},
)


@dataclass(frozen=True, eq=False)
class Clip:
    """One person: 2D keypoints and any number of 3D poses (models, ground truth), frame by frame.

    Args:
        keypoints_2d: (T, J, 2) pixels, y down; NaN where a joint is missing.
        poses: name -> (T, J, 3), camera frame (x right, y down, z forward), any one unit; they are drawn root on root.
        skeleton: the layout of the poses.
        title: whatever tells this clip from others.
        image_size: (width, height) in px, where known.
        fps: frames per second.
        keypoints_skeleton: the layout of the keypoints, where it is another.
        up: the world's vertical in the camera frame, where known; a pitched camera is then levelled. ``-y`` otherwise.
        pictures: (T, H, W, 3) uint8 RGB, what the keypoints are drawn on in still pictures, where there are any.

    Raises:
        InputError: shapes that do not belong together, no frames, or an ``up`` that is no direction.
        UnknownNameError: no such layout.

    Example:
        >>> import numpy as np
        >>> clip = Clip(np.zeros((5, 17, 2)), {"model": np.ones((5, 17, 3))}, "h36m17")
        >>> len(clip), clip.poses["model"].shape
        (5, (5, 17, 3))
    """

    keypoints_2d: np.ndarray
    poses: Mapping[str, np.ndarray]
    skeleton: str | Skeleton = "h36m17"
    title: str = ""
    image_size: tuple[int, int] | None = None
    fps: float | int = 30.0
    keypoints_skeleton: str | Skeleton | None = None
    up: np.ndarray | None = None
    pictures: np.ndarray | None = None
    layout: Skeleton = field(init=False)
    keypoints_layout: Skeleton = field(init=False)

    def __post_init__(self) -> None:
        layout = get_skeleton(self.skeleton)
        keypoints_layout = layout if self.keypoints_skeleton is None else get_skeleton(self.keypoints_skeleton)
        keypoints = np.asarray(self.keypoints_2d, dtype=np.float64)
        poses = {name: np.asarray(pose, dtype=np.float64) for name, pose in self.poses.items()}
        frames = len(keypoints)
        for name, values, skeleton, size in (
            ("keypoints_2d", keypoints, keypoints_layout, 2),
            *((f"pose {name!r}", pose, layout, 3) for name, pose in poses.items()),
        ):
            expected = (frames, len(skeleton), size)
            if values.shape != expected:
                raise InputError(
                    f"{name} has shape {values.shape}; expected {expected}: frames, {skeleton.name}'s joints, {size}."
                )
        if not frames or not poses:
            raise InputError(
                f"clip {self.title!r} has {frames} frames and {len(poses)} poses; at least one of each is drawn."
            )
        up = np.array([0.0, -1.0, 0.0]) if self.up is None else np.asarray(self.up, dtype=np.float64)
        if up.shape != (3,) or not np.isfinite(up).all() or np.linalg.norm(up) < 1e-9:
            raise InputError(f"up is {self.up}; expected three numbers, the world's vertical in the camera frame.")
        for name, value in {
            "keypoints_2d": keypoints,
            "poses": poses,
            "layout": layout,
            "keypoints_layout": keypoints_layout,
            "up": up / np.linalg.norm(up),
        }.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.keypoints_2d)


def pose_names(clips: Iterable[Clip]) -> list[str]:
    """Names of all poses, in order of appearance: a name has the same colours wherever it is drawn together."""
    return list(dict.fromkeys(name for clip in clips for name in clip.poses))


def side_of(skeleton: Skeleton, joint: int) -> str:
    """``left``, ``right`` or ``centre``: the person's, by the joint's name."""
    return next((side for side in SIDES[:2] if skeleton.joints[joint].startswith(f"{side}_")), "centre")


def chains(skeleton: Skeleton) -> dict[str, list[list[int]]]:
    """Joints to be joined by lines, side by side: ``{"left": [[pelvis, hip, knee, ankle], ...], ...}``.

    A bone has the side of the joint it ends in.
    """
    paths: dict[str, list[list[int]]] = {side: [] for side in SIDES}
    for parent, child in skeleton.bones:
        side = side_of(skeleton, child)
        path = next((path for path in paths[side] if path[-1] == parent), None)
        if path is None:
            paths[side].append([parent, child])
        else:
            path.append(child)
    return paths


def to_plot(points: np.ndarray, up: np.ndarray | None = None) -> np.ndarray:
    """Camera frame to drawn coordinates, (..., 3) -> (..., 3): ``(x, z, -y)``, after the camera has been levelled.

    Args:
        points: x right, y down, z forward.
        up: unit vector, the world's vertical in the camera frame; ``-y`` where not given.

    Example:
        >>> import numpy as np
        >>> to_plot(np.array([1.0, 2.0, 3.0])).tolist()  # 2 below the axis is drawn 2 below
        [1.0, 3.0, -2.0]
    """
    plotted = points @ np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    if up is None:
        return plotted
    tilted = to_plot(up)
    # The shortest rotation that takes the drawn vertical to Z (Rodrigues); a camera upside down is turned about Y.
    axis, cosine = np.cross(tilted, [0.0, 0.0, 1.0]), tilted[2]
    if cosine < -1.0 + 1e-9:
        return plotted * np.array([-1.0, 1.0, -1.0])
    cross = np.array([[0.0, -axis[2], axis[1]], [axis[2], 0.0, -axis[0]], [-axis[1], axis[0], 0.0]])
    return plotted @ (np.eye(3) + cross + cross @ cross / (1.0 + cosine)).T


def scene(clip: Clip) -> tuple[dict[str, np.ndarray], float, tuple[float, float]]:
    """The poses of a clip where they are drawn, and how far they reach.

    In every frame the roots of all poses coincide above the origin, and the lowest joint of the first pose stands
    on the floor, Z = 0: lifted poses are root-relative and say nothing of where the person went.

    Returns:
        name -> (T, J, 3) drawn coordinates, and what holds every frame: the half-width of a square floor, and the
        lowest and highest Z (other poses may reach below the floor).
    """
    poses = {}
    for name, pose in clip.poses.items():
        points = to_plot(pose, clip.up)
        root = points[:, clip.layout.root]
        known = np.nan_to_num(points).sum(1) / np.maximum(np.isfinite(points).sum(1), 1)
        poses[name] = points - np.where(np.isfinite(root), root, known)[:, None]
    heights = next(iter(poses.values()))[..., 2]
    floor = np.where(np.isfinite(heights), heights, np.inf).min(1)
    for points in poses.values():
        points[..., 2] -= np.where(np.isfinite(floor), floor, 0.0)[:, None]
    everything = np.concatenate(list(poses.values()))
    reach = float(np.nan_to_num(np.abs(everything[..., :2])).max())
    heights = np.nan_to_num(everything[..., 2])
    low, high = float(heights.min()), float(heights.max())
    half = max(1.1 * reach, 0.35 * high, 1e-6)
    return poses, half, (1.05 * low, max(1.05 * high, half))


def image_box(keypoints: np.ndarray, margin: float = 0.15) -> tuple[float, float, float]:
    """Centre and half-width, in px, of a square around all finite keypoints."""
    points = keypoints[np.isfinite(keypoints).all(-1)]
    if not len(points):
        return 0.5, 0.5, 0.5
    low, high = points.min(0), points.max(0)
    center = (low + high) / 2
    return float(center[0]), float(center[1]), max(float((high - low).max()) * (0.5 + margin), 1e-6)
