"""Define every named layout: its joints in order, each ``name`` or ``name<parent``."""

from __future__ import annotations

import re

from posezoo.errors import UnknownNameError
from posezoo.skeletons.skeleton import Skeleton
from posezoo.skeletons.whole_bodies import FACE68, FACE70, FINGERS, HAND


def _skeleton(name: str, joints: str) -> Skeleton:
    """Parse ``"pelvis right_hip<pelvis ..."``."""
    pairs = [joint.partition("<")[::2] for joint in joints.split()]
    names = [joint for joint, _ in pairs]
    return Skeleton(name, tuple(names), tuple(names.index(parent) if parent else -1 for _, parent in pairs))


_H36M17 = """
pelvis right_hip<pelvis right_knee<right_hip right_ankle<right_knee
left_hip<pelvis left_knee<left_hip left_ankle<left_knee
spine<pelvis thorax<spine nose<thorax head_top<nose
left_shoulder<thorax left_elbow<left_shoulder left_wrist<left_elbow
right_shoulder<thorax right_elbow<right_shoulder right_wrist<right_elbow"""

# The 32 joints of Human3.6M's D3_Positions. 11 repeats the pelvis, 16 and 24 the thorax.
_H36M32 = """
pelvis right_hip<pelvis right_knee<right_hip right_ankle<right_knee right_foot<right_ankle right_toe<right_foot
left_hip<pelvis left_knee<left_hip left_ankle<left_knee left_foot<left_ankle left_toe<left_foot
spine_base<pelvis spine<spine_base thorax<spine nose<thorax head_top<nose
left_collar<thorax left_shoulder<left_collar left_elbow<left_shoulder left_wrist<left_elbow
left_thumb<left_wrist left_thumb_end<left_thumb left_hand<left_wrist left_hand_end<left_hand
right_collar<thorax right_shoulder<right_collar right_elbow<right_shoulder right_wrist<right_elbow
right_thumb<right_wrist right_thumb_end<right_thumb right_hand<right_wrist right_hand_end<right_hand"""

_COCO17 = """
nose left_eye<nose right_eye<nose left_ear<left_eye right_ear<right_eye
left_shoulder<nose right_shoulder<nose left_elbow<left_shoulder right_elbow<right_shoulder
left_wrist<left_elbow right_wrist<right_elbow left_hip<left_shoulder right_hip<right_shoulder
left_knee<left_hip right_knee<right_hip left_ankle<left_knee right_ankle<right_knee"""

_MPII16 = """
right_ankle<right_knee right_knee<right_hip right_hip<pelvis left_hip<pelvis left_knee<left_hip left_ankle<left_knee
pelvis thorax<pelvis upper_neck<thorax head_top<upper_neck
right_wrist<right_elbow right_elbow<right_shoulder right_shoulder<thorax
left_shoulder<thorax left_elbow<left_shoulder left_wrist<left_elbow"""

_LSP14 = """
right_ankle<right_knee right_knee<right_hip right_hip<thorax left_hip<thorax left_knee<left_hip left_ankle<left_knee
right_wrist<right_elbow right_elbow<right_shoulder right_shoulder<thorax
left_shoulder<thorax left_elbow<left_shoulder left_wrist<left_elbow thorax head_top<thorax"""

_OPENPOSE18 = """
nose<thorax thorax right_shoulder<thorax right_elbow<right_shoulder right_wrist<right_elbow
left_shoulder<thorax left_elbow<left_shoulder left_wrist<left_elbow
right_hip<thorax right_knee<right_hip right_ankle<right_knee left_hip<thorax left_knee<left_hip left_ankle<left_knee
right_eye<nose left_eye<nose right_ear<right_eye left_ear<left_eye"""

_BODY25 = """
nose<thorax thorax<pelvis right_shoulder<thorax right_elbow<right_shoulder right_wrist<right_elbow
left_shoulder<thorax left_elbow<left_shoulder left_wrist<left_elbow
pelvis right_hip<pelvis right_knee<right_hip right_ankle<right_knee left_hip<pelvis left_knee<left_hip left_ankle<left_knee
right_eye<nose left_eye<nose right_ear<right_eye left_ear<left_eye
left_big_toe<left_ankle left_small_toe<left_ankle left_heel<left_ankle
right_big_toe<right_ankle right_small_toe<right_ankle right_heel<right_ankle"""

_HALPE26 = """
nose<thorax left_eye<nose right_eye<nose left_ear<left_eye right_ear<right_eye
left_shoulder<thorax right_shoulder<thorax left_elbow<left_shoulder right_elbow<right_shoulder
left_wrist<left_elbow right_wrist<right_elbow left_hip<pelvis right_hip<pelvis
left_knee<left_hip right_knee<right_hip left_ankle<left_knee right_ankle<right_knee
head_top<nose thorax<pelvis pelvis
left_big_toe<left_ankle right_big_toe<right_ankle left_small_toe<left_ankle right_small_toe<right_ankle
left_heel<left_ankle right_heel<right_ankle"""

_MEDIAPIPE33 = """
nose left_eye_inner<nose left_eye<left_eye_inner left_eye_outer<left_eye
right_eye_inner<nose right_eye<right_eye_inner right_eye_outer<right_eye left_ear<left_eye_outer right_ear<right_eye_outer
left_mouth<nose right_mouth<nose left_shoulder<nose right_shoulder<nose
left_elbow<left_shoulder right_elbow<right_shoulder left_wrist<left_elbow right_wrist<right_elbow
left_pinky<left_wrist right_pinky<right_wrist left_index<left_wrist right_index<right_wrist
left_thumb<left_wrist right_thumb<right_wrist left_hip<left_shoulder right_hip<right_shoulder
left_knee<left_hip right_knee<right_hip left_ankle<left_knee right_ankle<right_knee
left_heel<left_ankle right_heel<right_ankle left_foot_index<left_ankle right_foot_index<right_ankle"""

_3DHP_HEAD_AND_LIMBS = """
head_top<{head} thorax<{spine} right_shoulder<thorax right_elbow<right_shoulder right_wrist<right_elbow
left_shoulder<thorax left_elbow<left_shoulder left_wrist<left_elbow
right_hip<{hips} right_knee<right_hip right_ankle<right_knee left_hip<{hips} left_knee<left_hip left_ankle<left_knee """

_MPI3DHP17 = _3DHP_HEAD_AND_LIMBS.format(head="nose", spine="spine", hips="pelvis") + "pelvis spine<pelvis nose<thorax"

# Joints 0..13 of the test set, those that Human3.6M has too: what PCK and AUC are computed on.
_COMMON14 = _3DHP_HEAD_AND_LIMBS.replace("thorax<{spine}", "thorax").format(head="thorax", hips="thorax")

_MPI3DHP28 = """
spine3<spine2 spine4<spine3 spine2<spine spine<pelvis pelvis thorax<spine4 nose<thorax head_top<nose
left_clavicle<thorax left_shoulder<left_clavicle left_elbow<left_shoulder left_wrist<left_elbow left_hand<left_wrist
right_clavicle<thorax right_shoulder<right_clavicle right_elbow<right_shoulder right_wrist<right_elbow right_hand<right_wrist
left_hip<pelvis left_knee<left_hip left_ankle<left_knee left_foot<left_ankle left_toe<left_foot
right_hip<pelvis right_knee<right_hip right_ankle<right_knee right_foot<right_ankle right_toe<right_foot"""

_HUMANEVA15 = """
pelvis thorax<pelvis left_shoulder<thorax left_elbow<left_shoulder left_wrist<left_elbow
right_shoulder<thorax right_elbow<right_shoulder right_wrist<right_elbow
left_hip<pelvis left_knee<left_hip left_ankle<left_knee right_hip<pelvis right_knee<right_hip right_ankle<right_knee
head_top<thorax"""

# OpenPose's BODY_25B: COCO's order, then MPII's neck and head, then the feet (poseParameters.cpp, POSE_BODY_25B_BODY_PARTS).
_BODY25B = """
nose<upper_neck left_eye<nose right_eye<nose left_ear<left_eye right_ear<right_eye
left_shoulder<upper_neck right_shoulder<upper_neck left_elbow<left_shoulder right_elbow<right_shoulder
left_wrist<left_elbow right_wrist<right_elbow left_hip<upper_neck right_hip<upper_neck
left_knee<left_hip right_knee<right_hip left_ankle<left_knee right_ankle<right_knee
upper_neck head_top<upper_neck
left_big_toe<left_ankle left_small_toe<left_ankle left_heel<left_ankle
right_big_toe<right_ankle right_small_toe<right_ankle right_heel<right_ankle"""

# OpenPose's MPI model; its last point, "chest", lies in the middle of the trunk.
_MPI15 = """
head_top<thorax thorax right_shoulder<thorax right_elbow<right_shoulder right_wrist<right_elbow
left_shoulder<thorax left_elbow<left_shoulder left_wrist<left_elbow
right_hip<spine right_knee<right_hip right_ankle<right_knee left_hip<spine left_knee<left_hip left_ankle<left_knee
spine<thorax"""

# COCO's 17 with its annotation of feet (Cao et al. 2019): the first 23 of COCO-WholeBody.
_COCO23 = (
    _COCO17
    + """
left_big_toe<left_ankle left_small_toe<left_ankle left_heel<left_ankle
right_big_toe<right_ankle right_small_toe<right_ankle right_heel<right_ankle"""
)

# trt_pose's human_pose.json: COCO's 17 and a neck.
_TRTPOSE18 = _COCO17.replace("shoulder<nose", "shoulder<thorax").replace("nose ", "nose<thorax ", 1) + " thorax"

# AI Challenger's 14 joints.
_AIC14 = """
right_shoulder<thorax right_elbow<right_shoulder right_wrist<right_elbow
left_shoulder<thorax left_elbow<left_shoulder left_wrist<left_elbow
right_hip<thorax right_knee<right_hip right_ankle<right_knee left_hip<thorax left_knee<left_hip left_ankle<left_knee
head_top<thorax thorax"""

_CROWDPOSE14 = """
left_shoulder<thorax right_shoulder<thorax left_elbow<left_shoulder right_elbow<right_shoulder
left_wrist<left_elbow right_wrist<right_elbow left_hip<thorax right_hip<thorax
left_knee<left_hip right_knee<right_hip left_ankle<left_knee right_ankle<right_knee head_top<thorax thorax"""

# PoseTrack18 has 17 joints. Its head_bottom is MPII's upper neck; the ears are named, but never annotated.
_POSETRACK18 = """
nose<upper_neck upper_neck head_top<upper_neck left_ear<nose right_ear<nose
left_shoulder<upper_neck right_shoulder<upper_neck left_elbow<left_shoulder right_elbow<right_shoulder
left_wrist<left_elbow right_wrist<right_elbow left_hip<upper_neck right_hip<upper_neck
left_knee<left_hip right_knee<right_hip left_ankle<left_knee right_ankle<right_knee"""

# Kinect v2, as NTU RGB+D numbers its joints. Kinect's head is the middle of the head.
_NTU25 = """
pelvis spine<pelvis upper_neck<thorax head<upper_neck
left_shoulder<thorax left_elbow<left_shoulder left_wrist<left_elbow left_hand<left_wrist
right_shoulder<thorax right_elbow<right_shoulder right_wrist<right_elbow right_hand<right_wrist
left_hip<pelvis left_knee<left_hip left_ankle<left_knee left_foot<left_ankle
right_hip<pelvis right_knee<right_hip right_ankle<right_knee right_foot<right_ankle
thorax<spine left_hand_tip<left_hand left_thumb<left_wrist right_hand_tip<right_hand right_thumb<right_wrist"""

# Azure Kinect's body tracking (K4ABT_JOINT_PELVIS to K4ABT_JOINT_EAR_RIGHT).
_AZUREKINECT32 = """
pelvis spine_navel<pelvis spine_chest<spine_navel thorax<spine_chest
left_clavicle<spine_chest left_shoulder<left_clavicle left_elbow<left_shoulder left_wrist<left_elbow
left_hand<left_wrist left_hand_tip<left_hand left_thumb<left_wrist
right_clavicle<spine_chest right_shoulder<right_clavicle right_elbow<right_shoulder right_wrist<right_elbow
right_hand<right_wrist right_hand_tip<right_hand right_thumb<right_wrist
left_hip<pelvis left_knee<left_hip left_ankle<left_knee left_foot<left_ankle
right_hip<pelvis right_knee<right_hip right_ankle<right_knee right_foot<right_ankle
head<thorax nose<head left_eye<head left_ear<head right_eye<head right_ear<head"""

# CanonPose (Wandt et al. 2021), in the order that its author gives (bastianwandt/CanonPose, issue 1).
_CANONPOSE16 = """
right_hip<pelvis right_knee<right_hip right_ankle<right_knee left_hip<pelvis left_knee<left_hip left_ankle<left_knee
pelvis thorax<pelvis nose<thorax head_top<nose
right_shoulder<thorax right_elbow<right_shoulder right_wrist<right_elbow
left_shoulder<thorax left_elbow<left_shoulder left_wrist<left_elbow"""

_LEFT_HAND, _RIGHT_HAND = (HAND.format(S=side) for side in ("left", "right"))
_LEFT_FINGERS, _RIGHT_FINGERS = (FINGERS.format(S=side) for side in ("left", "right"))

SKELETONS: dict[str, Skeleton] = {
    name: _skeleton(name, joints)
    for name, joints in {
        "h36m17": _H36M17,
        "h36m32": _H36M32,
        "coco17": _COCO17,
        "mpii16": _MPII16,
        "lsp14": _LSP14,
        "openpose18": _OPENPOSE18,
        "body25": _BODY25,
        "halpe26": _HALPE26,
        "mediapipe33": _MEDIAPIPE33,
        "mpi3dhp17": _MPI3DHP17,
        "mpi3dhp28": _MPI3DHP28,
        "humaneva15": _HUMANEVA15,
        "common14": _COMMON14,
        "body25b": _BODY25B,
        "body135": f"{_BODY25B} {_LEFT_FINGERS} {_RIGHT_FINGERS} {FACE70}",
        "mpi15": _MPI15,
        "coco23": _COCO23,
        "wholebody133": f"{_COCO23} {FACE68} {_LEFT_HAND} {_RIGHT_HAND}",
        "halpe136": f"{_HALPE26} {FACE68} {_LEFT_HAND} {_RIGHT_HAND}",
        "trtpose18": _TRTPOSE18,
        "aic14": _AIC14,
        "crowdpose14": _CROWDPOSE14,
        "posetrack18": _POSETRACK18,
        "ntu25": _NTU25,
        "azurekinect32": _AZUREKINECT32,
        "canonpose16": _CANONPOSE16,
    }.items()
}
"""Every named layout. MPI-INF-3DHP's "head" joint is Human3.6M's "neck/nose": both are ``nose`` here."""


def list_skeletons() -> list[str]:
    """Return the names of all layouts."""
    return sorted(SKELETONS)


def get_skeleton(skeleton: str | Skeleton) -> Skeleton:
    """Return the layout of that name; a :class:`Skeleton` passes through.

    Case, hyphens and underscores in the name do not count: ``BODY_25`` is ``body25``.

    Raises:
        UnknownNameError: no such layout; near names are suggested.
    """
    if isinstance(skeleton, Skeleton):
        return skeleton
    plain = re.sub(r"[-_ ]", "", skeleton).lower() if isinstance(skeleton, str) else ""
    if plain not in SKELETONS:
        raise UnknownNameError.of("skeleton", skeleton, SKELETONS)
    return SKELETONS[plain]
