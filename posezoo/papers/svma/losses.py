"""Define the loss terms of Deng et al. 2021, unweighted. Frames: camera (x right, y down, z forward), root at the origin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import torch
from jaxtyping import Float
from torch import Tensor

from posezoo.geometry import bone_asymmetry
from posezoo.skeletons import Skeleton


def _distance_per_joint(first: Float[Tensor, "B J D"], second: Float[Tensor, "B J D"]) -> Float[Tensor, ""]:
    """Return the 2-norm of the whole difference, over the number of joints, averaged over the batch."""
    difference = (first - second).flatten(1)
    # The tiny constant keeps the gradient of the norm finite where both poses are the same.
    return (difference.square().sum(1) + 1e-12).sqrt().mean() / first.shape[1]


def consistency_3d(lifted_again: Float[Tensor, "B J 3"], rotated: Float[Tensor, "B J 3"]) -> Float[Tensor, ""]:
    """Deng et al. 2021, Eq. 7: the pose lifted from the new view is the rotated pose."""
    return _distance_per_joint(lifted_again, rotated)


def camera_equality(camera: Float[Tensor, "B 2 3"], camera_again: Float[Tensor, "B 2 3"]) -> Float[Tensor, ""]:
    """Deng et al. 2021, Eq. 8: both passes estimate the same camera (1-norm over its 6 numbers)."""
    return (camera - camera_again).abs().flatten(1).sum(1).mean() / 6


def multi_angle(first_angle: Sequence[Tensor], second_angle: Sequence[Tensor]) -> Float[Tensor, ""]:
    """Deng et al. 2021, Eq. 9: all 2D poses of one angle, observed or reprojected, are the same.

    Args:
        first_angle: m poses (B, J, 2): the input, and both 3D estimates by both cameras.
        second_angle: n poses (B, J, 2) after the rotation.
    """
    total = first_angle[0].new_zeros(())
    for poses in (first_angle, second_angle):
        for first, second in combinations(poses, 2):
            total = total + _distance_per_joint(first, second) / len(poses)
    return total


def critic_difference(rotated: Float[Tensor, "B"], real: Float[Tensor, "B"]) -> Float[Tensor, ""]:
    """Deng et al. 2021, Eq. 10, first line: what the critic maximises is real minus rotated."""
    return rotated.mean() - real.mean()


def gradient_penalty(
    critic: Callable[[Tensor], Tensor],
    real: Float[Tensor, "B J 2"],
    rotated: Float[Tensor, "B J 2"],
    mix: Float[Tensor, "B 1 1"],
) -> Float[Tensor, ""]:
    """Deng et al. 2021, Eq. 10, second line, as in WGAN-GP: (||gradient|| - 1)^2 between real and rotated poses.

    The paper prints the gradient of D - 1; Gulrajani et al. 2017, which it cites as standard, is what is meant.

    Args:
        critic: (B, J, 2) -> (B,).
        real, rotated: poses of both kinds, detached.
        mix: in [0, 1], where on the line between them the gradient is taken.
    """
    between = (mix * real + (1 - mix) * rotated).requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return ((gradient.flatten(1).square().sum(1) + 1e-12).sqrt() - 1).square().mean()


def camera_scale(camera: Float[Tensor, "B 2 3"]) -> Float[Tensor, ""]:
    """Deng et al. 2021, Eq. 13, first term: K K^T is a multiple of the identity.

    The paper prints K K^2, which is no product of a 2x3 matrix; Eq. 11 says K K^T.
    """
    gram = camera @ camera.transpose(1, 2)
    trace = gram.diagonal(dim1=1, dim2=2).sum(-1).clamp_min(1e-12)[:, None, None]
    difference = 2 / trace * gram - torch.eye(2, dtype=gram.dtype, device=gram.device)
    return (difference.flatten(1).square().sum(1) + 1e-12).sqrt().mean()


def bone_symmetry(pose: Float[Tensor, "B J 3"], skeleton: Skeleton) -> Float[Tensor, ""]:
    """Deng et al. 2021, Eq. 14: bones on the left are as long as those on the right."""
    return bone_asymmetry(pose, skeleton).square().mean()


def facing_angle(pose: Float[Tensor, "B J 3"], skeleton: Skeleton) -> Float[Tensor, ""]:
    """Deng et al. 2021, Eq. 16: the face looks to the front of the shoulders, so depth is not inverted.

    Forward (neck to nose) x left (right to left shoulder) points up in a right-handed frame. The paper's sign is that
    of y up; here y points down, so it is the other way round. As printed, the norms are those of the 3D vectors.
    """
    joint = {name: pose[:, skeleton.index(name)] for name in ("nose", "thorax", "left_shoulder", "right_shoulder")}
    face, shoulders = joint["nose"] - joint["thorax"], joint["left_shoulder"] - joint["right_shoulder"]
    cross = face[:, 2] * shoulders[:, 0] - face[:, 0] * shoulders[:, 2]
    sine = -cross / (face.norm(dim=1) * shoulders.norm(dim=1)).clamp_min(1e-6)
    return (-sine).clamp_min(0).mean()
