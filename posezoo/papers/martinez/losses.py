"""Define the loss of Martinez et al. 2017."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn


def squared_error(pred: Float[Tensor, "B J 3"], target: Float[Tensor, "B J 3"]) -> Float[Tensor, ""]:
    """Martinez et al. 2017, Eq. 1: mean squared error of standardised, root-relative poses."""
    return nn.functional.mse_loss(pred, target)


def joint_distance(pred: Float[Tensor, "B J 3"], target: Float[Tensor, "B J 3"]) -> Float[Tensor, ""]:
    """Return the mean distance of joints, in the unit of the poses; the paper uses it as a metric, not as a loss."""
    return (pred - target).norm(dim=-1).mean()
