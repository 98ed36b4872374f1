"""Draw interactive figures with Plotly: 2D keypoints beside the 3D poses, a slider, a play button, saved views."""

from __future__ import annotations

import io
import math
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import numpy as np

from posezoo.errors import InputError
from posezoo.viz.clip import Clip
from posezoo.viz.controls import layout_of
from posezoo.viz.scene import PALETTES, SIDES, TRUTH, chains, palette_of, pose_names, scene

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MAX_FRAMES = 600
_QUALITY = 70
"""The quality of the JPEGs on a page."""


def _lines(points: np.ndarray, paths: list[list[int]], digits: int) -> dict[str, list[float | None]]:
    """Return x, y (and z) of polylines over joints (J, 2 or 3), a gap after each; missing joints are gaps too."""
    rows: list[list[float | None]] = []
    for path in paths:
        values = points[path].round(digits).tolist()
        rows += [[None if math.isnan(value) else value for value in row] for row in values]
        rows.append([None] * points.shape[-1])
    return {axis: [row[index] for row in rows] for index, axis in enumerate("xyz"[: points.shape[-1]])}


def _texts(joints: tuple[str, ...], paths: list[list[int]]) -> list[str]:
    """Return names of the joints in the order of :func:`_lines`."""
    return [name for path in paths for name in [*(_plain(joints[joint].replace("_", " ")) for joint in path), ""]]


def digits_of(extent: float) -> int:
    """Return the number of decimals that keeps four significant digits of the extent."""
    return max(0, 4 - math.ceil(math.log10(extent)))


def _moving(clip: Clip, poses: dict[str, np.ndarray], half: float, frame: int) -> list[dict[str, list[float | None]]]:
    """Return coordinates of the traces that move, in the order of :func:`_traces`."""
    parts = []
    if clip.keypoints_2d is not None:
        flat = chains(clip.keypoints_layout)
        parts = [_lines(clip.keypoints_2d[frame], flat[side], 1) for side in SIDES]
    solid = chains(clip.layout)
    return parts + [_lines(points[frame], solid[side], digits_of(half)) for points in poses.values() for side in SIDES]


def _traces(clip: Clip, half: float, names: list[str]) -> list[dict[str, object]]:
    """Return the styles of the traces: keypoints by side, poses by side, then the floor, which never moves."""
    traces: list[dict[str, object]] = []
    if clip.keypoints_2d is not None:
        traces += [
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": f"2D {side}",
                "line": {"color": PALETTES[0][side], "width": 3},
                "marker": {"color": PALETTES[0][side], "size": 6, "line": {"color": "white", "width": 1}},
                "showlegend": False,
                "text": _texts(clip.keypoints_layout.joints, paths),
                "hovertemplate": "%{text}<br>%{x}, %{y} px<extra></extra>",
            }
            for side, paths in chains(clip.keypoints_layout).items()
        ]
    models = [name for name in names if name != TRUTH]
    for name in clip.poses:
        palette = palette_of(name, names)
        index = 0 if name == TRUTH else models.index(name)
        first = name != TRUTH and index == 0
        traces += [
            {
                "type": "scatter3d",
                "mode": "lines+markers",
                "name": side,
                "legendgroup": name,
                "legendgrouptitle": {"text": _plain(name)},
                "line": {
                    "color": palette[side],
                    "width": 8 if first else 5,
                    "dash": "dash" if name == TRUTH else "solid" if index < len(PALETTES) else "dot",
                },
                "marker": {"color": palette[side], "size": 3 if first else 2},
                "text": _texts(clip.layout.joints, paths),
                "hovertemplate": f"%{{text}}<extra>{_plain(name)}</extra>",
            }
            for side, paths in chains(clip.layout).items()
        ]
    ticks = np.linspace(-half, half, 7).round(digits_of(half)).tolist()
    across = [end for _ in ticks for end in (ticks[0], ticks[-1], None)]
    along = [value for tick in ticks for value in (tick, tick, None)]
    height = [value for _ in range(2 * len(ticks)) for value in (0, 0, None)]
    grid = {"x": across + along, "y": along + across, "z": height, "mode": "lines", "line": {"color": "#aaaaaa", "width": 1}}
    corners = {"x": [-half, half, half, -half], "y": [-half, -half, half, half], "z": [0, 0, 0, 0]}
    plane = {"i": [0, 0], "j": [1, 2], "k": [2, 3], "color": "#bbbbbb", "opacity": 0.3}
    still = {"hoverinfo": "skip", "showlegend": False, "name": "floor"}
    return [*traces, {"type": "scatter3d", **grid, **still}, {"type": "mesh3d", **corners, **plane, **still}]


def _plain(name: str) -> str:
    """Return a name that Plotly shows as text, not as markup or a placeholder."""
    return name.replace("<", "‹").replace(">", "›").replace("%{", "% {")


def figure_of(clip: Clip, max_frames: int = MAX_FRAMES, names: list[str] | None = None) -> dict[str, Any]:
    """Return a Plotly figure as a dictionary: data, layout and the moving coordinates of the frames.

    Args:
        clip: what is shown.
        max_frames: longer clips are thinned.
        names: of all poses on the page, which fixes their colours; the clip's own where not given.
    """
    stride = -(-len(clip) // max_frames)
    numbers = list(range(0, len(clip), stride))
    poses, half, heights = scene(clip)
    traces = _traces(clip, half, pose_names([clip]) if names is None else names)
    moving = [_moving(clip, poses, half, number) for number in numbers]
    kinds = [{"type": trace["type"]} for trace in traces[: len(moving[0])]]
    still: list[dict[str, list[float | None]]] = [{}] * (len(traces) - len(kinds))
    labels = [str(clip.first + number * clip.step) for number in numbers]
    images = _images(clip, numbers)
    layout = layout_of(clip, half, heights, labels, 1000 * stride / clip.fps)
    layout |= {"images": images[0]} if images else {}
    return {
        "data": [{**look, **points} for look, points in zip(traces, moving[0] + still, strict=True)],
        "layout": layout,
        "frames": [
            {
                "name": label,
                "traces": list(range(len(kinds))),
                "data": [{**kind, **points} for kind, points in zip(kinds, part, strict=True)],
                **({"layout": {"images": images[place]}} if images else {}),
            }
            for place, (label, part) in enumerate(zip(labels, moving, strict=True))
        ],
    }


def _images(clip: Clip, numbers: list[int]) -> list[list[dict[str, Any]]]:
    """Return Plotly's images of some frames, a picture that lies below the 2D keypoints; none where the clip has none."""
    if clip.pictures is None or clip.keypoints_2d is None:
        return []
    from PIL import Image

    height, width = clip.pictures.shape[1:3]
    across, down = clip.image_size or (width, height)
    # Pixels are squares about whole numbers, so that a picture begins half a pixel before 0.
    place = {"x": -0.5, "y": -0.5, "sizex": across, "sizey": down, "xref": "x", "yref": "y"}
    looks = {"xanchor": "left", "yanchor": "top", "sizing": "stretch", "layer": "below"}
    images = []
    for number in numbers:
        file = io.BytesIO()
        Image.fromarray(clip.pictures[number]).save(file, "JPEG", quality=_QUALITY)
        images.append([{**place, **looks, "source": f"data:image/jpeg;base64,{b64encode(file.getvalue()).decode()}"}])
    return images


def figure(clip: Clip, max_frames: int = MAX_FRAMES) -> Figure:
    """Return an interactive figure, which a notebook shows by itself: 2D keypoints beside the 3D poses, slider and play.

    Args:
        clip: what is shown.
        max_frames: longer clips are thinned, every second, third, ... frame is kept.

    Raises:
        InputError: no whole number of frames, 1 or more.
    """
    if not isinstance(max_frames, int) or max_frames < 1:
        raise InputError(f"max_frames is {max_frames!r}; expected a whole number, 1 or more.")
    import plotly.graph_objects as go

    return go.Figure(figure_of(clip, max_frames))
