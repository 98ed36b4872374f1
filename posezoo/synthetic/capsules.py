"""A person of capsules around 17 joints, and what they wear."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from posezoo.skeletons import get_skeleton
from posezoo.synthetic.tracing import Capsules

SKELETON = get_skeleton("h36m17")
SURFACES = ("skin", "hair", "shirt", "sleeves", "trousers", "shins", "shoes")
_JOINT = {name: index for index, name in enumerate(SKELETON.joints)}
_SURFACE = {name: index for index, name in enumerate(SURFACES)}

HEAD = "head"
# Part, from, to (a joint, or a point that `_landmarks` names), radius in mm, surface.
_PARTS = (
    ("belly", "pelvis", "spine", 112.0, "shirt"),
    ("chest", "spine", "chest", 118.0, "shirt"),
    ("right_side", "right_waist", "right_chest", 88.0, "shirt"),
    ("left_side", "left_waist", "left_chest", 88.0, "shirt"),
    ("shoulders", "right_shoulder", "left_shoulder", 58.0, "shirt"),
    ("hips", "right_hip", "left_hip", 92.0, "trousers"),
    ("neck", "thorax", "nose", 52.0, "skin"),
    (HEAD, "chin", "crown", 88.0, "hair"),
    ("right_upper_arm", "right_shoulder", "right_elbow", 48.0, "sleeves"),
    ("left_upper_arm", "left_shoulder", "left_elbow", 48.0, "sleeves"),
    ("right_forearm", "right_elbow", "right_wrist", 38.0, "sleeves"),
    ("left_forearm", "left_elbow", "left_wrist", 38.0, "sleeves"),
    ("right_hand", "right_wrist", "right_fingers", 34.0, "skin"),
    ("left_hand", "left_wrist", "left_fingers", 34.0, "skin"),
    ("right_thigh", "right_hip", "right_knee", 76.0, "trousers"),
    ("left_thigh", "left_hip", "left_knee", 76.0, "trousers"),
    ("right_shin", "right_knee", "right_ankle", 54.0, "shins"),
    ("left_shin", "left_knee", "left_ankle", 54.0, "shins"),
    ("right_foot", "right_heel", "right_toes", 42.0, "shoes"),
    ("left_foot", "left_heel", "left_toes", 42.0, "shoes"),
)
PARTS = tuple(part[0] for part in _PARTS)


@dataclass(frozen=True)
class Outfit:
    """How a person looks: colours and patterns of each of :data:`SURFACES`, and how stout they are.

    Attributes:
        color, pattern_color: (S, 3) RGB in [0, 1].
        stripes: (S,) stripes along a limb, radians a mm; 0 for none.
        sectors: (S,) stripes around it, radians a radian (a whole number); 0 for none.
        contrast: (S,) how much of the pattern's colour shows, in [0, 1].
        girth: factor on all radii.
        bare: parts that show skin whatever their surface.
    """

    color: np.ndarray
    pattern_color: np.ndarray
    stripes: np.ndarray
    sectors: np.ndarray
    contrast: np.ndarray
    girth: float
    bare: tuple[str, ...]


def facing(pose: Float[np.ndarray, "17 3"]) -> Float[np.ndarray, "3"]:
    """Return the unit vector to where the chest looks, in the frame of the pose (right-handed, as the camera's is)."""
    across = pose[_JOINT["left_shoulder"]] - pose[_JOINT["right_shoulder"]]
    up = pose[_JOINT["thorax"]] - pose[_JOINT["pelvis"]]
    return _unit(np.cross(across, up))


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-6)


def _landmarks(pose: np.ndarray) -> dict[str, np.ndarray]:
    """Return points that limbs end in and the 17 joints do not name: fingers, toes, chin, the sides of the trunk."""
    points = {name: pose[index] for name, index in _JOINT.items()}
    forward = facing(pose)
    points["chest"] = points["spine"] + 0.7 * (points["thorax"] - points["spine"])
    head = points["head_top"] - points["thorax"]
    points["chin"] = points["thorax"] + 0.60 * head + 15.0 * forward
    points["crown"] = points["thorax"] + 0.72 * head
    for side in ("right", "left"):
        points[f"{side}_waist"] = points["pelvis"] + 0.35 * (points[f"{side}_hip"] - points["pelvis"])
        points[f"{side}_chest"] = points["chest"] + 0.5 * (points[f"{side}_shoulder"] - points["thorax"])
        hand = _unit(points[f"{side}_wrist"] - points[f"{side}_elbow"])
        points[f"{side}_fingers"] = points[f"{side}_wrist"] + 110.0 * hand
        shin = _unit(points[f"{side}_ankle"] - points[f"{side}_knee"])
        toes = _unit(forward - 0.85 * (forward @ shin) * shin)
        points[f"{side}_heel"] = points[f"{side}_ankle"] + 30.0 * shin - 30.0 * toes
        points[f"{side}_toes"] = points[f"{side}_ankle"] + 45.0 * shin + 140.0 * toes
    return points


def person(pose_mm: Float[np.ndarray, "17 3"], outfit: Outfit) -> Capsules:
    """Return the body of a pose.

    Args:
        pose_mm: h36m17, mm, camera frame.
        outfit: what it wears.

    Returns:
        one capsule for each of :data:`PARTS`.
    """
    points = _landmarks(np.asarray(pose_mm, dtype=np.float64))
    surface = [_SURFACE["skin" if name in outfit.bare else surface] for name, _, _, _, surface in _PARTS]
    return Capsules(
        start=np.stack([points[start] for _, start, _, _, _ in _PARTS]),
        end=np.stack([points[end] for _, _, end, _, _ in _PARTS]),
        radius=outfit.girth * np.array([radius for _, _, _, radius, _ in _PARTS]),
        surface=np.array(surface),
    )
