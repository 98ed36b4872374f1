"""Draw what a model of pictures finds in photographs beside what is annotated: skeletons alone, without the photographs.

python benchmarks/draw_photographs.py hg3d --path lsp.h5 -o photographs.svg
python benchmarks/draw_photographs.py hg3d --dataset mpii --images mpii/images -o seven.svg

The people are of the test of Leeds Sports Pose, spread evenly over it, or those of MPII's pictures that
``mpii_photographs.json`` annotates: one in each of seven, by eye. Above each stands the share of annotated joints that are
found within 0.2 of the torso, or, for MPII, within half the head.
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
ANNOTATIONS = Path(__file__).with_name("mpii_photographs.json")
"""Joints of seven people, px; those that cannot be seen and not be guessed within half a head are left out."""
MEASURES = {"lsp": "PCK@0.2 of the torso", "mpii": "PCKh@0.5"}
"""What the share of joints is called, by dataset."""


@dataclass(frozen=True)
class Found:
    """A person of a photograph in px of the crop.

    Attributes:
        pose, truth: (J, 2); joints that are not annotated are NaN in ``truth``.
        correct: the share of annotated joints that are found; NaN where the torso or the head, which says how near, is not
            annotated.
    """

    pose: Float[np.ndarray, "J 2"]
    truth: Float[np.ndarray, "J 2"]
    correct: float


@torch.inference_mode()
def find(model: PictureModule, people: PeopleInPictures, dataset: str = "lsp") -> list[Found]:
    """Return what the model finds of each person whose picture can be read; ``dataset`` says how joints are counted."""
    found = []
    for batch in CropLoader(Crops(people, model.skeleton, model.size, labels=False), 16):
        poses, truths = model.locate(batch["picture"])[0][..., :2], batch["keypoints_2d"]
        reach = 0.2 * torso_px(truths, model.skeleton) if dataset == "lsp" else 0.5 * head_px(truths, model.skeleton)
        found += [
            Found(pose.numpy(), truth.numpy(), share_of(pose, truth, within))
            for pose, truth, within in zip(poses, truths, reach, strict=True)
        ]
    return found


def head_px(keypoints: Float[Tensor, "B J 2"], skeleton: Skeleton) -> Float[Tensor, "B"]:
    """Return the length of the head, from the upper neck to its top, px; NaN where one of the two is not annotated.

    MPII's own size of a head, 0.6 of a box's diagonal, is about as long; these annotations have no boxes of heads.
    """
    return (keypoints[:, skeleton.index("head_top")] - keypoints[:, skeleton.index("upper_neck")]).norm(dim=-1)


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
    share = "no size" if np.isnan(person.correct) else f"{person.correct:.0%}"
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
    parser.add_argument("--dataset", choices=MEASURES, default="lsp", help="of the photographs (default lsp)")
    parser.add_argument("--path", type=Path, help="what posezoo data prepare lsp wrote, or its folder; annotations of MPII")
    parser.add_argument("--images", type=Path, help="the folder of MPII's pictures")
    parser.add_argument("--count", type=int, default=16, help="how many people (default 16)")
    parser.add_argument("-o", "--out", type=Path, required=True, help=".svg or .png")
    options = parser.parse_args(arguments)

    def run() -> int:
        if options.out.suffix.lower() not in (".svg", ".png") or options.count < 1:
            raise InputError(f"{options.out}, {options.count} people; expected .svg or .png, and 1 person or more.")
        if options.dataset == "lsp" and options.path is None:
            raise InputError("--path is not given; expected what posezoo data prepare lsp wrote, or its folder.")
        if options.dataset == "mpii" and options.images is None:
            raise InputError("--images is not given; expected the folder of MPII's pictures.")
        model = posezoo.load(options.model, kind=PictureModule)
        files = {"path": options.path or ANNOTATIONS} | ({"images": options.images} if options.images else {})
        people = load_pictures(options.dataset, "test", **files).thin(options.count)
        found = find(model, people, options.dataset)
        print(f"{MEASURES[options.dataset]}: {', '.join(f'{person.correct:.2f}' for person in found)}")
        picture = BytesIO()
        with matplotlib.rc_context({"svg.hashsalt": "photographs"}):  # without it and with a date every drawing would differ
            sheet(model, found).savefig(picture, format=options.out.suffix[1:].lower(), metadata={"Date": None}, dpi=120)
        write_whole(options.out, picture.getvalue())
        print(f"sheet -> {options.out}")
        return 0

    return guarded("draw_photographs", run)


if __name__ == "__main__":
    sys.exit(main())
