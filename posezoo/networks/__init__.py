"""Building blocks used by two papers or more."""

from posezoo.networks.averaging import AveragedNetwork
from posezoo.networks.convolution import channels_last, convolution
from posezoo.networks.critic import PoseCritic
from posezoo.networks.fusion import fuse_batch_norm
from posezoo.networks.pitch import LearnedPitch
from posezoo.networks.representation import Injection, SkeletonEncoder, encode_all, rotate
from posezoo.networks.residual import ResidualBlock, ResidualMLP
from posezoo.networks.shared import BatchNorm1d, BatchNorm2d, Dropout, synchronise_batch_norm
from posezoo.networks.standardize import Standardize

__all__ = [
    "AveragedNetwork",
    "BatchNorm1d",
    "BatchNorm2d",
    "Dropout",
    "Injection",
    "LearnedPitch",
    "PoseCritic",
    "ResidualBlock",
    "ResidualMLP",
    "SkeletonEncoder",
    "Standardize",
    "channels_last",
    "convolution",
    "encode_all",
    "fuse_batch_norm",
    "rotate",
    "synchronise_batch_norm",
]
