"""Data: readers of the field's files, datasets by name, and the DataModule base.

The DataModule base is imported when first used: Lightning takes seconds to load, and reading a file does not need it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from posezoo.data.loader import TensorLoader
from posezoo.data.named import DATASETS, load_dataset
from posezoo.data.openmocap import load_openmocap, prepare_openmocap
from posezoo.formats.bvh import Motion, read_bvh
from posezoo.formats.cameras import read_cameras
from posezoo.formats.keypoints import read_keypoints
from posezoo.poses.posedata import PoseData, Sequence
from posezoo.poses.prediction import Prediction

if TYPE_CHECKING:
    from posezoo.data.datamodule import LiftingDataModule

__all__ = [
    "DATASETS",
    "LiftingDataModule",
    "Motion",
    "PoseData",
    "Prediction",
    "Sequence",
    "TensorLoader",
    "load_dataset",
    "load_openmocap",
    "prepare_openmocap",
    "read_bvh",
    "read_cameras",
    "read_keypoints",
]


def __getattr__(name: str) -> object:
    if name == "LiftingDataModule":
        return import_module("posezoo.data.datamodule").LiftingDataModule
    raise AttributeError(f"module 'posezoo.data' has no attribute {name!r}")
