"""What ``posezoo predict`` does with one person's clip: a video through a detector, a choice of person, gaps, smoothing."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posezoo.errors import InputError

if TYPE_CHECKING:
    from posezoo.data import PoseData, Prediction
    from posezoo.lifting import LiftingModule

DETECTORS = ("rtmlib", "mediapipe", "torchvision")
GAP = 10
_MOTION = (".bvh", ".trc")
_OPTIONS = ("detector", "detector_model", "person", "fill_gaps", "smooth")


def add(command: Any) -> None:
    """Register the options."""
    group = command.add_argument_group("videos and clips of one person")
    group.add_argument("--detector", choices=DETECTORS, help="finds people in a video, where it is installed")
    group.add_argument("--detector-model", help="rtmlib: lightweight, balanced, performance; mediapipe: its .task file")
    group.add_argument("--person", type=int, metavar="N", help="which: 1 is seen longest and best (default 1)")
    group.add_argument("--fill-gaps", type=int, metavar="FRAMES", help=f"interpolate up to so many (default {GAP})")
    group.add_argument("--smooth", action="store_true", help="take jitter out of the keypoints (One-Euro filter)")
    group.add_argument("--fps", type=float, help="frames per second, where the input does not say it")
    group.add_argument("--height", type=float, metavar="M", help="the person's, for .bvh and .trc (default 1.7)")


def wants_clip(options: argparse.Namespace) -> bool:
    """Whether the input is one person's clip, rather than poses each for itself."""
    return bool(
        options.detector
        or options.detector_model
        or options.smooth
        or options.out.suffix.lower() in _MOTION
        or options.person is not None
        or options.fill_gaps is not None
    )


def refuse(options: argparse.Namespace, name: str, why: str) -> None:
    """Say that a model has no use for these options.

    Raises:
        InputError: one of them is given.
    """
    for option in _OPTIONS:
        if getattr(options, option) not in (None, False):
            raise InputError(f"{name} {why}; leave out --{option.replace('_', '-')}.")


def export_settings(options: argparse.Namespace) -> dict[str, Any]:
    """What :meth:`posezoo.data.Prediction.save` is told.

    Raises:
        InputError: a rate or a height that cannot be.
    """
    if options.fps is not None and not 0 < options.fps <= 1000:
        raise InputError(f"--fps {options.fps:g}; expected frames per second, up to 1000.")
    if options.height is not None and not 0.3 <= options.height <= 3:
        raise InputError(f"--height {options.height:g}; expected metres, 0.3 to 3.")
    height_mm = None if options.height is None else options.height * 1000
    return {"fps": options.fps, "height_mm": height_mm}


def check_rate(options: argparse.Namespace, fps: float | int | None) -> None:
    """Refuse what needs the frames per second where nobody says them, before any work is done.

    Raises:
        InputError: for ``--smooth``, BVH and TRC.
    """
    if fps is None and options.fps is None and (options.smooth or options.out.suffix.lower() in _MOTION):
        what = "--smooth" if options.smooth else options.out.suffix
        raise InputError(f"{what} needs the frames per second, which {options.input[0]} does not say; give --fps.")


def lift_clip(model: LiftingModule, options: argparse.Namespace) -> tuple[Prediction, str]:
    """One person of a video or of a file of keypoints, lifted; and what was done, in words."""
    from posezoo.video.lifting import lift_track
    from posezoo.video.smoothing import smooth_track
    from posezoo.video.tracking import fill_gaps, tracks_of

    settings = export_settings(options)
    if options.person is not None and options.person < 1:
        raise InputError(f"--person {options.person}; people are counted from 1, who is seen longest and best.")
    gap = GAP if options.fill_gaps is None else options.fill_gaps
    if gap < 0:
        raise InputError(f"--fill-gaps {gap}; expected a number of frames, 0 to fill nothing.")
    data = _read(options, settings["fps"])
    tracks, number = tracks_of(data), options.person or 1
    if number > len(tracks):
        raise InputError(f"--person {number}; {options.input[0]} holds {len(tracks)}.")
    track = fill_gaps(tracks[number - 1], gap)
    if options.detector:  # so that a row is a frame of the video
        track = track.starting_at(0)
    clips = {clip.fps for clip in data.sequences}
    fps = settings["fps"] or (clips.pop() if len(clips) == 1 else None)
    check_rate(options, fps)
    if options.smooth and fps is not None:
        track = smooth_track(track, fps)
    sizes = {clip.image_size for clip in data.sequences}
    result = lift_track(model, track, data.skeleton, sizes.pop() if len(sizes) == 1 else None, fps)
    import numpy as np

    lifted = int(np.isfinite(result.pose_3d).all((1, 2)).sum())
    parts = [f"{lifted} of {len(track)} frames of person {number} of {len(tracks)}, lifted by {result.model}"]
    parts += [f"{int(track.filled.sum())} joints interpolated"] if track.filled.any() else []
    parts += ["smoothed"] if options.smooth else []
    return result, ", ".join(parts)


def _read(options: argparse.Namespace, fps: float | None) -> PoseData:
    """The people of a video, or of a file of keypoints."""
    source: Path = options.input[0]
    if options.detector:
        from posezoo.data.pictures.frames import Frames
        from posezoo.video.detectors import get_detector, read_video

        if options.skeleton or options.image_size or options.skip_incomplete:
            raise InputError(
                "--skeleton, --image-size and --skip-incomplete are for keypoints; a detector says what it finds."
            )
        check_rate(options, Frames(source).fps)  # and what is wrong with the path, before a model is downloaded
        return read_video(source, get_detector(options.detector, options.detector_model), fps=fps)
    if options.detector_model:
        raise InputError("--detector-model is for videos; say which detector: --detector " + "|".join(DETECTORS) + ".")
    from posezoo.data import read_keypoints

    refuse_video(source)
    return read_keypoints(source, options.skeleton, options.image_size)


def refuse_video(source: Path) -> None:
    """Say how a video is lifted.

    Raises:
        InputError: it is one, by its ending.
    """
    from posezoo.data.pictures.frames import PICTURE_ENDINGS, VIDEO_ENDINGS

    if source.suffix.lower() in (*VIDEO_ENDINGS, *PICTURE_ENDINGS):
        what = "a video" if source.suffix.lower() in VIDEO_ENDINGS else "a picture"
        raise InputError(
            f"{source} is {what}, and this model takes keypoints; say what finds them: --detector {'|'.join(DETECTORS)}."
        )
