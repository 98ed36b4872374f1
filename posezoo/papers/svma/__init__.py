"""SVMA (Deng et al. 2021): unsupervised lifting by single-view-multi-angle consistency and a 2D critic."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from posezoo.papers.svma.module import SVMA

if TYPE_CHECKING:
    from posezoo.papers.svma.datamodule import SVMADataModule

__all__ = ["SVMA", "SVMADataModule"]


def __getattr__(name: str) -> object:
    """Import the DataModule when it is first used: Lightning takes seconds to load."""
    if name == "SVMADataModule":
        return import_module("posezoo.papers.svma.datamodule").SVMADataModule
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
