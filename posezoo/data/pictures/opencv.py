"""OpenCV, where pictures are wanted; nobody else needs it."""

from __future__ import annotations

import os
from typing import Any

from posezoo.errors import InputError


def opencv() -> Any:
    """The module ``cv2``.

    Raises:
        InputError: it is not installed.
    """
    # What is wrong with a video is ours to say, in a sentence; FFmpeg's own lines would stand beside it.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    try:
        import cv2
    except ImportError as error:
        raise InputError("pictures need OpenCV, which is not installed; pip install 'posezoo[images]' brings it.") from error
    return cv2
