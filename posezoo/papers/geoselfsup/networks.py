"""Lifter, discriminators, adapter and completion of Chen, Tyagi et al. 2019, Sec. 3.7 and 4.6."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from posezoo.geometry import lift_to_3d
from posezoo.networks import PoseCritic, ResidualMLP


@torch.no_grad()
def scale_parameters(layer: nn.Module, factor: float) -> None:
    """Start a layer with smaller outputs."""
    for parameter in layer.parameters():
        parameter.mul_(factor)


class Lifter(nn.Module):
    """2D pose to depth offsets, four residual blocks with batch norm; z = max(1, c + d), Eq. 2.

    Args:
        joints: N.
        root: joints whose mean is the root, which stands at distance c: offsets are taken relative to it.
        width: of the blocks; Martinez et al.'s 1024 by default.
        distance: c.
        dropout: after each layer; the paper does not say.
    """

    def __init__(self, joints: int, root: list[int], width: int, distance: float, dropout: float = 0.0) -> None:
        super().__init__()
        self.root, self.distance = root, distance
        self.network = ResidualMLP(2 * joints, joints, width, blocks=4, dropout=dropout)
        # Start with small depths, because the discriminator learns nothing from a random lifter's skeletons.
        scale_parameters(self.network.head, 0.1)

    def forward(self, keypoints: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 3"]:
        """Return points on the rays of normalised keypoints, in units of the skeleton (Z about c)."""
        # Poses have a scale of 1 / c, at which a network learns slowly; scale them to 1.
        offsets = self.network(keypoints.flatten(1) * self.distance)
        offsets = offsets - offsets[:, self.root].mean(1, keepdim=True)
        return lift_to_3d(keypoints, self.distance + offsets)


class TemporalDiscriminator(nn.Module):
    """A pose and its differences from M other frames, 2N + 2NM numbers, to one; three blocks, no batch norm.

    Args:
        joints, neighbours: N and M.
        width, scale: as of :class:`PoseCritic`.
    """

    def __init__(self, joints: int, neighbours: int, width: int, scale: float) -> None:
        super().__init__()
        self.judge = PoseCritic(joints * (1 + neighbours), width, scale, blocks=3)

    def forward(self, frames: Float[Tensor, "B F J 2"]) -> Float[Tensor, "B"]:
        """Judge the motion of a frame and its M neighbours, all in the scale of the first."""
        differences = frames[:, :1] - frames[:, 1:]
        # Differences of frames a thirtieth of a second apart are small; ten times that is as large as a pose.
        return self.judge(torch.cat([frames[:, :1], 10 * differences], 1).flatten(1, 2))


class DomainAdapter(nn.Module):
    """Corrections that bring 2D poses of another source to the target's semantics: x_sc = x_s + C(x_s), four blocks."""

    def __init__(self, joints: int, width: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.network = ResidualMLP(2 * joints, 2 * joints, width, blocks=4)
        scale_parameters(self.network.head, 0.01)  # start with small corrections

    def correction(self, keypoints: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 2"]:
        return self.network(keypoints.flatten(1) * self.scale).view_as(keypoints) / self.scale

    def forward(self, keypoints: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 2"]:
        return keypoints + self.correction(keypoints)


def complete(
    network: Completion, keypoints_2d: Float[Tensor, "B J 2"], present: Float[Tensor, "B J"]
) -> Float[Tensor, "B J 2"]:
    """Return poses with the joints that are not ``present`` filled in, in the coordinates that they came in.

    The network sees them about the mean of the joints that are there, which are on average 1 from it.
    """
    there = present[..., None]
    known = torch.where(there > 0, keypoints_2d, 0.0)
    count = there.sum(1, keepdim=True).clamp_min(1)
    origin = known.sum(1, keepdim=True) / count
    spread = ((known - origin) * there).norm(dim=-1).sum(1)[:, None, None] / count
    scale = spread.clamp_min(torch.finfo(keypoints_2d.dtype).tiny)
    return network((known - origin) / scale, present) * scale + origin


class Completion(nn.Module):
    """Fills in missing joints from the others: two fully connected layers, Sec. 4.6.

    Args:
        joints: N.
        width: of the layer between.
        scale: by which poses are multiplied at the door.
    """

    def __init__(self, joints: int, width: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.network = nn.Sequential(nn.Linear(3 * joints, width), nn.ReLU(), nn.Linear(width, 2 * joints))

    def forward(self, keypoints: Float[Tensor, "B J 2"], present: Float[Tensor, "B J"]) -> Float[Tensor, "B J 2"]:
        """Fill in the keypoints that are not ``present`` (0); those that are present stay as they are."""
        there = present[..., None]
        known = torch.where(there > 0, keypoints, 0.0)
        filled = self.network(torch.cat([known * self.scale, there], -1).flatten(1)).view_as(known) / self.scale
        return torch.where(there > 0, keypoints, filled)
