"""Predict and score with models of pictures: a picture, a folder of pictures, or a video."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from posezoo.cli import clip_options
from posezoo.cli.drawing import draw, write
from posezoo.cli.kinds import Scores
from posezoo.errors import InputError

if TYPE_CHECKING:
    from posezoo.lifting import PictureModule


def predict(model: PictureModule, options: argparse.Namespace) -> int:
    """Find the person in each picture."""
    from posezoo.data.pictures.clock import Clock, clock_of
    from posezoo.data.pictures.frames import Frames
    from posezoo.terminal import progress

    if len(options.input) > 1:
        raise InputError(f"{options.name} takes one picture, folder or video at a time.")
    for name in ("cameras", "skeleton", "subject", "image_size", "skip_incomplete"):
        if getattr(options, name):
            raise InputError(f"{options.name} takes pictures; --{name.replace('_', '-')} is for keypoints.")
    clip_options.refuse_views(options, options.name)
    clip_options.refuse(options, options.name, "finds one person in pictures itself")
    frames = Frames(options.input[0])
    clip_options.check_rate(options, frames.fps is not None)
    numbers: list[int] = []
    names: list[str] = []
    stamps: list[float] = []
    kept: dict[int, np.ndarray] = {}
    every = max(1, len(frames) // 12) if options.picture else 0

    def pictures() -> Iterator[np.ndarray]:
        for number, frame in enumerate(progress(frames, "looking at pictures")):
            if every and number % every == 0 and len(kept) < 12:
                kept[number] = frame.picture
            numbers.append(frame.number)
            names.append(frame.name)
            stamps.append(frame.stamp_s)
            yield frame.picture

    poses = model.predict_images(pictures(), options.box)
    clock = clock_of(stamps, frames.fps, str(frames.path)) if options.fps is None else Clock(options.fps)
    result = replace(
        poses,
        fps=clock.fps,
        time_s=clock.times_s,
        frame_number=np.array(numbers),
        picture=None if frames.video else np.array(names),
    )
    write(result, options, None if options.input[0].is_dir() else options.input[0])
    left_out = f", {len(frames.unreadable)} that cannot be read left out" if frames.unreadable else ""
    doubtful = 0 if result.doubtful is None else int(result.doubtful.sum())
    doubts = f" ({doubtful} doubtful)" if doubtful else ""
    print(
        f"{len(result)} pictures{left_out}, poses by {result.model}, "
        f"mean confidence {np.mean(np.asarray(result.confidence)):.2f}{doubts} -> {options.out}"
    )
    if options.picture or options.html:
        draw(result, options.picture, options.html, kept)
    return 0


def evaluate(model: PictureModule, options: argparse.Namespace) -> Scores:
    """Score a model on people in pictures."""
    from posezoo.data.pictures import load_pictures

    if options.keypoints != "gt":
        raise InputError(f"{options.name} finds keypoints in pictures itself; leave --keypoints out.")
    for name in ("data_dir", "protocol", "views", "joints"):
        if getattr(options, name) is not None:
            raise InputError(f"{options.name} takes pictures; --{name.replace('_', '-')} is for models that take keypoints.")
    settings = {} if options.side is None else {"side": options.side}
    people = load_pictures(options.data, options.split, path=options.path, **settings).thin(options.count)
    # MPI-INF-3DHP's pelvis is higher than that of all other datasets; Zhou et al. 2017 take its scale as known.
    protocol = {"hips_moved": 0.2, "known_scale": True, "joints": 14} if options.data == "mpi_inf_3dhp" else {}
    result = model.evaluate(people, **protocol)
    return Scores(result, f"{result['poses']} people in pictures")
