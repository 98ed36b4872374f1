"""State the types that a user's code gets from PoseZoo; mypy checks them with the hooks, and nothing runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor
    from typing_extensions import assert_type

    import posezoo
    from posezoo.geometry import Camera
    from posezoo.lifting import LiftingModule, MultiViewModule, PictureModule
    from posezoo.poses.prediction import Prediction

    def predict(keypoints: np.ndarray, pixels: Tensor, path: str, cameras: list[Camera]) -> None:
        """Predict from arrays, tensors and pictures."""
        assert_type(posezoo.load("svma"), LiftingModule)
        assert_type(posezoo.load("hg3d"), PictureModule)
        assert_type(posezoo.load("cvugcn"), MultiViewModule)
        assert_type(posezoo.load("cvugcn").predict_views(keypoints, cameras).world_mm, np.ndarray)
        assert_type(posezoo.load("cvugcn").predict_views(pixels, cameras).camera_mm, Tensor)
        assert_type(posezoo.load(path, kind=LiftingModule), LiftingModule)
        assert_type(posezoo.load("svma").predict(keypoints), Prediction[np.ndarray])
        assert_type(posezoo.load("svma").predict(keypoints).pose_3d, np.ndarray)
        assert_type(posezoo.load("svma").predict(pixels).pose_3d, Tensor)
        assert_type(posezoo.load("hg3d").predict_image(path), Prediction)
