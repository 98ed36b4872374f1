"""BlazePose by `MediaPipe <https://ai.google.dev/edge/mediapipe/solutions/vision/pose_landmarker>`_."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import UInt8

from posezoo.errors import InputError, MissingFileError
from posezoo.video.detectors.base import Detector, confidences
from posezoo.video.tracking import Detections

_PEOPLE = 5
_MODELS = "https://ai.google.dev/edge/mediapipe/solutions/vision/pose_landmarker#models"


class MediaPipe(Detector):
    """Adapter of MediaPipe's ``PoseLandmarker``, 33 landmarks a person.

    Args:
        model: called with an RGB picture, gives a ``PoseLandmarkerResult``: of each person ``pose_landmarks``, fractions of
            the picture with visibility and presence.
    """

    name: ClassVar[str] = "mediapipe"
    skeleton: ClassVar[str] = "mediapipe33"
    install: ClassVar[str] = "mediapipe"

    @classmethod
    def load(cls, model: str | None = None) -> MediaPipe:
        """A ``PoseLandmarker`` for single pictures, of up to five people.

        Args:
            model: the path of its ``.task`` file, which MediaPipe does not bring.

        Raises:
            MissingFileError: it is not there.
        """
        if model is None:
            raise InputError(
                f"mediapipe needs its model: a pose_landmarker .task file from {_MODELS}; --detector-model FILE names it."
            )
        if not Path(model).is_file():
            raise MissingFileError(f"{model} is not there; expected MediaPipe's pose_landmarker .task file, from {_MODELS}.")
        mediapipe = cls.package("mediapipe")
        tasks = cls.package("mediapipe.tasks.python")
        vision = cls.package("mediapipe.tasks.python.vision")
        with cls.loading("expected a pose_landmarker .task file"):
            landmarker = vision.PoseLandmarker.create_from_options(
                vision.PoseLandmarkerOptions(base_options=tasks.BaseOptions(model_asset_path=str(model)), num_poses=_PEOPLE)
            )

        def detect(picture: np.ndarray) -> Any:
            return landmarker.detect(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=picture))

        return cls(detect)

    def detect(self, picture: UInt8[np.ndarray, "H W 3"]) -> Detections:
        """The people in an RGB picture; landmarks without visibility are taken as seen.

        Raises:
            InputError: another number of landmarks.
        """
        people = self.model(np.ascontiguousarray(picture)).pose_landmarks
        wrong = next((len(person) for person in people if len(person) != 33), None)
        if wrong is not None:
            raise InputError(f"mediapipe gave a person of {wrong} landmarks; expected the 33 of a pose.")
        size = np.array([picture.shape[1], picture.shape[0]], dtype=np.float64)
        points = np.array([[(mark.x, mark.y) for mark in person] for person in people], dtype=np.float64)
        seen = [[1.0 if mark.visibility is None else mark.visibility for mark in person] for person in people]
        return Detections(points.reshape(-1, 33, 2) * size, confidences(seen).reshape(-1, 33))
