"""Integral Human Pose Regression (Sun et al., ECCV 2018)."""

from posezoo.papers.integral.datamodule import IntegralDataModule
from posezoo.papers.integral.module import Integral

__all__ = ["Integral", "IntegralDataModule"]
