"""EfficientNet-Lite0, a small network for pictures whose ImageNet weights are free to use.

Tan and Le 2019 (EfficientNet); the Lite models leave out squeeze-and-excitation and use ReLU6 in place of swish.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from posezoo.networks import BatchNorm2d

STAGES = ((1, 16, 3, 1, 1), (6, 24, 3, 2, 2), (6, 40, 5, 2, 2), (6, 80, 3, 2, 3), (6, 112, 5, 1, 3), (6, 192, 5, 2, 4), (6, 320, 3, 1, 1))
"""Factor of expansion, channels, kernel, stride of the first block, and number of blocks of each stage; the paper's Table 1."""

CHANNELS = (24, 40, 112, 320)
"""Channels of the maps that :class:`EfficientNetLite0` returns, at a 4th, 8th, 16th and 32nd of the picture's side."""

_LAST = (1, 2, 4, 6)
"""Stages whose maps are returned: the last of each size."""


class _SameConv2d(nn.Conv2d):
    """A convolution padded as TensorFlow pads: where the padding is odd, one more after than before.

    The published weights were trained with that padding; torch's own shifts every map of stride 2 by a pixel.
    """

    def forward(self, features: Float[Tensor, "B I H W"]) -> Float[Tensor, "B O h w"]:
        excess = self.kernel_size[0] - self.stride[0]
        before = excess // 2
        if 2 * before == excess:
            return functional.conv2d(features, self.weight, None, self.stride, before, 1, self.groups)
        return super().forward(functional.pad(features, (before, excess - before) * 2))


def _norm(channels: int) -> nn.Module:
    return BatchNorm2d(channels, eps=1e-3)


class _Separable(nn.Module):
    """The block of the first stage: a depthwise convolution, then one of 1 x 1."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv_dw = _SameConv2d(inputs, inputs, kernel, stride, groups=inputs, bias=False)
        self.bn1 = _norm(inputs)
        self.conv_pw = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.bn2 = _norm(outputs)

    def forward(self, features: Float[Tensor, "B I H W"]) -> Float[Tensor, "B O h w"]:
        return self.bn2(self.conv_pw(functional.relu6(self.bn1(self.conv_dw(features)))))


class _InvertedResidual(nn.Module):
    """Sandler et al. 2018 (MobileNetV2): expand by 1 x 1, convolve each channel, reduce by 1 x 1; added where sizes agree."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        middle = inputs * expansion
        self.conv_pw = nn.Conv2d(inputs, middle, 1, bias=False)
        self.bn1 = _norm(middle)
        self.conv_dw = _SameConv2d(middle, middle, kernel, stride, groups=middle, bias=False)
        self.bn2 = _norm(middle)
        self.conv_pwl = nn.Conv2d(middle, outputs, 1, bias=False)
        self.bn3 = _norm(outputs)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, features: Float[Tensor, "B I H W"]) -> Float[Tensor, "B O h w"]:
        inner = functional.relu6(self.bn1(self.conv_pw(features)))
        inner = functional.relu6(self.bn2(self.conv_dw(inner)))
        inner = self.bn3(self.conv_pwl(inner))
        return features + inner if self.adds else inner


class EfficientNetLite0(nn.Module):
    """Pictures to maps of four sizes, without the classifier and the 1 x 1 convolution before it.

    Parameters are named as in timm's ``tf_efficientnet_lite0``, whose ImageNet weights (Apache-2.0) fit.

    Example:
        >>> import torch
        >>> from posezoo.papers.hg3d.efficientnet import EfficientNetLite0
        >>> [tuple(maps.shape) for maps in EfficientNetLite0()(torch.zeros(1, 3, 64, 64))]
        [(1, 24, 16, 16), (1, 40, 8, 8), (1, 112, 4, 4), (1, 320, 2, 2)]
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem = _SameConv2d(3, 32, 3, 2, bias=False)
        self.bn1 = _norm(32)
        stages: list[nn.Module] = []
        inputs = 32
        for expansion, outputs, kernel, stride, count in STAGES:
            blocks: list[nn.Module] = []
            for block in range(count):
                step = stride if block == 0 else 1
                blocks.append(
                    _Separable(inputs, outputs, kernel, step)
                    if expansion == 1
                    else _InvertedResidual(inputs, outputs, kernel, step, expansion)
                )
                inputs = outputs
            stages.append(nn.Sequential(*blocks))
        self.blocks = nn.Sequential(*stages)

    def forward(self, picture: Float[Tensor, "B 3 S S"]) -> list[Tensor]:
        """Return maps of :data:`CHANNELS`, largest first.

        Args:
            picture: RGB from -0.5 to 0.5; the published weights take -1 to 1, to which it is stretched here.
        """
        features = functional.relu6(self.bn1(self.conv_stem(2.0 * picture)))
        maps = []
        for number, stage in enumerate(self.blocks):
            features = stage(features)
            if number in _LAST:
                maps.append(features)
        return maps
