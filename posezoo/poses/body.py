"""Turn a clip of lifted poses into a motion for other programs: one body, upright, on a floor.

A lifter judges each picture for itself. Its bones change length from frame to frame and differ between the sides, it does
not know where the floor is, and its poses lean as much as the camera looks down. Each function here mends one of these.
"""

from __future__ import annotations

import warnings

import numpy as np
import torch
from jaxtyping import Float

from posezoo.errors import InputError
from posezoo.geometry import bone_lengths, rotation_between
from posezoo.skeletons import Skeleton

_FEET = ("ankle", "heel", "toe", "big_toe", "small_toe", "foot", "foot_index")


def one_body(pose: Float[np.ndarray, "T J 3"], skeleton: Skeleton, same_scale: bool = True) -> Float[np.ndarray, "T J 3"]:
    """Give every frame the same bones, as long on the left as on the right, and keep their directions.

    A bone's length is its median over the frames, and the mean of both sides. Joints are set anew from the root outward, so
    the root stays where it is. A joint whose parent is unknown stays where it is.

    Args:
        pose: any unit and frame; NaN where a joint is unknown.
        skeleton: of the poses.
        same_scale: whether the frames have one scale. Without, each frame is brought to the same total length of bones
            first, as predictions of relative unit need.

    Returns:
        poses of the same shape; NaN where the input is.

    Raises:
        InputError: a bone is known in no frame, so that the body has no length for it.

    Example:
        >>> import numpy as np
        >>> from posezoo.skeletons import Skeleton
        >>> arm = Skeleton("arm", ("shoulder", "elbow"), (-1, 0))
        >>> one_body(np.array([[[0, 0, 0], [1, 0, 0]], [[0, 0, 0], [0, 3.0, 0]]]), arm).tolist()
        [[[0.0, 0.0, 0.0], [2.0, 0.0, 0.0]], [[0.0, 0.0, 0.0], [0.0, 2.0, 0.0]]]
    """
    pose = np.asarray(pose, np.float64)
    lengths = bone_lengths(torch.from_numpy(pose), skeleton).numpy()
    unknown = [skeleton.joints[child] for i, (_, child) in enumerate(skeleton.bones) if np.isnan(lengths[:, i]).all()]
    if unknown:
        raise InputError(f"{', '.join(unknown)} is known in no frame together with its parent; leave the joint out.")
    if not same_scale:
        # The median of the ratios to a bone's own median is known where some bones are not.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # frames without a known joint
            usual = np.nanmedian(lengths, axis=0)
            ratios = np.where(usual > 0, lengths / np.where(usual > 0, usual, 1), np.nan)
            scale = np.nanmedian(ratios, axis=1)
        pose, lengths = pose / scale[:, None, None], lengths / scale[:, None]
    body = np.nanmedian(lengths, axis=0)
    for left, right in skeleton.bone_pairs:
        pair = [skeleton.bones.index(left), skeleton.bones.index(right)]
        body[pair] = body[pair].mean()
    result = pose.copy()
    for joint in _outward(skeleton):
        parent = skeleton.parents[joint]
        if parent == -1:
            continue
        bone = pose[:, joint] - pose[:, parent]
        length = np.linalg.norm(bone, axis=-1, keepdims=True)
        moved = (
            result[:, parent]
            + np.divide(bone, length, out=np.zeros_like(bone), where=length > 0)
            * body[skeleton.bones.index((parent, joint))]
        )
        known = np.isfinite(moved).all(-1) & np.isfinite(length[:, 0])
        result[:, joint] = np.where(known[:, None], moved, pose[:, joint])
    return result


def level(
    pose: Float[np.ndarray, "T J 3"], skeleton: Skeleton, pitch: float | int | None = None
) -> Float[np.ndarray, "T J 3"]:
    """Turn poses of a camera's frame so that gravity points along +y.

    Args:
        pose: camera frame (x right, y down, z forward), any unit.
        skeleton: of the poses.
        pitch: radians by which the camera looks down, with no roll. Where not given, gravity is estimated: the median
            direction from the thorax to the middle of the ankles. That is right for people who stand or walk most of the
            time, and wrong for people who lie or sit.

    Returns:
        the poses, turned about the origin.

    Raises:
        InputError: a pitch beyond a right angle, or no frame that shows both thorax and ankles.

    Example:
        >>> import numpy as np
        >>> from posezoo.skeletons import get_skeleton
        >>> skeleton = get_skeleton("h36m17")
        >>> pose = np.zeros((1, 17, 3)); pose[0, skeleton.index("thorax")] = [0, -np.cos(0.3), -np.sin(0.3)]
        >>> np.allclose(level(pose, skeleton, pitch=0.3)[0, skeleton.index("thorax")], [0, -1, 0])
        True
    """
    if pitch is not None and not abs(pitch) <= np.pi / 2:
        raise InputError(f"a pitch of {pitch:g} rad; expected -pi/2 to pi/2, positive where the camera looks down.")
    pose = np.asarray(pose, np.float64)
    down = _estimated_down(pose, skeleton) if pitch is None else np.array([0.0, np.cos(pitch), np.sin(pitch)])
    turn = rotation_between(torch.from_numpy(down), torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)).numpy()
    return pose @ turn.T


def on_the_floor(
    pose: Float[np.ndarray, "T J 3"],
    skeleton: Skeleton,
    up: tuple[float, float, float] = (0.0, 1.0, 0.0),
    per_frame: bool = False,
) -> Float[np.ndarray, "T J 3"]:
    """Shift poses along ``up`` so that the lowest point of the feet is at height 0.

    Args:
        pose: any unit.
        skeleton: of the poses.
        up: the unit vector that points up.
        per_frame: whether each frame is put on the floor for itself. Root-relative poses need that, since they do not say
            how high the root is; jumps are lost. Without, the clip is shifted as a whole.

    Raises:
        InputError: the layout has no feet, or they are unknown in every frame.
    """
    feet = [index for index, name in enumerate(skeleton.joints) if name.split("_", 1)[-1] in _FEET]
    if not feet:
        raise InputError(f"{skeleton.name} has no ankles or feet, which tell where the floor is.")
    pose, axis = np.asarray(pose, np.float64), np.asarray(up, np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # frames without known feet
        lowest = np.nanmin(pose[:, feet] @ axis, axis=1)
    if np.isnan(lowest).all():
        raise InputError("the feet are known in no frame, so that the floor cannot be found.")
    heights = (
        np.where(np.isnan(lowest), np.nanmedian(lowest), lowest) if per_frame else np.full(len(pose), np.nanmin(lowest))
    )
    return pose - heights[:, None, None] * axis


def _estimated_down(pose: Float[np.ndarray, "T J 3"], skeleton: Skeleton) -> Float[np.ndarray, "3"]:
    """Return the median direction from the thorax, or the middle of the shoulders, to the middle of the ankles."""
    names = skeleton.joints
    top = ["thorax"] if "thorax" in names else [f"{side}_shoulder" for side in ("left", "right")]
    bottom = [f"{side}_ankle" for side in ("left", "right")]
    missing = sorted({*top, *bottom} - set(names))
    if missing:
        raise InputError(f"{skeleton.name} lacks {', '.join(missing)}; say by how much the camera looks down instead.")
    span = pose[:, [names.index(name) for name in bottom]].mean(1) - pose[:, [names.index(name) for name in top]].mean(1)
    length = np.linalg.norm(span, axis=-1)
    span = span[np.isfinite(length) & (length > 0)]
    if not len(span):
        raise InputError("no frame shows both thorax and ankles; say by how much the camera looks down instead.")
    down = np.median(span / np.linalg.norm(span, axis=-1, keepdims=True), axis=0)
    return down / np.linalg.norm(down)


def _outward(skeleton: Skeleton) -> list[int]:
    """Return the joints in an order in which each comes after its parent."""
    order = [skeleton.root]
    for joint in order:
        order += [child for child, parent in enumerate(skeleton.parents) if parent == joint]
    return order
