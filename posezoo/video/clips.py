"""Lift the people of a clip, from a video or a file of keypoints: tracks, gaps, smoothing, poses."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from posezoo.data.pictures.frames import Frames, pictures_in
from posezoo.errors import InputError
from posezoo.files.endings import PICTURE_ENDINGS, VIDEO_ENDINGS
from posezoo.files.reading import PathLike
from posezoo.formats.keypoints import read_keypoints
from posezoo.lifting.module import LiftingModule
from posezoo.poses.posedata import PoseData
from posezoo.poses.prediction import Prediction
from posezoo.skeletons import Skeleton
from posezoo.video.defaults import MAX_FPS, MAX_GAP
from posezoo.video.detectors import Detector, get_detector
from posezoo.video.lifting import lift_track
from posezoo.video.reading import watch
from posezoo.video.smoothing import smooth_track
from posezoo.video.tracking import Track, fill_gaps, tracks_of


@dataclass(frozen=True)
class ClipPeople:
    """The people of a clip before they are lifted.

    Attributes:
        data: the keypoints as they were found or read.
        tracks: one a person, that of who is seen longest and best first.
        fps: frames per second; None where the clip does not say it, or where the rate varies.
        image_size: (width, height) in px; None where it is unknown or differs between people.
        times_s: (F,) seconds of all F frames of a video of variable rate; None elsewhere.
    """

    data: PoseData
    tracks: list[Track]
    fps: float | int | None
    image_size: tuple[int, int] | None
    times_s: Any = None

    @property
    def timed(self) -> bool:
        """Whether a rate or the times of frames are known."""
        return self.fps is not None or any(track.time_s is not None for track in self.tracks)

    def track(self, person: int) -> Track:
        """Return the track of a person, counted from 1.

        Raises:
            InputError: there are not so many people.
        """
        if not 1 <= person <= len(self.tracks):
            raise InputError(
                f"person {person} is asked for and the clip holds {len(self.tracks)}; person 1 is the one seen longest "
                "and best."
            )
        return self.tracks[person - 1]


def is_clip_file(path: PathLike) -> bool:
    """Return whether a path is a video, a picture or a folder of pictures, rather than a file of keypoints."""
    path = Path(path)
    if os.path.isdir(path):
        return bool(pictures_in(path))
    return path.suffix.lower() in (*VIDEO_ENDINGS, *PICTURE_ENDINGS)


def read_people(
    source: PathLike,
    *,
    detector: str | Detector | None = None,
    detector_model: str | None = None,
    device: str = "cpu",
    fps: float | int | None = None,
    skeleton: str | Skeleton | None = None,
    image_size: tuple[int, int] | None = None,
) -> ClipPeople:
    """Find the people of a video, or read those of a file of keypoints. See :func:`lift` for the arguments and errors."""
    times = None
    if is_clip_file(source):
        if skeleton is not None or image_size is not None:
            raise InputError(f"{source} is a video: its detector says the layout and the size; leave both out.")
        Frames(source)  # Report an error of the path before a model is downloaded.
        with get_detector(detector, detector_model, device) as found:
            data, clock = watch(source, found, fps=fps)
        times = clock.times_s
    elif detector is not None or detector_model is not None:
        raise InputError(f"{source} holds keypoints, which need no detector; leave it out.")
    else:
        data = read_keypoints(source, skeleton, image_size)
        # A rate that the caller gives holds in place of the file's times.
        data = data if fps is None else replace(data, time_s=None)
    rates = {clip.fps for clip in data.sequences}
    sizes = {clip.image_size for clip in data.sequences}
    return ClipPeople(
        data,
        tracks_of(data),
        fps if fps is not None else rates.pop() if len(rates) == 1 else None,
        sizes.pop() if len(sizes) == 1 else None,
        times,
    )


def lift_person(
    model: LiftingModule,
    people: ClipPeople,
    person: int = 1,
    *,
    max_gap: int = MAX_GAP,
    smooth: str | None = None,
    first_frame: int | None = None,
) -> Prediction:
    """Lift one person of a clip. See :func:`lift` for the arguments and errors.

    Args:
        model, people, person: whom to lift, and by what.
        max_gap, smooth: as in :func:`lift`.
        first_frame: the frame of row 0, unknown before the person appears; where not given, when that is.
    """
    track = people.track(person)
    if first_frame is not None:
        track = track.starting_at(first_frame)
    if people.times_s is not None:
        track = replace(track, time_s=people.times_s[track.first_frame + np.arange(len(track))])
    track = fill_gaps(track, max_gap)
    if smooth is not None:
        track = smooth_track(track, people.fps, method=smooth)
    result = lift_track(model, track, people.data.skeleton, people.image_size, people.fps)
    return replace(result, picture=_pictures(people.data, result.frame_number))


def _pictures(data: PoseData, numbers: np.ndarray | None) -> np.ndarray | None:
    """Return the names of the pictures of frames; empty where nobody is in one."""
    if data.picture is None or numbers is None:
        return None
    names = dict(zip(data.frame.tolist(), data.picture.tolist(), strict=True))
    return np.array([names.get(number, "") for number in numbers.tolist()])


def lift(
    source: PathLike,
    model: LiftingModule,
    *,
    detector: str | Detector | None = None,
    detector_model: str | None = None,
    device: str = "cpu",
    person: int | None = None,
    max_gap: int = MAX_GAP,
    smooth: str | None = None,
    fps: float | int | None = None,
    skeleton: str | Skeleton | None = None,
    image_size: tuple[int, int] | None = None,
) -> list[Prediction]:
    """Lift the people of a video, of a folder of pictures, or of a file of keypoints.

    Args:
        source: a video, a folder of pictures, or any file that :func:`posezoo.data.read_keypoints` reads.
        model: a lifter, as :func:`posezoo.load` gives it.
        detector: what finds the people of a video: a name or a :class:`~posezoo.video.detectors.Detector`; the first one
            that is installed where not given.
        detector_model: which of the detector's models, see :func:`~posezoo.video.detectors.get_detector`.
        device: where the detector computes.
        person: the one person to lift, counted from 1, who is seen longest and best; everybody where not given.
        max_gap: frames over which unknown joints are interpolated; 0 for none.
        smooth: the filter of the keypoints, see :func:`posezoo.video.smoothing.smooth_track`; none where not given.
        fps: frames per second, where the source does not say it; whatever a video's container or a file's times say.
        skeleton, image_size: of a file of keypoints that does not say them.

    Returns:
        a prediction for each person, one row a frame; of videos row i is frame i. Where the frame rate varies, ``time_s``
        has the seconds of each row and ``fps`` is None.

    Raises:
        MissingFileError, CorruptFileError: there is no such file, or it cannot be read.
        InputError: nobody is found, or settings do not belong to such a source.

    Example:
        >>> import tempfile, pathlib
        >>> import numpy as np
        >>> import posezoo
        >>> from posezoo.data import load_dataset
        >>> walk = load_dataset("procedural")[:30]
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "walk.npz"
        >>> np.savez(file, keypoints=walk.keypoints_2d, skeleton="h36m17")
        >>> people = lift(file, posezoo.load("svma"), fps=50)
        >>> people[0].pose_3d.shape
        (30, 17, 3)
    """
    if not isinstance(model, LiftingModule):
        raise InputError(
            f"model is {getattr(model, 'zoo_name', type(model).__name__)}; expected a lifter of single views, such as "
            "posezoo.load('geoselfsup')."
        )
    if fps is not None and (isinstance(fps, bool) or not isinstance(fps, int | float) or not 0 < fps <= MAX_FPS):
        raise InputError(f"fps is {fps!r}; expected frames per second, a number above 0, up to {MAX_FPS}.")
    people = read_people(
        source,
        detector=detector,
        detector_model=detector_model,
        device=device,
        fps=fps,
        skeleton=skeleton,
        image_size=image_size,
    )
    chosen = range(1, len(people.tracks) + 1) if person is None else [person]
    start = 0 if is_clip_file(source) else None
    return [lift_person(model, people, number, max_gap=max_gap, smooth=smooth, first_frame=start) for number in chosen]
