"""``posezoo detect``: the 2D keypoints of a video or of pictures in a file, without lifting them."""

from __future__ import annotations

import argparse
from pathlib import Path

from posezoo.cli import clip_options
from posezoo.cli.checks import check_input, check_output
from posezoo.errors import InputError


def add(commands: argparse._SubParsersAction) -> None:
    """Register the command."""
    command = commands.add_parser(
        "detect",
        help="2D keypoints of the people of a video, without lifting them",
        epilog="People are tracked and nothing is filled in or smoothed; predict, finetune and data check read the file.",
    )
    command.add_argument("input", type=Path, help="a video, a picture, or a folder of pictures")
    command.add_argument("-o", "--out", type=Path, required=True, help="keypoints, .npz")
    clip_options.add_detector(command.add_argument_group("detector"))
    command.add_argument("--fps", type=float, help="frames per second, where the input does not say it")
    command.set_defaults(run=run, check=check, notes_only=True)


def check(options: argparse.Namespace) -> None:
    """Refuse wrong options at once, before anything is imported.

    Raises:
        InputError, MissingFileError: the input is not there, the output cannot be written, or a rate that no clip has.
    """
    check_output("--out", options.out, (".npz",))
    check_input(options.input)
    clip_options.check_fps(options.fps)
    clip_options.check_detector(options)


def run(options: argparse.Namespace) -> int:
    """Find the people and write their keypoints."""
    from posezoo.video.clips import is_clip_file, read_people

    if not is_clip_file(options.input):
        raise InputError(
            f"{options.input} is neither a video, a picture nor a folder of pictures; a file of keypoints needs no detector."
        )
    people = read_people(
        options.input,
        detector=options.detector,
        detector_model=options.detector_model,
        device=options.detector_device or "cpu",
        fps=options.fps,
    )
    people.data.save(options.out)
    frames = len(set(people.data.frame.tolist()))
    print(
        f"{len(people.data)} poses of {people.data.skeleton.name}, {len(people.tracks)} people in {frames} frames "
        f"-> {options.out}"
    )
    return 0
