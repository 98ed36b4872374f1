"""Draw what moves on the site: an SVG of a lifted walk, and the page that ``viz.page`` makes of it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

_SIDE = 220  # px of each panel
_FRAMES, _FPS = 60, 30


def write_moving(folder: Path) -> None:
    """Lift a synthetic walk and write ``walk.svg`` and ``walk.html``.

    Args:
        folder: an existing one.
    """
    os.environ.setdefault("POSEZOO_PREDICT_ONLY", "1")
    import posezoo
    from posezoo import viz
    from posezoo.data import load_dataset
    from posezoo.registry import DEFAULT_LIFTER
    from posezoo.viz.scene import side_of

    people = load_dataset("procedural", split="test", actions=["walk"], frames_per_clip=_FRAMES)[:_FRAMES]
    lifted = posezoo.load(DEFAULT_LIFTER).predict(people.keypoints_2d, skeleton=people.skeleton, image_size=(1000, 1002))
    pose = np.asarray(lifted.pose_3d, np.float64)
    angle = np.linspace(0, 2 * np.pi, _FRAMES, endpoint=False)[:, None]
    turned = np.stack([np.cos(angle) * pose[..., 0] + np.sin(angle) * pose[..., 2], pose[..., 1]], axis=-1)
    skeleton = people.skeleton
    bones = [(parent, child, side_of(skeleton, child)) for parent, child in skeleton.bones]
    panels = [_panel(people.keypoints_2d, bones, 0), _panel(turned, bones, _SIDE)]
    title = f"2D keypoints of a walk, and what {DEFAULT_LIFTER} lifts them to, turning"
    paper = f'<rect width="{2 * _SIDE}" height="{_SIDE}" rx="6" fill="#fff"/>'  # the site may be dark
    (folder / "walk.svg").write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * _SIDE} {_SIDE}" stroke-width="4" stroke-linecap="round">'
        f"<title>{title}</title>{paper}{''.join(panels)}</svg>\n",
        encoding="utf-8",
    )
    clip = viz.Clip(people.keypoints_2d, {DEFAULT_LIFTER: pose}, skeleton, "walk", fps=_FPS)
    viz.page([clip], folder / "walk.html", title="A walk, lifted")


def _panel(points: np.ndarray, bones: list[tuple[int, int, str]], left: float) -> str:
    """Return the lines of one moving skeleton, as large as its panel.

    Args:
        points: (T, J, 2), y down.
        bones: parent, child and side.
        left: x of the panel.
    """
    from posezoo.viz.scene import PALETTES

    low, high = points.min((0, 1)), points.max((0, 1))
    place = (points - (low + high) / 2) * (0.88 * _SIDE / (high - low).max()) + _SIDE / 2 + np.array([left, 0])
    lines = []
    for parent, child, side in bones:
        ends = {"x1": place[:, parent, 0], "y1": place[:, parent, 1], "x2": place[:, child, 0], "y2": place[:, child, 1]}
        moves = "".join(
            f'<animate attributeName="{name}" dur="{_FRAMES / _FPS:g}s" repeatCount="indefinite" '
            f'values="{";".join(f"{value:.1f}" for value in values)}"/>'
            for name, values in ends.items()
        )
        lines.append(f'<line stroke="{PALETTES[0][side]}">{moves}</line>')
    return "".join(lines)
