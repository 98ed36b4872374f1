"""The geometry-aware representation of Chen, Lin et al. 2019."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from posezoo.papers.georep.module import GeoRep

if TYPE_CHECKING:
    from posezoo.papers.georep.datamodule import GeoRepDataModule

__all__ = ["GeoRep", "GeoRepDataModule"]


def __getattr__(name: str) -> object:
    """Import the DataModule when it is first used: Lightning takes seconds to load."""
    if name == "GeoRepDataModule":
        return import_module("posezoo.papers.georep.datamodule").GeoRepDataModule
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
