"""Share the colours of limbs and the coordinates of drawn poses among the backends.

Drawn coordinates: X to the right of the image, Y away from the camera, Z up. From the camera frame (x right, y down,
z forward) that is ``(x, z, -y)``, a rotation: nothing is ever mirrored.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from posezoo.skeletons import Skeleton
from posezoo.viz.clip import Clip

SIDES = ("left", "right", "centre")
# Blues against reds, told apart with any colour vision (Okabe and Ito 2008); the next pose is paler, the third
# takes the palette's remaining hues, and so on round.
PALETTES: tuple[dict[str, str], ...] = (
    {"left": "#0072B2", "right": "#D55E00", "centre": "#222222"},
    {"left": "#56B4E9", "right": "#E69F00", "centre": "#999999"},
    {"left": "#009E73", "right": "#CC79A7", "centre": "#444444"},
)
TRUTH = "ground truth"
TRUTH_PALETTE = {"left": "#111111", "right": "#BEBEBE", "centre": "#6A6A6A"}
_CAMERA_TO_PLOT = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


def pose_names(clips: Iterable[Clip]) -> list[str]:
    """Return names of all poses, in order of appearance: a name has the same colours wherever it is drawn together."""
    return list(dict.fromkeys(name for clip in clips for name in clip.poses))


def palette_of(name: str, names: list[str]) -> dict[str, str]:
    """Return colours by side of one of the poses drawn together; ground truth is grey."""
    if name == TRUTH:
        return TRUTH_PALETTE
    return PALETTES[[other for other in names if other != TRUTH].index(name) % len(PALETTES)]


def side_of(skeleton: Skeleton, joint: int) -> str:
    """Return ``left``, ``right`` or ``centre``: the person's, by the joint's name."""
    return next((side for side in SIDES[:2] if skeleton.joints[joint].startswith(f"{side}_")), "centre")


def chains(skeleton: Skeleton) -> dict[str, list[list[int]]]:
    """Return joints to be joined by lines, side by side: ``{"left": [[pelvis, hip, knee, ankle], ...], ...}``.

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


def to_plot(points: np.ndarray, up: np.ndarray | None = None, frame: str = "camera") -> np.ndarray:
    """Turn the camera's frame into drawn coordinates, (..., 3): ``(x, z, -y)``, after the camera has been levelled.

    Args:
        points: x right, y down, z forward; world coordinates are drawn as they are.
        up: unit vector, the world's vertical in the frame of the points; ``-y`` of the camera, ``z`` of the world where
            not given.
        frame: ``camera`` or ``world``.

    Example:
        >>> import numpy as np
        >>> to_plot(np.array([1.0, 2.0, 3.0])).tolist()  # 2 below the axis is drawn 2 below
        [1.0, 3.0, -2.0]
        >>> to_plot(np.array([1.0, 2.0, 3.0]), frame="world").tolist()
        [1.0, 2.0, 3.0]
    """
    plotted = points @ _CAMERA_TO_PLOT if frame == "camera" else points
    if up is None:
        return plotted
    tilted = up @ _CAMERA_TO_PLOT if frame == "camera" else up
    # The shortest rotation that takes the drawn vertical to Z (Rodrigues); a camera upside down is turned about Y.
    axis, cosine = np.cross(tilted, [0.0, 0.0, 1.0]), tilted[2]
    if cosine < -1.0 + 1e-9:
        return plotted * np.array([-1.0, 1.0, -1.0])
    cross = np.array([[0.0, -axis[2], axis[1]], [axis[2], 0.0, -axis[0]], [-axis[1], axis[0], 0.0]])
    return plotted @ (np.eye(3) + cross + cross @ cross / (1.0 + cosine)).T


def scene(clip: Clip) -> tuple[dict[str, np.ndarray], float, tuple[float, float]]:
    """Return the poses of a clip where they are drawn, and how far they reach.

    In the camera frame the roots of all poses coincide above the origin in every frame, and the lowest joint of the
    first pose stands on the floor, Z = 0: lifted poses are root-relative and say nothing of where the person went.
    In the world people go where they went; the origin is the middle of the first one's path, the floor their lowest point.

    Returns:
        name -> (T, J, 3) drawn coordinates, and what holds every frame: the half-width of a square floor, and the
        lowest and highest Z (other poses may reach below the floor).
    """
    up = None if clip.up is None else np.asarray(clip.up)
    poses = {name: to_plot(pose, up, clip.frame) for name, pose in clip.poses.items()}
    poses = _in_place(poses) if clip.frame == "world" else _root_on_root(poses, clip.layout.root)
    everything = np.concatenate(list(poses.values()))
    reach = float(np.nan_to_num(np.abs(everything[..., :2])).max())
    heights = np.nan_to_num(everything[..., 2])
    low, high = float(heights.min()), float(heights.max())
    half = max(1.1 * reach, 0.35 * high, 1e-6)
    return poses, half, (1.05 * low, max(1.05 * high, half))


def _root_on_root(poses: dict[str, np.ndarray], root: int) -> dict[str, np.ndarray]:
    moved = {}
    for name, points in poses.items():
        known = np.nan_to_num(points).sum(1) / np.maximum(np.isfinite(points).sum(1), 1)
        moved[name] = points - np.where(np.isfinite(points[:, root]), points[:, root], known)[:, None]
    heights = next(iter(moved.values()))[..., 2]
    floor = np.where(np.isfinite(heights), heights, np.inf).min(1)
    for points in moved.values():
        points[..., 2] -= np.where(np.isfinite(floor), floor, 0.0)[:, None]
    return moved


def _in_place(poses: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    points = next(iter(poses.values())).reshape(-1, 3)
    points = points[np.isfinite(points).all(1)]
    if not len(points):
        return poses
    low, high = points.min(0), points.max(0)
    origin = np.array([*((low + high) / 2)[:2], low[2]])
    return {name: points - origin for name, points in poses.items()}


def image_box(keypoints: np.ndarray, margin: float = 0.15) -> tuple[float, float, float]:
    """Return centre and half-width, in px, of a square around all finite keypoints."""
    points = keypoints[np.isfinite(keypoints).all(-1)]
    if not len(points):
        return 0.5, 0.5, 0.5
    low, high = points.min(0), points.max(0)
    center = (low + high) / 2
    return float(center[0]), float(center[1]), max(float((high - low).max()) * (0.5 + margin), 1e-6)
