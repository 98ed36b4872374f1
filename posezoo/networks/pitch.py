"""The pitch of cameras that nobody has measured, learned while a critic looks at new views."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn


class LearnedPitch(nn.Module):
    """Mean and deviation of the angle by which cameras look down at people, rad, as parameters.

    New views of a lifted person look like real ones only if the turn is about gravity's axis. So the loss that the critic
    gives the lifter has a gradient with regard to the pitch that is taken out before the turn and put in after it. ElePose
    (Wandt et al. 2022) predicts the angle of every picture and draws new views from the distribution of its predictions;
    here the distribution itself is learned.

    Args:
        mean, deviation: where learning starts; a deviation below :data:`LEAST` starts there.

    Example:
        >>> from posezoo.networks import LearnedPitch
        >>> [round(value.item(), 2) for value in LearnedPitch(0.1, 0.05)()]
        [0.1, 0.05]
    """

    LEAST = 0.02

    def __init__(self, mean: float, deviation: float) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.tensor(float(mean)))
        # The logarithm keeps the deviation positive.
        self.log_deviation = nn.Parameter(torch.tensor(math.log(max(deviation, self.LEAST))))

    def forward(self) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Return mean and deviation, rad."""
        return self.mean, self.log_deviation.exp()
