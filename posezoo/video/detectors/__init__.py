"""Detectors of 2D keypoints, where the user has one installed, and what they see in a video.

Each detector is a file beside this one. :mod:`posezoo.video.reading` makes tracks of what a detector finds.
To add a detector, add a file and an entry in :data:`DETECTORS`.
"""

from __future__ import annotations

from typing import Any

from posezoo.errors import UnknownNameError
from posezoo.video.detectors.base import Detector
from posezoo.video.detectors.mediapipe import MediaPipe
from posezoo.video.detectors.rtmlib import RTMLib
from posezoo.video.detectors.torchvision import TorchVision
from posezoo.video.reading import read_video

__all__ = ["DETECTORS", "Detector", "MediaPipe", "RTMLib", "TorchVision", "get_detector", "read_video"]

DETECTORS: dict[str, type[Detector]] = {"rtmlib": RTMLib, "mediapipe": MediaPipe, "torchvision": TorchVision}


def get_detector(detector: Any, model: str | None = None) -> Detector:
    """The detector of that name; a :class:`Detector` passes through.

    Args:
        detector: a name in :data:`DETECTORS`.
        model: which of its models: rtmlib's mode, or the path of MediaPipe's ``.task`` file.

    Raises:
        UnknownNameError: no such detector.
        InputError: its package is not installed, or its model cannot be loaded.
    """
    if isinstance(detector, Detector):
        return detector
    if detector not in DETECTORS:
        raise UnknownNameError.of("detector", detector, DETECTORS)
    return DETECTORS[detector].load(model)
