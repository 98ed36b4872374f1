"""Change poses and bodies: exchange limbs, turn bones, change proportions, move where joints are said to be, lean."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import normalize

from posezoo.distributed import draw
from posezoo.geometry import rotation_about
from posezoo.skeletons import Skeleton

_SIDES = ("left", "right")
_LIMBS = {"shoulder": ("elbow", "wrist"), "hip": ("knee", "ankle")}


@dataclass(frozen=True)
class Tree:
    """Index tables of a skeleton as tensors on one device.

    Attributes:
        parent: parent of each joint; the root is its own.
        ancestors: (J, J), 1 where the bone that ends in the column's joint lies between the root and the row's joint.
        segment: number of each joint's segment, the same for left and right; ``segments`` is how many there are.
        together: joint whose turn each bone follows: both hips turn as one, and so do both shoulders.
        limbs: (limb, joints) of every whole limb in the layout: ``shoulder`` or ``hip``, elbow and wrist or knee and ankle.
        trunk: (left, right) of the joints at the ends of the shoulder line and the hip line.
    """

    parent: Int[Tensor, " J"]
    ancestors: Float[Tensor, "J J"]
    segment: Int[Tensor, " J"]
    segments: int
    together: Int[Tensor, " J"]
    limbs: tuple[tuple[str, tuple[int, ...]], ...]
    trunk: dict[str, tuple[int, int]]

    @staticmethod
    @lru_cache(maxsize=16)
    def of(skeleton: Skeleton, device: torch.device) -> Tree:
        """Return the tables of a skeleton; they are made once for each device."""
        names = list(skeleton.joints)
        parents = list(range(len(names)))
        for parent, child in skeleton.bones:
            parents[child] = parent
        ancestors = torch.zeros(len(names), len(names))
        for joint in range(len(names)):
            above = joint
            while parents[above] != above:
                ancestors[joint, above] = 1
                above = parents[above]
        kinds = [name.removeprefix("left_").removeprefix("right_") for name in names]
        segments = sorted(set(kinds))
        together = list(range(len(names)))
        limbs, trunk = [], {}
        for start, rest in _LIMBS.items():
            ends = [f"{side}_{start}" for side in _SIDES]
            trunk[start] = (names.index(ends[0]), names.index(ends[1]))
            together[trunk[start][1]] = trunk[start][0]
            limbs += [(start, tuple(names.index(f"{side}_{joint}") for joint in rest)) for side in _SIDES]
        return Tree(
            torch.tensor(parents, device=device),
            ancestors.to(device),
            torch.tensor([segments.index(kind) for kind in kinds], device=device),
            len(segments),
            torch.tensor(together, device=device),
            tuple(limbs),
            trunk,
        )

    def bones(self, pose: Float[Tensor, "B J 3"]) -> Float[Tensor, "B J 3"]:
        """Return the vector of each joint from its parent; the root's is zero."""
        return pose - pose.index_select(1, self.parent)

    def joints(self, bones: Float[Tensor, "B J 3"]) -> Float[Tensor, "B J 3"]:
        """Return the joints about the root: the inverse of :meth:`bones`."""
        return self.ancestors.to(bones.dtype) @ bones

    def frames(self, pose: Float[Tensor, "B J 3"]) -> dict[str, Float[Tensor, "B 3 3"]]:
        """Return the trunk's frame at the shoulders and at the hips.

        Its columns point to the left, up along the trunk, and forward.
        """
        middles = {name: (pose[:, left] + pose[:, right]) / 2 for name, (left, right) in self.trunk.items()}
        upward = middles["shoulder"] - middles["hip"]
        frames = {}
        for name, (left, right) in self.trunk.items():
            across = normalize(pose[:, left] - pose[:, right], dim=-1)
            up = normalize(upward - (upward * across).sum(-1, keepdim=True) * across, dim=-1)
            frames[name] = torch.stack([across, up, torch.linalg.cross(across, up, dim=-1)], -1)
        return frames


def exchange_limbs(
    pose: Float[Tensor, "B J 3"], donor: Float[Tensor, "B J 3"], skeleton: Skeleton, probability: float
) -> Float[Tensor, "B J 3"]:
    """Give each arm and leg, with a probability, the posture that the donor's has relative to its own trunk.

    Li et al. 2020 (EvoSkeleton), Sec. 3.2, "crossover", with limbs turned along with the trunk.

    Args:
        pose: joints about any origin, any unit.
        donor: the poses that limbs are taken from, the same layout.
        skeleton: with both arms and both legs.
        probability: of each limb.

    Returns:
        joints about the root; every bone keeps the length that it has in ``pose``.
    """
    tree = Tree.of(skeleton, pose.device)
    bones, given = tree.bones(pose), tree.bones(donor)
    own, other = tree.frames(pose), tree.frames(donor)
    turns = {name: own[name] @ other[name].mT for name in own}
    for start, limb in tree.limbs:
        rows = list(limb)
        turned = normalize(given[:, rows] @ turns[start].mT, dim=-1) * bones[:, rows].norm(dim=-1, keepdim=True)
        taken = draw(torch.rand, len(pose), 1, 1, device=pose.device) < probability
        bones[:, rows] = torch.where(taken, turned, bones[:, rows])
    return tree.joints(bones)


def turn_bones(pose: Float[Tensor, "B J 3"], skeleton: Skeleton, deviation: float) -> Float[Tensor, "B J 3"]:
    """Turn every bone about an axis of its own, both hips as one and both shoulders as one.

    Gong et al. 2021 (PoseAug), Sec. 3.2, "bone angle"; axes and angles are drawn from a normal distribution.

    Args:
        pose: joints about any origin, any unit.
        skeleton: the layout.
        deviation: root mean square of the angles, rad.

    Returns:
        joints about the root; every bone keeps its length.
    """
    tree = Tree.of(skeleton, pose.device)
    turns = draw(torch.randn, *pose.shape, device=pose.device) * (deviation / math.sqrt(3))
    return tree.joints(_turned(tree.bones(pose), turns.index_select(1, tree.together)))


def _turned(vectors: Float[Tensor, "B J 3"], turns: Float[Tensor, "B J 3"]) -> Float[Tensor, "B J 3"]:
    """Return each vector turned about the direction of its turn, by its length: Rodrigues' formula."""
    angle = turns.norm(dim=-1, keepdim=True)
    axis = turns / angle.clamp_min(1e-9)
    along = axis * (axis * vectors).sum(-1, keepdim=True)
    return along + (vectors - along) * angle.cos() + torch.linalg.cross(axis, vectors, dim=-1) * angle.sin()


def change_body(
    pose: Float[Tensor, "B J 3"], skeleton: Skeleton, segments: float, size: float = 0.0
) -> Float[Tensor, "B J 3"]:
    """Give each pose a body of its own: each segment a factor, the same left and right, and all a common one.

    Gong et al. 2021 (PoseAug), Sec. 3.2, "bone length".

    Args:
        pose: joints about any origin, any unit.
        skeleton: the layout.
        segments, size: standard deviations of the factors, drawn about 1 and cut at 2.5 deviations.

    Returns:
        joints about the root; every bone keeps its direction.
    """
    tree = Tree.of(skeleton, pose.device)
    drawn = draw(torch.randn, len(pose), tree.segments + 1, device=pose.device).clamp(-2.5, 2.5)
    factors = (1 + segments * drawn[:, 1:].index_select(1, tree.segment)) * (1 + size * drawn[:, :1])
    return tree.joints(tree.bones(pose) * factors[..., None])


def move_joints(pose: Float[Tensor, "B J 3"], skeleton: Skeleton, deviation: float) -> Float[Tensor, "B J 3"]:
    """Give each pose a definition of joints of its own: detectors, markers and rigs put hips and shoulders elsewhere.

    Args:
        pose: joints about any origin, any unit.
        skeleton: the layout, with hips and shoulders.
        deviation: of each joint's :func:`joint_offsets`, in the trunk's frame at the hips; unit of ``pose``.

    Returns:
        joints about the root, which moves as the others do.
    """
    frame = Tree.of(skeleton, pose.device).frames(pose)["hip"]
    moved = pose + joint_offsets(len(pose), skeleton, deviation, pose.device).to(pose.dtype) @ frame.mT
    return moved - moved[:, skeleton.root : skeleton.root + 1]


def joint_offsets(
    count: int, skeleton: Skeleton, deviation: float, device: torch.device | str | None = None
) -> Float[Tensor, "B J 3"]:
    """Draw an offset for each joint: left and right are mirror images, and joints in the middle stay in the middle.

    Args:
        count: B.
        skeleton: the layout.
        deviation: along each axis, of a normal distribution.
        device: of the result.

    Returns:
        offsets to the left, up and forward, in the unit of ``deviation``.
    """
    joint, partner = torch.arange(len(skeleton), device=device), torch.tensor(skeleton.mirror, device=device)
    across = torch.tensor([-1.0, 1.0, 1.0], device=device)
    offset = deviation * draw(torch.randn, count, len(skeleton), 3, device=device)
    offset = torch.where((partner < joint)[:, None], offset[:, partner] * across, offset)
    return torch.where((partner == joint)[:, None], offset * across.clamp_min(0), offset)


def lean(pose: Float[Tensor, "B J 3"], probability: float, deviation: float) -> Float[Tensor, "B J 3"]:
    """Turn whole people about the vertical at random and tilt some: people who lie, fall, climb or do gymnastics.

    Args:
        pose: root at the origin, world frame (z up), any unit.
        probability: of tilting a person.
        deviation: of the tilt, rad, about a horizontal axis.
    """
    device, count = pose.device, len(pose)
    before, after, chosen = (2 * math.pi * draw(torch.rand, count, 3, device=device)).unbind(1)
    tilt = deviation * draw(torch.randn, count, device=device) * (chosen < 2 * math.pi * probability)
    turn = rotation_about("z", after) @ rotation_about("x", tilt) @ rotation_about("z", before)
    return pose @ turn.to(pose.dtype).mT
