"""Draw what a model of pictures finds in photographs beside what is annotated: skeletons alone, without the photographs.

python benchmarks/draw_photographs.py hg3d --path lsp.h5 -o photographs.svg

The people are of the test of Leeds Sports Pose, spread evenly over it. Above each stands the share of annotated joints that
are found within 0.2 of the torso.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import matplotlib
import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

import posezoo
from posezoo.cli.output import guarded
from posezoo.data.pictures import CropLoader, Crops, PeopleInPictures, load_pictures
from posezoo.errors import InputError
from posezoo.files.writing import write_whole
from posezoo.lifting.pictures import PictureModule
from posezoo.metrics.picture_report import torso_px
from posezoo.skeletons import Skeleton
from posezoo.viz.scene import PALETTES, side_of

COLUMNS = 8
_TORSOS = 0.2


@dataclass(frozen=True)
class Found:
    """A person of a photograph in px of the crop.

    Attributes:
        pose, truth: (J, 2); joints that are not annotated are NaN in ``truth``.
        correct: the share of annotated joints that are found within 0.2 of the torso; NaN where the torso is not annotated.
    """

    pose: Float[np.ndarray, "J 2"]
    truth: Float[np.ndarray, "J 2"]
    correct: float


@torch.inference_mode()
def find(model: PictureModule, people: PeopleInPictures) -> list[Found]:
    """Return what the model finds of each person whose picture can be read."""
    found = []
    for batch in CropLoader(Crops(people, model.skeleton, model.size, labels=False), 16):
        poses, truths = model.locate(batch["picture"])[0][..., :2], batch["keypoints_2d"]
        reach = _TORSOS * torso_px(truths, model.skeleton)
        found += [
            Found(pose.numpy(), truth.numpy(), share_of(pose, truth, within))
            for pose, truth, within in zip(poses, truths, reach, strict=True)
        ]
    return found


def share_of(pose: Float[Tensor, "J 2"], truth: Float[Tensor, "J 2"], within: Float[Tensor, ""]) -> float:
    """Return the share of annotated joints that are within a distance, NaN where there is no joint or no distance.

    Example:
        >>> truth = torch.tensor([[0.0, 0.0], [10.0, 0.0], [torch.nan, 0.0]])
        >>> share_of(torch.tensor([[3.0, 0.0], [20.0, 0.0], [0.0, 0.0]]), truth, torch.tensor(4.0))
        0.5
    """
    known = torch.isfinite(truth).all(-1)
    if not known.any() or not bool(within > 0):
        return float("nan")
    return float(((pose - truth).norm(dim=-1)[known] <= within).float().mean())


def draw(axes: Axes, person: Found, skeleton: Skeleton, size: int) -> None:
    """Draw a person's annotation wide and grey, and what is found thin and in colours."""
    for parent, child in skeleton.bones:
        axes.plot(*person.truth[[parent, child]].T, color="0.8", linewidth=3.5, solid_capstyle="round")
    for parent, child in skeleton.bones:
        axes.plot(*person.pose[[parent, child]].T, color=PALETTES[0][side_of(skeleton, child)], linewidth=1.2)
    share = "no torso" if np.isnan(person.correct) else f"{person.correct:.0%}"
    axes.set(xlim=(0, size), ylim=(size, 0), aspect="equal", xticks=[], yticks=[])
    axes.set_title(share, fontsize=8, pad=2)


def sheet(model: PictureModule, found: list[Found]) -> Figure:
    """Return a figure with a panel for each person."""
    rows = -(-len(found) // COLUMNS)
    figure = Figure(figsize=(COLUMNS * 1.25, 1.5 * rows), layout="constrained")
    grid = figure.subplots(rows, COLUMNS, squeeze=False)
    for axes in grid.flat[len(found) :]:
        axes.set_axis_off()
    for axes, person in zip(grid.flat, found, strict=False):
        draw(axes, person, model.skeleton, model.size)
    return figure


def main(arguments: list[str] | None = None) -> int:
    """Draw the sheet and print the shares; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="hg3d", help="a model of pictures, or its file (default hg3d)")
    parser.add_argument("--path", type=Path, required=True, help="what posezoo data prepare lsp wrote, or its folder")
    parser.add_argument("--count", type=int, default=16, help="how many people (default 16)")
    parser.add_argument("-o", "--out", type=Path, required=True, help=".svg or .png")
    options = parser.parse_args(arguments)

    def run() -> int:
        if options.out.suffix.lower() not in (".svg", ".png") or options.count < 1:
            raise InputError(f"{options.out}, {options.count} people; expected .svg or .png, and 1 person or more.")
        model = posezoo.load(options.model, kind=PictureModule)
        found = find(model, load_pictures("lsp", "test", path=options.path).thin(options.count))
        print(f"PCK@0.2 of the torso: {', '.join(f'{person.correct:.2f}' for person in found)}")
        picture = BytesIO()
        with matplotlib.rc_context({"svg.hashsalt": "photographs"}):  # without it and with a date every drawing would differ
            sheet(model, found).savefig(picture, format=options.out.suffix[1:].lower(), metadata={"Date": None}, dpi=120)
        write_whole(options.out, picture.getvalue())
        print(f"sheet -> {options.out}")
        return 0

    return guarded("draw_photographs", run)


if __name__ == "__main__":
    sys.exit(main())
