"""Move and change bodies as trees of bones: forward kinematics, bone lengths, other body shapes."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from posezoo.distributed import draw
from posezoo.errors import InputError
from posezoo.skeletons import Skeleton


def forward_kinematics(
    rotations: Float[Tensor, "*batch J 3 3"],
    offsets: Float[Tensor, "*#batch J 3"],
    parents: tuple[int, ...],
) -> tuple[Float[Tensor, "*batch J 3"], Float[Tensor, "*batch J 3 3"]]:
    """Return joint positions and global rotations from local rotations and bone offsets.

    Args:
        rotations: of each joint relative to its parent, acting on column vectors.
        offsets: of each joint from its parent, in the parent's frame; the root's is its position.
        parents: a parent comes before its children; the root's is -1.

    Returns:
        positions in the unit of the offsets, and rotations of every joint in the root's frame.
    """
    positions: list[Tensor] = []
    globals_: list[Tensor] = []
    for joint, parent in enumerate(parents):
        offset = offsets[..., joint, :].expand(*rotations.shape[:-3], 3)
        if parent == -1:
            positions.append(offset)
            globals_.append(rotations[..., joint, :, :])
        else:
            positions.append(positions[parent] + (globals_[parent] @ offset[..., None])[..., 0])
            globals_.append(globals_[parent] @ rotations[..., joint, :, :])
    return torch.stack(positions, dim=-2), torch.stack(globals_, dim=-3)


def bone_lengths(points: Float[Tensor, "*batch J D"], skeleton: Skeleton) -> Float[Tensor, "*batch bones"]:
    """Return the length of every bone of ``skeleton.bones``, in the unit of the points."""
    parents, children = zip(*skeleton.bones, strict=True)
    return (points[..., list(children), :] - points[..., list(parents), :]).norm(dim=-1)


def bone_asymmetry(points: Float[Tensor, "*batch J D"], skeleton: Skeleton) -> Float[Tensor, "*batch pairs"]:
    """Return how much longer each left bone is than the right one, in the order of ``skeleton.bone_pairs``."""
    lengths = bone_lengths(points, skeleton)
    left = [skeleton.bones.index(bone) for bone, _ in skeleton.bone_pairs]
    right = [skeleton.bones.index(bone) for _, bone in skeleton.bone_pairs]
    return lengths[..., left] - lengths[..., right]


def body_variance(pose: Float[Tensor, "B J 3"], skeleton: Skeleton) -> Float[Tensor, ""]:
    """Return how much the bodies of a batch differ from one symmetric body; any frame and unit, no label.

    Bones over the pose's mean bone: variance over the batch, mean of the bones, plus the mean square of left minus right. In
    the manner of Zhou et al. 2017, Eq. 4, which takes the variance of bones over a person's canonical ones.
    """
    lengths = bone_lengths(pose, skeleton)
    size = lengths.mean(1, keepdim=True).clamp_min(1e-6)
    return (lengths / size).var(0, correction=0).mean() + (bone_asymmetry(pose, skeleton) / size).square().mean()


LIMBS = ("left arm", "right arm", "left leg", "right leg")
"""The order of :func:`limb_ratios`."""


def limb_ratios(pose: Float[Tensor, "B J 3"], skeleton: Skeleton) -> Float[Tensor, "B 4"]:
    """Return the ratio of upper to lower length of each limb, in the order of :data:`LIMBS` (Chen et al. 2019, Sec. 4.3).

    Args:
        pose: any frame and unit.
        skeleton: with both arms and both legs.

    Raises:
        InputError: the layout lacks a limb.
    """
    chains = [
        tuple(f"{side}_{joint}" for joint in limb)
        for limb in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))
        for side in ("left", "right")
    ]
    missing = sorted({joint for chain in chains for joint in chain} - set(skeleton.joints))
    if missing:
        raise InputError(f"{skeleton.name} lacks {', '.join(missing)}; limb ratios need both arms and both legs.")
    ratios = []
    for chain in chains:
        first, middle, last = (pose[:, skeleton.index(joint)] for joint in chain)
        ratios.append((first - middle).norm(dim=-1) / (middle - last).norm(dim=-1).clamp_min(1e-6))
    return torch.stack(ratios, dim=1)


def mirror(points: Float[Tensor, "*batch J D"], skeleton: Skeleton) -> Float[Tensor, "*batch J D"]:
    """Return the mirror image about x = 0: x negated, left and right joints swapped."""
    swapped = points[..., list(skeleton.mirror), :]
    return torch.cat([-swapped[..., :1], swapped[..., 1:]], dim=-1)


def mirror_half(*poses: Tensor, skeleton: Skeleton) -> tuple[Tensor, ...]:
    """Mirror each pose with probability 1/2, in all the given tensors alike.

    Args:
        poses: (B, .., J, D) each, centred, so that their mirror images stay where they are.
        skeleton: their layout.
    """
    first = poses[0]
    chosen = draw(torch.rand, len(first), device=first.device) < 0.5
    return tuple(choose(chosen, mirror(pose, skeleton), pose) for pose in poses)


def choose(first: Bool[Tensor, "B"], one: Float[Tensor, "B ..."], other: Float[Tensor, "B ..."]) -> Float[Tensor, "B ..."]:
    """Return, row by row, the first batch where ``first`` is True, else the second."""
    return torch.where(first.view(-1, *[1] * (one.ndim - 1)), one, other)


def scale_bones(
    pose: Float[Tensor, "*batch J 3"], factors: Float[Tensor, "J"], skeleton: Skeleton
) -> Float[Tensor, "*batch J 3"]:
    """Scale the bones of a motion to another body; every bone keeps its direction, and the root stays in place.

    Args:
        pose: any frame and unit.
        factors: of the bone that ends in each joint; the root's is not used.
        skeleton: the tree.
    """
    done: dict[int, Tensor] = {skeleton.root: pose[..., skeleton.root, :]}
    while len(done) < len(skeleton):
        for parent, child in skeleton.bones:
            if parent in done and child not in done:
                done[child] = done[parent] + factors[child] * (pose[..., child, :] - pose[..., parent, :])
    return torch.stack([done[joint] for joint in range(len(skeleton))], dim=-2)
