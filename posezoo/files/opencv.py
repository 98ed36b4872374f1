"""OpenCV, imported where pictures are read."""

from __future__ import annotations

import os
from typing import Any

from posezoo.extras import require
from posezoo.files.reading import max_bytes


def opencv() -> Any:
    """Return the module ``cv2``.

    Raises:
        InputError: it is not installed.
    """
    # PoseZoo reports errors of videos in a sentence; hide FFmpeg's own lines.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    # Three bytes a pixel. A few bytes of a PNG can claim gigabytes. OpenCV reads the variable when it is first imported.
    os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(max(1, max_bytes() // 3)))
    return require("cv2", "a picture", "'posezoo[images]'", "OpenCV")
