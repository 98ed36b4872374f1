"""Poses in memory: :class:`PoseData`, :class:`Prediction`, their exports and their inspection."""

from posezoo.poses.posedata import PoseData, Sequence
from posezoo.poses.prediction import Prediction

__all__ = ["PoseData", "Prediction", "Sequence"]
