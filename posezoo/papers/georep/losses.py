"""Define the losses of Chen, Lin et al. 2019, a function for each term."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn


def reconstruction(pred: Float[Tensor, "B C S S"], target: Float[Tensor, "B C S S"]) -> Float[Tensor, ""]:
    """Chen, Lin et al. 2019, Eq. 1: squared distance of skeleton maps, summed over a pose's pixels, mean over poses."""
    return (pred - target).square().sum() / len(pred)


def consistency(
    rotated: Float[Tensor, "B M D"], other: Float[Tensor, "B M D"], normalized: str = "points"
) -> Float[Tensor, ""]:
    """Chen, Lin et al. 2019, Eq. 3: squared distance of the normalised codes, summed over points, mean over poses.

    Args:
        rotated: G_ij, the source's code turned into the target's view.
        other: G_j, what the other generator's encoder makes of the target.
        normalized: what has length 1, which a rotation does not change: each of the M ``points`` that Eq. 3 sums over, or a
            pose's whole ``code``, which makes the loss M times smaller.
    """
    if normalized == "code":
        rotated, other = rotated.flatten(1), other.flatten(1)
    first, second = (nn.functional.normalize(code, dim=-1) for code in (rotated, other))
    return (first - second).square().sum() / len(first)


def squared_error(pred: Float[Tensor, "B J 3"], target: Float[Tensor, "B J 3"]) -> Float[Tensor, ""]:
    """Return the regressors' loss, which the paper does not give: mean squared error of standardised poses."""
    return nn.functional.mse_loss(pred, target)
