"""Normalise poses by root and scale, as the lifting papers do, and lift them back."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def center_and_scale(
    points: Float[Tensor, "*batch J D"], root: int, distance: float = 1.0
) -> tuple[Float[Tensor, "*batch J D"], Float[Tensor, "*batch 1 D"], Float[Tensor, "*batch 1 1"]]:
    """Move the root to the origin and scale the other joints to a given mean distance from it.

    Deng et al. 2021, Sec. 3.1, with ``distance = 1 / d`` for 2D and 1 for 3D.

    Args:
        points: 2D or 3D, any unit.
        root: index of the root joint.
        distance: mean distance of the other joints from the root after scaling.

    Returns:
        the normalised points, the root and the scale: ``points = normalised * scale + root``. Where all joints
        coincide the scale is the smallest normal number, never zero.
    """
    origin = points[..., root : root + 1, :]
    centered = points - origin
    mean = torch.linalg.vector_norm(centered, dim=-1).sum(-1) / max(points.shape[-2] - 1, 1)
    scale = (mean / distance).clamp_min(torch.finfo(points.dtype).tiny)[..., None, None]
    return centered / scale, origin, scale


def lift_to_3d(
    keypoints: Float[Tensor, "*batch J 2"], depth: Float[Tensor, "*batch J"], minimum: float = 1.0
) -> Float[Tensor, "*batch J 3"]:
    """Return 3D points at given depths on the rays of a camera with focal length 1.

    Deng et al. 2021, Eq. 3-4; Chen et al. 2019 keep the depth at 1 or more, as here.

    Args:
        keypoints: normalised image coordinates (x/z, y/z).
        depth: distance along the optical axis, same unit as the result.
        minimum: the least depth.
    """
    depth = depth.clamp_min(minimum)[..., None]
    return torch.cat([keypoints * depth, depth], dim=-1)
