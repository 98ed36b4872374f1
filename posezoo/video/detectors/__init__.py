"""Adapt detectors of 2D keypoints that the user has installed.

Each detector is a file beside this one. :mod:`posezoo.video.reading` makes tracks of what a detector finds.
To add a detector, add a file and an entry in :data:`DETECTORS`.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec

from posezoo.errors import InputError, UnknownNameError
from posezoo.video.detectors.base import Detector
from posezoo.video.detectors.mediapipe import MediaPipe
from posezoo.video.detectors.rtmlib import RTMLib
from posezoo.video.detectors.torchvision import TorchVision
from posezoo.video.reading import read_video

__all__ = ["DETECTORS", "Detector", "MediaPipe", "RTMLib", "TorchVision", "get_detector", "read_video"]

DETECTORS: dict[str, type[Detector]] = {"rtmlib": RTMLib, "mediapipe": MediaPipe, "torchvision": TorchVision}
"""Every detector by the name of its package, the one to prefer first."""


def get_detector(detector: str | Detector | None = None, model: str | None = None, device: str = "cpu") -> Detector:
    """Return the detector of a name. A :class:`Detector` passes through.

    Args:
        detector: a name in :data:`DETECTORS`; where not given, the first of them whose package is installed.
        model: which of the detector's models: rtmlib's mode, or the path of MediaPipe's ``.task`` file.
        device: where the detector computes: ``cpu``, or ``cuda`` where its package can.

    Raises:
        UnknownNameError: no such detector.
        InputError: its package is not installed, or its model cannot be loaded.
    """
    if isinstance(detector, Detector):
        return detector
    if detector is None:
        detector = next((name for name in DETECTORS if sys.modules.get(name) or find_spec(name)), None)
        if detector is None:
            raise InputError(
                "no detector of people is installed; pip install rtmlib onnxruntime brings one, pip install mediapipe "
                "another."
            )
    if detector not in DETECTORS:
        raise UnknownNameError.of("detector", detector, DETECTORS)
    return DETECTORS[detector].load(model, device)
