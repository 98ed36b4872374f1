"""Define MultiViewModule, the base of every model of several calibrated cameras."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import overload

import numpy as np
import torch
from torch import Tensor

from posezoo.errors import InputError
from posezoo.geometry import Camera
from posezoo.lifting.base import ZooModule
from posezoo.lifting.inputs import Values
from posezoo.poses.multiview import MultiViewPrediction
from posezoo.skeletons import Skeleton


class MultiViewModule(ZooModule):
    """A model that turns the 2D poses of several calibrated cameras into one metric 3D pose.

    A paper extends it with :meth:`_predict_views`, ``evaluate`` and its own ``training_step``.
    """

    kind = "views"
    _network_in_bfloat16 = False

    def setup(self, stage: str) -> None:
        """Refuse 16 bits too, but for a network: products with cameras' matrices in 16 bits put joints centimetres off.

        Raises:
            InputError: the trainer computes in 16 bits other than ``bf16-mixed``, or what :meth:`ZooModule.setup` refuses.
        """
        super().setup(stage)
        precision = str(self.trainer.precision)
        if "16" in precision and precision != "bf16-mixed":
            raise InputError(
                f"precision is {precision}; models of calibrated cameras need 32-true, which it is where "
                "trainer.precision is not given, or bf16-mixed."
            )
        self._network_in_bfloat16 = precision == "bf16-mixed"

    def in_training(self, network: Callable[[Tensor], Tensor], features: Tensor) -> Tensor:
        """Run a network; its matrix products are bfloat16 where a trainer of ``bf16-mixed`` trains it. Return 32 bits."""
        if not (self.training and self._network_in_bfloat16):
            return network(features)
        with torch.autocast(features.device.type, torch.bfloat16):
            return network(features).float()

    @overload
    def predict_views(
        self,
        keypoints: Tensor,
        cameras: Iterable[Camera],
        skeleton: str | Skeleton | None = None,
        confidence: Values | None = None,
        batch_size: int = 4096,
        max_reprojection_px: float | str | None = "auto",
        undistort: bool = True,
        frames: Sequence[int] | np.ndarray | None = None,
    ) -> MultiViewPrediction[Tensor]: ...
    @overload
    def predict_views(
        self,
        keypoints: np.ndarray | Sequence[object],
        cameras: Iterable[Camera],
        skeleton: str | Skeleton | None = None,
        confidence: Values | None = None,
        batch_size: int = 4096,
        max_reprojection_px: float | str | None = "auto",
        undistort: bool = True,
        frames: Sequence[int] | np.ndarray | None = None,
    ) -> MultiViewPrediction[np.ndarray]: ...

    def predict_views(
        self,
        keypoints: object,
        cameras: object,
        skeleton: str | Skeleton | None = None,
        confidence: object = None,
        batch_size: int = 4096,
        max_reprojection_px: float | str | None = "auto",
        undistort: bool = True,
        frames: object = None,
    ) -> MultiViewPrediction[Tensor] | MultiViewPrediction[np.ndarray]:
        """Return metric 3D poses from the 2D keypoints of synchronised, calibrated cameras.

        Args:
            keypoints: (V, T, J, 2) px, as the cameras see them; NaN and what
                :func:`posezoo.poses.missing.missing_joints` takes for a placeholder, such as (0, 0), is a missing joint.
            cameras: V :class:`posezoo.geometry.Camera`. A model with ``any_views`` solves all of them together. Others know
                two views; of more, each pair is refined and the poses are averaged.
            skeleton: the keypoints' layout; the model's own where not given.
            confidence: (V, T, J) weights in the triangulation, 0 to 1; 0 is a missing joint. A view's that are all 0
                say nothing.
            batch_size: frames at a time.
            max_reprojection_px: of three or more views, those that see a joint further away than this are left out of it.
                ``auto`` finds how far views usually are off and trusts each by it; None trusts all alike. Without effect
                on the pairs of a model without ``any_views``.
            undistort: whether to take the cameras' distortion out of the keypoints.
            frames: (T,) numbers of the frames, for models with ``context``: frames whose numbers follow each other are
                neighbours in time. 0 to T - 1 where not given.

        Returns:
            ``world_mm`` (T, J, 3) and ``camera_mm`` (V, T, J, 3), arrays for arrays, tensors on the model's device for
            tensors; NaN for joints that fewer than two views define; how far each view is off, and which views were used.

        Raises:
            InputError: shapes or numbers of cameras that do not fit, infinite values, joints the layout cannot give, or
                cameras in another unit than mm, with which nobody has such legs.
        """
        self.check_ready()
        found = self._predict_views(
            keypoints, cameras, skeleton, confidence, batch_size, max_reprojection_px, undistort, frames
        )
        return found if isinstance(keypoints, Tensor) else found.numpy()

    @abstractmethod
    def _predict_views(
        self,
        keypoints: object,
        cameras: object,
        skeleton: str | Skeleton | None,
        confidence: object,
        batch_size: int,
        max_reprojection_px: float | str | None,
        undistort: bool,
        frames: object,
    ) -> MultiViewPrediction[Tensor]:
        """Check the arguments of :meth:`predict_views`, and return its result as tensors."""
