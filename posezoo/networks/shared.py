"""Compute batch norm and dropout over the global batch of a distributed run, on CPU (gloo) as on GPU.

``torch.nn.SyncBatchNorm`` works on GPUs alone, and plain dropout would repeat one mask on every process.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from posezoo.distributed import draw, share, total


class _GlobalBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch norm over the batches of all processes; on one process, torch's very own computation."""

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def forward(self, features: Tensor) -> Tensor:
        world = share()[1]
        if world == 1 or not self.training:
            return super().forward(features)
        samples = [dim for dim in range(features.ndim) if dim != 1]
        count = world * features.numel() // self.num_features
        variance, mean = torch.var_mean(features, samples, correction=0)
        # One message for both moments: latency, not size, is what it costs. Doubles, as the squares are subtracted again.
        mean, square = (total(torch.cat([mean.double(), variance.double() + mean.double() ** 2])) / world).chunk(2)
        mean, variance = mean.to(features.dtype), (square - mean**2).to(features.dtype)
        with torch.no_grad():
            momentum = float(self.momentum or 0.0)
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), momentum)
        scale = (variance + self.eps).rsqrt() * self.weight
        shape = (1, -1, *[1] * (features.ndim - 2))
        return (features - mean.view(shape)) * scale.view(shape) + self.bias.view(shape)


class BatchNorm1d(_GlobalBatchNorm, nn.BatchNorm1d):
    """``torch.nn.BatchNorm1d`` over the batches of all processes: features (B, W)."""


class BatchNorm2d(_GlobalBatchNorm, nn.BatchNorm2d):
    """``torch.nn.BatchNorm2d`` over the batches of all processes: features (B, W, rows, columns)."""


class Dropout(nn.Dropout):
    """``torch.nn.Dropout`` whose masks differ between processes: each takes its rows of the global batch's mask."""

    def forward(self, features: Float[Tensor, "B W"]) -> Float[Tensor, "B W"]:
        if share()[1] == 1 or not self.training:
            return super().forward(features)
        keep = 1 - self.p

        def mask(*shape: int, device: torch.device | str | None) -> Tensor:
            return torch.empty(shape, device=device, dtype=features.dtype).bernoulli_(keep)

        return features * draw(mask, *features.shape, device=features.device) / keep
