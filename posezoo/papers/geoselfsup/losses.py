"""The loss terms of Chen, Tyagi et al. 2019, unweighted. Poses are normalised; frames: camera, y down, z forward."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from posezoo.geometry import limb_ratios
from posezoo.skeletons import Skeleton


def loop_closure(first: Float[Tensor, "B J D"], second: Float[Tensor, "B J D"]) -> Float[Tensor, ""]:
    """Chen et al. 2019, Sec. 3.3: L_2D = ||x - x~||^2, L_3D = ||Y - Y~||^2, summed over joints, averaged over the batch."""
    return (first - second).square().sum((1, 2)).mean()


def discriminator(real: Float[Tensor, "B"], fake: Float[Tensor, "C"]) -> Float[Tensor, ""]:
    """Chen et al. 2019, Eq. 5-7: -log D(real) - log(1 - D(fake)), from logits; what a discriminator minimises."""
    return functional.softplus(-real).mean() + functional.softplus(fake).mean()


def adversarial(fake: Float[Tensor, "B"], saturating: bool = False) -> Float[Tensor, ""]:
    """Chen et al. 2019, Eq. 5, for the lifter, from logits.

    Args:
        fake: of projected poses.
        saturating: log(1 - D), as Eq. 5 reads; otherwise -log D, which Goodfellow et al. 2014 advise in its place, because
            the former has no gradient where the discriminator is sure.
    """
    return -functional.softplus(fake).mean() if saturating else functional.softplus(-fake).mean()


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Float[Tensor, "B *shape"]) -> Float[Tensor, ""]:
    """Mescheder et al. 2018, R1: squared gradient norm at real poses, in the critic's own scale. Not in the paper."""
    real = real.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(real).sum(), real, create_graph=True)
    return gradient.flatten(1).square().sum(1).mean()


def limb_symmetry(pose: Float[Tensor, "B J 3"], skeleton: Skeleton) -> Float[Tensor, ""]:
    """Chen et al. 2019, Sec. 4.3, "SS + Symm": left and right limbs have the same ratio of upper to lower length.

    The paper gives no formula. The difference of logarithms counts too long and too short alike.
    """
    left_arm, right_arm, left_leg, right_leg = limb_ratios(pose, skeleton).clamp_min(1e-3).log().unbind(1)
    return ((left_arm - right_arm).square() + (left_leg - right_leg).square()).mean()


def correction_size(correction: Float[Tensor, "B J 2"]) -> Float[Tensor, ""]:
    """Chen et al. 2019, Eq. 7, the regulariser ||C(x_s)||^2: corrections stay small."""
    return correction.square().sum((1, 2)).mean()


def completion(
    filled: Float[Tensor, "B J 2"], target: Float[Tensor, "B J 2"], present: Float[Tensor, "B J"]
) -> Float[Tensor, ""]:
    """Chen et al. 2019, Sec. 4.6: squared error, summed over the joints that were missing, averaged over the batch."""
    return ((filled - target).square().sum(-1) * (1 - present)).sum(1).mean()


def supervised(pose: Float[Tensor, "B J 3"], label: Float[Tensor, "B J 3"]) -> Float[Tensor, ""]:
    """Chen et al. 2019, Sec. 4.4: squared error of root-relative poses of one scale."""
    return (pose - label).square().sum((1, 2)).mean()
