"""RTMPose and RTMO by `rtmlib <https://github.com/Tau-J/rtmlib>`_: ONNX models, no PyTorch needed."""

from __future__ import annotations

import contextlib
import io
import sys
from typing import ClassVar

import numpy as np
from jaxtyping import UInt8

from posezoo.errors import InputError
from posezoo.terminal import is_silent
from posezoo.video.detectors.base import Detector, confidences
from posezoo.video.tracking import Detections

MODES = ("lightweight", "balanced", "performance")
DEVICES = ("cpu", "cuda", "mps")


class RTMLib(Detector):
    """Adapt ``rtmlib.Body`` (or ``RTMPose``, ``RTMO``) with COCO's 17 joints.

    Args:
        model: called with a BGR picture, gives keypoints (N, 17, 2) in px and scores (N, 17); ``to_openpose=False``.

    Example:
        >>> import numpy as np
        >>> one_person = lambda picture: (np.full((1, 17, 2), 50.0), np.full((1, 17), 1.02))
        >>> found = RTMLib(one_person).detect(np.zeros((100, 100, 3), np.uint8))
        >>> found.keypoints.shape, float(found.confidence.max())  # SimCC's scores may pass 1 a little
        ((1, 17, 2), 1.0)
    """

    name: ClassVar[str] = "rtmlib"
    skeleton: ClassVar[str] = "coco17"
    install: ClassVar[str] = "rtmlib"

    @classmethod
    def load(cls, model: str | None = None, device: str = "cpu") -> RTMLib:
        """Make ``rtmlib.Body``.

        Args:
            model: its mode, one of :data:`MODES`; ``balanced`` where not given.
            device: ``cpu``, ``cuda`` (needs onnxruntime-gpu) or ``mps``.

        Raises:
            InputError: no such mode or device, rtmlib is not installed, or its model cannot be downloaded.
        """
        if device not in DEVICES:
            raise InputError(f"rtmlib's device is {device!r}; expected {', '.join(DEVICES)}.")
        mode = model or "balanced"
        if mode not in MODES:
            raise InputError(f"rtmlib's model is {model!r}; expected {', '.join(MODES)}.")
        body = cls.package("rtmlib").Body
        loading = cls.loading("rtmlib downloads it on first use, which needs a connection")
        # rtmlib prints what it downloads where results belong.
        with loading, contextlib.redirect_stdout(io.StringIO() if is_silent() else sys.stderr):
            return cls(body(mode=mode, to_openpose=False, backend="onnxruntime", device=device))

    def detect(self, picture: UInt8[np.ndarray, "H W 3"]) -> Detections:
        """Find the people in an RGB picture.

        Raises:
            InputError: the model gives another number of joints.
        """
        keypoints, scores = self.model(np.ascontiguousarray(picture[..., ::-1]))
        points = np.asarray(keypoints, dtype=np.float64)
        if not points.size:
            return Detections(np.empty((0, 17, 2)), np.empty((0, 17)))
        if points.ndim != 3 or points.shape[1:] != (17, 2) or np.shape(scores) != points.shape[:2]:
            raise InputError(
                f"rtmlib gave keypoints of shape {points.shape} and scores of {np.shape(scores)}; expected COCO's 17 joints "
                "(to_openpose=False)."
            )
        return Detections(points, confidences(scores))
