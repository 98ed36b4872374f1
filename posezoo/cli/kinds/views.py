"""Predict and score with models of several views: a video or a file of keypoints for each calibrated camera."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from posezoo.cli import clip_options, view_checks
from posezoo.cli.datasets import file_of, views_of
from posezoo.cli.drawing import write
from posezoo.cli.kinds import Scores
from posezoo.cli.view_checks import Seen
from posezoo.errors import InputError, PoseZooWarning

if TYPE_CHECKING:
    from posezoo.geometry import Camera
    from posezoo.papers.cvugcn import CVUGCN
    from posezoo.poses.tracking import Track
    from posezoo.video.clips import ClipPeople


def predict(model: CVUGCN, options: argparse.Namespace) -> int:
    """Refine the poses of one person seen by several cameras."""
    from posezoo.geometry.rig_fit import GOOD
    from posezoo.lifting.suspicions import of_view, of_views
    from posezoo.papers.cvugcn.prediction import check_pixels
    from posezoo.video.clocks import people_in_time

    _refuse(options)
    cameras, files = _cameras_and_files(options)
    views = [_people(file, options) for file in files]
    layouts = {view.data.skeleton.name for view in views}
    if len(layouts) > 1:
        described = ", ".join(f"{v.data.skeleton.name} in {f}" for v, f in zip(views, files, strict=True))
        raise InputError(f"the views differ: {described}; expected one layout.")
    for view, file in zip(views, files, strict=True):
        if not view.tracks:
            raise InputError(f"{file} shows nobody.")
    rates = [options.fps or view.fps for view in views]
    fps = rates[0] if len(set(rates)) == 1 else None
    clip_options.check_rate(options, fps is not None or any(view.timed or view.times_s is not None for view in views))
    view_checks.say_lengths(views, files)
    tracks = [_prepared(view, fps, options) for view in views]
    found = [of_view(v.data.keypoints_2d, v.data.skeleton, model.skeleton, v.image_size) for v in views]
    # Of keypoints that are wrong themselves, what seems wrong about the cameras is misleading.
    people, fit, timeline = people_in_time(tracks, rates, files, cameras, as_given=any(found))
    odd = of_views(found, fit.error <= GOOD)
    for number, sentence in odd:
        warnings.warn(f"{files[number]}: {sentence}", PoseZooWarning, stacklevel=2)
    number = options.person or 1
    if not 1 <= number <= len(people):
        raise InputError(f"--person {number}; two or more views see {len(people)}.")
    person = people[number - 1]
    check_pixels(person.keypoints, fit.cameras)
    names = [camera.name or Path(file).stem for camera, file in zip(fit.cameras, files, strict=True)]
    rig = Seen(people, person, fit, names, [view.image_size for view in views], tracks, views[0].data.skeleton)
    moved = False
    if not odd:
        view_checks.refuse_mirrored(rig)
        if not fit.alike:
            view_checks.say_left_out(rig)
        view_checks.say_fit(rig)
        moved = view_checks.say_time(rig, fps)
    view_checks.check_unit(person.leg_mm(fit.cameras, views[0].data.skeleton), options)
    trust = person.confidence if any(view.data.confidence is not None for view in views) else None
    with warnings.catch_warnings():
        # view_checks says more, and by the files' names
        warnings.filterwarnings("ignore", message=r"the views do not fit|knees bend backwards|views? \d")
        result = model.predict_views(
            person.keypoints,
            fit.cameras,
            views[0].data.skeleton,
            trust,
            max_reprojection_px=_limit(options.max_reprojection_px),
            undistort=not options.no_undistort,
            frames=person.frames,
        )
    if result.undefined == result.world_mm[..., 0].size:
        raise InputError(
            f"nothing was triangulated in the {len(person.frames)} frames that two views have: no joint is seen by two of "
            "them at once; check that the files are of one recording, and what is in them: posezoo data check FILE."
        )
    if not moved and not odd:
        view_checks.say_worst(rig, result)
    saved = replace(
        result.in_world(),
        fps=fps if timeline is None else None,
        frame_number=person.frames,
        person=np.full(len(person.frames), str(number)),
        time_s=timeline.seconds(person.frames) if timeline else person.frames / fps if fps else None,
    )
    write(saved, options)
    lost = f", {result.undefined} joints that fewer than two views define are NaN" if result.undefined else ""
    others = f", person {number} of {len(people)}" if len(people) > 1 else ""
    used = f"{len(person.views)} of {len(views)}" if len(person.views) < len(views) else str(len(views))
    print(f"{len(person.frames)} poses in {used} views{others}, refined by {result.model} in mm{lost} -> {options.out}")
    print(view_checks.agreement(result, names))
    return 0


def _refuse(options: argparse.Namespace) -> None:
    """Refuse options that models of several views cannot use."""
    if options.box:
        raise InputError(f"{options.name} takes keypoints; --box is for models that take pictures.")
    if options.picture or options.html:
        raise InputError("--picture and --html draw single views; leave them out.")
    if not options.cameras:
        raise InputError(f"{options.name} needs the cameras' calibration: --cameras FILE.")


def _cameras_and_files(options: argparse.Namespace) -> tuple[list[Camera], list[Path]]:
    """Return the cameras that the options or the files' names choose, and the file of each."""
    from posezoo.data import read_cameras

    cameras, files = list(read_cameras(options.cameras, options.subject, options.camera_unit)), list(options.input)
    names = [camera.name or str(number) for number, camera in enumerate(cameras, 1)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{options.cameras} has {names.count(twice)} cameras named {twice}; give each its own name.")
    # Numbers are no names: gopro3 may well be the first camera of a list.
    told = _named(files, names) if all(camera.name for camera in cameras) else None
    by_name = dict(zip(told or [], files, strict=False))
    wanted = options.views or [name for name in names if name in by_name] or names
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise InputError(f"--views {' '.join(unknown)}: {options.cameras} has {', '.join(names)}.")
    if len(set(wanted)) < len(wanted):
        raise InputError(f"--views {' '.join(wanted)}: a camera is named twice; expected different ones.")
    if set(wanted) <= set(by_name):
        files = [by_name[name] for name in wanted]
    elif options.views and len(files) == len(cameras):
        files = [files[names.index(name)] for name in wanted]
    if len(files) < 2:
        raise InputError(
            f"one file, {files[0]}; {options.name} needs two or more views of one recording, each with its camera: give two "
            f"or more files{'' if len(names) > 1 else f', and a calibration of as many cameras: {options.cameras} has one'}."
        )
    if len(wanted) != len(files):
        cameras_found = f"{len(wanted)} camera{'' if len(wanted) == 1 else 's'}"
        raise InputError(
            f"{len(files)} files and {cameras_found}; give one file for each camera, or say which cameras they are "
            f"of, in the order of the files: --views, and {len(files)} of {', '.join(names)}."
        )
    if by_name and not set(wanted) <= set(by_name):
        warnings.warn(
            f"the names of the files say {', '.join(by_name)}, --views {', '.join(wanted)}: taken as --views says.",
            category=PoseZooWarning,
            stacklevel=2,
        )
    return [cameras[names.index(name)] for name in wanted], files


def _named(files: Sequence[Path], names: Sequence[str]) -> list[str] | None:
    """Return the camera whose name each file bears; None unless each bears one, and each another."""
    told = []
    for file in files:
        borne = [name for name in names if name.lower() in file.stem.lower()]
        # cam10.json bears cam1 too, as a part of the longer name.
        whole = [name for name in borne if not any(name != other and name.lower() in other.lower() for other in borne)]
        if len(whole) != 1:
            return None
        told.append(whole[0])
    return told if len(set(told)) == len(told) else None


def _people(file: Path, options: argparse.Namespace) -> ClipPeople:
    from posezoo.video.clips import is_clip_file, read_people

    video = is_clip_file(file)
    return read_people(
        file,
        detector=options.detector if video else None,
        detector_model=options.detector_model if video else None,
        device=options.detector_device or "cpu",
        fps=options.fps,
        skeleton=None if video else options.skeleton,
        image_size=tuple(options.image_size) if options.image_size and not video else None,
    )


def _prepared(view: ClipPeople, fps: float | None, options: argparse.Namespace) -> Sequence[Track]:
    """Return the people of a view, with gaps interpolated and jitter taken out where options say so.

    Unlike one camera's, gaps are left as they are by default: the other views see the joint.
    """
    from posezoo.video.smoothing import smooth_track
    from posezoo.video.tracking import fill_gaps

    tracks: Sequence[Track] = view.tracks
    if view.times_s is not None:
        tracks = [replace(track, time_s=view.times_s[track.first_frame + np.arange(len(track))]) for track in tracks]
    if options.fill_gaps is not None:
        tracks = [_counted_half(fill_gaps(track, clip_options.gap_of(options))) for track in tracks]
    if options.smooth:
        tracks = [smooth_track(track, fps, method=options.smooth) for track in tracks]
    return tracks


def _counted_half(track: Track) -> Track:
    """Give what was interpolated half of the joint's usual confidence: none would leave the view out."""
    usual = np.ma.masked_array(track.confidence, track.confidence <= 0)
    half = np.ma.median(usual, axis=0).filled(0.0) / 2
    return replace(track, confidence=np.where(track.filled, half, track.confidence))


def _limit(given: str) -> float | str | None:
    if given in ("auto", "none"):
        return None if given == "none" else "auto"
    try:
        return float(given)
    except ValueError as error:
        raise InputError(f"--max-reprojection-px {given}; expected auto, none or a number of px.") from error


def evaluate(model: CVUGCN, options: argparse.Namespace) -> Scores:
    """Score a model of several views beside the triangulation that it starts from."""
    from posezoo.data import load_dataset
    from posezoo.papers.cvugcn.evaluation import evaluate_real_video

    if options.count is not None or options.side is not None:
        raise InputError(f"{options.name} takes keypoints; --count and --side are for models that take pictures.")
    if options.joints:
        raise InputError(f"{options.name} takes two views; --joints is for lifters.")
    data = load_dataset(options.data, options.split, file_of(options), keypoints=options.keypoints, **views_of(options))
    result = evaluate_real_video(model, data) if options.data == "realbench" else model.evaluate(data)
    beside = {name.removesuffix("_triangulated"): v for name, v in result.items() if name.endswith("_triangulated")}
    return Scores(result, f"{options.keypoints.upper()} 2D, {result['poses']} poses", "triangulated", beside)
