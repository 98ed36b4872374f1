"""An articulated body: proportions, joint limits, and angles to positions on a floor.

The body's frame: x to the person's right, y forward, z up; standing upright with hanging arms all angles are zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from posezoo.geometry import euler_to_matrix, forward_kinematics, rotation_about
from posezoo.skeletons import get_skeleton

SKELETON = get_skeleton("h36m17")

Limits = tuple[float, float]

# Degrees: (flexion, abduction, inward rotation) of limbs, (flexion, bend to the right, turn to the left) of trunk and neck.
# Norms of the American Academy of Orthopaedic Surgeons, "Joint Motion: Method of Measuring and Recording", 1965.
JOINT_LIMITS: dict[str, tuple[Limits, Limits, Limits]] = {
    "trunk": ((-25.0, 80.0), (-35.0, 35.0), (-45.0, 45.0)),
    "neck": ((-45.0, 45.0), (-45.0, 45.0), (-60.0, 60.0)),
    "shoulder": ((-60.0, 180.0), (-45.0, 180.0), (-90.0, 70.0)),
    "elbow": ((0.0, 150.0), (0.0, 0.0), (0.0, 0.0)),
    "hip": ((-30.0, 120.0), (-30.0, 45.0), (-45.0, 45.0)),
    "knee": ((0.0, 135.0), (0.0, 0.0), (0.0, 0.0)),
}

# Heights and lengths as fractions of stature: Drillis and Contini 1966, as given by Winter, "Biomechanics and Motor
# Control of Human Movement", Fig. 4.1 (the nose lies between its chin, 0.870, and eyes, 0.936).
_VERTICAL = {"ankle": 0.039, "shank": 0.246, "thigh": 0.245, "trunk": 0.288, "neck": 0.087, "head": 0.095}
_OTHER = {"upper_arm": 0.186, "forearm": 0.146, "hips": 0.191, "shoulders": 0.259, "face": 0.045}
# Breadths are measured at the skin; the centres of the joints lie at about three quarters of them.
_BREADTH_OF_CENTRES = 0.75

# h36m17 with two more joints of no length: the hips turn without the trunk, and the shoulders without the head.
_TREE = """
pelvis right_hip<pelvis right_knee<right_hip right_ankle<right_knee left_hip<pelvis left_knee<left_hip left_ankle<left_knee
trunk<pelvis spine<trunk thorax<spine neck<thorax nose<neck head_top<nose
left_shoulder<thorax left_elbow<left_shoulder left_wrist<left_elbow
right_shoulder<thorax right_elbow<right_shoulder right_wrist<right_elbow"""
_PAIRS = [entry.partition("<")[::2] for entry in _TREE.split()]
_JOINTS = [joint for joint, _ in _PAIRS]
_PARENTS = tuple(_JOINTS.index(parent) if parent else -1 for _, parent in _PAIRS)
_COLUMNS = [_JOINTS.index(joint) for joint in SKELETON.joints]
_ANKLES = [SKELETON.index("right_ankle"), SKELETON.index("left_ankle")]


@dataclass(frozen=True)
class Body:
    """One person's shape.

    Attributes:
        stature_mm: floor to crown, standing upright.
        ankle_height_mm: of the ankle's centre above the sole.
        offsets_mm: (19, 3) of each joint of the tree from its parent, standing upright.
    """

    stature_mm: float
    ankle_height_mm: float
    offsets_mm: Tensor


def random_body(rng: np.random.Generator) -> Body:
    """Draw a person of 1.55 to 1.95 m whose segments differ from published proportions by 4 % (one deviation)."""
    stature = rng.uniform(1550.0, 1950.0)
    fractions = {
        segment: fraction * float(np.clip(rng.normal(1.0, 0.04), 0.9, 1.1))
        for segment, fraction in (_VERTICAL | _OTHER).items()
    }
    whole = sum(fractions[segment] for segment in _VERTICAL)
    length = {
        segment: stature * fraction / (whole if segment in _VERTICAL else 1.0) for segment, fraction in fractions.items()
    }
    half_trunk = length["trunk"] / 2
    offsets = {
        "spine": (0.0, 0.0, half_trunk),
        "thorax": (0.0, 0.0, half_trunk),
        "nose": (0.0, length["face"], length["neck"]),
        "head_top": (0.0, -length["face"], length["head"]),
    }
    for side, sign in (("left", -1.0), ("right", 1.0)):
        offsets[f"{side}_hip"] = (sign * _BREADTH_OF_CENTRES * length["hips"] / 2, 0.0, 0.0)
        offsets[f"{side}_knee"] = (0.0, 0.0, -length["thigh"])
        offsets[f"{side}_ankle"] = (0.0, 0.0, -length["shank"])
        offsets[f"{side}_shoulder"] = (sign * _BREADTH_OF_CENTRES * length["shoulders"] / 2, 0.0, 0.0)
        offsets[f"{side}_elbow"] = (0.0, 0.0, -length["upper_arm"])
        offsets[f"{side}_wrist"] = (0.0, 0.0, -length["forearm"])
    table = torch.tensor([offsets.get(joint, (0.0, 0.0, 0.0)) for joint in _JOINTS], dtype=torch.float64)
    return Body(stature, length["ankle"], table)


def limits_of(joint: str) -> tuple[Limits, Limits, Limits] | None:
    """Return the limits of ``right_knee`` and so on; the pelvis has none: its angles place the body in the room."""
    return JOINT_LIMITS.get(joint.removeprefix("left_").removeprefix("right_"))


def _signs(joint: str) -> tuple[float, float, float]:
    """Return the factors that turn the angles of a joint into rotations about x, y and z."""
    outward = 1.0 if joint.startswith("left_") else -1.0
    if joint.endswith(("_knee", "_elbow")):
        return (-1.0 if joint.endswith("_knee") else 1.0), 0.0, 0.0
    if joint.endswith(("_hip", "_shoulder")):
        return 1.0, outward, -outward
    return -1.0, 1.0, 1.0


def joint_rotations(angles: Mapping[str, np.ndarray]) -> Float[Tensor, "T 19 3 3"]:
    """Return local rotations of the tree from joint angles, held within the joint limits.

    The first two angles are one swing, a rotation about a horizontal axis (so that an arm may be raised in any
    plane without gimbal lock), the third a twist about the bone before it.

    Args:
        angles: (T, 3) degrees by joint, as in :data:`JOINT_LIMITS`; joints not named stay at zero.
    """
    frames = len(next(iter(angles.values())))
    vectors = np.zeros((frames, len(_JOINTS), 3))
    for joint, values in angles.items():
        limits = limits_of(joint)
        vectors[:, _JOINTS.index(joint)] = (values if limits is None else np.clip(values, *np.transpose(limits))) * _signs(
            joint
        )
    # The trunk bends along its whole length: half of it at the pelvis, half in the middle.
    trunk, spine = _JOINTS.index("trunk"), _JOINTS.index("spine")
    vectors[:, trunk] /= 2
    vectors[:, spine] = vectors[:, trunk]
    x, y, twist = torch.deg2rad(torch.from_numpy(vectors)).unbind(-1)
    axis = torch.atan2(y, x)
    return euler_to_matrix("zxz", torch.stack([axis, torch.hypot(x, y).clamp(max=torch.pi), twist - axis], dim=-1))


def pose_body(body: Body, angles: Mapping[str, np.ndarray]) -> Float[Tensor, "T 17 3"]:
    """Return the joints of a body at joint angles (degrees, see :func:`joint_rotations`): mm, pelvis at the origin."""
    return forward_kinematics(joint_rotations(angles), body.offsets_mm, _PARENTS)[0][:, _COLUMNS]


def _smooth(signals: Float[Tensor, "n T"], radius: int) -> Float[Tensor, "n T"]:
    """Average each signal over a raised-cosine window; the ends are repeated outwards."""
    window = torch.hann_window(2 * radius + 3, periodic=False, dtype=signals.dtype)[1:-1]
    padded = functional.pad(signals[:, None], (radius, radius), mode="replicate")
    return functional.conv1d(padded, (window / window.sum())[None, None])[:, 0]


def _above(signals: Float[Tensor, "n T"], radius: int) -> Float[Tensor, "n T"]:
    """Return a smooth signal nowhere below the given one: the average of its maxima, over equal windows."""
    padded = functional.pad(signals[:, None], (radius, radius), mode="replicate")
    return _smooth(functional.max_pool1d(padded, 2 * radius + 1, stride=1)[:, 0], radius)


def stand_on_floor(
    body: Body,
    angles: Mapping[str, np.ndarray],
    heading: np.ndarray,
    lift_mm: np.ndarray,
    inertia: int = 0,
) -> Float[Tensor, "T 17 3"]:
    """Return positions of a body that its feet carry: the lower ankle rests on the floor, unless lifted, and moves the rest.

    Args:
        body: the person.
        angles: (T, 3) degrees by joint, see :func:`joint_rotations`; the pelvis' are its pitch forward, its tilt to the
            right and its turn to the left, on top of the heading.
        heading: (T,) degrees, counter-clockwise from world y, seen from above.
        lift_mm: (T,) height of both feet above the floor, for jumps.
        inertia: frames over which the pelvis evens out the passing of the weight from foot to foot. With it a foot may
            rise by centimetres (as heels do) or slide a little; without it the pelvis jerks where steps are fast.

    Returns:
        mm, world frame (z up, floor at 0), the mean position of the pelvis above the origin.
    """
    rotations = joint_rotations(angles)
    rotations[:, 0] = rotation_about("z", torch.deg2rad(torch.from_numpy(heading))) @ rotations[:, 0]
    positions = forward_kinematics(rotations, body.offsets_mm, _PARENTS)[0][:, _COLUMNS]
    ankles = positions[:, _ANKLES]
    height = ankles[..., 2]
    # Which foot bears the weight passes from one to the other over about 2 cm of height.
    bearing = torch.softmax(-(height[1:] + height[:-1]) / 40.0, dim=1)
    steps = -(bearing[..., None] * ankles.diff(dim=0)[..., :2]).sum(1)
    raised = -height.amin(1)
    if inertia > 0 and len(steps):
        steps, raised = _smooth(steps.T, 2 * inertia).T, _above(raised[None], inertia)[0]
    path = torch.cat([steps.new_zeros(1, 2), steps.cumsum(0)])
    positions[..., :2] += (path - path.mean(0))[:, None]
    positions[..., 2] += (body.ankle_height_mm + raised + torch.from_numpy(lift_mm))[:, None]
    return positions
