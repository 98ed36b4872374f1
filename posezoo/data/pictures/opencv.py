"""OpenCV, imported where pictures are read."""

from __future__ import annotations

import os
from typing import Any

from posezoo.extras import require


def opencv() -> Any:
    """Return the module ``cv2``.

    Raises:
        InputError: it is not installed.
    """
    # PoseZoo says in a sentence what is wrong with a video; FFmpeg's own lines would stand beside it.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    return require("cv2", "a picture", "'posezoo[images]'", "OpenCV")
