"""Keypoint R-CNN by `torchvision <https://pytorch.org/vision/stable/models/keypoint_rcnn.html>`_ (He et al. 2017)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import UInt8

from posezoo.errors import InputError
from posezoo.video.detectors.base import Detector, confidences
from posezoo.video.tracking import Detections


class TorchVision(Detector):
    """Adapt ``keypointrcnn_resnet50_fpn`` with COCO's 17 joints.

    Its ``keypoints_scores`` are logits of a heatmap. A joint's confidence is the sigmoid of its logit times the
    person's score.

    Args:
        model: called with a list of one RGB picture (3, H, W) in [0, 1], gives a list of one dictionary: ``scores`` (N,),
            ``keypoints`` (N, 17, 3) in px, ``keypoints_scores`` (N, 17).
    """

    name: ClassVar[str] = "torchvision"
    skeleton: ClassVar[str] = "coco17"
    install: ClassVar[str] = "torchvision"

    @classmethod
    def load(cls, model: str | None = None, device: str = "cpu") -> TorchVision:
        """Make Keypoint R-CNN with the weights trained on COCO.

        Args:
            model: not to be given; there is one model.
            device: where PyTorch computes, such as ``cuda``.

        Raises:
            InputError: a model is named, torchvision is not installed, or its weights cannot be downloaded.
        """
        if model is not None:
            raise InputError(f"torchvision's Keypoint R-CNN comes with its one model; leave out {model!r}.")
        detection = cls.package("torchvision.models.detection")
        with cls.loading("torchvision downloads it on first use, which needs a connection"):
            weights = detection.KeypointRCNN_ResNet50_FPN_Weights.DEFAULT
            network = detection.keypointrcnn_resnet50_fpn(weights=weights).eval()
            return cls(network.to(device))

    @torch.inference_mode()
    def detect(self, picture: UInt8[np.ndarray, "H W 3"]) -> Detections:
        """Find the people in an RGB picture.

        Raises:
            InputError: the model gives another number of joints.
        """
        values = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1))).float() / 255
        found: dict[str, Any] = self.model([values.to(self._device)])[0]
        points = found["keypoints"].cpu().double().numpy()
        if points.shape[1:] != (17, 3):
            raise InputError(f"torchvision gave keypoints of shape {points.shape}; expected COCO's 17 joints.")
        seen = found["keypoints_scores"].sigmoid() * found["scores"][:, None]
        return Detections(points[..., :2], confidences(seen.cpu()))

    @property
    def _device(self) -> torch.device:
        parameters = self.model.parameters() if isinstance(self.model, torch.nn.Module) else iter(())
        return next((parameter.device for parameter in parameters), torch.device("cpu"))
