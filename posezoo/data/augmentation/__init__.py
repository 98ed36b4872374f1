"""Augment recordings with other people, poses and cameras, by batched functions that run on the training device.

Sources: PoseAug (Gong, Zhang and Feng, CVPR 2021) changes bone angles, bone lengths and viewpoints; EvoSkeleton (Li, Ke,
Pratama, Tai, Tang and Cheng, CVPR 2020) crosses limbs between poses and mutates them. Here changes are drawn at random
instead of learnt.
"""

from posezoo.data.augmentation.bodies import Tree, change_body, exchange_limbs, joint_offsets, lean, move_joints, turn_bones
from posezoo.data.augmentation.cameras import RandomCameras
from posezoo.data.augmentation.detector import DetectorNoise, as_converted
from posezoo.data.augmentation.people import Augmentation, AugmentedLoader

__all__ = [
    "Augmentation",
    "AugmentedLoader",
    "DetectorNoise",
    "RandomCameras",
    "Tree",
    "as_converted",
    "change_body",
    "exchange_limbs",
    "joint_offsets",
    "lean",
    "move_joints",
    "turn_bones",
]
