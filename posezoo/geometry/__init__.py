"""Cameras, rotations, Procrustes alignment and body kinematics, as pure tensor functions."""

from posezoo.geometry.cameras import Camera, h36m_cameras, project, unproject
from posezoo.geometry.facing import assumed_camera, face_root
from posezoo.geometry.kinematics import (
    LIMBS,
    body_variance,
    bone_asymmetry,
    bone_lengths,
    choose,
    forward_kinematics,
    limb_ratios,
    mirror,
    mirror_half,
    scale_bones,
)
from posezoo.geometry.normalization import center_and_scale, lift_to_3d
from posezoo.geometry.procrustes import procrustes, procrustes_align
from posezoo.geometry.rotations import (
    euler_to_matrix,
    even_views,
    look_at,
    matrix_to_euler,
    random_view,
    rotation_about,
    rotation_between,
    rotation_vector_to_matrix,
    view_rotation,
)
from posezoo.geometry.skeleton_maps import skeleton_maps
from posezoo.geometry.triangulation import Triangulation, triangulate

__all__ = [
    "LIMBS",
    "Camera",
    "Triangulation",
    "assumed_camera",
    "body_variance",
    "bone_asymmetry",
    "bone_lengths",
    "center_and_scale",
    "choose",
    "euler_to_matrix",
    "even_views",
    "face_root",
    "forward_kinematics",
    "h36m_cameras",
    "lift_to_3d",
    "limb_ratios",
    "look_at",
    "matrix_to_euler",
    "mirror",
    "mirror_half",
    "procrustes",
    "procrustes_align",
    "project",
    "random_view",
    "rotation_about",
    "rotation_between",
    "rotation_vector_to_matrix",
    "scale_bones",
    "skeleton_maps",
    "triangulate",
    "unproject",
    "view_rotation",
]
