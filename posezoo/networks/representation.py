"""The geometry-aware representation of Chen, Lin et al. 2019, and how it joins any regressor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from posezoo.distributed import draw, share
from posezoo.errors import InputError
from posezoo.geometry import center_and_scale, skeleton_maps
from posezoo.geometry.pieces import pieces
from posezoo.networks.convolution import convolution
from posezoo.networks.fusion import fuse_batch_norm
from posezoo.networks.standardize import Standardize
from posezoo.skeletons import Skeleton
from posezoo.terminal import progress_console

_SOURCE_PX = 256  # the picture that the paper's limb width is in
_PIECE = 64  # poses that are encoded at a time: 16 bones' maps of them are 17 MB


def rotate(code: Float[Tensor, "B M D"], rotation: Float[Tensor, "B 3 3"]) -> Float[Tensor, "B M D"]:
    """Turn every triple of every point: R x G of Chen, Lin et al. 2019, Eq. 1.

    Example:
        >>> import torch
        >>> from posezoo.geometry import rotation_about
        >>> from posezoo.networks import rotate
        >>> quarter = rotation_about("z", torch.tensor([torch.pi / 2]))
        >>> rotate(torch.tensor([[[1.0, 0.0, 5.0]]]), quarter).round().tolist()
        [[[-0.0, 1.0, 5.0]]]
    """
    return (code.unflatten(-1, (-1, 3)) @ rotation[:, None].mT).flatten(-2)


class SkeletonEncoder(nn.Module):
    """phi of Chen, Lin et al. 2019: keypoints are drawn as maps of bones, maps are encoded as G.

    The contracting half of a U-Net without skip connections, with half the channels, and a linear layer to the code.

    Args:
        skeleton: of the keypoints; a map a bone.
        width: channels of the first level (the paper's 32); each level below has half the size and twice as many.
        levels: below the first (U-Net's 4).
        points: M (not given).
        eta: triples of a point, so that G is (M, 3 eta) (not given).
        map_size: rows and columns of the maps.
        limb_px: width of a limb where the map has 256 px.
        extent: half the width of a map, in mean distances of joints from the root (not given; beyond 2.5 lie limbs of 0.5 %
            of OpenMocap's training poses).
        pictures: encode pictures of people in coloured clothes before coloured backgrounds instead of maps: Fig. 6's "LSG",
            whose raw images the 2D pose alone does not give. Colours are drawn anew for every pose in training and
            from a fixed seed otherwise.

    Raises:
        InputError: sizes that leave nothing of a map.

    Example:
        >>> import torch
        >>> from posezoo.networks import SkeletonEncoder
        >>> from posezoo.skeletons import get_skeleton
        >>> encoder = SkeletonEncoder(get_skeleton("mpii16"), width=4, points=8)
        >>> encoder.encode(torch.rand(2, 16, 2)).shape
        torch.Size([2, 8, 3])
    """

    def __init__(
        self,
        skeleton: Skeleton,
        width: int = 32,
        levels: int = 4,
        points: int = 512,
        eta: int = 1,
        map_size: int = 64,
        limb_px: float = 8.0,
        extent: float = 2.5,
        pictures: bool = False,
    ) -> None:
        super().__init__()
        if map_size < 2**levels or map_size % 2**levels or min(width, levels, points, eta) < 1 or not extent > 0:
            raise InputError(
                f"map_size {map_size}, width {width}, levels {levels}, points {points}, eta {eta}, extent {extent}; "
                f"expected maps of a multiple of {2**levels} px, and the others positive."
            )
        self.skeleton, self.map_size, self.extent, self.pictures = skeleton, map_size, extent, pictures
        self.width, self.levels, self.points, self.eta = width, levels, points, eta
        self.limb = limb_px * map_size / _SOURCE_PX
        self.channels = 3 if pictures else len(skeleton.bones)
        layers: list[nn.Module] = []
        channels = self.channels
        for level in range(levels + 1):
            layers += [nn.MaxPool2d(2)] if level else []
            layers += [convolution(channels, width * 2**level), convolution(width * 2**level, width * 2**level)]
            channels = width * 2**level
        self.contract = nn.Sequential(*layers)
        self.side = map_size // 2**levels
        self.code = nn.Linear(channels * self.side**2, 3 * eta * points)

    def maps(self, keypoints: Float[Tensor, "B J 2"]) -> Float[Tensor, "B C S S"]:
        """Return the encoder's input for poses in px: maps drawn about the root, in the scale of the mean joint distance."""
        normalized = center_and_scale(keypoints, self.skeleton.root)[0]
        middle = (self.map_size - 1) / 2
        maps = skeleton_maps(
            normalized * (self.map_size / (2 * self.extent)) + middle, self.skeleton, self.map_size, self.limb
        )
        return _paint(maps, self.training) if self.pictures else maps

    def forward(self, maps: Float[Tensor, "B C S S"]) -> Float[Tensor, "B M D"]:
        return self.code(self.contract(maps).flatten(1)).unflatten(1, (self.points, 3 * self.eta))

    def encode(self, keypoints: Float[Tensor, "B J 2"]) -> Float[Tensor, "B M D"]:
        """Return G of poses in px."""
        return torch.cat([self(self.maps(part)) for part in pieces(keypoints, _PIECE)])


@torch.no_grad()
def encode_all(encoder: SkeletonEncoder, keypoints: Float[Tensor, "N J 2"]) -> Float[Tensor, "N M D"]:
    """Return G of a whole training set by a fixed encoder, with a progress bar."""
    from rich.progress import track

    fused, parts = fuse_batch_norm(encoder), keypoints.split(1024)
    quiet = len(parts) < 4 or share()[0] > 0
    bar = track(parts, "encoding training poses", console=progress_console(), transient=True, disable=quiet)
    return torch.cat([fused.encode(part) for part in bar])


def _paint(maps: Float[Tensor, "B bones S S"], anew: bool) -> Float[Tensor, "B 3 S S"]:
    """Return people with limbs of random colours before backgrounds of random colours that blend into each other."""
    batch, bones, size, _ = maps.shape
    device = maps.device
    if anew:
        colors, corners = (draw(torch.rand, batch, *shape, device=device) for shape in ((bones, 3), (3, 4, 4)))
    else:
        fixed = torch.Generator().manual_seed(0)
        colors, corners = (torch.rand(1, *shape, generator=fixed).to(device) for shape in ((bones, 3), (3, 4, 4)))
    ground = nn.functional.interpolate(corners, size=(size, size), mode="bilinear", align_corners=True)
    # A limb that is drawn later hides those before it.
    seen = maps * (1 - maps.flip(1).cumsum(1).flip(1) + maps).clamp(0, 1)
    painted = torch.einsum("bnhw,bnc->bchw", seen, colors.expand(batch, -1, -1))
    picture = painted + ground * (1 - seen.sum(1, keepdim=True))
    return picture.contiguous(memory_format=torch.channels_last)


class Injection(nn.Module):
    """G as a further input of a regressor: fixed, through a fully connected layer, added to its features.

    Chen, Lin et al. 2019, Sec. 4: "forward the geometry representation G to fully connection layers to match the feature
    dimension of baselines, and then directly do element-wise sum".

    Args:
        skeleton: of the keypoints.
        features: of the regressor.
        settings: of the :class:`SkeletonEncoder`.

    Raises:
        InputError: settings that it does not take.
    """

    def __init__(self, skeleton: Skeleton, features: int, settings: Mapping[str, Any]) -> None:
        super().__init__()
        try:
            self.encoder = SkeletonEncoder(skeleton, **settings)
        except TypeError as error:
            raise InputError(f"representation {settings}: {error}.") from error
        self.encoder.requires_grad_(False).eval()
        shape = (self.encoder.points, 3 * self.encoder.eta)
        self.codes = Standardize(*shape)
        self.linear = nn.Linear(shape[0] * shape[1], features)

    def take_encoder(self, other: nn.Module) -> bool:
        """Load the encoder's weights of a model with a ``generator``; False where it has none."""
        encoder = getattr(getattr(other, "generator", None), "encoder", None)
        if encoder is None:
            return False
        self.encoder.load_state_dict(encoder.state_dict())
        return True

    def train(self, mode: bool = True) -> Injection:
        """Keep the encoder in eval mode: its batch norms keep their statistics."""
        super().train(mode)
        self.encoder.eval()
        return self

    def forward(self, codes: Float[Tensor, "B M D"]) -> Float[Tensor, "B F"]:
        return self.linear(self.codes(codes).flatten(1))
