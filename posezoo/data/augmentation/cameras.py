"""Draw cameras at any height and distance, tilted, with people off the centre of the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from posezoo.distributed import draw
from posezoo.errors import InputError
from posezoo.geometry import rotation_about
from posezoo.settings import check_sizes

_WORLD_TO_CAMERA = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0))
_NEAREST_MM = 700.0


class Seen(NamedTuple):
    """Poses as a camera saw them.

    Attributes:
        keypoints: (B, J, 2) image coordinates at focal length 1.
        pose: (B, J, 3) the pose in the frame of the camera, turned to look at the root; unit of the input.
        distance: (B,) of the root from the camera, mm.
    """

    keypoints: Tensor
    pose: Tensor
    distance: Tensor


@dataclass(frozen=True)
class RandomCameras:
    """A camera of its own for each pose.

    Attributes:
        pitch: lowest and highest angle, rad, by which the ray to the person points down; drawn uniformly.
        roll: standard deviation, rad.
        tilted, tilt: share of cameras held askew, and the deviation of their roll, rad.
        distance_mm: nearest and farthest; drawn uniformly in the logarithm.
        off_axis, off_axis_share: how far the person is from the optical axis, rad (standard deviation, across and down), and
            the share of such pictures. In the others the camera looks at the root.

    Raises:
        InputError: a distance that reaches the person, limits in the wrong order, or what is no size or no share.
    """

    pitch: tuple[float, float] = (-0.15, 0.55)
    roll: float = 0.08
    tilted: float = 0.1
    tilt: float = 0.5
    distance_mm: tuple[float, float] = (2200.0, 8000.0)
    off_axis: float = 0.15
    off_axis_share: float = 0.5

    def __post_init__(self) -> None:
        (nearest, farthest), (lowest, highest) = self.distance_mm, self.pitch
        if not _NEAREST_MM <= nearest <= farthest or not -math.pi / 2 < lowest <= highest < math.pi / 2:
            raise InputError(
                f"cameras at {nearest} to {farthest} mm, pitched by {lowest} to {highest} rad; expected distances of "
                f"{_NEAREST_MM:g} mm or more and angles within a quarter turn, each pair in ascending order."
            )
        check_sizes(self, "cameras", ["roll", "tilt", "off_axis"], ["tilted", "off_axis_share"])

    def rotations(self, count: int, device: torch.device | str | None = None) -> Float[Tensor, "B 3 3"]:
        """Return world-to-camera rotations: any heading, pitch and roll as drawn."""
        uniform = draw(torch.rand, count, 3, device=device)
        lowest, highest = self.pitch
        deviation = torch.where(uniform[:, 2] < self.tilted, self.tilt, self.roll)
        roll = deviation * draw(torch.randn, count, device=device)
        level = rotation_about("z", 2 * math.pi * uniform[:, 0])
        pitched = rotation_about("x", lowest + (highest - lowest) * uniform[:, 1])
        return rotation_about("z", roll) @ pitched @ uniform.new_tensor(_WORLD_TO_CAMERA) @ level

    def see(self, pose: Float[Tensor, "B J 3"], rotation: Float[Tensor, "B 3 3"] | None = None) -> Seen:
        """Project poses.

        A camera that would stand nearer to a joint than 0.7 m along its axis is moved back.

        Args:
            pose: root at the origin, world frame (z up), mm.
            rotation: of each camera, world to camera; drawn where not given.
        """
        count, device = len(pose), pose.device
        turned = pose @ (self.rotations(count, device) if rotation is None else rotation).mT
        nearest, farthest = self.distance_mm
        distance = nearest * (farthest / nearest) ** draw(torch.rand, count, device=device)
        distance = torch.maximum(distance, _NEAREST_MM - turned[..., 2].amin(1))
        placed = torch.cat([turned[..., :2], turned[..., 2:] + distance[:, None, None]], -1)
        drawn = draw(torch.randn, count, 2, device=device)
        moved = draw(torch.rand, count, device=device) < self.off_axis_share
        down, across = (self.off_axis * drawn * moved[:, None]).unbind(1)
        placed = placed @ (rotation_about("x", down) @ rotation_about("y", across)).mT
        return Seen(placed[..., :2] / placed[..., 2:].clamp_min(_NEAREST_MM / 4), turned, distance)
