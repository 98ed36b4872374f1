"""OpenCV, where pictures are wanted; nobody else needs it."""

from __future__ import annotations

from typing import Any

from posezoo.errors import InputError


def opencv() -> Any:
    """The module ``cv2``.

    Raises:
        InputError: it is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise InputError("pictures need OpenCV, which is not installed; pip install 'posezoo[images]' brings it.") from error
    return cv2
