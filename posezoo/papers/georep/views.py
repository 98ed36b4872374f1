"""Make pairs of views, from virtual cameras around 3D poses or from real, synchronised cameras."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from posezoo.data import PoseData
from posezoo.data.augmentation import Augmentation
from posezoo.data.augmentation.people import STATURE_MM
from posezoo.distributed import draw
from posezoo.errors import InputError
from posezoo.geometry import look_at
from posezoo.poses.views import rotations, synchronised
from posezoo.skeletons import Skeleton, convert


@dataclass(frozen=True)
class Torus:
    """The places of virtual cameras: a torus around the person, from where they look at the root.

    Chen, Lin et al. 2019, Sec. 3.1, after Fang et al. 2018; sizes are in a supplement that is not at hand. These hold
    Human3.6M's cameras (4.4 to 5.7 m from the person, up to 1.7 m above the floor).

    Attributes:
        ring: radius of the circle along the middle of the tube, mm.
        tube: radius of the tube, mm.
        height: of the ring over the root, mm.

    Raises:
        InputError: a camera could stand in the person.
    """

    ring: float = 5000.0
    tube: float = 1000.0
    height: float = 800.0

    def __post_init__(self) -> None:
        if not 0 <= self.tube < self.ring - 1000.0:
            raise InputError(f"a torus with ring {self.ring} mm and tube {self.tube} mm reaches the person; widen the ring.")

    def cameras(
        self, count: int, device: torch.device | str | None = None
    ) -> tuple[Float[Tensor, "B 3 3"], Float[Tensor, "B 3"]]:
        """Return R and t (mm) of cameras drawn over both of the torus's angles; the root is the world's origin, z is up."""
        around, across = (2 * math.pi * draw(torch.rand, count, 2, device=device)).unbind(1)
        radius = self.ring + self.tube * across.cos()
        center = torch.stack([radius * around.cos(), radius * around.sin(), self.height + self.tube * across.sin()], 1)
        return look_at(center, torch.zeros_like(center))


def see(
    pose: Float[Tensor, "B J 3"], rotation: Float[Tensor, "B 3 3"], translation: Float[Tensor, "B 3"]
) -> Float[Tensor, "B J 2"]:
    """Return poses (mm, root at the origin) projected through a camera of focal length 1; maps have a scale of their own."""
    points = pose @ rotation.to(pose).mT + translation.to(pose)[:, None]
    return points[..., :2] / points[..., 2:]


@dataclass(frozen=True)
class AugmentedPairs:
    """Make pairs of views of augmented people, with the cameras of the augmentation instead of a :class:`Torus`.

    Attributes:
        augmentation: of people, cameras and the source view's keypoints.
        same_view: source and target are one view.
    """

    augmentation: Augmentation
    same_view: bool = False

    @property
    def batches(self) -> int:
        """How many batches are an epoch."""
        return self.augmentation.batches

    def __call__(
        self, pool: Float[Tensor, "N J 3"], count: int, skeleton: Skeleton, errors: Float[Tensor, "M J 2"] | None = None
    ) -> dict[str, Tensor]:
        """Return ``source_2d``, ``target_2d`` (B, J, 2), ``rotation`` (B, 3, 3), and ``pose_3d`` (B, J, 3) mm of the source.

        Args:
            pool: root at the origin, world frame (z up).
            count: B.
            skeleton: of the pool.
            errors: of a real detector, for the source view.
        """
        cameras = self.augmentation.cameras
        pose = self.augmentation.change(pool, count, skeleton)
        first = cameras.rotations(count, pose.device)
        second = first if self.same_view else cameras.rotations(count, pose.device)
        seen, target = cameras.see(pose, first), cameras.see(pose, second).keypoints
        return {
            "source_2d": self.augmentation.noise(seen.keypoints, STATURE_MM / seen.distance, skeleton, errors),
            "target_2d": target,
            "rotation": second @ first.mT,
            "pose_3d": seen.pose,
        }


def real_pairs(data: PoseData, skeleton: Skeleton, same_view: bool = False) -> dict[str, Tensor]:
    """Return the keypoints of each two synchronised cameras; no 3D is read.

    Args:
        data: several views of the same clips, with cameras.
        skeleton: the layout handed out.
        same_view: each pose with itself, which makes an auto-encoder of the generator.

    Returns:
        ``source_2d``, ``target_2d`` (P, J, 2) px and ``rotation`` (P, 3, 3), R_{i->j}: both ways round by turns.

    Raises:
        InputError: missing joints, one camera alone, or a clip without a camera.
    """
    keypoints = torch.from_numpy(convert(data.keypoints_2d, data.skeleton, skeleton).keypoints).float()
    if not torch.isfinite(keypoints).all():
        raise InputError(f"the data have poses with missing joints; view synthesis needs all of {skeleton.name}.")
    turned = rotations(data)[torch.from_numpy(data.sequence.astype(np.int64))]
    if same_view:
        rows = np.repeat(np.arange(len(data))[:, None], 2, 1)
    else:
        views = np.unique(data.view).tolist()
        if len(views) < 2:
            raise InputError(f"the data have view {views} alone; view synthesis needs two synchronised cameras or more.")
        rows = synchronised(data, list(combinations(views, 2)))[0]
        rows[1::2] = rows[1::2, ::-1]
    first, second = torch.from_numpy(rows).unbind(1)
    return {
        "source_2d": keypoints[first],
        "target_2d": keypoints[second],
        "rotation": turned[second] @ turned[first].mT,
    }
