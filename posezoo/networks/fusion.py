"""Fold batch norms into the layers before them: the same outputs in eval mode, with half the passes over memory."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Protocol, TypeVar, cast, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from posezoo.networks.residual import ResidualBlock, ResidualMLP

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

    Every :class:`ResidualMLP` becomes a :class:`FusedMLP`.

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
    fused = nn.ModuleList([copy.deepcopy(network).eval()])
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
    for parent in list(fused.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, ResidualMLP) and {type(module) for module in child.modules()} <= _PLAIN:
                setattr(parent, name, FusedMLP(child))
    return cast(Network, fused.requires_grad_(False)[0])


_PLAIN = {ResidualMLP, ResidualBlock, nn.Sequential, nn.Linear, nn.ReLU, nn.LeakyReLU, nn.Identity}


class FusedMLP(nn.Module):
    """A :class:`ResidualMLP` of linear layers and activations alone, which computes all of them in one loop.

    Where a single pose is lifted, calling a module for each layer takes a third as long as the matrix products.

    Args:
        network: whose linear layers are used, not copied.
    """

    def __init__(self, network: ResidualMLP) -> None:
        super().__init__()
        self.activate = {"relu": torch.relu_, "leaky_relu": nn.functional.leaky_relu_}[network.activation]
        layers = [module for module in network.modules() if isinstance(module, nn.Linear)]
        self.door = layers.pop(0) if isinstance(network.door, nn.Sequential) else None
        self.head = layers.pop() if isinstance(network.head, nn.Linear) else None
        self.firsts, self.seconds = nn.ModuleList(layers[::2]), nn.ModuleList(layers[1::2])

    def forward(
        self, features: Float[Tensor, "B inputs"], added: Float[Tensor, "B W"] | None = None
    ) -> Float[Tensor, "B outputs"]:
        """Return what :meth:`ResidualMLP.forward` returns in eval mode."""
        linear, activate = nn.functional.linear, self.activate
        if self.door is not None:
            features = activate(linear(features, self.door.weight, self.door.bias))
        if added is not None:
            features = features + added
        blocks = cast("Iterable[tuple[nn.Linear, nn.Linear]]", zip(self.firsts, self.seconds, strict=True))
        for first, second in blocks:
            change = activate(linear(features, first.weight, first.bias))
            features = features + activate(linear(change, second.weight, second.bias))
        return features if self.head is None else linear(features, self.head.weight, self.head.bias)
