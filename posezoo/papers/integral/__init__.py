"""Integral Human Pose Regression (Sun et al., ECCV 2018)."""

from posezoo.deprecation import deprecated_names
from posezoo.papers.integral.module import Integral

__all__ = ["Integral"]

__getattr__ = deprecated_names(__name__, {"IntegralDataModule": "posezoo.data.pictures.PicturesDataModule"})
