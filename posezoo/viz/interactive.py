"""Interactive pages with Plotly: one self-contained HTML file that works offline."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from posezoo.errors import InputError
from posezoo.viz.saving import save_bytes
from posezoo.viz.scene import PALETTES, SIDES, Clip, chains, image_box, pose_names, scene

MAX_FRAMES = 150
# Joints drawn in all frames of a page: some 25 bytes each beside the 4.8 MB of plotly.js, so a page stays under 6 MB.
_MAX_JOINTS = 40_000
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font-family: sans-serif; margin: 1rem auto; max-width: 76rem; padding: 0 1rem }}
h2 {{ font-size: 1.1rem }}
</style>
</head><body>
{body}
</body></html>
"""


def _lines(points: np.ndarray, paths: list[list[int]], digits: int) -> dict[str, list[float | None]]:
    """(J, 2 or 3) joints -> the x, y (and z) of polylines, a gap after each; missing joints are gaps too."""
    rows: list[list[float | None]] = []
    for path in paths:
        values = points[path].round(digits).tolist()
        rows += [[None if math.isnan(value) else value for value in row] for row in values]
        rows.append([None] * points.shape[-1])
    return {axis: [row[index] for row in rows] for index, axis in enumerate("xyz"[: points.shape[-1]])}


def _digits(extent: float) -> int:
    """Decimals that keep four significant digits of the extent."""
    return max(0, 4 - math.ceil(math.log10(extent)))


def _moving(clip: Clip, poses: dict[str, np.ndarray], half: float, frame: int) -> list[dict[str, Any]]:
    """Coordinates of the traces that move, in the order of :func:`_traces`."""
    flat = chains(clip.keypoints_layout)
    parts = [_lines(clip.keypoints_2d[frame], flat[side], 1) for side in SIDES]
    solid = chains(clip.layout)
    return parts + [_lines(points[frame], solid[side], _digits(half)) for points in poses.values() for side in SIDES]


def _traces(clip: Clip, half: float, names: list[str]) -> list[dict[str, Any]]:
    """Looks of the traces: keypoints by side, poses by side, then the floor, which never moves."""
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "line": {"color": PALETTES[0][side], "width": 3},
            "marker": {"color": PALETTES[0][side], "size": 5},
            "showlegend": False,
            "hoverinfo": "x+y",
        }
        for side in SIDES
    ]
    for name in clip.poses:
        index = names.index(name)
        palette = PALETTES[index % len(PALETTES)]
        traces += [
            {
                "type": "scatter3d",
                "mode": "lines+markers",
                "name": f"{name}: {side}",
                "legendgroup": name,
                "line": {"color": palette[side], "width": 8 if index == 0 else 5},
                "marker": {"color": palette[side], "size": 3 if index == 0 else 2},
                "hoverinfo": "name",
            }
            for side in SIDES
        ]
    ticks = np.linspace(-half, half, 7).round(_digits(half)).tolist()
    ends = (ticks[0], ticks[-1], None)
    across = [end for _ in ticks for end in ends]
    along = [value for tick in ticks for value in (tick, tick, None)]
    height = [value for _ in range(2 * len(ticks)) for value in (0, 0, None)]
    grid = {"x": across + along, "y": along + across, "z": height, "mode": "lines", "line": {"color": "#aaaaaa", "width": 1}}
    corners = {"x": [-half, half, half, -half], "y": [-half, -half, half, half], "z": [0, 0, 0, 0]}
    plane = {"i": [0, 0], "j": [1, 2], "k": [2, 3], "color": "#bbbbbb", "opacity": 0.3}
    still = {"hoverinfo": "skip", "showlegend": False, "name": "floor"}
    return [*traces, {"type": "scatter3d", **grid, **still}, {"type": "mesh3d", **corners, **plane, **still}]


def _layout(clip: Clip, half: float, heights: tuple[float, float], numbers: list[int]) -> dict[str, Any]:
    """Fixed, equal axes: nothing jumps or stretches while it plays."""
    x, y, reach = image_box(clip.keypoints_2d)
    shapes = []
    if clip.image_size is not None:  # where the image ends
        width, bottom = clip.image_size
        shapes.append({"type": "rect", "x0": 0, "y0": 0, "x1": width, "y1": bottom, "line": {"color": "#999", "width": 1}})
    no_axis = {
        "showticklabels": False,
        "title": {"text": ""},
        "showbackground": False,
        "showgrid": False,
        "showspikes": False,
        "zeroline": False,
    }
    box = {"x": [-half, half], "y": [-half, half], "z": list(heights)}
    longest = max(limits[1] - limits[0] for limits in box.values())
    stride = numbers[1] - numbers[0] if len(numbers) > 1 else 1
    play = {
        "frame": {"duration": 1000 * stride / clip.fps, "redraw": True},
        "transition": {"duration": 0},
        "fromcurrent": True,
    }
    stop = {"frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}, "mode": "immediate"}
    return {
        "height": 560,
        "margin": {"l": 45, "r": 10, "t": 34, "b": 10},
        "shapes": shapes,
        "template": {"layout": {"paper_bgcolor": "white", "plot_bgcolor": "white"}},
        "uirevision": "keep",  # the viewer's own turn of the scene survives from frame to frame
        "xaxis": {
            "domain": [0.0, 0.4],
            "range": [x - reach, x + reach],
            "constrain": "domain",
            "showgrid": False,
            "mirror": True,
            "linecolor": "#ccc",
        },
        "yaxis": {
            "range": [y + reach, y - reach],
            "scaleanchor": "x",
            "constrain": "domain",
            "showgrid": False,
            "mirror": True,
            "linecolor": "#ccc",
        },
        "scene": {
            "domain": {"x": [0.42, 1.0], "y": [0.0, 1.0]},
            **{f"{axis}axis": {**no_axis, "range": limits} for axis, limits in box.items()},
            "aspectmode": "manual",
            "aspectratio": {axis: (limits[1] - limits[0]) / longest for axis, limits in box.items()},
            # From the camera's side, a little to its right and above: the person's right hand stays where the image has it.
            "camera": {
                "eye": {"x": 0.43, "y": -1.65, "z": 0.4},
                "up": {"x": 0, "y": 0, "z": 1},
                "center": {"x": 0, "y": 0, "z": -0.08},
            },
        },
        "legend": {"x": 1.0, "xanchor": "right", "y": 1.0},
        "updatemenus": [
            {
                "type": "buttons",
                "direction": "left",
                "x": 0.0,
                "y": 0.0,
                "xanchor": "left",
                "yanchor": "top",
                "pad": {"t": 42},
                "showactive": False,
                "buttons": [
                    {"label": "Play", "method": "animate", "args": [None, play]},
                    {"label": "Pause", "method": "animate", "args": [[None], stop]},
                ],
            }
        ],
        "sliders": [
            {
                "x": 0.14,
                "y": 0.0,
                "len": 0.86,
                "pad": {"t": 24},
                "currentvalue": {"prefix": "frame ", "font": {"size": 12}},
                "steps": [{"label": str(number), "method": "animate", "args": [[str(number)], stop]} for number in numbers],
            }
        ],
    }


def figure(clip: Clip, max_frames: int = MAX_FRAMES, names: list[str] | None = None) -> dict[str, Any]:
    """A Plotly figure as a dictionary: data, layout and the moving coordinates of the frames.

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
    still: list[dict[str, Any]] = [{}] * (len(traces) - len(kinds))
    return {
        "data": [{**look, **points} for look, points in zip(traces, moving[0] + still, strict=True)],
        "layout": _layout(clip, half, heights, numbers),
        "frames": [
            {
                "name": str(number),
                "traces": list(range(len(kinds))),
                "data": [{**kind, **points} for kind, points in zip(kinds, part, strict=True)],
            }
            for number, part in zip(numbers, moving, strict=True)
        ],
    }


def page(clips: Sequence[Clip] | Clip, path: str | Path, title: str = "PoseZoo") -> Path:
    """Write an interactive page: clip under clip, 2D keypoints beside the 3D poses, with a slider and a play button.

    Long clips are thinned to at most 150 frames, fewer where many are put on one page. All limbs can be turned,
    enlarged and switched off (by a click on their name); plotly.js is in the file.

    Args:
        clips: one or several.
        path: the file, usually ``.html``.
        title: of the page.

    Returns:
        the path written.

    Raises:
        InputError: nothing to show.
        SaveError: the file could not be written; nothing half-written is left.
    """
    from plotly.io import to_html

    clips = [clips] if isinstance(clips, Clip) else list(clips)
    if not clips:
        raise InputError("there is nothing to show; give at least one clip.")
    joints = sum(len(clip.keypoints_layout) + len(clip.layout) * len(clip.poses) for clip in clips)
    max_frames = max(2, min(MAX_FRAMES, _MAX_JOINTS // joints))
    body = [f"<h1>{html.escape(title)}</h1>"] if title else []
    for index, clip in enumerate(clips):
        body.append(f"<h2>{html.escape(clip.title)}</h2>")
        body.append(
            to_html(
                figure(clip, max_frames, pose_names(clips)),
                full_html=False,
                include_plotlyjs=index == 0,
                auto_play=False,
                validate=False,
                div_id=f"clip-{index}",
                config={"displaylogo": False, "responsive": True, "modeBarButtonsToRemove": ["lasso2d", "select2d"]},
            )
        )
    return save_bytes(_PAGE.format(title=html.escape(title), body="\n".join(body)).encode(), path)
