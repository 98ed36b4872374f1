"""Fold batch norms into the layers before them: the same outputs in eval mode, with half the passes over memory."""

from __future__ import annotations

import copy
from typing import Protocol, TypeVar, runtime_checkable

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

Network = TypeVar("Network", bound=nn.Module)


@runtime_checkable
class Fusable(Protocol):
    """A paper's own linear layer that can take in the batch norm that follows it."""

    def fused_with(self, norm: object) -> nn.Module:
        """Return one layer that computes this one followed by ``norm`` in eval mode."""
        ...


@torch.no_grad()
def fuse_batch_norm(network: Network) -> Network:
    """Return a copy for inference in which every (linear, batch norm, activation, dropout) is (linear, activation in place).

    Args:
        network: of the layers that :mod:`posezoo.networks.residual` makes, or others of the same names whose ``linear`` is
            :class:`Fusable`; anything else in it is copied as it is.

    Example:
        >>> import torch
        >>> from posezoo.networks import ResidualMLP, fuse_batch_norm
        >>> network, x = ResidualMLP(4, 2, width=8, blocks=1).eval(), torch.randn(5, 4)
        >>> with torch.inference_mode():
        ...     torch.allclose(fuse_batch_norm(network)(x), network(x), atol=1e-6)
        True
    """
    fused = copy.deepcopy(network).eval()
    for module in fused.modules():
        layers = dict(module.named_children()) if isinstance(module, nn.Sequential) else {}
        linear, norm, activation = layers.get("linear"), layers.get("norm"), layers.get("activation")
        if isinstance(linear, nn.Linear) and isinstance(norm, nn.BatchNorm1d):
            module.linear = fuse_linear_bn_eval(linear, norm)
            del module.norm
        elif isinstance(linear, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            module.linear = fuse_conv_bn_eval(linear, norm)
            del module.norm
        elif isinstance(norm, nn.BatchNorm1d) and isinstance(linear, Fusable):
            module.linear = linear.fused_with(norm)
            del module.norm
        if isinstance(activation, nn.ReLU | nn.LeakyReLU):
            activation.inplace = True
        if "dropout" in layers:
            del module.dropout
    return fused.requires_grad_(False)
