"""Building blocks used by two papers or more."""

from posezoo.networks.averaging import AveragedNetwork
from posezoo.networks.critic import PoseCritic
from posezoo.networks.fusion import fuse_batch_norm
from posezoo.networks.residual import ResidualBlock, ResidualMLP
from posezoo.networks.shared import BatchNorm1d, Dropout
from posezoo.networks.standardize import Standardize

__all__ = [
    "AveragedNetwork",
    "BatchNorm1d",
    "Dropout",
    "PoseCritic",
    "ResidualBlock",
    "ResidualMLP",
    "Standardize",
    "fuse_batch_norm",
]
