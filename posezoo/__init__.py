"""PoseZoo: weakly supervised and unsupervised 3D human pose, with weights.

>>> import posezoo
>>> "svma.cmu" in posezoo.list_models()
True
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from posezoo.deprecation import install
from posezoo.errors import PoseZooError
from posezoo.registry import info, list_models, load, register_model
from posezoo.version import __version__

if TYPE_CHECKING:
    from posezoo import data, geometry, metrics, skeletons, video, viz
    from posezoo.exporting import export

# The module paths of 0.1.0 work for one release more.
install()

_SUBPACKAGES = ("data", "geometry", "metrics", "skeletons", "video", "viz")

__all__ = [
    "PoseZooError",
    "__version__",
    "data",
    "export",
    "geometry",
    "info",
    "list_models",
    "load",
    "metrics",
    "register_model",
    "skeletons",
    "video",
    "viz",
]


def __getattr__(name: str) -> object:
    """Import subpackages on first use: names and cards need no torch."""
    if name in _SUBPACKAGES:
        return importlib.import_module(f"posezoo.{name}")
    if name == "export":
        return importlib.import_module("posezoo.exporting").export
    raise AttributeError(f"module 'posezoo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
