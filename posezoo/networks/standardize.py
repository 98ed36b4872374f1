"""Standardise to zero mean and unit variance by statistics that are stored with the weights."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Standardize(nn.Module):
    """Standardises the last two dimensions by stored mean and deviation.

    Args:
        shape: (J, D) of the samples.
        floor: the least deviation, for coordinates that never vary (a root at the origin).
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, *shape: int, floor: float = 1e-6) -> None:
        super().__init__()
        self.floor = floor
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("deviation", torch.ones(shape))

    @torch.no_grad()
    def fit(self, samples: Float[Tensor, "N J D"]) -> None:
        """Take mean and deviation from training samples."""
        self.mean.copy_(samples.mean(0))
        self.deviation.copy_(samples.std(0).clamp_min(self.floor))

    def forward(self, samples: Float[Tensor, "B J D"]) -> Float[Tensor, "B J D"]:
        return (samples - self.mean) / self.deviation

    def inverse(self, samples: Float[Tensor, "B J D"]) -> Float[Tensor, "B J D"]:
        """Turn standardised values back into the unit of the samples."""
        return samples * self.deviation + self.mean
