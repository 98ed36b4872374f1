"""Build axes, views and controls of an interactive figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from posezoo.viz.clip import Clip
from posezoo.viz.scene import image_box

# Of a camera of plotly: "eye", "up" and "center", each by axis.
View = dict[str, dict[str, float | int]]


def _from(x: float, y: float, z: float) -> View:
    """Return a view from a point to a little below the middle, heads up."""
    vertical: dict[str, float | int] = {"x": 0, "y": 0, "z": 1}
    return {"eye": {"x": x, "y": y, "z": z}, "up": vertical, "center": {"x": 0, "y": 0, "z": -0.06}}


def _backed_off(view: View, floor: float) -> View:
    """Move a view away where the floor is as wide as the box (1), so that its near corners are visible."""
    factor = max(1.0, 0.55 + 0.65 * floor)
    return {**view, "eye": {axis: round(factor * value, 4) for axis, value in view["eye"].items()}}


# From the camera's side, a little to its right and above: the person's right hand stays where the image has it.
_START = _from(0.4, -1.55, 0.37)
_VIEWS: dict[str, View] = {
    "as the camera": _from(0.0, -1.6, 0.1),
    "from its right": _from(1.6, 0.0, 0.1),
    "from above": {**_from(0.0, -0.01, 1.8), "up": {"x": 0, "y": 1, "z": 0}},
}
_WORLD_LABELS = {"as the camera": "along y", "from its right": "against x"}
_NO_AXIS = {
    "showticklabels": False,
    "title": {"text": ""},
    "showbackground": False,
    "showgrid": False,
    "showspikes": False,
    "zeroline": False,
}
_IMAGE_AXIS = {"constrain": "domain", "showgrid": False, "zeroline": False, "mirror": True, "linecolor": "#ccc"}


HEIGHT, MARGIN = 560, 45
"""Height and margin of a wide page, px."""


def layout_of(
    clip: Clip, half: float, heights: tuple[float, float], labels: list[str], frame_ms: float | int
) -> dict[str, object]:
    """Return fixed, equal axes, so that nothing jumps or stretches while it plays; views, play, pause, slider.

    Args:
        clip: what is shown.
        half, heights: see :func:`posezoo.viz.scene.scene`.
        labels: names of the frames.
        frame_ms: how long each is shown.
    """
    box = {"x": [-half, half], "y": [-half, half], "z": list(heights)}
    longest = max(limits[1] - limits[0] for limits in box.values())
    left = 0.0 if clip.keypoints_2d is None else 0.4
    return {
        "height": HEIGHT,
        "margin": {"l": MARGIN, "r": 10, "t": 40, "b": 10},
        "template": {"layout": {"paper_bgcolor": "white", "plot_bgcolor": "white"}},
        "uirevision": "keep",  # keep the view that the user chose from frame to frame
        "hovermode": "closest",
        **_image(clip, left),
        "scene": {
            "domain": {"x": [left, 1.0], "y": [0.0, 1.0]},
            **{f"{axis}axis": {**_NO_AXIS, "range": limits} for axis, limits in box.items()},
            "aspectmode": "manual",
            "aspectratio": {axis: (limits[1] - limits[0]) / longest for axis, limits in box.items()},
            "camera": _backed_off(_START, 2 * half / longest),
        },
        # Beside the scene, so that it never covers a body.
        "legend": {"x": 1.01, "xanchor": "left", "y": 1.0, "orientation": "v", "itemsizing": "constant"},
        "updatemenus": [_play(frame_ms), _views(clip.frame, left, 2 * half / longest)],
        "sliders": [_slider(labels)],
    }


_BELOW = 0.49
"""On a phone: the height up to which the 3D scene reaches, below the picture, its labels and the buttons of views."""
_SLIDER, _NARROW_SLIDER = 0.14, 0.34
"""Where the slider begins, right of Play and Pause: on a wide page and on a phone."""


def fits(clip: Clip) -> dict[str, dict[str, object]]:
    """Return Plotly's layout changes for a ``narrow`` page, with the scene below the picture, or a ``wide`` one."""
    beside, left = clip.keypoints_2d is not None, 0.0 if clip.keypoints_2d is None else 0.4
    top = _BELOW if beside else 1.0
    legend: dict[str, object] = {"legend.x": 0.0, "legend.y": -0.16, "legend.yanchor": "top", "legend.orientation": "h"}
    narrow: dict[str, object] = {"height": 860 if beside else 560, "margin.l": 12, **legend}
    narrow |= {"updatemenus[1].x": 0.0, "updatemenus[1].y": top}
    narrow |= {"sliders[0].x": _NARROW_SLIDER, "sliders[0].len": 1 - _NARROW_SLIDER}
    wide: dict[str, object] = {
        "height": HEIGHT,
        "margin.l": MARGIN,
        "legend.x": 1.01,
        "legend.y": 1.0,
        "legend.yanchor": "auto",
        "legend.orientation": "v",
        "updatemenus[1].x": left + 0.03,
        "updatemenus[1].y": 1.0,
        "sliders[0].x": _SLIDER,
        "sliders[0].len": 1 - _SLIDER,
    }
    if beside:
        narrow |= {"xaxis.domain": [0.0, 1.0], "yaxis.domain": [0.6, 1.0]}
        narrow |= {"scene.domain.x": [0.0, 1.0], "scene.domain.y": [0.0, top]}
        wide |= {"xaxis.domain": [0.0, left], "yaxis.domain": [0.0, 1.0]}
        wide |= {"scene.domain.x": [left, 1.0], "scene.domain.y": [0.0, 1.0]}
    return {"narrow": narrow, "wide": wide}


def _image(clip: Clip, right: float) -> dict[str, object]:
    """Return the axes of the 2D keypoints, in px, and where the image ends."""
    if clip.keypoints_2d is None:
        return {"xaxis": {"visible": False}, "yaxis": {"visible": False}}
    x, y, reach = image_box(clip.keypoints_2d)
    shapes = []
    if clip.image_size is not None:
        width, bottom = clip.image_size
        shapes.append({"type": "rect", "x0": 0, "y0": 0, "x1": width, "y1": bottom, "line": {"color": "#999", "width": 1}})
    return {
        "shapes": shapes,
        "xaxis": {**_IMAGE_AXIS, "domain": [0.0, right], "range": [x - reach, x + reach]},
        # Pixels run downwards.
        "yaxis": {**_IMAGE_AXIS, "range": [y + reach, y - reach], "scaleanchor": "x"},
    }


def _buttons(buttons: Sequence[Mapping[str, object]], **place: object) -> dict[str, object]:
    looks = {"type": "buttons", "direction": "left", "xanchor": "left", "showactive": False, "bordercolor": "#ccc"}
    return {**looks, "font": {"size": 12}, "buttons": buttons, **place}


def _play(frame_ms: float | int) -> dict[str, object]:
    play = {"frame": {"duration": frame_ms, "redraw": True}, "transition": {"duration": 0}, "fromcurrent": True}
    buttons: Sequence[Mapping[str, object]] = [
        {"label": "Play", "method": "animate", "args": [None, play]},
        {"label": "Pause", "method": "animate", "args": [[None], _STOP]},
    ]
    return _buttons(buttons, x=0.0, y=0.0, yanchor="top", pad={"t": 42})


_STOP = {"frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}, "mode": "immediate"}


def _views(frame: str, left: float, floor: float) -> dict[str, object]:
    """Return the buttons that turn the scene back to a known view."""
    buttons = [
        {
            "label": _WORLD_LABELS.get(label, label) if frame == "world" else label,
            "method": "relayout",
            "args": [{"scene.camera": _backed_off(camera, floor)}],
        }
        for label, camera in _VIEWS.items()
    ]
    return _buttons(buttons, x=left + 0.03, y=1.0, yanchor="bottom", pad={"b": 6})


def _slider(labels: list[str]) -> dict[str, object]:
    return {
        "x": _SLIDER,
        "y": 0.0,
        "len": 1 - _SLIDER,
        "pad": {"t": 24},
        "currentvalue": {"prefix": "frame ", "font": {"size": 12}},
        "steps": [{"label": label, "method": "animate", "args": [[label], _STOP]} for label in labels],
    }
