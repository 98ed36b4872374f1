"""Unsupervised lifting by geometric self-supervision, Chen, Tyagi et al. 2019."""

from posezoo.papers.geoselfsup.datamodule import GeoSelfSupDataModule
from posezoo.papers.geoselfsup.module import GeoSelfSup

__all__ = ["GeoSelfSup", "GeoSelfSupDataModule"]
