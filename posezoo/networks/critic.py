"""A critic of 2D poses."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from posezoo.networks.residual import ResidualMLP


class PoseCritic(nn.Module):
    """2D pose to one number: a layer up, residual blocks, a layer down, leaky ReLU after each; no batch norm.

    Deng et al. 2021, Sec. 3.4 (two blocks); Chen et al. 2019, Sec. 3.7 (three).

    Args:
        joints: of a pose; where more than one pose, or a pose and its differences, are judged together, of all.
        width: of the blocks; neither paper gives it.
        scale: by which poses are multiplied at the door: they come at 1 / scale, at which a network hardly learns.
        blocks: how many.

    Example:
        >>> import torch
        >>> from posezoo.networks import PoseCritic
        >>> PoseCritic(17, width=32, scale=10.0, blocks=2)(torch.zeros(4, 17, 2)).shape
        torch.Size([4])
    """

    def __init__(self, joints: int, width: int, scale: float, blocks: int) -> None:
        super().__init__()
        self.scale = scale
        self.network = ResidualMLP(2 * joints, 1, width, blocks=blocks, activation="leaky_relu", batch_norm=False)

    def forward(self, keypoints: Float[Tensor, "B J 2"]) -> Float[Tensor, "B"]:
        return self.network(keypoints.flatten(1) * self.scale)[:, 0]
