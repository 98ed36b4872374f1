"""Add the options of ``posezoo predict`` for the people of a clip: detector, choice of person, gaps, smoothing."""

from __future__ import annotations

import argparse
import math
import warnings
from typing import TYPE_CHECKING, Any

from posezoo.errors import InputError, PoseZooWarning
from posezoo.video.defaults import MAX_FPS, MAX_GAP

if TYPE_CHECKING:
    from posezoo.data import PoseData, Prediction
    from posezoo.lifting import LiftingModule
    from posezoo.video.clips import ClipPeople

DETECTORS = ("rtmlib", "mediapipe", "torchvision")
_MOTION = (".bvh", ".trc")
_OF_ONE = (*_MOTION, ".html")
"""Endings of files that hold one person."""
_NAMED = 4
"""So many people are named on the terminal."""
_OF_VIEWS = {"views": None, "camera_unit": "mm", "max_reprojection_px": "auto", "no_undistort": False, "subject": None}
"""Options of models of several cameras, and what they are where nobody gives them."""
_OPTIONS = ("detector", "detector_model", "person", "fill_gaps", "smooth")


def add(command: argparse.ArgumentParser) -> None:
    """Register the options."""
    group = command.add_argument_group("videos and clips")
    add_detector(group)
    group.add_argument(
        "--person",
        type=int,
        metavar="N",
        help="which: 1 is seen longest and best (default: everybody in .npz .json .csv, 1 in others and of several cameras)",
    )
    group.add_argument(
        "--fill-gaps",
        type=int,
        metavar="FRAMES",
        help=f"interpolate up to so many (default {MAX_GAP}; of keypoints that are written to .npz .json .csv none unless "
        "given: they need not be of a clip)",
    )
    group.add_argument(
        "--smooth",
        nargs="?",
        const="butterworth",
        choices=("butterworth", "one_euro"),
        help="take jitter out of the keypoints: butterworth (6 Hz, no lag; the default) or one_euro",
    )
    group.add_argument("--fps", type=float, help="frames per second, where the input does not say it")
    motion = command.add_argument_group("motions, .bvh and .trc")
    motion.add_argument("--height", type=float, metavar="M", help="the person's, where the scale is unknown (default 1.7)")
    motion.add_argument(
        "--level",
        nargs="?",
        const="estimate",
        metavar="DEGREES",
        help="turn upright: by how much the camera looks down, or estimated of a person who stands or walks",
    )
    motion.add_argument("--unit", choices=("m", "cm", "mm"), help="of lengths (default: m in .bvh, mm in .trc)")
    motion.add_argument("--up", choices=("y", "z"), default="y", help="the axis that points up (default y)")
    motion.add_argument(
        "--markers", choices=("skeleton", "pose2sim"), default="skeleton", help="names in .trc: Pose2Sim's or the layout's"
    )


def add_detector(group: argparse._ArgumentGroup) -> None:
    """Register the options that choose a detector."""
    group.add_argument(
        "--detector", choices=DETECTORS, help="finds people in a video (default: the first of these that is installed)"
    )
    group.add_argument("--detector-model", help="rtmlib: lightweight, balanced, performance; mediapipe: its .task file")
    group.add_argument("--detector-device", metavar="DEVICE", help="where the detector computes: cpu (default), cuda, mps")


def check_detector(options: argparse.Namespace) -> None:
    """Refuse the model of a detector that is not named.

    Raises:
        InputError: ``--detector-model`` without ``--detector``.
    """
    if options.detector_model and not options.detector:
        raise InputError("--detector-model is for videos; say which detector: --detector " + "|".join(DETECTORS) + ".")


def check_fps(fps: float | None) -> None:
    """Refuse a rate that no clip has.

    Raises:
        InputError: it is not above 0, or above 1000.
    """
    if fps is not None and not 0 < fps <= MAX_FPS:
        raise InputError(f"--fps {fps:g}; expected frames per second, up to {MAX_FPS}.")


def wants_clip(options: argparse.Namespace) -> bool:
    """Return whether the input is a clip, rather than independent poses."""
    from posezoo.video.clips import is_clip_file

    return bool(
        is_clip_file(options.input[0])
        or options.detector
        or options.detector_model
        or options.smooth
        or options.out.suffix.lower() in _MOTION
        or options.person is not None
        or options.fill_gaps is not None
    )


def refuse(options: argparse.Namespace, name: str, why: str) -> None:
    """Refuse the options of clips for a model that cannot use them.

    Raises:
        InputError: one of them is given.
    """
    for option in _OPTIONS:
        if getattr(options, option) not in (None, False):
            raise InputError(f"{name} {why}; leave out --{option.replace('_', '-')}.")


def refuse_views(options: argparse.Namespace, name: str) -> None:
    """Refuse the options of several cameras for a model that takes none.

    Raises:
        InputError: one of them is given.
    """
    for option, default in _OF_VIEWS.items():
        if getattr(options, option) != default:
            raise InputError(f"{name} takes no calibrated cameras; leave out --{option.replace('_', '-')}.")


def export_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the keyword arguments for :meth:`posezoo.data.Prediction.save`.

    Raises:
        InputError: a rate, a height or an angle that cannot be, or settings of motions for another kind of file.
    """
    check_fps(options.fps)
    if options.height is not None and not 0.3 <= options.height <= 3:
        raise InputError(f"--height {options.height:g}; expected metres, 0.3 to 3.")
    height_mm = None if options.height is None else options.height * 1000
    level: bool | float = False
    if options.level == "estimate":
        level = True
    elif options.level is not None:
        try:
            level = math.radians(float(options.level))
        except ValueError:
            level = math.nan
        if not abs(level) <= math.pi / 2:
            raise InputError(f"--level {options.level}; expected degrees, -90 to 90, positive where the camera looks down.")
    for name, value, default in (("level", level, False), ("unit", options.unit, None), ("up", options.up, "y")):
        if value is not default and value != default and options.out.suffix.lower() not in _MOTION:
            raise InputError(f"--{name} is for .bvh and .trc, and {options.out} is neither; leave it out.")
    if options.markers != "skeleton" and options.out.suffix.lower() != ".trc":
        raise InputError(f"--markers is for .trc, and {options.out} is none; leave it out.")
    return {
        "fps": options.fps,
        "height_mm": height_mm,
        "level": level,
        "unit": options.unit,
        "up": options.up,
        "markers": options.markers,
    }


def check_rate(options: argparse.Namespace, timed: bool) -> None:
    """Refuse options that need the times of frames where these are not known, before any work is done.

    Args:
        options: of the command.
        timed: whether the input says its frames per second, or the time of each.

    Raises:
        InputError: for ``--smooth``, BVH and TRC.
    """
    if not timed and options.fps is None and (options.smooth or options.out.suffix.lower() in _MOTION):
        what = "--smooth" if options.smooth else options.out.suffix
        raise InputError(f"{what} needs the frames per second, which {options.input[0]} does not say; give --fps.")


def gap_of(options: argparse.Namespace) -> int:
    """Return how many frames in a row are interpolated.

    Raises:
        InputError: fewer than none.
    """
    gap = MAX_GAP if options.fill_gaps is None else int(options.fill_gaps)
    if gap < 0:
        raise InputError(f"--fill-gaps {gap}; expected a number of frames, 0 to fill nothing.")
    return gap


def warn_of_sides(data: PoseData) -> None:
    """Warn where left and right look exchanged, which lifting alone would not show.

    Warns:
        PoseZooWarning: in all poses, or in more than a few frames.
    """
    from posezoo.poses.inspection import suspicious_sides

    if (text := suspicious_sides(data)) is not None:
        warnings.warn(text, PoseZooWarning, stacklevel=2)


def lift_clip(model: LiftingModule, options: argparse.Namespace) -> tuple[Prediction, str]:
    """Lift the people of a video or of a file of keypoints; return the result, and a sentence on what was done.

    Everybody is lifted where the output can hold several and ``--person`` names nobody; else one person is.
    """
    from posezoo.data.pictures.frames import Frames
    from posezoo.poses.joining import join
    from posezoo.video.clips import is_clip_file, lift_person, read_people

    settings, source, person = export_settings(options), options.input[0], options.person or 1
    if options.person is not None and options.person < 1:
        raise InputError(f"--person {options.person}; people are counted from 1, who is seen longest and best.")
    gap = gap_of(options)
    video = is_clip_file(source)
    if options.detector and (options.skeleton or options.image_size or options.skip_incomplete):
        raise InputError("--skeleton, --image-size and --skip-incomplete are for keypoints; a detector says what it finds.")
    check_detector(options)
    if video:
        check_rate(options, Frames(source).fps is not None)  # and reports errors of the path early
    size = tuple(options.image_size) if options.image_size else None
    people = read_people(
        source,
        detector=options.detector,
        detector_model=options.detector_model,
        device=options.detector_device or "cpu",
        fps=settings["fps"],
        skeleton=options.skeleton,
        image_size=size,
    )
    if person > len(people.tracks):
        raise InputError(f"--person {person}; {source} holds {len(people.tracks)}.")
    if not video:  # what a detector finds in a video is its own affair
        warn_of_sides(people.data)
    check_rate(options, people.timed)
    ending = options.out.suffix.lower()
    if options.person is None and ending not in _OF_ONE and len(people.tracks) > 1:
        results = _everybody(model, people, gap, options.smooth)
        return join(list(results.values())), _said(results, people, gap, options.smooth)
    start = 0 if video else None
    if ending in _MOTION and len(people.track(person)) == 1 and len(people.data) > 1:
        raise InputError(
            f"person {person} of {source} is there in one frame alone ({len(people.data)} poses, {len(people.tracks)} "
            f"people); {ending} holds motion: write .npz, .json or .csv, or check which axis of the file counts frames."
        )
    if ending == ".bvh" and not video:  # BVH has no frame numbers: all people begin with their recording
        recording = people.track(person).video
        start = min(track.first_frame for track in people.tracks if track.video == recording)
    result = lift_person(model, people, person, max_gap=gap, smooth=options.smooth, first_frame=start)
    return result, _said({person: result}, people, gap, options.smooth)


def _everybody(model: LiftingModule, people: ClipPeople, gap: int, smooth: str | None) -> dict[int, Prediction]:
    """Return the poses of everybody who can be lifted, by the number of the person, from when each is first seen.

    Raises:
        InputError: nobody can be lifted.
    """
    from posezoo.video.clips import lift_person

    results: dict[int, Prediction] = {}
    for number in range(1, len(people.tracks) + 1):
        try:
            results[number] = lift_person(model, people, number, max_gap=gap, smooth=smooth)
        except InputError:  # such as a passer-by of whom the legs are never seen
            if number == len(people.tracks) and not results:
                raise
    return results


def _said(results: dict[int, Prediction], people: ClipPeople, gap: int, smooth: str | None) -> str:
    """Return a sentence on the people who were lifted."""
    import numpy as np

    from posezoo.video.tracking import fill_gaps

    counts = [
        f"{int(np.isfinite(result.pose_3d).all((1, 2)).sum())} of {len(result)} frames of person {number}"
        for number, result in list(results.items())[:_NAMED]
    ]
    counts += [f"{len(results) - _NAMED} more people"] if len(results) > _NAMED else []
    model = next(iter(results.values())).model
    parts = [f"{', '.join(counts)} of {len(people.tracks)}, lifted by {model}"]
    interpolated = sum(int(fill_gaps(people.track(number), gap).filled.sum()) for number in results)
    parts += [f"{interpolated} joints interpolated"] if interpolated else []
    parts += [f"smoothed ({smooth})"] if smooth else []
    return ", ".join(parts)
