"""Define the generator of Deng et al. 2021, Sec. 3.2."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from posezoo.errors import UnknownNameError
from posezoo.geometry import lift_to_3d
from posezoo.networks import ResidualMLP


class Generator(nn.Module):
    """2D pose to 3D pose and weak-perspective camera: one shared block, then two blocks for each.

    Args:
        joints: N.
        root: index of the root joint, which stands at distance d: outputs are taken relative to the root's.
        width: of all layers; the paper does not give it.
        distance: d, from the camera to the root, in units of the mean joint distance.
        dropout: after each layer; the paper does not give the probability.
        batch_norm: after each layer, as published.
        pose_output: ``depth``: N numbers, Z = D + d and X, Y by Eq. 3 and 4. ``offsets``: the 3N numbers that Sec. 3.2
            prints, added to the flat pose on the rays.
    """

    def __init__(
        self,
        joints: int,
        root: int,
        width: int,
        distance: float,
        dropout: float,
        batch_norm: bool = True,
        pose_output: str = "depth",
    ) -> None:
        super().__init__()
        if pose_output not in ("depth", "offsets"):
            raise UnknownNameError.of("pose output", pose_output, ("depth", "offsets"))
        self.joints, self.root, self.distance, self.pose_output = joints, root, distance, pose_output
        style: dict[str, Any] = {"width": width, "activation": "leaky_relu", "batch_norm": batch_norm, "dropout": dropout}
        self.shared = ResidualMLP(2 * joints, None, blocks=1, **style)
        self.pose = ResidualMLP(width, joints * (3 if pose_output == "offsets" else 1), blocks=2, lift_in=False, **style)
        self.camera = ResidualMLP(width, 6, blocks=2, lift_in=False, **style)
        # Start from the camera that the normalisation implies: x = X / d, y = Y / d.
        with torch.no_grad():
            head = self.camera.head
            assert isinstance(head, nn.Linear)
            head.weight.mul_(0.01)
            head.bias.copy_(torch.tensor([1.0, 0, 0, 0, 1.0, 0]) / distance)

    def _features(self, keypoints: Tensor) -> Tensor:
        # Poses have a scale of 1 / d, at which a network learns slowly; scale them to 1.
        return self.shared(keypoints.flatten(1) * self.distance)

    def _pose(self, features: Tensor, keypoints: Tensor) -> Tensor:
        # Not unflatten: the exporter to ONNX loses its rank where a pose and its mirror image are lifted together.
        raw = self.pose(features).view(-1, self.joints, 3 if self.pose_output == "offsets" else 1)
        raw = raw - raw[:, self.root : self.root + 1]
        if self.pose_output == "depth":
            return lift_to_3d(keypoints, raw[..., 0] + self.distance)
        return torch.cat([keypoints, torch.ones_like(keypoints[..., :1])], dim=-1) * self.distance + raw

    def lift(self, keypoints: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 3"]:
        """Return the 3D pose alone, before the camera (Z about d)."""
        return self._pose(self._features(keypoints), keypoints)

    def forward(self, keypoints: Float[Tensor, "B J 2"]) -> tuple[Float[Tensor, "B J 3"], Float[Tensor, "B 2 3"]]:
        features = self._features(keypoints)
        return self._pose(features, keypoints), self.camera(features).view(-1, 2, 3)
