"""``posezoo predict``: 2D keypoints in a file, one for each camera, or pictures, to 3D poses in a file."""

from __future__ import annotations

import argparse
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posezoo.cli import clip_options
from posezoo.errors import InputError, MissingFileError
from posezoo.registry import is_path, resolve

if TYPE_CHECKING:
    from posezoo.data import Prediction
    from posezoo.lifting import LiftingModule, PictureModule


def add(commands: Any) -> None:
    """Register the command."""
    command = commands.add_parser("predict", help="3D poses from the 2D keypoints of a file, or from pictures")
    command.add_argument("name", help="a model, or the path of its weights")
    command.add_argument(
        "input",
        type=Path,
        nargs="+",
        help=".npz .json .csv .h5 or a folder of OpenPose frames; for cvugcn one for each camera; for hg3d a picture, a "
        "folder of pictures or a video; with --detector a video for any",
    )
    command.add_argument("-o", "--out", type=Path, required=True, help=".npz .json .csv, or of a clip .bvh .trc")
    command.add_argument("--skeleton", help="layout of the keypoints, where the file does not say")
    command.add_argument("--cameras", type=Path, help="calibration of the cameras: .toml .json .yml .xml .h5 or a folder")
    command.add_argument("--camera-unit", default="mm", choices=("mm", "cm", "m"), help="unit of the calibration")
    command.add_argument("--subject", help="whose calibration, where the file holds Human3.6M's")
    command.add_argument("--image-size", nargs=2, type=int, metavar=("WIDTH", "HEIGHT"))
    command.add_argument(
        "--box", nargs=4, type=float, metavar=("X", "Y", "WIDTH", "HEIGHT"), help="the person in the pictures, px"
    )
    command.add_argument("--skip-incomplete", action="store_true", help="leave out people who lack a joint")
    command.add_argument("--picture", type=Path, help="draw twelve of the people into this .png")
    command.add_argument("--html", type=Path, help="an interactive page of the people")
    clip_options.add(command)
    command.set_defaults(run=run, check=check, notes_only=True)


def check(options: argparse.Namespace) -> None:
    """What can be refused at once."""
    check_name(options.name)
    check_output("--out", options.out, (".npz", ".json", ".csv", ".bvh", ".trc"))
    check_output("--picture", options.picture, (".png", ".pdf", ".svg", ".jpg", ".webp"))
    check_output("--html", options.html, (".html",))
    for path in options.input:
        check_input(path)
        if options.out.exists() and options.out.samefile(path):
            raise InputError(f"--out {options.out} is the input itself; give the result another name.")


def run(options: argparse.Namespace) -> int:
    """Read, lift, write, and say what was done."""
    import posezoo
    from posezoo.lifting import LiftingModule, PictureModule

    clip_options.export_settings(options)
    model = posezoo.load(options.name)
    if isinstance(model, PictureModule):
        return find(model, options)
    if options.box:
        raise InputError(f"{options.name} takes keypoints; --box is for models that take pictures.")
    if isinstance(model, LiftingModule):
        return lift(model, options)
    return predict_views(model, options)


def lift(model: LiftingModule, options: argparse.Namespace) -> int:
    """Single views: each pose of a file for itself."""
    import numpy as np

    from posezoo.data import read_keypoints

    if len(options.input) > 1 or options.cameras:
        raise InputError(f"{options.name} lifts the keypoints of one file and needs no cameras; lift each file for itself.")
    if clip_options.wants_clip(options):
        result, done = clip_options.lift_clip(model, options)
        result.save(options.out, **clip_options.export_settings(options))
        print(f"{done} -> {options.out}")
        known = np.isfinite(result.pose_3d).all((1, 2))
        if options.picture or options.html:
            draw(rows_of(result, known), options.picture, options.html)
        return 0
    source = options.input[0]
    clip_options.refuse_video(source)
    data = read_keypoints(source, options.skeleton, options.image_size)
    complete = np.isfinite(data.keypoints_2d).all(axis=(1, 2)) & (np.ptp(data.keypoints_2d, axis=1).max(axis=1) != 0)
    if options.skip_incomplete and not complete.all():
        warnings.warn(f"{int((~complete).sum())} of {len(data)} poses lack a joint and are left out.", stacklevel=1)
        data = data[complete]
    if not len(data):
        raise InputError(f"{source}: no pose is left to lift.")
    sizes = {clip.image_size for clip in data.sequences}
    size = tuple(options.image_size) if options.image_size else sizes.pop() if len(sizes) == 1 else None
    result = model.predict(data.keypoints_2d, data.skeleton, size, data.confidence)
    result.save(options.out, **clip_options.export_settings(options))
    approximated = f" ({', '.join(result.approximated)} approximated)" if result.approximated else ""
    print(f"{len(data)} poses of {data.skeleton.name}{approximated} lifted by {result.model} -> {options.out}")
    if result.filled is not None:
        by_joint = dict(zip(result.skeleton.joints, result.filled.reshape(-1, len(result.skeleton)).sum(0), strict=True))
        counts = ", ".join(f"{joint} {count}" for joint, count in by_joint.items() if count)
        print(f"{int(result.filled.sum())} missing joints filled in: {counts}")
    if options.picture or options.html:
        draw(result, options.picture, options.html)
    return 0


def find(model: PictureModule, options: argparse.Namespace) -> int:
    """People in pictures: a file, a folder, or a video."""
    import numpy as np

    from posezoo.data.pictures.frames import Frames
    from posezoo.terminal import progress

    if len(options.input) > 1:
        raise InputError(f"{options.name} takes one picture, folder or video at a time.")
    for name in ("cameras", "skeleton", "subject", "image_size", "skip_incomplete"):
        if getattr(options, name):
            raise InputError(f"{options.name} takes pictures; --{name.replace('_', '-')} is for keypoints.")
    clip_options.refuse(options, options.name, "finds one person in pictures itself")
    frames = Frames(options.input[0])
    clip_options.check_rate(options, frames.fps)
    kept: dict[int, Any] = {}
    every = max(1, len(frames) // 12) if options.picture else 0

    def pictures() -> Any:
        for number, frame in enumerate(progress(frames, "looking at pictures")):
            if every and number % every == 0 and len(kept) < 12:
                kept[number] = frame.picture
            yield frame.picture

    result = replace(model.predict_images(pictures(), options.box), fps=frames.fps)
    result.save(options.out, **clip_options.export_settings(options))
    left_out = f", {len(frames.unreadable)} that cannot be read left out" if frames.unreadable else ""
    print(
        f"{len(result)} pictures{left_out}, poses by {result.model}, mean confidence {np.mean(result.confidence):.2f} "
        f"-> {options.out}"
    )
    if options.picture or options.html:
        draw(result, options.picture, options.html, kept)
    return 0


def predict_views(model: Any, options: argparse.Namespace) -> int:
    """One person in several views: a file of keypoints for each camera, frame by frame."""
    import numpy as np

    from posezoo.data import read_cameras, read_keypoints

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


def check_name(name: str) -> None:
    """Refuse a name that no model has.

    Raises:
        UnknownNameError: it is in no index, nor is it the path of a file.
    """
    if not is_path(name):
        resolve(name)


def check_input(path: Path) -> None:
    """Refuse a path where nothing is.

    Raises:
        MissingFileError: nothing is there.
    """
    if not path.exists():
        raise MissingFileError(f"{path} is not there; check the path.")


def check_output(option: str, path: Path | None, endings: tuple[str, ...]) -> None:
    """Refuse a place that cannot be written before any work is done.

    Raises:
        InputError: another ending, or no folder to write into.
    """
    if path is None:
        return
    if path.suffix.lower() not in endings:
        raise InputError(f"{option} {path}: expected a name that ends in {' or '.join(endings)}.")
    if path.is_dir() or not path.parent.is_dir():
        raise InputError(f"{option} {path}: " + ("is a folder." if path.is_dir() else f"there is no folder {path.parent}."))


def rows_of(result: Prediction, rows: Any) -> Prediction:
    """Some of the poses, as they are drawn."""
    return replace(
        result, **{name: getattr(result, name)[rows] for name in ("pose_3d", "keypoints_2d")}, confidence=None, filled=None
    )


def draw(
    result: Prediction, picture_path: Path | None, page_path: Path | None, pictures: dict[int, Any] | None = None
) -> None:
    """Pictures of a prediction: up to twelve people, evenly spread, or an interactive page of up to 150.

    Args:
        result: what to draw.
        picture_path, page_path: where; neither is drawn where not given.
        pictures: of some rows, to draw on; these are then the people of the picture.
    """
    import numpy as np

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
