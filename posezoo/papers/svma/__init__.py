"""SVMA (Deng et al. 2021): unsupervised lifting by single-view-multi-angle consistency and a 2D critic."""

from posezoo.papers.svma.datamodule import SVMADataModule
from posezoo.papers.svma.module import SVMA

__all__ = ["SVMA", "SVMADataModule"]
