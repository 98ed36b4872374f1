"""Still pictures with Matplotlib: 2D keypoints beside two views of the 3D pose."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from posezoo.errors import InputError
from posezoo.viz.saving import save_bytes
from posezoo.viz.scene import PALETTES, SIDES, Clip, chains, image_box, pose_names, scene, side_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("png", "pdf", "svg", "jpg", "jpeg", "webp")
# (azimuth, elevation) in degrees: as the camera sees the person, and from the camera's right; from slightly above,
# so that the floor is seen.
VIEWS = {"front": (0.0, 8.0), "side": (90.0, 8.0)}
_PANEL_INCHES = 2.1


def orthographic(points: np.ndarray, azimuth: float, elevation: float) -> tuple[np.ndarray, np.ndarray]:
    """Drawn coordinates as seen without perspective.

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


def _clean(axes: Axes, title: str, x: tuple[float, float], y: tuple[float, float]) -> None:
    axes.set(xlim=x, ylim=y, xticks=[], yticks=[], aspect="equal")
    axes.set_title(title, fontsize=8, pad=3)
    for spine in axes.spines.values():
        spine.set_color("#cccccc")


def _style(index: int) -> tuple[dict[str, str], dict[str, Any]]:
    """Colours by side and the looks of the lines of the first, second, ... pose."""
    line: dict[str, Any] = {"linewidth": 2.2} if index == 0 else {"linewidth": 1.6, "linestyle": (0, (3, 1))}
    return PALETTES[index % len(PALETTES)], line


def _draw_2d(axes: Axes, clip: Clip, frame: int) -> None:
    keypoints = clip.keypoints_2d[frame]
    if clip.pictures is not None:
        axes.imshow(clip.pictures[frame], zorder=0)
    for side, paths in chains(clip.keypoints_layout).items():
        for path in paths:
            axes.plot(*keypoints[path].T, color=PALETTES[0][side], linewidth=1.6, marker="o", markersize=2.5)
    x, y, half = image_box(keypoints)
    # Pixels run downwards, so the axis is turned over: what is up in the image is up on the paper.
    _clean(axes, clip.title, (x - half, x + half), (y + half, y - half))


def _draw_3d(axes: Axes, clip: Clip, frame: int, view: str, names: list[str]) -> None:
    poses, half, (low, high) = scene(clip)
    azimuth, elevation = VIEWS[view]
    ticks = np.linspace(-half, half, 7)
    grid = [[(-half, tick, 0.0), (half, tick, 0.0)] for tick in ticks] + [
        [(tick, -half, 0.0), (tick, half, 0.0)] for tick in ticks
    ]
    for line in orthographic(np.array(grid), azimuth, elevation)[0]:
        axes.plot(*line.T, color="#d8d8d8", linewidth=0.6, zorder=0)
    for name, points in poses.items():
        palette, line = _style(names.index(name))
        flat, distance = orthographic(points[frame], azimuth, elevation)
        for parent, child in clip.layout.bones:
            # What is nearer is painted over what is farther.
            nearness = 10.0 - float(np.nan_to_num(distance[[parent, child]]).mean()) / (4.0 * (half + high))
            axes.plot(
                *flat[[parent, child]].T,
                color=palette[side_of(clip.layout, child)],
                zorder=nearness,
                solid_capstyle="round",
                **line,
            )
    middle, reach = (low + high) / 2, max(half, (high - low) / 2) * 1.12
    _clean(axes, view, (-reach, reach), (middle - reach, middle + reach))


def _legend(figure: Figure, names: list[str]) -> None:
    from matplotlib.lines import Line2D

    handles = []
    for index, name in enumerate(names):
        palette, line = _style(index)
        handles += [Line2D([], [], color=palette[side], label=f"{name}: {side}", **line) for side in SIDES]
    # Filled column by column: one column a side, one row a pose.
    order = [handle for side in range(len(SIDES)) for handle in handles[side :: len(SIDES)]]
    figure.legend(handles=order, loc="lower center", ncols=len(SIDES), fontsize=8, frameon=False)


def picture(people: Sequence[Clip], path: str | Path, *, frame: int = 0, columns: int | None = None, dpi: int = 110) -> Path:
    """Draw people in a grid: of each the 2D keypoints, the 3D pose as the camera sees it, and from the camera's right.

    Args:
        people: one clip each; several poses of a clip are laid over each other.
        path: ends in .png, .pdf, .svg, .jpg or .webp.
        frame: which frame of the clips.
        columns: people side by side; one up to three people, two up to eight, else three, where not given.
        dpi: pixels per inch; a person is about 6.3 inches wide.

    Returns:
        the path written.

    Raises:
        InputError: nobody to draw, a frame that a clip lacks, or an unknown format.
        SaveError: the file could not be written; nothing half-written is left.
    """
    from matplotlib.figure import Figure

    path = Path(path)
    kind = path.suffix.lower().lstrip(".")
    if kind not in FORMATS:
        raise InputError(f"{path.name}: pictures are written as {', '.join(FORMATS)}; end the name with one of them.")
    if not people:
        raise InputError("there is nobody to draw; give at least one clip.")
    shortest = min(len(clip) for clip in people)
    if not 0 <= frame < shortest:
        raise InputError(f"frame {frame}; the shortest clip has frames 0 to {shortest - 1}.")
    names = pose_names(people)
    columns = columns or (1 if len(people) <= 3 else 2 if len(people) <= 8 else 3)
    rows = -(-len(people) // columns)
    # Margins are fixed in inches: between people wider than within one, and a line of legend a pose.
    width, height = columns * (3 * _PANEL_INCHES + 0.3), rows * (_PANEL_INCHES + 0.25) + 0.2 + 0.17 * len(names)
    figure = Figure(figsize=(width, height), dpi=dpi, facecolor="white")
    for index, clip in enumerate(people):
        row, column = divmod(index, columns)
        bottom = height - (row + 1) * (_PANEL_INCHES + 0.25) + 0.05
        for panel in range(3):
            left = column * (3 * _PANEL_INCHES + 0.3) + 0.1 + panel * _PANEL_INCHES
            box = (left / width, bottom / height, (_PANEL_INCHES - 0.05) / width, (_PANEL_INCHES - 0.05) / height)
            axes = figure.add_axes(box)
            if panel == 0:
                _draw_2d(axes, clip, frame)
            else:
                _draw_3d(axes, clip, frame, list(VIEWS)[panel - 1], names)
    _legend(figure, names)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind)
    return save_bytes(buffer.getvalue(), path)
