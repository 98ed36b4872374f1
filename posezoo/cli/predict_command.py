"""Predict 3D poses from 2D keypoints in a file, from one file for each camera, or from pictures: ``posezoo predict``."""

from __future__ import annotations

import argparse
import os
from difflib import get_close_matches
from pathlib import Path

from posezoo.cli import clip_options
from posezoo.cli.checks import check_input, check_name, check_output
from posezoo.errors import InputError
from posezoo.files.endings import PICTURE_ENDINGS, WEIGHT_ENDINGS
from posezoo.registry import DEFAULT_LIFTER, PAPERS

_WEIGHTS = (*WEIGHT_ENDINGS, ".tar")


def add(commands: argparse._SubParsersAction) -> None:
    """Register the command."""
    command = commands.add_parser("predict", help="3D poses from the 2D keypoints of a file, or from pictures")
    command.add_argument(
        "name",
        help="a model, or the path of its weights; if left out: cvugcn with --cameras, hg3d for pictures, else geoselfsup",
    )
    command.add_argument(
        "input",
        type=Path,
        nargs="*",
        help=".npz .json .csv .h5 or a folder of OpenPose frames; for cvugcn one for each camera; for hg3d a picture, a "
        "folder of pictures or a video; with --detector a video for any",
    )
    command.add_argument(
        "-o", "--out", type=Path, required=True, help=".npz .json .csv .html (a page), or of a clip .bvh .trc"
    )
    command.add_argument("--skeleton", help="layout of the keypoints, where the file does not say")
    command.add_argument("--cameras", type=Path, help="calibration: .toml .json .yml .qca.txt .xml .h5 .pkl or a folder")
    command.add_argument("--camera-unit", default="mm", choices=("mm", "cm", "m"), help="unit of the calibration")
    command.add_argument("--views", nargs="+", metavar="CAMERA", help="these cameras of the calibration alone, by name")
    command.add_argument(
        "--max-reprojection-px",
        default="auto",
        metavar="PX",
        help="of three or more views, leave those out of a joint that are further off; auto (default), none or a number",
    )
    command.add_argument("--no-undistort", action="store_true", help="the keypoints are of undistorted pictures")
    command.add_argument("--subject", help="whose calibration, where the file holds Human3.6M's")
    command.add_argument("--image-size", nargs=2, type=int, metavar=("WIDTH", "HEIGHT"))
    command.add_argument(
        "--box", nargs=4, type=float, metavar=("X", "Y", "WIDTH", "HEIGHT"), help="the person in the pictures, px"
    )
    command.add_argument("--skip-incomplete", action="store_true", help="leave out people who lack a joint")
    command.add_argument("--picture", type=Path, help="draw twelve of the people into this .png")
    command.add_argument("--html", type=Path, help="an interactive page of the people")
    clip_options.add(command)
    command.add_argument("--device", help="where the model computes: cpu (the default), cuda, cuda:1, mps")
    command.set_defaults(run=run, check=check, notes_only=True)


def check(options: argparse.Namespace) -> None:
    """Refuse wrong options at once, before anything is read."""
    _name_a_model(options)
    check_output("--out", options.out, (".npz", ".json", ".csv", ".bvh", ".trc", ".html"))
    check_output("--picture", options.picture, (".png", ".pdf", ".svg", ".jpg", ".webp"))
    check_output("--html", options.html, (".html",))
    for path in options.input:
        check_input(path)
        if options.out.exists() and options.out.samefile(path):
            raise InputError(f"--out {options.out} is the input itself; give the result another name.")


def _name_a_model(options: argparse.Namespace) -> None:
    """Choose a model where the first argument is an input rather than a model.

    Raises:
        InputError: there is a model, but no input.
        MissingFileError: the only argument looks like a file rather than a model, and is not there.
    """
    first = Path(options.name)
    # Weights of other programs, and folders of them, are refused by what loads a model, which knows what they are.
    weights = first.suffix.lower() in _WEIGHTS or (first.is_dir() and options.input and options.cameras is None)
    named = options.name in PAPERS or weights
    if not named and os.path.exists(first):
        options.input = [first, *options.input]
        options.name = _model_for(options)
    elif not options.input and first.suffix and not get_close_matches(first.stem, PAPERS):
        check_input(first)  # clip.mp4, which is not there, is no misspelt model, as svmo.cmu is
    check_name(options.name)
    if not options.input:
        raise InputError(
            f"predict {options.name} has no input; give a file of keypoints, a video or a picture after the model."
        )


def _model_for(options: argparse.Namespace) -> str:
    """Return the name of the model that takes such input."""
    if options.cameras is not None:
        return "cvugcn"
    first = options.input[0]
    pictures = first.suffix.lower() in PICTURE_ENDINGS
    if first.is_dir():
        from posezoo.data.pictures.frames import pictures_in  # imports torch

        pictures = bool(pictures_in(first))
    return "hg3d" if pictures and options.detector is None else DEFAULT_LIFTER


def run(options: argparse.Namespace) -> int:
    """Read, predict and write, as the model's kind does."""
    import posezoo
    from posezoo.cli.kinds import commands_of

    clip_options.export_settings(options)
    model = posezoo.load(options.name, options.device)
    return int(commands_of(model.kind).predict(model, options))
