"""Models of several views on the command line: a file of keypoints for each calibrated camera, frame by frame."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import numpy as np

from posezoo.cli import clip_options
from posezoo.cli.datasets import file_of, views_of
from posezoo.cli.kinds import Scores
from posezoo.errors import InputError

if TYPE_CHECKING:
    from posezoo.papers.cvugcn import CVUGCN


def predict(model: CVUGCN, options: argparse.Namespace) -> int:
    """Refine one person whom several cameras see."""
    from posezoo.data import read_cameras, read_keypoints

    if options.box:
        raise InputError(f"{options.name} takes keypoints; --box is for models that take pictures.")
    if options.picture or options.html:
        raise InputError("--picture and --html draw single views; leave them out.")
    clip_options.refuse(options, options.name, "takes synchronised keypoints of several views as they are")
    if not options.cameras:
        raise InputError(f"{options.name} needs the cameras' calibration: --cameras FILE.")
    cameras = read_cameras(options.cameras, options.subject, options.camera_unit)
    if len(cameras) != len(options.input):
        raise InputError(
            f"{len(options.input)} files of keypoints and {len(cameras)} cameras; give one file for each camera."
        )
    views = [read_keypoints(path, options.skeleton, options.image_size) for path in options.input]
    shapes = {(len(view), view.skeleton.name) for view in views}
    if len(shapes) > 1:
        described = ", ".join(
            f"{len(v)} poses of {v.skeleton.name} in {p}" for v, p in zip(views, options.input, strict=True)
        )
        raise InputError(f"the views differ: {described}; expected the same frames of one person in one layout.")
    weights = [view.confidence for view in views if view.confidence is not None]
    confidence = np.stack(weights) if len(weights) == len(views) else None
    result = model.predict_views(np.stack([v.keypoints_2d for v in views]), cameras, views[0].skeleton, confidence)
    result.in_world().save(options.out, **clip_options.export_settings(options))
    lost = f", {result.undefined} joints that fewer than two views define are NaN" if result.undefined else ""
    print(f"{len(views[0])} poses in {len(views)} views, refined by {result.model} in mm{lost} -> {options.out}")
    return 0


def evaluate(model: CVUGCN, options: argparse.Namespace) -> Scores:
    """Score a model of several views beside the triangulation that it starts from."""
    from posezoo.data import load_dataset

    if options.count is not None or options.side is not None:
        raise InputError(f"{options.name} takes keypoints; --count and --side are for models that take pictures.")
    if options.joints:
        raise InputError(f"{options.name} takes two views; --joints is for lifters.")
    data = load_dataset(options.data, options.split, file_of(options), keypoints=options.keypoints, **views_of(options))
    result = model.evaluate(data)
    beside = {name.removesuffix("_triangulated"): v for name, v in result.items() if name.endswith("_triangulated")}
    return Scores(result, f"{options.keypoints.upper()} 2D, {result['poses']} poses", "triangulated", beside)
