"""Draw the errors of 2D detectors: small ones, correlated ones, lost joints and exchanged sides."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from posezoo.distributed import draw
from posezoo.errors import InputError
from posezoo.settings import check_sizes
from posezoo.skeletons import Skeleton, get_skeleton
from posezoo.skeletons.conversion import conversion_matrix

_DERIVED = ("pelvis", "thorax", "spine")
# Joints whose errors are correlated, because a detector sees or misses a part of the body as a whole.
_PARTS = (
    ("pelvis", "left_hip", "right_hip"),
    ("spine", "thorax", "upper_neck", "nose", "head_top", "left_shoulder", "right_shoulder"),
    ("left_elbow", "left_wrist"),
    ("right_elbow", "right_wrist"),
    ("left_knee", "left_ankle"),
    ("right_knee", "right_ankle"),
)
_SWAPS = (("ankle",), ("knee", "ankle"), ("elbow", "wrist"))


@lru_cache(maxsize=16)
def _tables(skeleton: Skeleton, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the part of each joint, and the permutations of joints that the exchanges are."""
    names = list(skeleton.joints)
    part = [next((i for i, joints in enumerate(_PARTS) if name in joints), len(_PARTS)) for name in names]
    orders = []
    for kinds in _SWAPS:
        order = list(range(len(names)))
        for kind in kinds:
            left, right = names.index(f"left_{kind}"), names.index(f"right_{kind}")
            order[left], order[right] = right, left
        orders.append(order)
    return torch.tensor(part, device=device), torch.tensor(orders, device=device)


@lru_cache(maxsize=16)
def _derived(skeleton: Skeleton, device: torch.device) -> Tensor:
    """Return the (J, J) matrix that makes pelvis, thorax and spine of hips and shoulders, as ``convert`` does."""
    coco = get_skeleton("coco17")
    rows = torch.from_numpy(conversion_matrix(coco, skeleton)[0]).float()
    whole = torch.eye(len(skeleton))
    for joint in map(skeleton.index, set(_DERIVED) & set(skeleton.joints)):
        whole[joint] = 0
        for column in rows[joint].nonzero().flatten().tolist():
            whole[joint, skeleton.index(coco.joints[column])] = rows[joint, column]
    return whole.to(device)


def as_converted(points: Float[Tensor, "B J D"], skeleton: Skeleton) -> Float[Tensor, "B J D"]:
    """Return the pose as keypoints of COCO or MediaPipe give it: pelvis, thorax and spine made of hips and shoulders.

    Args:
        points: 2D or 3D, any unit and frame.
        skeleton: the layout.
    """
    return _derived(skeleton, points.device).to(points.dtype) @ points


@dataclass(frozen=True)
class DetectorNoise:
    """Errors of a 2D detector, in shares of the person's height in the picture.

    A modern detector errs by 3 to 8 px where a person is 600 px tall: 0.5 to 1.3 %. Errors of a video also last over
    frames, which a model of single poses cannot see.

    Attributes:
        level: least and largest deviation of a pose's errors; drawn uniformly in the logarithm.
        joint_spread: how much joints of a pose differ: deviation of the logarithm of their own factor.
        together: share of the deviation that the joints of a part of the body have in common.
        clean: share of poses without any error.
        poor: share of poses by a poor detector: on top, each joint is lost with probability ``lost``.
        lost, lost_deviation: of such joints, and how far off they are.
        swapped: share of poses in which a left and a right lower limb, or its end, are exchanged.
        measured: share of poses with errors drawn, joint by joint, from those of a real detector, where they are given.

    Raises:
        InputError: no deviation, or what is no size or no share.
    """

    level: tuple[float, float] = (0.002, 0.04)
    joint_spread: float = 0.5
    together: float = 0.5
    clean: float = 0.2
    poor: float = 0.3
    lost: float = 0.03
    lost_deviation: float = 0.12
    swapped: float = 0.02
    measured: float = 0.25

    def __post_init__(self) -> None:
        least, largest = self.level
        if not 0 < least <= largest < math.inf:
            raise InputError(f"noise.level is {least} to {largest}; expected deviations above 0 in ascending order.")
        shares = ("together", "clean", "poor", "lost", "swapped", "measured")
        check_sizes(self, "noise", ["joint_spread", "lost_deviation"], shares)

    def __call__(
        self,
        keypoints: Float[Tensor, "B J 2"],
        height: Float[Tensor, " B"],
        skeleton: Skeleton,
        errors: Float[Tensor, "M J 2"] | None = None,
    ) -> Float[Tensor, "B J 2"]:
        """Return the keypoints as a detector would give them.

        Args:
            keypoints: exact, of any unit.
            height: of each person in the picture, the same unit.
            skeleton: with both arms and both legs.
            errors: of a real detector, in shares of the height.
        """
        count, joints, device = len(keypoints), len(skeleton), keypoints.device
        part, orders = _tables(skeleton, device)
        kind, level = draw(torch.rand, count, 2, 1, 1, device=device).unbind(1)
        least, largest = self.level
        level = least * (largest / least) ** level
        own = draw(torch.randn, count, joints, 2, device=device)
        spread = (self.joint_spread * draw(torch.randn, count, joints, 1, device=device)).exp()
        common = draw(torch.randn, count, len(_PARTS) + 1, 2, device=device).index_select(1, part)
        alone = (1 - self.together**2) ** 0.5
        off = level * spread * (alone * own + self.together * common)
        lost = draw(torch.rand, count, joints, 1, device=device) < self.lost * (kind > 1 - self.poor)
        off = off + self.lost_deviation * lost * draw(torch.randn, count, joints, 2, device=device)
        if errors is not None:
            rows = (draw(torch.rand, count, joints, device=device) * len(errors)).long()
            measured = errors[rows, torch.arange(joints, device=device)]
            real = draw(torch.rand, count, 1, 1, device=device) < self.measured
            off = torch.where(real, measured, off)
        off = off * (kind >= self.clean)
        which = (draw(torch.rand, count, device=device) * len(orders) / max(self.swapped, 1e-9)).long()
        order = torch.cat([orders, torch.arange(joints, device=device)[None]])[which.clamp_max(len(orders))]
        exchanged = keypoints.gather(1, order[..., None].expand(-1, -1, 2))
        return exchanged + off * height[:, None, None]
