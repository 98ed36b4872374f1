"""Draw Figure 4 of Chen, Lin et al. 2019: codes between two poses, decoded to maps and lifted to 3D.

    python benchmarks/draw_interpolation.py georep --data-dir data/ -o figure4.png

Each pair has a row of maps and a row of 3D poses. ``--seed`` decides which pairs are drawn from one camera of OpenMocap's
test split. Several models stand one below the other, such as one trained with and one without the consistency constraint.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path
from typing import Any

import numpy as np

from posezoo.cli.output import guarded
from posezoo.errors import InputError
from posezoo.files.writing import write_whole
from posezoo.skeletons import Skeleton
from posezoo.viz.scene import PALETTES, side_of

_INCHES = 1.3


def colored(maps: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Return (S, S, 3): each bone's map in the colour of its side, on white.

    Args:
        maps: (bones, S, S), about 0 to 1.
        skeleton: whose bones they are.
    """
    from matplotlib.colors import to_rgb

    picture = np.ones((*maps.shape[1:], 3))
    for (_, child), values in zip(skeleton.bones, np.clip(maps, 0, 1), strict=True):
        color = np.asarray(to_rgb(PALETTES[0][side_of(skeleton, child)]))
        picture += values[..., None] * (color - picture)
    return picture


def draw(rows: list[tuple[str, Skeleton, Any]], dpi: int = 110) -> bytes:
    """Draw interpolations as a PNG: name, layout and :class:`posezoo.papers.georep.interpolation.Interpolation` of each."""
    from matplotlib.figure import Figure

    steps = len(rows[0][2].maps)
    figure = Figure(figsize=(steps * _INCHES, 2 * len(rows) * _INCHES + 0.2 * len(rows)), dpi=dpi, facecolor="white")
    panels = figure.subplots(2 * len(rows), steps, squeeze=False)
    for number, (name, skeleton, between) in enumerate(rows):
        reach = np.abs(between.pose_3d[..., :2]).max() * 1.1
        for step in range(steps):
            above, below = panels[2 * number][step], panels[2 * number + 1][step]
            above.imshow(colored(between.maps[step], skeleton), interpolation="nearest")
            for parent, child in skeleton.bones:
                line = between.pose_3d[step, [parent, child]]
                below.plot(line[:, 0], line[:, 1], color=PALETTES[0][side_of(skeleton, child)], linewidth=1.6)
            below.set(xlim=(-reach, reach), ylim=(reach, -reach), aspect="equal")
            for axes in (above, below):
                axes.set(xticks=[], yticks=[])
        panels[2 * number][0].set_title(name, fontsize=8, loc="left")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight")
    return buffer.getvalue()


def main(arguments: list[str] | None = None) -> int:
    """Draw the figure; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL", help="names or paths of georep's weights")
    parser.add_argument("--data-dir", type=Path, default=Path(), help="folder of openmocap.h5 (default: here)")
    parser.add_argument("--pairs", type=int, default=2)
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--seed", type=int, default=0, help="of the drawing of pairs")
    parser.add_argument("-o", "--out", type=Path, required=True, help=".png")
    options = parser.parse_args(arguments)

    def run() -> int:
        import posezoo
        from posezoo.data import load_dataset
        from posezoo.papers.georep import GeoRep

        if options.pairs < 1:
            raise InputError(f"--pairs {options.pairs}; expected 1 or more.")
        models = [posezoo.load(name, kind=GeoRep) for name in options.models]  # it alone has codes to interpolate
        data = load_dataset("openmocap", "test", options.data_dir / "openmocap.h5", views=(0,))
        drawn = np.random.default_rng(options.seed).choice(len(data), (options.pairs, 2), replace=False)
        rows = []
        for model in models:
            for first, second in drawn:
                between = model.interpolate(
                    data.keypoints_2d[first], data.keypoints_2d[second], options.steps, data.skeleton
                )
                rows.append((model.zoo_name, model.skeleton, between))
        write_whole(options.out, draw(rows))
        print(f"figure -> {options.out}")
        return 0

    return guarded("draw_interpolation", run)


if __name__ == "__main__":
    sys.exit(main())
