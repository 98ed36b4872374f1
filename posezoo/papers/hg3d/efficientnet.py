"""EfficientNet-Lite0 (Tan and Le 2019), a small network for pictures whose ImageNet weights are free to use.

The Lite models leave out EfficientNet's squeeze-and-excitation and use ReLU6 in place of swish.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from posezoo.networks import BatchNorm2d

STAGES = (
    (1, 16, 3, 1, 1),
    (6, 24, 3, 2, 2),
    (6, 40, 5, 2, 2),
    (6, 80, 3, 2, 3),
    (6, 112, 5, 1, 3),
    (6, 192, 5, 2, 4),
    (6, 320, 3, 1, 1),
)
"""Of each stage: factor of expansion, channels, kernel, stride of the first block, number of blocks; the paper's Table 1."""

_LAST = (1, 2, 4, 6)
"""The last stages of their size, whose maps are returned."""

CHANNELS = tuple(STAGES[number][1] for number in _LAST)
"""Channels of the maps that :class:`EfficientNetLite0` returns, at a 4th, 8th, 16th and 32nd of the picture's side."""


class _SameConv2d(nn.Conv2d):
    """A convolution padded as TensorFlow pads: where the padding is odd, one more after than before.

    The published weights were trained with that padding; torch's own moves every map of stride 2 by a pixel.
    """

    def forward(self, features: Float[Tensor, "B I H W"]) -> Float[Tensor, "B O h w"]:
        if self.groups > 1 and features.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            # In bfloat16 the gradient of one kernel for each channel takes CPUs ten times as long as in 32 bits.
            with torch.autocast("cpu", enabled=False):
                return self._convolved(features.float())
        return self._convolved(features)

    def _convolved(self, features: Float[Tensor, "B I H W"]) -> Float[Tensor, "B O h w"]:
        excess = self.kernel_size[0] - self.stride[0]
        before = excess // 2
        if excess != 2 * before:
            features, before = functional.pad(features, (before, excess - before) * 2), 0
        return functional.conv2d(features, self.weight, self.bias, self.stride, before, 1, self.groups)


def _layer(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> OrderedDict[str, nn.Module]:
    """Return a convolution and its batch norm; the names let :func:`posezoo.networks.fuse_batch_norm` join them."""
    convolution = _SameConv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)
    return OrderedDict(linear=convolution, norm=BatchNorm2d(outputs, eps=1e-3))


def _activated(*given: int) -> nn.Sequential:
    return nn.Sequential(OrderedDict(**_layer(*given), activation=nn.ReLU6(inplace=True)))


class InvertedResidual(nn.Module):
    """Sandler et al. 2018 (MobileNetV2): expand by 1 x 1, convolve each channel, reduce by 1 x 1; added where shapes agree.

    Args:
        inputs, outputs: channels.
        kernel, stride: of the convolution of each channel.
        expansion: factor of its channels; 1 leaves out the first convolution.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        middle = inputs * expansion
        self.expand = nn.Identity() if expansion == 1 else _activated(inputs, middle)
        self.depthwise = _activated(middle, middle, kernel, stride, middle)
        self.reduce = nn.Sequential(_layer(middle, outputs))
        self.adds = stride == 1 and inputs == outputs

    def forward(self, features: Float[Tensor, "B I H W"]) -> Float[Tensor, "B O h w"]:
        inner = self.reduce(self.depthwise(self.expand(features)))
        return features + inner if self.adds else inner


class EfficientNetLite0(nn.Module):
    """Pictures to maps of four sizes, without the classifier and the 1 x 1 convolution before it.

    Args:
        frozen: so many stages, and the stem before them, are not trained and keep the moments of their batch norms; 0 trains
            all.

    Example:
        >>> import torch
        >>> from posezoo.papers.hg3d.efficientnet import EfficientNetLite0
        >>> [tuple(maps.shape) for maps in EfficientNetLite0()(torch.zeros(1, 3, 64, 64))]
        [(1, 24, 16, 16), (1, 40, 8, 8), (1, 112, 4, 4), (1, 320, 2, 2)]
    """

    def __init__(self, frozen: int = 0) -> None:
        super().__init__()
        inputs = 32
        self.stem = _activated(3, inputs, 3, 2)
        self.stages = nn.ModuleList()
        for expansion, outputs, kernel, stride, count in STAGES:
            blocks = [InvertedResidual(inputs, outputs, kernel, stride, expansion)]
            blocks += [InvertedResidual(outputs, outputs, kernel, 1, expansion) for _ in range(count - 1)]
            self.stages.append(nn.Sequential(*blocks))
            inputs = outputs
        self._frozen = [self.stem, *self.stages[:frozen]] if frozen else []
        for part in self._frozen:
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> EfficientNetLite0:
        """Switch to training, but for the frozen stages."""
        super().train(mode)
        for part in self._frozen:
            part.eval()
        return self

    def forward(self, picture: Float[Tensor, "B 3 S S"]) -> list[Tensor]:
        """Return maps of :data:`CHANNELS`, largest first.

        Args:
            picture: RGB from -0.5 to 0.5; the published weights take -1 to 1, to which it is stretched here.
        """
        features = self.stem(2.0 * picture)
        maps = []
        for number, stage in enumerate(self.stages):
            features = stage(features)
            if number in _LAST:
                maps.append(features)
        return maps
