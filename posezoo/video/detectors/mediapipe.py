"""BlazePose by `MediaPipe <https://ai.google.dev/edge/mediapipe/solutions/vision/pose_landmarker>`_."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import UInt8

from posezoo.errors import InputError, MissingFileError
from posezoo.video.detectors.base import Detector, confidences, without_native_messages
from posezoo.video.tracking import Detections

_PEOPLE = 5
_MODELS = "https://ai.google.dev/edge/mediapipe/solutions/vision/pose_landmarker#models"
_WITH_WEIGHTS = "0.10.21"
"""The last release whose wheel holds BlazePose's weights and ``mediapipe.solutions``."""


class MediaPipe(Detector):
    """Adapt MediaPipe's ``PoseLandmarker``, 33 landmarks a person.

    Args:
        model: called with an RGB picture, gives a ``PoseLandmarkerResult``: of each person ``pose_landmarks``, fractions of
            the picture with visibility and presence.
    """

    name: ClassVar[str] = "mediapipe"
    skeleton: ClassVar[str] = "mediapipe33"
    install: ClassVar[str] = "mediapipe"

    @classmethod
    def load(cls, model: str | None = None, device: str = "cpu") -> MediaPipe:
        """Make a detector from a ``.task`` file, or from the weights that older wheels hold.

        Args:
            model: the path of a ``.task`` file: people are found in each picture for itself, up to five. Without, MediaPipe
                0.10.21 and earlier bring weights of their own, for one person.
            device: ``cpu``; MediaPipe's Python package has no other on most systems.

        Raises:
            MissingFileError: the ``.task`` file is not there.
            InputError: MediaPipe is not installed, or has no weights of its own and no file is given.
        """
        if device != "cpu":
            raise InputError(f"mediapipe runs on the CPU here, not on {device!r}; leave the detector's device out.")
        if model is not None and not Path(model).is_file():
            raise MissingFileError(f"{model} is not there; expected MediaPipe's pose_landmarker .task file, from {_MODELS}.")
        with without_native_messages():
            mediapipe = cls.package("mediapipe")
            if model is None and not hasattr(mediapipe, "solutions"):
                raise InputError(
                    f"this mediapipe ({getattr(mediapipe, '__version__', 'unknown version')}) brings no weights: give a "
                    f"pose_landmarker .task file from {_MODELS} (--detector-model FILE), or pip install "
                    f'"mediapipe<={_WITH_WEIGHTS}", which holds them.'
                )
            detector = cls._of_solutions(mediapipe) if model is None else cls._of_task(mediapipe, model)
            # The graph starts in threads of its own and logs when it does: a first picture waits for it.
            detector.model(np.zeros((64, 64, 3), np.uint8))
            return detector

    @classmethod
    def _of_task(cls, mediapipe: Any, model: str) -> MediaPipe:
        """Make a ``PoseLandmarker`` for single pictures."""
        tasks = cls.package("mediapipe.tasks.python")
        vision = cls.package("mediapipe.tasks.python.vision")
        with cls.loading("expected a pose_landmarker .task file"):
            landmarker = vision.PoseLandmarker.create_from_options(
                vision.PoseLandmarkerOptions(base_options=tasks.BaseOptions(model_asset_path=str(model)), num_poses=_PEOPLE)
            )

        def detect(picture: np.ndarray) -> list[object]:
            found = landmarker.detect(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=picture))
            return list(found.pose_landmarks)

        return cls(detect, landmarker.close)

    @classmethod
    def _of_solutions(cls, mediapipe: Any) -> MediaPipe:
        """Make the older ``solutions.pose``, which finds one person and tracks them from picture to picture."""
        with cls.loading(f'pip install "mediapipe<={_WITH_WEIGHTS}" may mend it'):
            # Complexity 2 is downloaded on first use; 1 is the largest that the wheel holds.
            pose = mediapipe.solutions.pose.Pose(static_image_mode=False, model_complexity=1)

        def detect(picture: np.ndarray) -> list[object]:
            landmarks = pose.process(picture).pose_landmarks
            return [] if landmarks is None else [list(landmarks.landmark)]

        return cls(detect, pose.close)

    def detect(self, picture: UInt8[np.ndarray, "H W 3"]) -> Detections:
        """Find the people in an RGB picture. A landmark without visibility counts as seen.

        Raises:
            InputError: another number of landmarks.
        """
        with without_native_messages():
            people = self.model(np.ascontiguousarray(picture))
        people = getattr(people, "pose_landmarks", people)
        wrong = next((len(person) for person in people if len(person) != 33), None)
        if wrong is not None:
            raise InputError(f"mediapipe gave a person of {wrong} landmarks; expected the 33 of a pose.")
        size = np.array([picture.shape[1], picture.shape[0]], dtype=np.float64)
        points = np.array([[(mark.x, mark.y) for mark in person] for person in people], dtype=np.float64)
        seen = [[1.0 if mark.visibility is None else mark.visibility for mark in person] for person in people]
        return Detections(points.reshape(-1, 33, 2) * size, confidences(seen).reshape(-1, 33))
