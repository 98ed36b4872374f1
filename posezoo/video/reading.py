"""Read a video through a detector, as keypoints of the people in it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from posezoo.data.pictures.clock import Clock, clock_of
from posezoo.data.pictures.frames import Frames
from posezoo.errors import InputError
from posezoo.files.reading import PathLike
from posezoo.poses.posedata import PoseData, Sequence
from posezoo.skeletons import get_skeleton
from posezoo.terminal import progress
from posezoo.video.detectors.base import Detector
from posezoo.video.tracking import Detections, track_people


def read_video(
    path: PathLike,
    detector: Detector,
    *,
    min_confidence: float | int = 0.3,
    max_gap: int = 30,
    fps: float | int | None = None,
) -> PoseData:
    """Find the people of a video, or of a folder of pictures in the order of their names: one sequence each.

    Frames are read one after the other: memory does not grow with the video but by its keypoints.

    Args:
        path: of the video, a folder of pictures or a picture.
        detector: finds the people of each frame; :func:`posezoo.video.detectors.get_detector` has them by name.
        min_confidence: people whose joints have less on average are not taken; rtmlib's ``Body`` gives a poor pose of the
            whole picture where there is nobody.
        max_gap: frames without a person after which the same person is another, see
            :func:`posezoo.video.tracking.track_people`.
        fps: frames per second, whatever the file says.

    Returns:
        keypoints in px with ``frame`` counted from 0; ``subject`` is ``"1"`` for the person who is seen longest and best,
        ``"2"`` for the next. ``picture`` has the names of a folder's pictures. Where the frame rate varies, ``time_s`` has
        the seconds of each row and no clip has ``fps``.

    Raises:
        MissingFileError, CorruptFileError: there is no such file, or no video that can be read.
        InputError: another kind of file, OpenCV is not installed, or nobody is found.
    """
    return watch(path, detector, min_confidence=min_confidence, max_gap=max_gap, fps=fps)[0]


def watch(
    path: PathLike,
    detector: Detector,
    *,
    min_confidence: float | int = 0.3,
    max_gap: int = 30,
    fps: float | int | None = None,
) -> tuple[PoseData, Clock]:
    """Return what :func:`read_video` returns, and the clock of all frames, also of those without people."""
    frames = Frames(path)
    names: list[str] = []
    stamps: list[float] = []
    sizes: set[tuple[int, int]] = set()
    skeleton = get_skeleton(detector.skeleton)

    def people() -> Iterator[Detections]:
        for frame in progress(frames, f"finding people ({detector.name})"):
            sizes.add((frame.picture.shape[1], frame.picture.shape[0]))
            names.append(frame.name)
            stamps.append(frame.stamp_s)
            found = detector.detect(frame.picture)
            kept = found.confidence.mean(1) >= min_confidence
            yield Detections(found.keypoints[kept], found.confidence[kept])

    tracks = track_people(people(), max_gap)
    if not tracks:
        raise InputError(f"{detector.name} finds nobody in {path} with a mean confidence of {min_confidence:g} or more.")
    size = sizes.pop() if len(sizes) == 1 else None
    clock = clock_of(stamps, frames.fps, str(path)) if fps is None else Clock(float(fps))
    seen: list[np.ndarray] = [np.flatnonzero(track.seen) for track in tracks]
    numbers = np.concatenate([t.first_frame + rows for t, rows in zip(tracks, seen, strict=True)]).astype(np.int32)
    data = PoseData(
        skeleton=skeleton,
        keypoints_2d=np.concatenate([t.keypoints[rows] for t, rows in zip(tracks, seen, strict=True)]).astype(np.float32),
        confidence=np.concatenate([t.confidence[rows] for t, rows in zip(tracks, seen, strict=True)]).astype(np.float32),
        sequence=np.concatenate([np.full(len(rows), i, np.int32) for i, rows in enumerate(seen)]),
        frame=numbers,
        sequences=tuple(
            Sequence(subject=str(i + 1), trial=frames.path.stem, image_size=size, fps=clock.fps) for i in range(len(tracks))
        ),
        time_s=None if clock.times_s is None else clock.times_s[numbers],
        picture=None if frames.video else np.asarray(names)[numbers],
    )
    return data, clock
