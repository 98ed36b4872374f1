"""Write BVH, which Blender, Maya and MotionBuilder import: a hierarchy of bones of constant length, and their rotations."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from posezoo.errors import InputError
from posezoo.geometry import matrix_to_euler, rotation_between
from posezoo.poses.exports.clip import Poses, frames_per_second, motion_of, times_of
from posezoo.poses.exports.settings import MotionSettings
from posezoo.skeletons import Skeleton

_ORDER = "zxy"
# Rows that are further apart than this are pictures, not a clip.
_MOST_TICKS_PER_ROW = 100
_END = 0.2
"""The length of the stub that shows a last joint's direction, relative to its bone."""
# Where bones point from their parents in the rest pose, a T: x to the person's left, y up, z to the front. Others point up.
_REST = {
    **dict.fromkeys(
        ("shoulder", "elbow", "wrist", "hand", "hand_end", "collar", "clavicle", "thumb", "index", "pinky"), (1, 0, 0)
    ),
    **dict.fromkeys(("knee", "ankle"), (0, -1, 0)),
    **dict.fromkeys(("toe", "big_toe", "small_toe", "foot", "foot_index"), (0, 0, 1)),
    "hip": (1, 0, 0),
    "heel": (0, -1, -1),
    "eye": (1, 1, 0),
    "ear": (1, 0, -1),
}


@dataclass(frozen=True)
class _Node:
    """A joint of the file: T local rotations, its offset in cm, what hangs on it."""

    name: str
    offset: np.ndarray
    rotation: Tensor
    children: tuple[_Node, ...]


def bvh(poses: Poses, settings: MotionSettings | None = None, name: str = "poses.bvh") -> str:
    """Return the text of a BVH file: m, y up (see :func:`posezoo.poses.exports.clip.motion_of`), angles in degrees, ZXY.

    The joints are named as the layout's and rest in a T pose. The body is one: a bone has its median length over the clip,
    the same on both sides, and in every frame exactly the direction it has in the prediction, by the smallest turn from the
    rest pose in its parent's frame. Where a joint has several children, it turns as fits them best, and a joint of no length
    (``pelvis_left_hip``) gives each the rest, as ``LHipJoint`` does in the CMU database. A joint that is unknown keeps its
    last known direction, as BVH cannot leave it out. BVH has one rate: frames that are lacking are held, and those of a
    variable rate are repeated, so that every pose stands at its time.

    Raises:
        InputError: no clip, unknown rate, a setting that does not belong here, or a joint that is known in no frame.
    """
    settings = settings or MotionSettings()
    if settings.markers != "skeleton":
        raise InputError("markers are names in .trc; a .bvh names its joints as the layout does.")
    rate = frames_per_second(poses, settings.fps, "BVH")
    pose, skeleton = motion_of(poses, settings, "BVH", unit="m", one_body=True), poses.skeleton
    times = times_of(poses, len(pose), settings.fps)
    if times is not None:
        pose = pose[_ticks(times, rate)]
    bones = {child: _held(pose[:, child] - pose[:, parent], skeleton.joints[child]) for parent, child in skeleton.bones}
    directions = {child: _held(_directions(bones[child]), skeleton.joints[child]) for child in bones}
    lengths = {
        child: float(np.nanmean(np.linalg.norm(pose[:, child] - pose[:, parent], axis=-1)))
        for parent, child in skeleton.bones
    }
    root = _held(pose[:, skeleton.root], skeleton.joints[skeleton.root])
    start = torch.eye(3, dtype=torch.float64).expand(len(pose), 3, 3)
    tree = _node(skeleton, skeleton.root, np.zeros(3), start, directions, lengths)
    lines: list[str] = ["HIERARCHY"]
    rotations: list[Tensor] = []
    _write(tree, lines, rotations, 0)
    angles = torch.rad2deg(matrix_to_euler(_ORDER, torch.stack(rotations, 1))).numpy()
    angles = np.unwrap(angles, period=360, axis=0).reshape(len(pose), -1)
    motion = io.StringIO()
    np.savetxt(motion, np.concatenate([root, angles], axis=1), fmt="%.6f")
    lines += ["MOTION", f"Frames: {len(pose)}", f"Frame Time: {1 / rate:.8f}"]
    return "\n".join(lines) + "\n" + motion.getvalue()


def _ticks(times: np.ndarray, rate: float) -> np.ndarray:
    """Return the row that stands at each tick of a rate, from the first time to the last: the latest one.

    Raises:
        InputError: times that do not rise, or that no clip has.
    """
    if not (np.diff(times) > 0).all():
        raise InputError("the times of the poses do not rise from row to row; BVH holds one clip: save clip by clip.")
    count = int(np.rint((times[-1] - times[0]) * rate)) + 1
    if count > _MOST_TICKS_PER_ROW * len(times):
        raise InputError(
            f"{len(times)} poses lie {times[-1] - times[0]:.6g} s apart, {count} frames of BVH; they are no clip: save them "
            "as .csv, .npz or .json."
        )
    ticks = times[0] + (np.arange(count) + 0.5) / rate
    return np.clip(np.searchsorted(times, ticks, side="right") - 1, 0, len(times) - 1)


def _held(values: np.ndarray, joint: str) -> np.ndarray:
    """Return (T, 3) where unknown rows repeat the last known one, the first known one at the start."""
    known = np.isfinite(values).all(-1)
    if not known.any():
        raise InputError(f"the {joint} is known in no frame; BVH needs every joint of {len(values)} frames at least once.")
    latest = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    return values[np.where(latest < 0, known.argmax(), latest)]


def _directions(bone: np.ndarray) -> np.ndarray:
    """Return unit vectors; NaN for a bone of no length."""
    length = np.linalg.norm(bone, axis=-1, keepdims=True)
    if not (length > 1e-6).any():
        return np.broadcast_to([0.0, 1.0, 0.0], bone.shape)
    return np.divide(bone, length, out=np.full_like(bone, np.nan), where=length > 1e-6)


def _rest(joint: str) -> np.ndarray:
    side = joint.partition("_")[0]
    x, y, z = _REST.get(joint.removeprefix("left_").removeprefix("right_").removesuffix("_end"), (0, 1, 0))
    return np.array([-x if side == "right" else x, y, z]) / np.linalg.norm([x, y, z])


def _node(
    skeleton: Skeleton,
    joint: int,
    offset: np.ndarray,
    above: Tensor,
    directions: dict[int, np.ndarray],
    lengths: dict[int, float],
) -> _Node:
    """Return a joint and all below it; ``above`` is the global rotation (T, 3, 3) of what it hangs on."""
    name = skeleton.joints[joint]
    children = [child for parent, child in skeleton.bones if parent == joint]
    identity = torch.eye(3, dtype=torch.float64).expand_as(above)
    if not children:
        return _Node(name, offset, identity, ())
    rest = {child: _rest(skeleton.joints[child]) for child in children}
    local = {child: (above.mT @ torch.from_numpy(directions[child].copy())[..., None])[..., 0] for child in children}
    turns = {child: rotation_between(torch.from_numpy(rest[child]), local[child]) for child in children}
    if len(children) == 1:
        (child,) = children
        below = _node(skeleton, child, rest[child] * lengths[child], above @ turns[child], directions, lengths)
        return _Node(name, offset, turns[child], (below,))
    own = _best_turn(
        torch.stack([torch.from_numpy(rest[c]) for c in children]), torch.stack([local[c] for c in children], 1)
    )
    parts = []
    for child in children:
        turn = rotation_between(torch.from_numpy(rest[child]), (own.mT @ local[child][..., None])[..., 0])
        below = _node(skeleton, child, rest[child] * lengths[child], above @ own @ turn, directions, lengths)
        parts.append(_Node(f"{name}_{skeleton.joints[child]}", np.zeros(3), turn, (below,)))
    return _Node(name, offset, own, tuple(parts))


def _best_turn(rest: Tensor, local: Tensor) -> Tensor:
    """Return the rotations (T, 3, 3) that bring rest directions (n, 3) nearest to each frame's (T, n, 3): Kabsch 1976."""
    left, _, right = torch.linalg.svd(local.mT @ rest)
    flip = torch.ones(len(local), 3, dtype=local.dtype)
    flip[:, 2] = torch.linalg.det(left @ right).sign()
    return left @ torch.diag_embed(flip) @ right


def _write(node: _Node, lines: list[str], rotations: list[Tensor], depth: int) -> None:
    """Append the text of the hierarchy, and the rotations in the order of its channels."""
    pad = "  " * depth
    turns = " ".join(f"{axis.upper()}rotation" for axis in _ORDER)
    channels = f"CHANNELS 6 Xposition Yposition Zposition {turns}" if depth == 0 else f"CHANNELS 3 {turns}"
    rotations.append(node.rotation)
    lines += [f"{pad}{'JOINT' if depth else 'ROOT'} {node.name}", pad + "{"]
    lines += [f"{pad}  OFFSET {_numbers(node.offset)}", f"{pad}  {channels}"]
    for child in node.children:
        _write(child, lines, rotations, depth + 1)
    if not node.children:
        end = _numbers(node.offset * _END)
        lines += [f"{pad}  End Site", pad + "  {", f"{pad}    OFFSET {end}", pad + "  }"]
    lines.append(pad + "}")


def _numbers(values: np.ndarray) -> str:
    return " ".join(f"{value + 0.0:.6f}" for value in values)
