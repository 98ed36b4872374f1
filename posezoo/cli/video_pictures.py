"""Show the frames of a video below the poses that were lifted from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from posezoo.errors import InputError

if TYPE_CHECKING:
    from posezoo.data import Prediction
    from posezoo.viz import Clip

WIDTH_PX = 640
"""The widest picture that is kept."""
MOST = 1500
"""The most frames that are kept in memory at once."""


def over_video(clip: Clip, result: Prediction, video: Path) -> Clip:
    """Return a clip with the frames of its video, to draw the keypoints on.

    Args:
        clip: of rows of the result, evenly spaced.
        result: says which frame of the video each row is of; rows are frames where it does not.
        video: the file.

    Raises:
        InputError: poses without keypoints, more than :data:`MOST` frames, or a video that ends before the poses do.
        MissingFileError, CorruptFileError: the video is not there, or cannot be read.
    """
    from posezoo.data.pictures.frames import Frames
    from posezoo.files.opencv import opencv

    if clip.keypoints_2d is None:
        raise InputError("--video: the poses come without 2D keypoints; nothing can be drawn over the video.")
    if len(clip) > MOST:
        raise InputError(f"--video: {len(clip)} frames; give --frames A:B, at most {MOST} of them.")
    rows = clip.first + clip.step * np.arange(len(clip))
    numbers = rows
    if result.frame_number is not None:
        numbers = np.asarray(result.frame_number).reshape(-1)[rows]
    wanted, kept = set(numbers.tolist()), dict[int, np.ndarray]()
    size = clip.image_size
    for frame in Frames(video):
        if frame.number in wanted:
            height, width = frame.picture.shape[:2]
            size = size or (width, height)
            scale = min(1.0, WIDTH_PX / width)
            small = (round(scale * width), round(scale * height))
            kept[frame.number] = opencv().resize(frame.picture, small, interpolation=opencv().INTER_AREA)
        if len(kept) == len(wanted):
            break
    if missing := sorted(wanted - set(kept)):
        raise InputError(f"--video {video} has no frame {missing[0]}, of which there is a pose; is it the clip's video?")
    return replace(clip, pictures=np.stack([kept[number] for number in numbers.tolist()]), image_size=size)
