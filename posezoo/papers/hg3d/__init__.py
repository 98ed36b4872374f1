"""Towards 3D Human Pose Estimation in the Wild: a Weakly-supervised Approach (Zhou et al., ICCV 2017)."""

from posezoo.deprecation import deprecated_names
from posezoo.papers.hg3d.module import HG3D

__all__ = ["HG3D"]

__getattr__ = deprecated_names(__name__, {"HG3DDataModule": "posezoo.data.pictures.PicturesDataModule"})
