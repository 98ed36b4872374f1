"""Hold the cameras of a batch, where every element may have its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from posezoo.geometry import Camera
from posezoo.geometry.double import to_double


@dataclass(frozen=True)
class Rig:
    """V cameras without distortion for each of B elements (or B = 1 for all of them).

    Attributes:
        K, R, t: (B, V, 3, 3), (B, V, 3, 3), (B, V, 3); ``x_cam = R @ x_world + t``, mm.
    """

    K: Float[Tensor, "B V 3 3"]
    R: Float[Tensor, "B V 3 3"]
    t: Float[Tensor, "B V 3"]

    @classmethod
    def of(cls, batch: dict[str, Tensor]) -> Rig:
        """Make the rig of a batch of the DataModule."""
        return cls(batch["K"], batch["R"], batch["t"])

    @classmethod
    def of_cameras(cls, cameras: Sequence[Camera], device: torch.device | str | None = None) -> Rig:
        """Return one rig for all poses."""
        K, R, t = (torch.stack([getattr(c, name).float() for c in cameras])[None].to(device) for name in ("K", "R", "t"))
        return cls(K, R, t)

    @property
    def projections(self) -> Float[Tensor, "*B V 3 4"]:
        """``K [R | t]`` in double precision, without the leading axis where all elements share the cameras."""
        K, R, t = (to_double(values) for values in (self.K, self.R, self.t))
        matrices = K @ torch.cat([R, t[..., None]], -1)
        return matrices[0] if len(matrices) == 1 else matrices

    @property
    def focal(self) -> Float[Tensor, "B V 1 2"]:
        """Focal lengths, px."""
        return torch.stack([self.K[..., 0, 0], self.K[..., 1, 1]], -1)[:, :, None]

    def to_cameras(self, world: Float[Tensor, "B J 3"]) -> Float[Tensor, "B V J 3"]:
        """Transform world coordinates to each camera's frame."""
        return world[:, None] @ self.R.mT + self.t[:, :, None]

    @property
    def centers(self) -> Float[Tensor, "B V 3"]:
        """The places of the cameras in the world, mm."""
        return -(self.R.mT @ self.t[..., None])[..., 0]

    def to_world(self, pose: Float[Tensor, "B V J 3"]) -> Float[Tensor, "B V J 3"]:
        """Transform each camera's coordinates to the world's frame."""
        return (pose - self.t[:, :, None]) @ self.R

    def transfer(self, pose: Float[Tensor, "B V J 3"]) -> Float[Tensor, "B V J 3"]:
        """Return X_{1<-2} and X_{2<-1}: the pose of each of two views, transformed to the other view's frame (Sec. 4.2)."""
        return self.to_world(pose).flip(1) @ self.R.mT + self.t[:, :, None]

    def project(self, pose: Float[Tensor, "B V J 3"]) -> Float[Tensor, "B V J 2"]:
        """Return pixels of poses in camera coordinates: x = K X / Z."""
        rays = pose[..., :2] / pose[..., 2:].clamp_min(1.0)
        return rays @ self.K[..., :2, :2].mT + self.K[:, :, None, :2, 2]
