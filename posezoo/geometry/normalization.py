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
    mean = torch.linalg.vector_norm(centered, dim=-1, keepdim=True).sum(-2, keepdim=True) / max(points.shape[-2] - 1, 1)
    scale = (mean / distance).clamp_min(torch.finfo(points.dtype).tiny)
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


def toward_rays(
    pose: Float[Tensor, "B J 3"], keypoints: Float[Tensor, "B J 2"], root: int, share: float, distance: float = 10.0
) -> Float[Tensor, "B J 3"]:
    """Move joints a share of the way across onto the rays of their keypoints, at the depths that they have.

    A network that was taught to mistrust a detector moves joints off their keypoints, towards the bodies that it knows.

    Args:
        pose: about the root, camera frame of a camera that looks at the root, any unit.
        keypoints: of the joints, any unit and place; their scale is fitted to the pose by least squares.
        root: index of the root joint.
        share: 0 leaves the pose as it is, 1 puts joints on the rays.
        distance: of the camera, in mean joint distances from the root (10 in Chen et al. 2019, Sec. 3).

    Example:
        >>> import torch
        >>> from posezoo.geometry.normalization import toward_rays
        >>> pose = torch.tensor([[[0.0, 0.0, 0.0], [1.0, 0.2, 0.0], [0.0, 0.9, 0.0]]])
        >>> seen = torch.tensor([[[500.0, 500.0], [600.0, 500.0], [500.0, 600.0]]])
        >>> toward_rays(pose.double(), seen.double(), 0, 1.0)[0, :, :2].round(decimals=2).tolist()
        [[0.0, 0.0], [0.95, 0.0], [0.0, 0.95]]
    """
    relative, across = pose - pose[:, root : root + 1], pose[..., :2]
    size = relative.norm(dim=-1).mean(1)[:, None, None].clamp_min(torch.finfo(pose.dtype).tiny)
    rays = (keypoints - keypoints[:, root : root + 1]) * (1 + relative[..., 2:] / (distance * size))
    rays = rays / rays.square().sum((1, 2), keepdim=True).sqrt().clamp_min(torch.finfo(pose.dtype).tiny)
    fitted = rays * (rays * relative[..., :2]).sum((1, 2), keepdim=True) + pose[:, root : root + 1, :2]
    return torch.cat([across + share * (fitted - across), pose[..., 2:]], -1)
