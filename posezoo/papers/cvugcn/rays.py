"""Triangulate as Hua et al. 2021 print it: from rays, in each camera's frame."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from posezoo.geometry.double import to_double
from posezoo.papers.cvugcn.rig import Rig

_PARALLEL = math.radians(0.1)


def triangulate_rays(
    keypoints: Float[Tensor, "B 2 J 2"], rig: Rig, confidence: Float[Tensor, "B 2 J"] | None = None
) -> Float[Tensor, "B 2 J 3"]:
    """Triangulate two views by Hua et al. 2021, Eq. 1, once in the frame of each camera.

    For camera 1, the unit vector X~ of four numbers that minimises ``|x_1 x [I | 0] X~|^2 + |x_2 x [R | t] X~|^2`` is the
    last right singular vector of these six rows. x = K^-1 (u, v, 1) is a ray, [R | t] takes camera 1's frame to camera 2's.
    Either camera has a pose of its own: where the rays miss each other, the two are not the same point.

    :func:`posezoo.geometry.triangulate` solves rows of pixels in the world's frame instead, once for both cameras. The
    squared rows of the one and of the other weigh errors differently, so that both agree for exact keypoints alone.

    Args:
        keypoints: px, without distortion; NaN where a joint was not seen.
        rig: the two cameras.
        confidence: weights of the views; 0 leaves a view out.

    Returns:
        mm, each camera's frame; NaN where a view lacks the joint, the rays are parallel or the point is behind a camera.
    """
    K, R, t, pixels = (to_double(values) for values in (rig.K, rig.R, rig.t, keypoints))
    known = torch.isfinite(pixels).all(-1)
    weight = known.double() if confidence is None else torch.nan_to_num(to_double(confidence)).clamp_min(0) * known
    homogeneous = torch.cat([torch.where(known[..., None], pixels, 0.0), torch.ones_like(pixels[..., :1])], -1)
    rays = homogeneous @ torch.linalg.inv(K).mT
    towards = torch.nn.functional.normalize(rays @ R, dim=-1)  # in the world's frame
    angle = torch.linalg.cross(towards[:, 0], towards[:, 1]).norm(dim=-1).asin()
    defined = (weight > 0).all(1) & (angle > _PARALLEL)
    poses = []
    for own, other in ((0, 1), (1, 0)):
        turn = R[:, other] @ R[:, own].mT
        shift = t[:, other] - (turn @ t[:, own, :, None])[..., 0]
        identity = torch.eye(3, dtype=K.dtype, device=K.device).expand_as(turn)
        here = torch.cat([identity, torch.zeros_like(shift)[..., None]], -1)
        there = torch.cat([turn, shift[..., None]], -1)
        rows = torch.cat(
            [
                weight[:, view, :, None, None] * _cross(rays[:, view]) @ matrix[:, None]
                for view, matrix in ((own, here), (other, there))
            ],
            -2,
        )
        point = torch.linalg.svd(rows).Vh[..., -1, :]
        pose = point[..., :3] / torch.where(point[..., 3:] == 0, torch.nan, point[..., 3:])
        beyond = (pose @ turn.mT + shift[:, None])[..., 2]
        poses.append(torch.where((defined & (pose[..., 2] > 0) & (beyond > 0))[..., None], pose, torch.nan))
    return torch.stack(poses, 1).to(keypoints)


def _cross(rays: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3 3"]:
    """Return the matrices that compute cross products with rays."""
    x, y, z = rays.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))
