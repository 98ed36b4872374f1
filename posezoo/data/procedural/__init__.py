"""Synthetic people that need no file: an articulated body with anatomical joint limits, in motion before cameras."""

from posezoo.data.procedural.body import JOINT_LIMITS, Body
from posezoo.data.procedural.dataset import SUBJECTS, procedural_body, procedural_dataset, procedural_motion
from posezoo.data.procedural.motions import MOTIONS

__all__ = ["JOINT_LIMITS", "MOTIONS", "SUBJECTS", "Body", "procedural_body", "procedural_dataset", "procedural_motion"]
