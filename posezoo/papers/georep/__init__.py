"""The geometry-aware representation of Chen, Lin et al. 2019."""

from posezoo.papers.georep.datamodule import GeoRepDataModule
from posezoo.papers.georep.module import GeoRep

__all__ = ["GeoRep", "GeoRepDataModule"]
