"""Cross-view pose from two calibrated cameras, Hua et al. 2021."""

from posezoo.papers.cvugcn.datamodule import CVUGCNDataModule
from posezoo.papers.cvugcn.module import CVUGCN

__all__ = ["CVUGCN", "CVUGCNDataModule"]
