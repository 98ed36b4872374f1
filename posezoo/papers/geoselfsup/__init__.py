"""Unsupervised lifting by geometric self-supervision, Chen, Tyagi et al. 2019."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from posezoo.papers.geoselfsup.module import GeoSelfSup

if TYPE_CHECKING:
    from posezoo.papers.geoselfsup.datamodule import GeoSelfSupDataModule

__all__ = ["GeoSelfSup", "GeoSelfSupDataModule"]


def __getattr__(name: str) -> object:
    """Import the DataModule when it is first used: Lightning takes seconds to load."""
    if name == "GeoSelfSupDataModule":
        return import_module("posezoo.papers.geoselfsup.datamodule").GeoSelfSupDataModule
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
