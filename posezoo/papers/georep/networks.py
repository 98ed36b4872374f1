"""The generators and Regression #1 of Chen, Lin et al. 2019."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from posezoo.networks import Dropout, SkeletonEncoder, Standardize, convolution, rotate
from posezoo.skeletons import Skeleton


class SkeletonDecoder(nn.Module):
    """psi: a rotated G to maps of bones; the expanding half of the U-Net, without skip connections.

    Args:
        encoder: the other half, of the same sizes.
    """

    def __init__(self, encoder: SkeletonEncoder) -> None:
        super().__init__()
        width, self.side = encoder.width, encoder.side
        channels = width * 2**encoder.levels
        self.code = nn.Linear(3 * encoder.eta * encoder.points, channels * self.side**2)
        layers: list[nn.Module] = [nn.ReLU(inplace=True)]
        for level in reversed(range(encoder.levels)):
            outputs = width * 2**level
            layers += [nn.ConvTranspose2d(channels, outputs, 2, 2), convolution(outputs, outputs)]
            layers += [convolution(outputs, outputs)]
            channels = outputs
        last = nn.Conv2d(channels, encoder.channels, 1)
        with torch.no_grad():
            last.weight.mul_(0.1)  # maps are empty but for one pixel in 200
            last.get_parameter("bias").zero_()
        layers.append(last)
        self.expand = nn.Sequential(*layers)

    def forward(self, code: Float[Tensor, "B M D"]) -> Float[Tensor, "B C S S"]:
        features = self.code(code.flatten(1)).unflatten(1, (-1, self.side, self.side))
        return self.expand(features.contiguous(memory_format=torch.channels_last))


class Generator(nn.Module):
    """generator(phi, psi): maps in one view to a code, the code turned, to maps in another view.

    Args:
        skeleton, settings: of the :class:`posezoo.networks.SkeletonEncoder`.
    """

    def __init__(self, skeleton: Skeleton, settings: dict[str, Any]) -> None:
        super().__init__()
        self.encoder = SkeletonEncoder(skeleton, **settings)
        self.decoder = SkeletonDecoder(self.encoder)

    def forward(
        self, maps: Float[Tensor, "B C S S"], rotation: Float[Tensor, "B 3 3"]
    ) -> tuple[Float[Tensor, "B C S S"], Float[Tensor, "B M D"], Float[Tensor, "B M D"]]:
        """Return the other view's maps, G, and G as that view has it."""
        code = self.encoder(maps)
        turned = rotate(code, rotation)
        return self.decoder(turned), code, turned


class Regression(nn.Module):
    """Regression #1: two fully connected layers, 1024 and three numbers a joint.

    Args:
        inputs: shape of a sample: (M, 3 eta) of codes, (J, 2) of keypoints.
        joints: of the pose.
        width: of the first layer.
        dropout: after it.
    """

    def __init__(self, inputs: tuple[int, int], joints: int, width: int = 1024, dropout: float = 0.0) -> None:
        super().__init__()
        self.inputs = Standardize(*inputs)
        self.network = nn.Sequential(
            nn.Linear(inputs[0] * inputs[1], width),
            nn.ReLU(),
            Dropout(dropout),
            nn.Linear(width, 3 * joints),
        )
        # The root's label is always zero; a deviation of 1 mm keeps it so.
        self.outputs = Standardize(joints, 3, floor=1.0)

    def fit_statistics(self, samples: Float[Tensor, "N A D"], pose: Float[Tensor, "N J 3"]) -> None:
        """Take means and deviations from labelled poses."""
        self.inputs.fit(samples)
        self.outputs.fit(pose)

    def standardized(self, samples: Float[Tensor, "B A D"]) -> Float[Tensor, "B J 3"]:
        """Return poses in units of their deviation."""
        return self.network(self.inputs(samples).flatten(1)).view(-1, *self.outputs.mean.shape)

    def forward(self, samples: Float[Tensor, "B A D"]) -> Float[Tensor, "B J 3"]:
        return self.outputs.inverse(self.standardized(samples))
