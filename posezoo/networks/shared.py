"""Compute batch norm and dropout over the global batch of a distributed run, on CPU (gloo) as on GPU.

``torch.nn.SyncBatchNorm`` works on GPUs alone, and plain dropout would repeat one mask on every process.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import BackwardCFunction, once_differentiable

from posezoo.distributed import draw, share, total


class _GlobalBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch norm over the batches of all processes; on one process, torch's very own computation."""

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    synchronised = True
    """Whether processes exchange moments, see :func:`synchronise_batch_norm`."""

    def forward(self, features: Tensor) -> Tensor:
        world = share()[1]
        if world == 1 or not self.training or not self.synchronised:
            return super().forward(features)
        outputs, mean, variance = _Normalize.apply(features, self.weight, self.bias, self.eps)
        count = world * features.numel() // self.num_features
        with torch.no_grad():
            momentum = float(self.momentum or 0.0)
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), momentum)
        return outputs


class _Normalize(torch.autograd.Function):
    """Batch norm by the moments of all processes' batches: two of torch's kernels and one message each way.

    Processes hold batches of equal size. The gradients of weight and bias are of this process's samples: DDP averages them.
    """

    @staticmethod
    def forward(
        ctx: BackwardCFunction, features: Tensor, weight: Tensor, bias: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the outputs, and the mean and (biased) variance of the global batch."""
        # var_mean would take thirty times as long on the CPU. Of 16-bit features it would round the moments to 16 bits.
        wide = features.to(torch.promote_types(features.dtype, weight.dtype))
        mean, variance = torch.batch_norm_update_stats(wide, None, None, 0.0)
        # One message for both moments: latency, not size, is what it costs. Doubles, as the squares are subtracted again.
        mean, square = (total(torch.cat([mean.double(), variance.double() + mean.double() ** 2])) / share()[1]).chunk(2)
        mean, variance = mean.to(weight.dtype), (square - mean**2).to(weight.dtype)
        ctx.save_for_backward(features, weight, mean, variance + eps)
        ctx.mark_non_differentiable(mean, variance)
        return nn.functional.batch_norm(features, mean, variance, weight, bias, eps=eps), mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx: BackwardCFunction, gradient: Tensor, *_: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """Return the gradients of features, weight and bias."""
        features, weight, mean, spread = cast("tuple[Tensor, ...]", ctx.saved_tensors)
        # With given moments (not training) the kernel's other two results are sum(gradient * normalised) and sum(gradient).
        _, along, straight = torch.ops.aten.native_batch_norm_backward(
            gradient, features, weight, mean, spread, None, None, False, 0.0, [False, True, True]
        )
        count = share()[1] * features.numel() // len(mean)
        mean_along, mean_straight = (total(torch.cat([along, straight]).double()) / count).chunk(2)
        deviation = spread.double().sqrt()
        scale = weight / deviation
        slope = -scale * mean_along / deviation
        offset = -scale * mean_straight - slope * mean

        def column(values: Tensor) -> Tensor:
            return values.to(weight.dtype).view(-1, *[1] * (features.ndim - 2))

        back = torch.addcmul(column(offset), features, column(slope)).addcmul_(gradient, column(scale))
        return back.to(features.dtype), along, straight, None


class BatchNorm1d(_GlobalBatchNorm, nn.BatchNorm1d):
    """``torch.nn.BatchNorm1d`` over the batches of all processes: features (B, W)."""


class BatchNorm2d(_GlobalBatchNorm, nn.BatchNorm2d):
    """``torch.nn.BatchNorm2d`` over the batches of all processes: features (B, W, rows, columns)."""


def synchronise_batch_norm(network: nn.Module, synchronised: bool) -> None:
    """Choose between moments of the global batch and moments of each process's own batch.

    Moments of the global batch make two processes train to the weights of one. They take a message for every batch norm and
    direction, for which all processes wait. Moments of each process's own batch take none: it is another, noisier training
    where these batches are small. The running moments are then the first process's, which DDP sends to all at every step.

    Args:
        network: whose batch norms are set.
        synchronised: by the global batch, as they are at first.
    """
    for module in network.modules():
        if isinstance(module, _GlobalBatchNorm):
            module.synchronised = synchronised


class Dropout(nn.Dropout):
    """``torch.nn.Dropout`` whose masks differ between processes: each takes its rows of the global batch's mask.

    A mask has 16 random bits for each feature: the probability is exact to 1 / 65,536. On the CPU torch's own mask takes
    longer than the layer before it, this one a fifth of that. One process on another device uses torch's own kernel.
    """

    def forward(self, features: Float[Tensor, "B W"]) -> Float[Tensor, "B W"]:
        kept = round((1 - self.p) * 2**16)
        alone = share()[1] == 1 and features.device.type != "cpu"
        if not self.training or alone or kept in (0, 2**16):  # none and all need no mask
            return super().forward(features)
        mask = draw(_random_16_bits, *features.shape, device=features.device) < kept - 2**15
        return features * mask.to(features.dtype).mul_(2**16 / kept)


def _random_16_bits(*shape: int, device: torch.device | str | None) -> Tensor:
    """Return integers, each of the 65,536 of ``torch.int16`` as likely; the generator is asked for 64 bits at a time."""
    count = math.prod(shape)
    bits = torch.empty(-(-count // 4), dtype=torch.int64, device=device).random_(-(2**63), None)
    return bits.view(torch.int16)[:count].view(shape)
