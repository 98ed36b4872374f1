"""Draw panels with Matplotlib: create them once, then move them from frame to frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from posezoo.viz.clip import Clip
from posezoo.viz.scene import PALETTES, TRUTH, image_box, palette_of, scene, side_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# (azimuth, elevation) in degrees: as the camera sees the person, and from the camera's right; from slightly above,
# so that the floor is seen.
VIEWS = {"front": (0.0, 8.0), "side": (90.0, 8.0)}
_TITLES = {
    "camera": {"front": "3D, as the camera sees it", "side": "3D, from the camera's right"},
    "world": {"front": "3D, looking along y", "side": "3D, looking against x"},
}


def orthographic(points: np.ndarray, azimuth: float, elevation: float) -> tuple[np.ndarray, np.ndarray]:
    """Return drawn coordinates in orthographic projection.

    Args:
        points: (..., 3), X right, Y away, Z up.
        azimuth: degrees that the viewer walked around to the right: 0 looks along Y, 90 against X.
        elevation: degrees that the viewer looks down.

    Returns:
        (..., 2) right and up on the paper, and (...) distance, larger farther away.

    Example:
        >>> import numpy as np
        >>> away_is_right, _ = orthographic(np.array([[1.0, 2.0, 3.0]]), 90.0, 0.0)  # from the camera's right
        >>> away_is_right.round(6).tolist()
        [[2.0, 3.0]]
    """
    around, down = np.radians(azimuth), np.radians(elevation)
    right = np.array([np.cos(around), np.sin(around), 0.0])
    ahead = np.array([-np.sin(around), np.cos(around), 0.0])
    vertical = np.array([0.0, 0.0, 1.0])
    up = np.sin(down) * ahead + np.cos(down) * vertical
    forward = np.cos(down) * ahead - np.sin(down) * vertical
    return np.stack([points @ right, points @ up], axis=-1), points @ forward


def line_style(name: str, names: list[str]) -> tuple[dict[str, str], float, Any]:
    """Return colours by side, width and line style of one of the poses drawn together.

    The first model is wide, ground truth dashed, what has the colours of another dotted.
    """
    if name == TRUTH:
        return palette_of(name, names), 1.7, (0, (1.6, 2.2))  # round caps lengthen the dashes by a width
    index = [other for other in names if other != TRUTH].index(name)
    return palette_of(name, names), 2.6 if index == 0 else 1.7, "-" if index < len(PALETTES) else ":"


def frame_axes(axes: Axes, title: str, x: tuple[float, float], y: tuple[float, float]) -> None:
    """Set limits, equal scales and no ticks."""
    axes.set(xlim=x, ylim=y, xticks=[], yticks=[], aspect="equal")
    axes.set_title(title, fontsize=8, pad=4, color="#333333")
    for spine in axes.spines.values():
        spine.set_color("#cccccc")


class KeypointsPanel:
    """2D keypoints, upright: pixels run downwards, so the axis is turned over."""

    def __init__(self, axes: Axes, clip: Clip) -> None:
        from matplotlib.collections import LineCollection

        assert clip.keypoints_2d is not None
        self.clip, self.layout = clip, clip.keypoints_layout
        self.image = None
        if clip.pictures is not None:
            width, height = clip.image_size or clip.pictures.shape[2:0:-1]
            self.image = axes.imshow(clip.pictures[0], zorder=0, extent=(-0.5, width - 0.5, height - 0.5, -0.5))
        colours = [PALETTES[0][side_of(self.layout, child)] for _, child in self.layout.bones]
        self.bones = LineCollection([], colors=colours, linewidths=1.8, capstyle="round", zorder=2)
        axes.add_collection(self.bones, autolim=False)
        points = np.zeros((len(self.layout), 2))
        dots = [PALETTES[0][side_of(self.layout, joint)] for joint in range(len(self.layout))]
        self.joints = axes.scatter(points[:, 0], points[:, 1], s=7, c=dots, linewidths=0, zorder=3)
        x, y, half = image_box(clip.keypoints_2d)
        if clip.image_size is not None:
            width, height = clip.image_size
            axes.plot([0, width, width, 0, 0], [0, 0, height, height, 0], color="#999999", linewidth=0.7, zorder=1)
        self.moving = [(axes, artist) for artist in (self.image, self.bones, self.joints) if artist is not None]
        frame_axes(axes, clip.title or "2D keypoints", (x - half, x + half), (y + half, y - half))

    def show(self, number: int) -> None:
        """Move to a frame of the clip."""
        assert self.clip.keypoints_2d is not None
        points = self.clip.keypoints_2d[number]
        self.bones.set_segments([points[[parent, child]] for parent, child in self.layout.bones])
        self.joints.set_offsets(points)
        if self.image is not None and self.clip.pictures is not None:
            self.image.set_data(self.clip.pictures[number])


class PosePanel:
    """All 3D poses of a clip from one side, over a floor; nearer bones are painted over farther ones."""

    def __init__(self, axes: Axes, clip: Clip, view: str, names: list[str]) -> None:
        from matplotlib.collections import LineCollection, PolyCollection

        self.clip, self.angles = clip, VIEWS[view]
        self.poses, half, (low, high) = scene(clip)
        # One collection for all poses, so that bones of different poses hide each other.
        self.styles: dict[str, list[object]] = {"colors": [], "linewidths": [], "linestyles": []}
        for name in self.poses:
            palette, width, dashes = line_style(name, names)
            for _, child in clip.layout.bones:
                self.styles["colors"].append(palette[side_of(clip.layout, child)])
                self.styles["linewidths"].append(width)
                self.styles["linestyles"].append(dashes)
        ticks = np.linspace(-half, half, 7)
        grid = [[(-half, tick, 0.0), (half, tick, 0.0)] for tick in ticks]
        grid += [[(tick, -half, 0.0), (tick, half, 0.0)] for tick in ticks]
        corners = np.array([[(-half, -half, 0.0), (half, -half, 0.0), (half, half, 0.0), (-half, half, 0.0)]])
        floor = PolyCollection(list(self._seen(corners)), facecolors="#f3f3f3", edgecolors="none", zorder=0)
        lines = LineCollection(list(self._seen(np.array(grid))), colors="#d5d5d5", linewidths=0.6, zorder=1)
        self.bones = LineCollection([], capstyle="round", zorder=2)
        for collection in (floor, lines, self.bones):
            axes.add_collection(collection, autolim=False)
        self.moving = [(axes, self.bones)]
        middle, reach = (low + high) / 2, max(half, (high - low) / 2) * 1.12
        frame_axes(axes, _TITLES[clip.frame][view], (-reach, reach), (middle - reach, middle + reach))

    def _seen(self, points: np.ndarray) -> np.ndarray:
        return orthographic(points, *self.angles)[0]

    def show(self, number: int) -> None:
        """Move to a frame of the clip."""
        bones = np.array(self.clip.layout.bones)
        segments, distances = [], []
        for points in self.poses.values():
            flat, distance = orthographic(points[number], *self.angles)
            segments.append(flat[bones])
            distances.append(distance[bones].mean(1))
        order = np.argsort(-np.nan_to_num(np.concatenate(distances)), kind="stable")
        self.bones.set_segments(list(np.concatenate(segments)[order]))
        self.bones.set(**{key: [values[row] for row in order] for key, values in self.styles.items()})
