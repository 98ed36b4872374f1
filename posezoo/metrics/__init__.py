"""Metrics, one definition each: pure functions in :mod:`posezoo.metrics.functional`, and classes that count.

A class counts batches (``update``), on one process or many, and gives the mean over frames, the mean over actions, the
mean of every action and of every joint. The classes are imported when first used: torchmetrics takes seconds to load.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from posezoo.metrics import functional
    from posezoo.metrics.base import PoseMetric
    from posezoo.metrics.correct import AUC3D, PCK3D, PCKh
    from posezoo.metrics.position import MPJPE, MPJVE, NMPJPE, PMPJPE
    from posezoo.metrics.symmetry import SymmetryError

__all__ = [
    "AUC3D",
    "MPJPE",
    "MPJVE",
    "NMPJPE",
    "PCK3D",
    "PMPJPE",
    "PCKh",
    "PoseMetric",
    "SymmetryError",
    "functional",
]

_MODULES = {
    **dict.fromkeys(["AUC3D", "PCK3D", "PCKh"], "correct"),
    **dict.fromkeys(["MPJPE", "MPJVE", "NMPJPE", "PMPJPE"], "position"),
    "PoseMetric": "base",
    "SymmetryError": "symmetry",
}


def __getattr__(name: str) -> object:
    if name == "functional":
        return import_module("posezoo.metrics.functional")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"posezoo.metrics.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
