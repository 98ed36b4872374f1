"""Cross-view pose from two calibrated cameras, Hua et al. 2021."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from posezoo.papers.cvugcn.module import CVUGCN

if TYPE_CHECKING:
    from posezoo.papers.cvugcn.datamodule import CVUGCNDataModule

__all__ = ["CVUGCN", "CVUGCNDataModule"]


def __getattr__(name: str) -> object:
    """Import the DataModule when it is first used: Lightning takes seconds to load."""
    if name == "CVUGCNDataModule":
        return import_module("posezoo.papers.cvugcn.datamodule").CVUGCNDataModule
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
