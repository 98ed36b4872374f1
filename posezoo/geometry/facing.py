"""Turn a camera towards a person: keypoints into its picture, poses back."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from posezoo.geometry.cameras import Camera, unproject

FIELD_OF_VIEW = math.radians(50.0)
"""The assumed angle of the longer side of a picture from an unknown camera, about that of a phone or a webcam."""


def assumed_camera(image_size: Sequence[int | float]) -> Camera:
    """Return a camera for pictures of an unknown camera: :data:`FIELD_OF_VIEW`, its axis through the middle.

    Args:
        image_size: (width, height) px.

    Example:
        >>> from posezoo.geometry import assumed_camera
        >>> round(float(assumed_camera((1920, 1080)).K[0, 0]))
        2059
    """
    width, height = (float(side) for side in image_size)
    focal = max(width, height) / 2 / math.tan(FIELD_OF_VIEW / 2)
    K = torch.tensor([[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]])
    return Camera(K, torch.eye(3), torch.zeros(3))


def face_root(
    keypoints: Float[Tensor, "B J 2"], camera: Camera, root: int | list[int]
) -> tuple[Float[Tensor, "B J 2"], Float[Tensor, "B 3 3"]]:
    """Turn the camera towards the root of each pose, and the keypoints with it.

    A person beside the optical axis is seen obliquely. Poses are lifted about their root, so what a lifter should see is
    the picture of the camera that looks at the root: the same place, no new roll, no lens distortion.

    Args:
        keypoints: px.
        camera: that took the picture; its R and t are not used.
        root: index of the joint to look at, or of joints whose middle is looked at.

    Returns:
        keypoints in px of a camera with the same focal length (x's) and its principal point at the origin, so the root is
        at (0, 0); and rotations from the turned camera's frame to the camera's: ``pose_camera = pose_turned @ R.mT``.

    Example:
        >>> import torch
        >>> from posezoo.geometry import Camera, face_root
        >>> camera = Camera(torch.tensor([[1000.0, 0, 500], [0, 1000, 500], [0, 0, 1]]), torch.eye(3), torch.zeros(3))
        >>> turned, R = face_root(torch.tensor([[[1500.0, 500.0], [1500.0, 600.0]]]), camera, root=0)
        >>> (R[0] @ torch.tensor([0.0, 0.0, 1.0])).tolist()  # the root's ray: 45 degrees to the right
        [0.7071067690849304, 0.0, 0.7071067690849304]
    """
    rays = unproject(keypoints, torch.ones_like(keypoints[..., 0]), camera, frame="camera")
    middle = rays[:, [root] if isinstance(root, int) else root].mean(1)
    ahead = torch.nn.functional.normalize(middle, dim=-1)
    across = torch.stack([ahead[:, 2], torch.zeros_like(ahead[:, 0]), -ahead[:, 0]], -1)
    across = torch.nn.functional.normalize(across, dim=-1)
    axes = torch.stack([across, torch.linalg.cross(ahead, across, dim=-1), ahead], -1)
    turned = rays @ axes
    return turned[..., :2] / turned[..., 2:] * camera.K[0, 0].to(turned), axes
