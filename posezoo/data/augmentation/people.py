"""Make training batches from a pool of 3D poses: change each pose, project it through a camera, add a detector's errors."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from posezoo.data.augmentation.bodies import Tree, change_body, exchange_limbs, lean, move_joints, turn_bones
from posezoo.data.augmentation.cameras import RandomCameras
from posezoo.data.augmentation.detector import DetectorNoise, as_converted
from posezoo.distributed import draw
from posezoo.errors import InputError
from posezoo.geometry import mirror_half
from posezoo.poses.facing import CENTER_PX, FOCAL_PX
from posezoo.settings import check_sizes
from posezoo.skeletons import Skeleton

STATURE_MM = 1700.0
"""The stature of all bodies. A picture does not tell size from distance, so labels of many sizes would conflict."""
_WITH_FOOT = 1.05  # the ankle is at 4 to 5 % of the stature
_UPRIGHT = ("right_knee", "right_ankle", "spine", "thorax", "upper_neck", "nose", "head_top")


@dataclass(frozen=True)
class Augmentation:
    """How poses of a pool become training samples. A recipe gives the fields by name (``data.augmentation``).

    Attributes:
        limbs: probability that an arm or leg is taken from another pose, see :func:`exchange_limbs`.
        turn: of every bone, rad, see :func:`turn_bones`.
        segments: deviation of the body's proportions, see :func:`change_body`.
        definition_mm: deviation of where a joint is said to be, see :func:`move_joints`.
        leaning, lean: share and deviation (rad) of people who are tilted, see :func:`lean`.
        cameras: fields of :class:`RandomCameras`.
        noise: fields of :class:`DetectorNoise`.
        converted: share of poses given as keypoints of another layout give them, see :func:`as_converted`.
        views: how many cameras see each changed pose; a step takes less time with more.
        batches: how many batches are an epoch.

    Raises:
        InputError: no view, no batch, or what is no size or no share.
    """

    limbs: float = 0.35
    turn: float = 0.12
    segments: float = 0.08
    definition_mm: float = 0.0
    leaning: float = 0.1
    lean: float = 0.8
    cameras: RandomCameras = field(default_factory=RandomCameras)
    noise: DetectorNoise = field(default_factory=DetectorNoise)
    converted: float = 0.5
    views: int = 1
    batches: int = 500

    def __post_init__(self) -> None:
        if self.views < 1 or self.batches < 1:
            raise InputError(f"augmentation with {self.views} views and {self.batches} batches; expected 1 or more of each.")
        check_sizes(self, "augmentation", ["turn", "segments", "definition_mm", "lean"], ["limbs", "leaning", "converted"])

    def change(self, pool: Float[Tensor, "N J 3"], count: int, skeleton: Skeleton) -> Float[Tensor, "B J 3"]:
        """Draw poses of the pool, mirrored or not, and change posture and body.

        Args:
            pool: root at the origin, world frame (z up), any unit.
            count: how many to draw.
            skeleton: of the pool.

        Returns:
            poses of people :data:`STATURE_MM` tall, mm.
        """
        pose, donor = (_drawn(pool, count, skeleton) for _ in range(2))
        if self.limbs:
            pose = exchange_limbs(pose, donor, skeleton, self.limbs)
        pose = turn_bones(pose, skeleton, self.turn)
        pose = change_body(pose, skeleton, self.segments)
        pose = pose * (STATURE_MM / stature(pose, skeleton))[:, None, None]
        if self.definition_mm:
            pose = move_joints(pose, skeleton, self.definition_mm)
        return lean(pose, self.leaning, self.lean)

    def __call__(
        self,
        pool: Float[Tensor, "N J 3"],
        count: int,
        skeleton: Skeleton,
        errors: Float[Tensor, "M J 2"] | None = None,
    ) -> dict[str, Tensor]:
        """Return a batch: ``keypoints_2d`` (B, J, 2) px and ``pose_3d`` (B, J, 3) mm.

        Poses are root-relative, in the frame of the camera turned to look at the root.

        Args:
            pool: root at the origin, world frame (z up), any unit.
            count: B.
            skeleton: of the pool.
            errors: of a real detector, see :class:`DetectorNoise`.
        """
        pose = self.change(pool, math.ceil(count / self.views), skeleton).repeat(self.views, 1, 1)[:count]
        keypoints, pose, distance = self.cameras.see(pose)
        if self.converted:
            chosen = draw(torch.rand, count, 1, 1, device=pose.device) < self.converted
            keypoints, pose = (torch.where(chosen, as_converted(x, skeleton), x) for x in (keypoints, pose))
        keypoints = self.noise(keypoints, STATURE_MM / distance, skeleton, errors)
        root = skeleton.root
        return {"keypoints_2d": keypoints * FOCAL_PX + CENTER_PX, "pose_3d": pose - pose[:, root : root + 1]}


def _drawn(pool: Tensor, count: int, skeleton: Skeleton) -> Tensor:
    rows = (draw(torch.rand, count, device=pool.device) * len(pool)).long().clamp_max(len(pool) - 1)
    (poses,) = mirror_half(pool.index_select(0, rows), skeleton=skeleton)
    return poses


def stature(pose: Float[Tensor, "B J 3"], skeleton: Skeleton) -> Float[Tensor, " B"]:
    """Return the height of each body standing straight, mm: the bones from an ankle to the crown, and 5 % for the foot."""
    lengths = Tree.of(skeleton, pose.device).bones(pose).norm(dim=-1)
    upright = [skeleton.index(joint) for joint in _UPRIGHT if joint in skeleton.joints]
    return lengths[:, upright].sum(1) * _WITH_FOOT


@runtime_checkable
class Sampler(Protocol):
    """Anything that makes a batch of a pool, as :class:`Augmentation` does."""

    @property
    def batches(self) -> int:
        """How many batches are an epoch."""

    def __call__(self, pool: Tensor, count: int, skeleton: Skeleton, errors: Tensor | None = None) -> dict[str, Tensor]:
        """Return a batch."""


class AugmentedLoader:
    """Iterate over batches made of a pool of poses; no two batches are alike.

    Args:
        pool: (N, J, 3) poses, root at the origin, world frame (z up), any unit.
        augmentation: how samples are made.
        batch_size: per process.
        skeleton: of the pool.
        errors: (M, J, 2) of a real detector, in body heights; None for those that ``augmentation.noise`` makes up.
        device: where the pool lies and batches are made.

    Raises:
        InputError: an empty pool.
    """

    def __init__(
        self,
        pool: Tensor,
        augmentation: Sampler,
        batch_size: int,
        skeleton: Skeleton,
        errors: Tensor | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        if not len(pool):
            raise InputError("there is no pose to augment; expected a training split with 3D poses.")
        self.pool, self.errors = pool.to(device), None if errors is None else errors.to(device)
        self.augmentation, self.batch_size, self.skeleton = augmentation, batch_size, skeleton

    def __len__(self) -> int:
        return self.augmentation.batches

    def sample(self, count: int) -> dict[str, Tensor]:
        """Return a batch of another size."""
        with torch.no_grad():
            return self.augmentation(self.pool, count, self.skeleton, self.errors)

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        for _ in range(len(self)):
            yield self.sample(self.batch_size)
