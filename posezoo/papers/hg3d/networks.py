"""The stacked hourglass (Newell et al. 2016), a pyramid in its place, and the depth module of Zhou et al. 2017."""

from __future__ import annotations

from collections import OrderedDict

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from posezoo.networks import BatchNorm2d
from posezoo.papers.hg3d.efficientnet import CHANNELS, EfficientNetLite0


class Residual(nn.Module):
    """Newell et al. 2016, Fig. 4: norm, ReLU and convolution thrice, 1 x 1, 3 x 3 and 1 x 1 through half the channels.

    Args:
        inputs, outputs: channels; a 1 x 1 convolution carries the input over where they differ.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        middle = outputs // 2
        layers: list[nn.Module] = []
        for before, after, kernel in ((inputs, middle, 1), (middle, middle, 3), (middle, outputs, 1)):
            layers += [BatchNorm2d(before), nn.ReLU(), nn.Conv2d(before, after, kernel, padding=kernel // 2)]
        self.branch = nn.Sequential(*layers)
        self.carry = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, features: Float[Tensor, "B I H W"]) -> Float[Tensor, "B O H W"]:
        return self.carry(features) + self.branch(features)


def residuals(count: int, width: int) -> nn.Sequential:
    """Return ``count`` residual modules of one width, one after the other."""
    return nn.Sequential(*(Residual(width, width) for _ in range(count)))


class Hourglass(nn.Module):
    """Convolutions down to a sixteenth of the size and up again, with a branch at each size.

    Args:
        depth: how often the size is halved.
        modules: residual modules at each place.
        width: channels.
    """

    def __init__(self, depth: int, modules: int, width: int) -> None:
        super().__init__()
        self.stay = residuals(modules, width)
        self.down = nn.Sequential(nn.MaxPool2d(2), residuals(modules, width))
        self.inner = Hourglass(depth - 1, modules, width) if depth > 1 else residuals(modules, width)
        self.up = nn.Sequential(residuals(modules, width), nn.Upsample(scale_factor=2.0))

    def forward(self, features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        return self.stay(features) + self.up(self.inner(self.down(features)))


class StackedHourglass(nn.Module):
    """Pictures to heatmaps, refined stack by stack, and the features behind the last.

    Args:
        joints: heatmaps.
        width, stacks, modules: channels, hourglasses, residual modules at each place; 256, 2, 2 as published.
        depth: how often an hourglass halves its maps.
    """

    def __init__(self, joints: int, width: int = 256, stacks: int = 2, modules: int = 2, depth: int = 4) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, width // 4, 7, stride=2, padding=3),
            BatchNorm2d(width // 4),
            nn.ReLU(),
            Residual(width // 4, width // 2),
            nn.MaxPool2d(2),
            Residual(width // 2, width // 2),
            Residual(width // 2, width),
        )
        self.hourglasses = nn.ModuleList(Hourglass(depth, modules, width) for _ in range(stacks))
        self.heads = nn.ModuleList(
            nn.Sequential(residuals(modules, width), nn.Conv2d(width, width, 1), BatchNorm2d(width), nn.ReLU())
            for _ in range(stacks)
        )
        self.heatmaps = nn.ModuleList(nn.Conv2d(width, joints, 1) for _ in range(stacks))
        self.from_features = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in range(stacks))
        self.from_heatmaps = nn.ModuleList(nn.Conv2d(joints, width, 1) for _ in range(stacks))

    def forward(self, picture: Float[Tensor, "B 3 S S"]) -> tuple[list[Tensor], Float[Tensor, "B C H W"]]:
        """Return heatmaps (B, J, S / 4, S / 4) of each stack, and the depth module's input: features plus heatmaps."""
        features = self.stem(picture)
        heatmaps = []
        for stack, hourglass in enumerate(self.hourglasses):
            head = self.heads[stack](hourglass(features))
            heatmaps.append(self.heatmaps[stack](head))
            features = features + self.from_features[stack](head) + self.from_heatmaps[stack](heatmaps[-1])
        return heatmaps, features


class PyramidHeatmaps(nn.Module):
    """Pictures to heatmaps by a network that ImageNet has trained, and maps of its four sizes added up from the smallest.

    It takes the place of :class:`StackedHourglass` where photographs are few and time is short; not the paper's. The way up
    is that of feature pyramids (Lin et al. 2017), with the residual modules of the hourglass.

    Args:
        joints: heatmaps.
        width, modules: channels on the way up, residual modules at each size.
        frozen: stages of the encoder that are not trained.
    """

    def __init__(self, joints: int, width: int = 256, modules: int = 1, frozen: int = 0) -> None:
        super().__init__()
        self.encoder = EfficientNetLite0(frozen)
        self.across = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in CHANNELS)
        self.up = nn.ModuleList(residuals(modules, width) for _ in CHANNELS)
        layers = OrderedDict(linear=nn.Conv2d(width, width, 1), norm=BatchNorm2d(width), activation=nn.ReLU())
        self.heads = nn.ModuleList([nn.Sequential(layers)])
        last = nn.Conv2d(width, joints, 1)
        # Empty maps at first (Xiao et al. 2018): larger ones' gradients undo in a minute what ImageNet has taught.
        nn.init.normal_(last.weight, std=1e-3)
        assert last.bias is not None
        nn.init.zeros_(last.bias)
        self.heatmaps = nn.ModuleList([last])
        self.from_features = nn.ModuleList([nn.Conv2d(width, width, 1)])
        self.from_heatmaps = nn.ModuleList([nn.Conv2d(joints, width, 1)])

    def forward(self, picture: Float[Tensor, "B 3 S S"]) -> tuple[list[Tensor], Float[Tensor, "B C H W"]]:
        """Return heatmaps (B, J, S / 4, S / 4), and the depth module's input: features plus heatmaps."""
        features: Tensor | None = None
        for maps, across, up in zip(self.encoder(picture)[::-1], self.across[::-1], self.up[::-1], strict=True):
            larger = across(maps)
            features = up(larger if features is None else larger + functional.interpolate(features, scale_factor=2.0))
        assert features is not None
        head = self.heads[0](features)
        heatmaps = self.heatmaps[0](head)
        return [heatmaps], features + self.from_features[0](head) + self.from_heatmaps[0](heatmaps)


class DepthModule(nn.Module):
    """Zhou et al. 2017, Sec. 4.1.1: four times residual modules and pooling, "half an hourglass", then a depth a joint.

    Args:
        joints: depths.
        width, modules: channels, residual modules at each size.
        size: side of the maps that are pooled, a multiple of 2 to the power of ``steps``; maps of another side are resampled
            to it.
        steps: how often their size is halved.
    """

    def __init__(self, joints: int, width: int = 256, modules: int = 2, size: int = 64, steps: int = 4) -> None:
        super().__init__()
        self.size = size
        self.shrink = nn.Sequential(*(layer for _ in range(steps) for layer in (residuals(modules, width), nn.MaxPool2d(2))))
        self.depth = nn.Linear(width * (size // 2**steps) ** 2, joints)

    def forward(self, features: Float[Tensor, "B C H W"]) -> Float[Tensor, "B J"]:
        if features.shape[-1] != self.size:
            features = functional.interpolate(features, (self.size, self.size), mode="bilinear")
        return self.depth(self.shrink(features).flatten(1))


BACKBONES = {"hourglass": 64, "efficientnet_lite0": 32}
"""What finds the heatmaps, :class:`StackedHourglass` as in the paper or :class:`PyramidHeatmaps`, and what the side of its
pictures is a multiple of, px."""
_HALVED = 4  # times, from the maps to the depths


class HourglassWithDepth(nn.Module):
    """Both modules: what the paper trains end to end.

    Args:
        joints, width, stacks, modules: of both; a pyramid has no stacks.
        size: side of the pictures, px; a multiple of what :data:`BACKBONES` says.
        backbone: one of :data:`BACKBONES`.
        frozen: stages of a pyramid's encoder that are not trained.
    """

    def __init__(
        self,
        joints: int,
        width: int = 256,
        stacks: int = 2,
        modules: int = 2,
        size: int = 256,
        backbone: str = "hourglass",
        frozen: int = 0,
    ) -> None:
        super().__init__()
        self.pose: StackedHourglass | PyramidHeatmaps = (
            StackedHourglass(joints, width, stacks, modules)
            if backbone == "hourglass"
            else PyramidHeatmaps(joints, width, modules, frozen)
        )
        pooled = size // 4 // 2**_HALVED * 2**_HALVED  # maps of a picture of 160 px, 40 px, are resampled to 32
        self.depth = DepthModule(joints, width, modules, pooled, _HALVED)

    def forward(self, picture: Float[Tensor, "B 3 S S"]) -> tuple[list[Tensor], Float[Tensor, "B J"]]:
        heatmaps, features = self.pose(picture)
        return heatmaps, self.depth(features)
