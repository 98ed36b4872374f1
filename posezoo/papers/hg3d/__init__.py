"""Towards 3D Human Pose Estimation in the Wild: a Weakly-supervised Approach (Zhou et al., ICCV 2017)."""

from posezoo.papers.hg3d.datamodule import HG3DDataModule
from posezoo.papers.hg3d.module import HG3D

__all__ = ["HG3D", "HG3DDataModule"]
