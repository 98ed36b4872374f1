"""Write and draw the result of ``posezoo predict``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from posezoo.cli.clip_options import export_settings

if TYPE_CHECKING:
    from posezoo.data import Prediction

PAGE = ".html"


def write(result: Prediction, options: argparse.Namespace, video: Path | None = None) -> None:
    """Write a result to ``--out``: the poses, or a page that shows them.

    Args:
        result: the poses.
        options: of the command.
        video: the clip that they are of; a page shows the 2D keypoints over it, where its pictures are of one size.
    """
    if options.out.suffix.lower() != PAGE:
        result.save(options.out, **export_settings(options))
        return
    from posezoo import viz
    from posezoo.cli.video_pictures import over_video
    from posezoo.cli.view_command import draw as draw_kind
    from posezoo.cli.view_command import one_person, rate_of

    result = one_person(result, options.out)
    if result.image_size is None:
        video = None
    clip = viz.overlay(result.numpy(), fps=rate_of(result, options.fps, video))
    draw_kind("html", clip, options.out, over=None if video is None else partial(over_video, result=result, video=video))


def rows_of(result: Prediction, rows: np.ndarray) -> Prediction:
    """Return some of the poses, without confidences and labels."""
    from posezoo.poses.prediction_files import ARRAYS, LABELS

    kept: dict[str, Any] = dict.fromkeys((*ARRAYS, *LABELS))
    kept |= {name: getattr(result, name)[rows] for name in ("pose_3d", "keypoints_2d")}
    return replace(result, **kept)


def draw(
    result: Prediction,
    picture_path: Path | None,
    page_path: Path | None,
    pictures: Mapping[int, np.ndarray] | None = None,
) -> None:
    """Draw a prediction: up to twelve people, evenly spread, or an interactive page of up to 150.

    Args:
        result: the prediction.
        picture_path: the picture to write; none where not given.
        page_path: the page to write; none where not given.
        pictures: pictures of some rows, to draw on; these rows are then the people of the picture.
    """
    from posezoo import viz

    poses, keypoints = np.asarray(result.pose_3d), np.asarray(result.keypoints_2d)
    poses, keypoints = poses.reshape(-1, *poses.shape[-2:]), keypoints.reshape(-1, *keypoints.shape[-2:])
    if picture_path:
        rows = [*pictures] if pictures else np.linspace(0, len(poses) - 1, min(12, len(poses))).astype(int)
        people = [
            viz.Clip(
                keypoints[[row]],
                {result.model: poses[[row]]},
                result.skeleton,
                f"pose {row}",
                result.image_size,
                pictures=pictures[row][None] if pictures else None,
            )
            for row in rows
        ]
        viz.picture(people, picture_path)
        print(f"picture -> {picture_path}")
    if page_path:
        rows = np.linspace(0, len(poses) - 1, min(150, len(poses))).astype(int)
        clip = viz.Clip(keypoints[rows], {result.model: poses[rows]}, result.skeleton, str(result.model), result.image_size)
        viz.page([clip], page_path)
        print(f"page -> {page_path}")
