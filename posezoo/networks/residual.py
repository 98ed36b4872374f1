"""Fully connected residual networks, the backbone of 2D-to-3D lifting since Martinez et al. 2017."""

from __future__ import annotations

from collections import OrderedDict

from jaxtyping import Float
from torch import Tensor, nn

from posezoo.errors import UnknownNameError
from posezoo.networks.shared import BatchNorm1d, Dropout

_ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "leaky_relu": nn.LeakyReLU}


def _layer(inputs: int, outputs: int, activation: str, batch_norm: bool, dropout: float) -> OrderedDict[str, nn.Module]:
    """Return a block of linear layer, batch norm, activation and dropout, without those that are switched off."""
    if activation not in _ACTIVATIONS:
        raise UnknownNameError.of("activation", activation, _ACTIVATIONS)
    modules: OrderedDict[str, nn.Module] = OrderedDict(linear=nn.Linear(inputs, outputs))
    if batch_norm:
        modules["norm"] = BatchNorm1d(outputs)
    modules["activation"] = _ACTIVATIONS[activation]()
    if dropout:
        modules["dropout"] = Dropout(dropout)
    return modules


class ResidualBlock(nn.Module):
    """Two layers of (linear, batch norm, activation, dropout), added to their input.

    Martinez et al. 2017, Fig. 1.

    Args:
        width: of input and output.
        activation: ``relu`` or ``leaky_relu``.
        batch_norm: off for critics, whose gradient penalty is per sample.
        dropout: probability, 0 for none.
    """

    def __init__(self, width: int, activation: str = "relu", batch_norm: bool = True, dropout: float = 0.0) -> None:
        super().__init__()
        self.first = nn.Sequential(_layer(width, width, activation, batch_norm, dropout))
        self.second = nn.Sequential(_layer(width, width, activation, batch_norm, dropout))

    def forward(self, features: Float[Tensor, "B W"]) -> Float[Tensor, "B W"]:
        return features + self.second(self.first(features))


class ResidualMLP(nn.Module):
    """A layer up to ``width``, residual blocks, and a linear layer to the outputs.

    Args:
        inputs, outputs: numbers of features; ``outputs=None`` leaves out the last layer.
        width: of the blocks.
        blocks: how many.
        activation, batch_norm, dropout: as in :class:`ResidualBlock`.
        lift_in: whether the first layer is there; without it the input has ``width`` features already.

    Example:
        >>> import torch
        >>> from posezoo.networks import ResidualMLP
        >>> ResidualMLP(34, 51, width=64, blocks=2)(torch.zeros(8, 34)).shape
        torch.Size([8, 51])
    """

    def __init__(
        self,
        inputs: int,
        outputs: int | None,
        width: int,
        blocks: int,
        activation: str = "relu",
        batch_norm: bool = True,
        dropout: float = 0.0,
        lift_in: bool = True,
    ) -> None:
        super().__init__()
        self.activation = activation
        self.door = nn.Sequential(_layer(inputs, width, activation, batch_norm, dropout)) if lift_in else nn.Identity()
        self.blocks = nn.Sequential(*(ResidualBlock(width, activation, batch_norm, dropout) for _ in range(blocks)))
        self.head = nn.Identity() if outputs is None else nn.Linear(width, outputs)

    def forward(
        self, features: Float[Tensor, "B inputs"], added: Float[Tensor, "B W"] | None = None
    ) -> Float[Tensor, "B outputs"]:
        """Return the features; ``added``, further features of the samples, is added after the first layer."""
        features = self.door(features)
        return self.head(self.blocks(features if added is None else features + added))
