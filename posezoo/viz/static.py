"""Draw still pictures with Matplotlib: 2D keypoints beside two views of the 3D poses."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from posezoo.errors import InputError
from posezoo.files.writing import write_whole
from posezoo.viz.clip import Clip
from posezoo.viz.panels import VIEWS, KeypointsPanel, PosePanel, line_style
from posezoo.viz.scene import SIDES, pose_names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "pdf", "svg", "jpg", "jpeg", "webp")
_PANEL_INCHES = 2.1
_TITLE_INCHES = 0.25
_GUTTER_INCHES = 0.3
_LEGEND_INCHES = 0.17


def sheet(
    people: Sequence[Clip], columns: int | None = None, dpi: int = 110
) -> tuple[Figure, list[KeypointsPanel | PosePanel]]:
    """Return an empty grid of people, a legend below, and the panels, which draw when they are shown a frame.

    Margins are fixed in inches: between people wider than within one, and a line of legend a pose. The 2D panel is left
    out where nobody has keypoints.
    """
    from matplotlib.figure import Figure

    names = pose_names(people)
    columns = columns or (1 if len(people) <= 3 else 2 if len(people) <= 8 else 3)
    rows = -(-len(people) // columns)
    flat = any(clip.keypoints_2d is not None for clip in people)
    person = (len(VIEWS) + flat) * _PANEL_INCHES + _GUTTER_INCHES
    row_inches = _PANEL_INCHES + _TITLE_INCHES
    width, height = columns * person, rows * row_inches + 0.2 + _LEGEND_INCHES * len(names)
    figure = Figure(figsize=(width, height), dpi=dpi, facecolor="white")
    panels: list[KeypointsPanel | PosePanel] = []
    for index, clip in enumerate(people):
        row, column = divmod(index, columns)
        bottom = height - (row + 1) * row_inches + 0.05
        for place in range(len(VIEWS) + flat):
            if flat and place == 0 and clip.keypoints_2d is None:
                continue
            left = column * person + 0.1 + place * _PANEL_INCHES
            box = (left / width, bottom / height, (_PANEL_INCHES - 0.05) / width, (_PANEL_INCHES - 0.05) / height)
            axes = figure.add_axes(box)
            if flat and place == 0:
                panels.append(KeypointsPanel(axes, clip))
            else:
                panels.append(PosePanel(axes, clip, list(VIEWS)[place - flat], names))
    _legend(figure, names)
    return figure, panels


def _legend(figure: Figure, names: list[str]) -> None:
    from matplotlib.lines import Line2D

    handles = []
    for name in names:
        palette, width, dashes = line_style(name, names)
        handles += [
            Line2D(
                [],
                [],
                color=palette[side],
                label=f"{name}: {side}",
                linewidth=width,
                linestyle=dashes,
                dash_capstyle="round",
            )
            for side in SIDES
        ]
    # Filled column by column: one column a side, one row a pose.
    order = [handle for side in range(len(SIDES)) for handle in handles[side :: len(SIDES)]]
    figure.legend(handles=order, loc="lower center", ncols=len(SIDES), fontsize=8, frameon=False)


def drawing(people: Sequence[Clip] | Clip, *, frame: int = 0, columns: int | None = None, dpi: int = 110) -> Figure:
    """Draw people in a grid as a Matplotlib figure, which a notebook shows by itself.

    Args:
        people: one clip each; several poses of a clip are laid over each other.
        frame: which frame of the clips.
        columns: people side by side; one up to three people, two up to eight, else three, where not given.
        dpi: pixels per inch; a person is about 6.6 inches wide.

    Raises:
        InputError: nobody to draw, something else than clips, a frame that a clip lacks, or no positive ``dpi``.
    """
    people = [people] if isinstance(people, Clip) else list(people)
    if not people:
        raise InputError("there is nobody to draw; give at least one clip.")
    wrong = [type(clip).__name__ for clip in people if not isinstance(clip, Clip)]
    if wrong:
        raise InputError(f"people are of type {wrong[0]}; expected posezoo.viz.Clip.")
    if not dpi > 0:
        raise InputError(f"dpi is {dpi!r}; expected pixels per inch, more than 0.")
    shortest = min(len(clip) for clip in people)
    if not 0 <= frame < shortest:
        raise InputError(f"frame {frame}; the shortest clip has frames 0 to {shortest - 1}.")
    # This frame alone decides the scales, because no other frame is drawn.
    figure, panels = sheet([clip[frame : frame + 1] for clip in people], columns, dpi)
    for panel in panels:
        panel.show(0)
    return figure


def picture(
    people: Sequence[Clip] | Clip, path: str | Path, *, frame: int = 0, columns: int | None = None, dpi: int = 110
) -> Path:
    """Draw people in a grid: of each the 2D keypoints, the 3D pose as the camera sees it, and from the camera's right.

    Args:
        people, frame, columns, dpi: see :func:`drawing`.
        path: ends in .png, .pdf, .svg, .jpg or .webp.

    Returns:
        the path written.

    Raises:
        InputError: nobody to draw, a frame that a clip lacks, or an unknown format.
        SaveError: the file could not be written; nothing half-written is left.
    """
    path = Path(path)
    kind = path.suffix.lower().lstrip(".")
    if kind not in FORMATS:
        raise InputError(f"{path.name}: pictures are written as {', '.join(FORMATS)}; end the name with one of them.")
    figure = drawing(people, frame=frame, columns=columns, dpi=dpi)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind)
    return write_whole(path, buffer.getvalue())
