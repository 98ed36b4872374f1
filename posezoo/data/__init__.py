"""Data: readers of the field's files, datasets by name, and the DataModule base."""

from posezoo.data.bvh import Motion, read_bvh
from posezoo.data.cameras import read_cameras
from posezoo.data.datamodule import LiftingDataModule
from posezoo.data.datasets import DATASETS, load_dataset
from posezoo.data.keypoints import read_keypoints
from posezoo.data.loader import TensorLoader
from posezoo.data.openmocap import load_openmocap, prepare_openmocap
from posezoo.data.posedata import PoseData, Sequence
from posezoo.data.prediction import Prediction

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
