"""Data of Martinez et al. 2017: 2D poses with their 3D labels."""

from posezoo.data import LiftingDataModule


class MartinezDataModule(LiftingDataModule):
    """2D keypoints and 3D labels; all arguments are those of :class:`posezoo.data.LiftingDataModule`."""
