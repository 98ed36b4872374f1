"""Describe each frame by its whole clip (not in the paper): how noisy it is, how long the bones are, what moves.

A pose alone does not tell whether a forearm is short or badly triangulated; the other frames of the same person do.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from posezoo.papers.cvugcn.rig import Rig
from posezoo.skeletons import Skeleton

NEIGHBOURS = (-4, -2, -1, 1, 2, 4)
"""The neighbouring frames that the network sees."""
CHANNELS = 2 + 1 + 4 * len(NEIGHBOURS) + 3 + 5
"""Channels of :func:`describe`."""
_NOISE_MM = 15.0  # a good detector's errors, in mm at a few metres
_MOTION_MM = 30.0
_BONE_MM = 400.0
_LEAST_MM = 20.0
_NEAREST_MM = 300.0
_ERROR_MM_PER_PX = 4.0  # of a person who fills half of a picture of 1000 px


class Context(NamedTuple):
    """Statistics of a clip, from which the network learns what to expect.

    Attributes:
        features: (B, T, V, J, C) for the network, see :func:`describe`.
        noise_mm: (B,) typical disagreement of a joint between views and triangulated pose, at the person's distance.
    """

    features: Tensor
    noise_mm: Tensor


def disagreement(
    pose: Float[Tensor, "B T V J 3"], keypoints: Float[Tensor, "B T V J 2"], rig: Rig
) -> Float[Tensor, "B T V J 2"]:
    """Return the offset of each view's keypoints from the pose, at the pose's own depth, mm; 0 where there is no keypoint.

    Args:
        pose: in each camera's frame, mm.
        keypoints: px, without distortion.
        rig: the cameras of each clip.
    """
    depth = pose[..., 2:].clamp_min(_NEAREST_MM)
    K = rig.K[:, None]
    seen = (pose[..., :2] / depth) @ K[..., :2, :2].mT + K[..., None, :2, 2]
    off = (keypoints - seen) * depth / rig.focal[:, None]
    return torch.where(torch.isfinite(off), off, 0.0).clamp(-1500.0, 1500.0)


def describe(
    world: Float[Tensor, "B T J 3"],
    pose: Float[Tensor, "B T V J 3"],
    keypoints: Float[Tensor, "B T V J 2"],
    rig: Rig,
    skeleton: Skeleton,
    follows: Tensor | None = None,
) -> Context:
    """Describe every joint of every frame by its clip.

    Args:
        world: triangulated poses in the world's frame, mm, without NaN.
        pose: the same poses in each camera's frame.
        keypoints: px, without distortion; NaN where there is none.
        rig: the cameras of each clip.
        skeleton: of both.
        follows: (T,) numbers of the frames. Frames whose numbers are not neighbours do not see each other. Frames that
            stand beside each other where not given.

    Returns:
        features: the view's mean disagreement over the clip (2), the clip's noise (1), where the joint is in the
        neighbouring frames (3 each) and whether these exist (1 each), the bone to the parent: its length over the clip's,
        the clip's over that of both sides, and that of both sides (3), and how sure the joint's place is along each
        of the camera's axes (3) and along which line it is least sure (2).
    """
    off = disagreement(pose, keypoints, rig)
    noise = off.square().sum(-1).flatten(1).median(1).values.sqrt().clamp_min(0.05)
    shape = (*pose.shape[:-1], -1)
    parts = [(off.median(1, keepdim=True).values / _NOISE_MM).asinh(), (noise / _NOISE_MM).log()[:, None, None, None, None]]
    parts += [*_motion(pose, follows), _bones(world, skeleton), *_certainty(world, rig)]
    return Context(torch.cat([part.expand(shape) for part in parts], -1), noise)


def _motion(pose: Tensor, follows: Tensor | None) -> list[Tensor]:
    """Return where each joint is in the neighbouring frames, relative to now, and which of these frames exist."""
    frames = pose.shape[1]
    numbers = torch.arange(frames, device=pose.device) if follows is None else follows
    rows = torch.arange(frames, device=pose.device)
    moved, exists = [], []
    for step in NEIGHBOURS:
        other = (rows + step).clamp(0, frames - 1)
        near = ((rows + step == other) & (numbers[other] - numbers == step)).to(pose.dtype)
        moved.append(((pose[:, other] - pose) / _MOTION_MM).asinh() * near[None, :, None, None, None])
        exists.append(near)
    return [*moved, torch.stack(exists, -1)[None, :, None, None]]


def _bones(world: Float[Tensor, "B T J 3"], skeleton: Skeleton) -> Tensor:
    """Return each joint's bone length relative to the clip's median, both sides together; (B, T, 1, J, 3)."""
    parents = [joint if parent < 0 else parent for joint, parent in enumerate(skeleton.parents)]
    length = (world - world[:, :, parents]).norm(dim=-1)
    usual = length.median(1).values
    both = ((usual + usual[:, list(skeleton.mirror)]) / 2).clamp_min(_LEAST_MM)
    now = (length.clamp_min(_LEAST_MM) / both[:, None]).clamp(0.2, 5.0).log()
    side = (usual.clamp_min(_LEAST_MM) / both).clamp(0.2, 5.0).log()[:, None].expand_as(now)
    return torch.stack([3 * now, 3 * side, (both / _BONE_MM)[:, None].expand_as(now)], -1)[:, :, None]


def _certainty(world: Float[Tensor, "B T J 3"], rig: Rig) -> list[Tensor]:
    """Return the logarithm of the deviation along each axis of the camera that errors of a pixel cause, and its tilt."""
    ray = world[:, :, None] - rig.centers[:, None, :, None]
    distance = ray.norm(dim=-1, keepdim=True).clamp_min(_NEAREST_MM)
    ray = ray / distance
    identity = torch.eye(3, device=world.device)
    across = identity - ray[..., :, None] * ray[..., None, :]
    information = ((rig.focal.mean(-1)[:, None, :, :, None] / distance).square()[..., None] * across).sum(2)
    # The inverse of a symmetric matrix by its cofactors, of which the rows are cross products.
    first, second, third = (information + 1e-6 * identity).unbind(-2)
    cofactors = torch.stack(
        [torch.linalg.cross(second, third), torch.linalg.cross(third, first), torch.linalg.cross(first, second)], -2
    )
    covariance = cofactors / (first * cofactors[..., 0, :]).sum(-1)[..., None, None]
    R = rig.R[:, None, :, None]
    turned = R @ covariance[:, :, None] @ R.mT
    deviation = turned.diagonal(dim1=-2, dim2=-1).clamp_min(1e-9).sqrt()
    tilt = turned[..., 2, :2] / (deviation[..., 2:] * deviation[..., :2])
    return [(deviation / _ERROR_MM_PER_PX).log(), tilt]
