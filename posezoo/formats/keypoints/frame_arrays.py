"""Read arrays whose numbers of people differ from frame to frame, and whole bodies of FreeMoCap.

``[result.keypoints.data for result in results]`` of Ultralytics is a list of (people, joints, 3), pickled or saved as an
array of objects.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from posezoo.formats.keypoints.clips import Clips
from posezoo.formats.keypoints.containers import Content
from posezoo.formats.keypoints.mediapipe import only_array
from posezoo.formats.keypoints.people import Frame, Person, gather
from posezoo.poses.plausibility import plausibility
from posezoo.poses.posedata import Sequence
from posezoo.skeletons import get_skeleton

# MediaPipe's holistic model: a body's 33 points, two hands' 21 and a face's 468 (with irises 478). FreeMoCap puts the body
# first; files that follow the model's own order (face, left hand, body, right hand) have it at the second place.
_HOLISTIC, _BODY, _STARTS = (543, 553), 33, (0, 489)


def is_frame_arrays(content: Content) -> bool:
    """Return whether a file is a list of (people, joints, 2 or 3), one a frame, of unequal numbers of people."""
    shapes = [frame.shape for frame in _frames(content)]
    # Lists of equal frames are one array.
    if isinstance(content.value, list) and len({shape[0] for shape in shapes if shape}) < 2:
        return False
    posed = {shape[1:] for shape in shapes if len(shape) == 3 and shape[0]}
    return len(posed) == 1 and all(len(shape) == 3 or 0 in shape for shape in shapes) and posed.pop()[1] in (2, 3)


def read_frame_arrays(content: Content) -> Clips:
    """Read frame by frame; nothing tells who is who, so that people are tracked by where they stand."""
    frames = [
        Frame(tuple(Person(person) for person in frame) if frame.size else (), number)
        for number, frame in enumerate(_frames(content))
    ]
    return replace(gather(frames, content.path, "arrays"), counted=True)


def is_freemocap(content: Content) -> bool:
    """Return whether an array is (cameras, frames, points, 2 or 3) of FreeMoCap, whose points are MediaPipe's holistic."""
    array = only_array(content)
    return array is not None and array.ndim in (3, 4) and array.shape[-2] in _HOLISTIC and array.shape[-1] in (2, 3)


def read_freemocap(content: Content) -> Clips:
    """Read the body's 33 points, one clip a camera; hands and face are left out."""
    array = only_array(content)
    assert array is not None
    cameras, frames = (1, *array.shape)[-4:-2]
    points = array.reshape(cameras * frames, *array.shape[-2:]).astype(np.float64)
    bodies = [points[:, start : start + _BODY] for start in _STARTS]
    first, own = (plausibility(body[..., :2], get_skeleton("mediapipe33")).deviation for body in bodies)
    return Clips(
        keypoints=bodies[1] if own < first else bodies[0],
        sequence=np.repeat(np.arange(cameras), frames),
        frame=np.tile(np.arange(frames), cameras),
        sequences=tuple(Sequence(trial=content.path.stem, view=camera) for camera in range(cameras)),
        implied=("mediapipe33",),
        counted=True,
    )


def _frames(content: Content) -> list[np.ndarray]:
    """Return the frames of a list of arrays or of nested numbers; none where it is something else."""
    value = content.value
    if isinstance(value, np.ndarray):
        value = list(value) if value.dtype == object and value.ndim == 1 else []
    if not isinstance(value, list) or content.kind not in ("json", "pickle", "npy"):
        return []
    frames = []
    for entry in value:
        if not isinstance(entry, list | np.ndarray):
            return []
        try:
            frame = np.asarray(entry)
        except ValueError:
            return []
        if frame.size and (frame.dtype.kind not in "fiu" or frame.ndim != 3):
            return []
        frames.append(frame)
    return frames
