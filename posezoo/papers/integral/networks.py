"""The ResNet and the deconvolutions of Sun et al. 2018."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from posezoo.networks import BatchNorm2d

LAYERS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
"""Blocks at each size; from 50 layers on, blocks are bottlenecks (He et al. 2016, Table 1)."""
_EXPANSION = 4


class Block(nn.Module):
    """He et al. 2016, Fig. 5: two 3 x 3 convolutions, or a bottleneck of 1 x 1, 3 x 3 and 1 x 1, beside a shortcut.

    Args:
        inputs: channels that come in.
        width: of the 3 x 3 convolutions.
        stride: of the first of them.
        bottleneck: which kind; a bottleneck gives four times its width.
    """

    def __init__(self, inputs: int, width: int, stride: int, bottleneck: bool) -> None:
        super().__init__()
        outputs = width * (_EXPANSION if bottleneck else 1)
        plan = [(inputs, width, 1, 1), (width, width, 3, stride), (width, outputs, 1, 1)]
        if not bottleneck:
            plan = [(inputs, width, 3, stride), (width, width, 3, 1)]
        layers: list[nn.Module] = []
        for before, after, kernel, step in plan:
            layers += [nn.Conv2d(before, after, kernel, step, kernel // 2, bias=False), BatchNorm2d(after), nn.ReLU()]
        self.branch = nn.Sequential(*layers[:-1])
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), BatchNorm2d(outputs))

    def forward(self, features: Float[Tensor, "B I H W"]) -> Float[Tensor, "B O h w"]:
        return (self.shortcut(features) + self.branch(features)).relu()


class ResNet(nn.Sequential):
    """Pictures to features of a 32nd of their size; without the classifier.

    Args:
        layers: 18, 34, 50, 101 or 152.
        width: channels of the first size; 64 as published.
    """

    def __init__(self, layers: int = 50, width: int = 64) -> None:
        bottleneck, inputs = layers >= 50, width
        stages: list[nn.Module] = [
            nn.Conv2d(3, width, 7, 2, 3, bias=False), BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        ]  # fmt: skip
        for size, blocks in enumerate(LAYERS[layers]):
            for block in range(blocks):
                channels = width * 2**size
                stages.append(Block(inputs, channels, 2 if size and not block else 1, bottleneck))
                inputs = channels * (_EXPANSION if bottleneck else 1)
        super().__init__(*stages)
        self.channels = inputs


class VolumeHead(nn.Sequential):
    """Three deconvolutions to an eighth of the pictures' size times two, then heatmaps of so many depths a joint.

    Args:
        inputs: channels of the features.
        joints, depths: of the volumes.
        width: of the deconvolutions; 256 as published.
    """

    def __init__(self, inputs: int, joints: int, depths: int, width: int = 256) -> None:
        layers: list[nn.Module] = []
        for _ in range(3):
            layers += [nn.ConvTranspose2d(inputs, width, 4, 2, 1, bias=False), BatchNorm2d(width), nn.ReLU()]
            inputs = width
        super().__init__(*layers, nn.Conv2d(width, joints * depths, 1), nn.Unflatten(1, (joints, depths)))


def soft_argmax(volumes: Float[Tensor, "B J D H W"]) -> tuple[Float[Tensor, "B J 3"], Float[Tensor, "B J"]]:
    """Sun et al. 2018, Eq. 2 and 3: the mean place under the softmax of a volume, and how high its peak in the picture is.

    Returns:
        x, y, z as shares of the volume's sides, from -0.5 to 0.5; and the highest probability of a pixel over all depths,
        times four and at most 1: a peak spread over four pixels or less is sure.

    Example:
        >>> import torch
        >>> volume = torch.zeros(1, 1, 4, 4, 4)
        >>> volume[0, 0, 1, 2, 3] = 1000.0
        >>> soft_argmax(volume)[0].tolist()
        [[[0.375, 0.125, -0.125]]]
    """
    shape = volumes.shape
    probability = volumes.flatten(2).softmax(-1).view(shape)
    places = []
    for axis, others in ((4, (2, 3)), (3, (2, 4)), (2, (3, 4))):
        count = shape[axis]
        grid = (torch.arange(count, device=volumes.device, dtype=volumes.dtype) + 0.5) / count - 0.5
        places.append((probability.sum(others) * grid).sum(-1))
    certainty = (4.0 * probability.sum(2).flatten(2).amax(-1)).clamp(max=1.0)
    return torch.stack(places, -1), certainty
