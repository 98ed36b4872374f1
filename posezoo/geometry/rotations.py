"""Compute rotations: elementary ones, Euler angles, views around a person."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Real
from torch import Tensor

from posezoo.distributed import draw
from posezoo.errors import InputError

_AXES = {"x": 0, "y": 1, "z": 2}


def as_real(values: Tensor) -> Tensor:
    """Return whole numbers as float32, others as they are: matrices of whole numbers would lose every fraction."""
    return values if values.is_floating_point() else values.float()


def rotation_about(axis: str, angle: Real[Tensor, "*batch"]) -> Float[Tensor, "*batch 3 3"]:
    """Return rotation matrices about a coordinate axis, right-handed, acting on column vectors.

    Args:
        axis: ``"x"``, ``"y"`` or ``"z"``.
        angle: radians.

    Raises:
        InputError: another axis.

    Example:
        >>> import torch
        >>> from posezoo.geometry import rotation_about
        >>> (rotation_about("z", torch.tensor(torch.pi / 2)) @ torch.tensor([1.0, 0.0, 0.0])).round().tolist()
        [-0.0, 1.0, 0.0]
    """
    if axis not in _AXES:
        raise InputError(f"rotation axis {axis!r}; expected x, y or z.")
    first, second = (_AXES[axis] + 1) % 3, (_AXES[axis] + 2) % 3
    angle = as_real(angle)
    matrix = torch.zeros(*angle.shape, 3, 3, dtype=angle.dtype, device=angle.device)
    cosine, sine = angle.cos(), angle.sin()
    matrix[..., _AXES[axis], _AXES[axis]] = 1.0
    matrix[..., first, first] = cosine
    matrix[..., second, second] = cosine
    matrix[..., second, first] = sine
    matrix[..., first, second] = -sine
    return matrix


def euler_to_matrix(order: str, angles: Real[Tensor, "*batch n"]) -> Float[Tensor, "*batch 3 3"]:
    """Return the product of elementary rotations in the order given: ``"zxy"`` is Rz @ Rx @ Ry, as BVH channels read.

    Args:
        order: axes, one letter an angle.
        angles: radians.

    Raises:
        InputError: as many letters as angles are needed.
    """
    if len(order) != angles.shape[-1]:
        raise InputError(f"{angles.shape[-1]} angles for Euler order {order!r}; expected one a letter.")
    angles = as_real(angles)
    matrix = torch.eye(3, dtype=angles.dtype, device=angles.device).expand(*angles.shape[:-1], 3, 3)
    for axis, angle in zip(order, angles.unbind(-1), strict=True):
        matrix = matrix @ rotation_about(axis, angle)
    return matrix


def matrix_to_euler(order: str, matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 3"]:
    """Return the inverse of :func:`euler_to_matrix` for three different axes; the middle angle lies in [-pi/2, pi/2].

    Where that angle is +-pi/2 the other two are about one axis (gimbal lock), and the last of them is 0.

    Args:
        order: the three axes, such as ``"zxy"``.
        matrix: rotations.

    Returns:
        radians, in the order of the letters.

    Raises:
        InputError: not three different axes.

    Example:
        >>> import torch
        >>> from posezoo.geometry import euler_to_matrix, matrix_to_euler
        >>> angles = torch.tensor([0.1, -0.2, 3.0], dtype=torch.float64)
        >>> bool(torch.allclose(matrix_to_euler("zxy", euler_to_matrix("zxy", angles)), angles))
        True
    """
    if sorted(order) != ["x", "y", "z"]:
        raise InputError(f"Euler order {order!r}; expected x, y and z, each once.")
    first, middle, last = (_AXES[axis] for axis in order)
    sign = 1.0 if (middle - first) % 3 == 1 else -1.0
    sine, cosine = sign * matrix[..., first, last], torch.hypot(matrix[..., first, first], matrix[..., first, middle])
    locked = cosine < 1e-9
    before = torch.atan2(-sign * matrix[..., middle, last], matrix[..., last, last])
    alone = torch.atan2(sign * matrix[..., last, middle], matrix[..., middle, middle])
    after = torch.atan2(-sign * matrix[..., first, middle], matrix[..., first, first])
    return torch.stack(
        [torch.where(locked, alone, before), torch.atan2(sine, cosine), torch.where(locked, torch.zeros_like(after), after)],
        -1,
    )


def rotation_between(source: Float[Tensor, "*#batch 3"], target: Float[Tensor, "*#batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Return the smallest rotation that turns one direction into another (a swing, without twist).

    Args:
        source, target: vectors of any length but 0; of opposite ones the axis is chosen, across the source.

    Example:
        >>> import torch
        >>> from posezoo.geometry import rotation_between
        >>> up, ahead = torch.tensor([0.0, 1.0, 0.0]), torch.tensor([0.0, 0.0, 2.0])
        >>> bool(torch.allclose(rotation_between(up, ahead) @ up, ahead / 2, atol=1e-6))
        True
    """
    source, target = torch.broadcast_tensors(
        torch.nn.functional.normalize(source, dim=-1), torch.nn.functional.normalize(target, dim=-1)
    )
    middle = source + target
    length = middle.norm(dim=-1, keepdim=True)
    # Of vectors that are nearly opposite the sum is mostly rounding. Turn the source by half a turn first, about the axis
    # across both, and by the rest then.
    opposite = length < 0.1
    least = torch.eye(3, dtype=source.dtype, device=source.device)[source.abs().argmin(-1)]
    across = torch.linalg.cross(source, target, dim=-1)
    across = torch.where(
        across.norm(dim=-1, keepdim=True) > 10 * torch.finfo(source.dtype).eps,
        across,
        torch.linalg.cross(source, least, dim=-1),
    )
    across = torch.nn.functional.normalize(across, dim=-1)
    # Rounding leaves a part of the axis along the source, where the two are opposite to the last digits.
    across = torch.nn.functional.normalize(across - (across * source).sum(-1, keepdim=True) * source, dim=-1)
    middle = torch.nn.functional.normalize(torch.where(opposite, target - source, middle), dim=-1)
    # A half turn about the source followed by one about the middle is a turn by twice the angle between these two.
    turn = _half_turn(middle) @ _half_turn(source)
    return torch.where(opposite[..., None], turn @ _half_turn(across), turn)


def _half_turn(axis: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    return 2 * axis[..., :, None] * axis[..., None, :] - torch.eye(3, dtype=axis.dtype, device=axis.device)


def rotation_vector_to_matrix(vector: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Return the rotation about a vector's direction by its length in radians, right-handed (Rodrigues' formula)."""
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))
    return torch.linalg.matrix_exp(skew)


def view_rotation(
    azimuth: Float[Tensor, "*batch"],
    elevation_from: Float[Tensor, "*batch"] | None = None,
    elevation_to: Float[Tensor, "*batch"] | None = None,
) -> Float[Tensor, "*batch 3 3"]:
    """Return the rotation that turns a person in camera coordinates to be seen from another side.

    The camera is first brought level (it was pitched by ``elevation_from``, positive looking down), the person
    turned by ``azimuth`` about the vertical, and the camera pitched by ``elevation_to``. Without elevations this is the
    rotation about the camera's y axis of Deng et al. 2021, Eq. 5.

    Args:
        azimuth, elevation_from, elevation_to: radians, camera frame (x right, y down, z forward).
    """
    rotation = rotation_about("y", azimuth)
    if elevation_from is not None:
        rotation = rotation @ rotation_about("x", -elevation_from)
    if elevation_to is not None:
        rotation = rotation_about("x", elevation_to) @ rotation
    return rotation


def random_view(
    count: int,
    pitch: float | Float[Tensor, ""] = 0.0,
    pitch_deviation: float | Float[Tensor, ""] = 0.0,
    elevation: float = 0.0,
    device: torch.device | str | None = None,
) -> Float[Tensor, "B 3 3"]:
    """Return rotations to random other views: azimuths uniform in [0, 2 pi], elevations uniform in +- ``elevation``.

    Deng et al. 2021, Eq. 5 (no elevation); Chen et al. 2019, Sec. 3.2 (pi / 9). Both turn people about the camera's
    vertical. With the cameras' mean ``pitch`` and its deviation people turn about gravity's axis instead, see
    :func:`view_rotation`. Under DDP each process gets its share of the global batch's views.

    Args:
        count: how many.
        pitch, pitch_deviation: of the real cameras, radians, positive looking down; the rotations have gradients with
            regard to tensors.
        elevation: radians.
        device: where to draw.

    Example:
        >>> import torch
        >>> from posezoo.geometry import random_view
        >>> R = random_view(3)
        >>> bool(torch.allclose(R @ R.mT, torch.eye(3).expand(3, 3, 3), atol=1e-6))
        True
    """
    azimuth = draw(torch.rand, count, device=device) * (2 * math.pi)
    told = isinstance(pitch, Tensor) or isinstance(pitch_deviation, Tensor) or (pitch, pitch_deviation) != (0, 0)
    if not told and elevation == 0:
        return view_rotation(azimuth)
    before, after = (pitch + pitch_deviation * draw(torch.randn, count, 2, device=device)).unbind(1)
    if elevation:
        after = after + elevation * (2 * draw(torch.rand, count, device=device) - 1)
    return view_rotation(azimuth, before, after)


def even_views(count: int, pitch: float = 0.0, device: torch.device | str | None = None) -> Float[Tensor, "B 3 3"]:
    """Return rotations to other views, with evenly spread azimuths that are the same at every call, for validation.

    Args:
        count: how many; any that follow each other are spread (by the golden angle).
        pitch: of the cameras, radians, positive looking down.
        device: where to put them.

    Example:
        >>> from posezoo.geometry import even_views
        >>> bool((even_views(3) == even_views(5)[:3]).all())
        True
    """
    azimuth = (torch.arange(1, count + 1, dtype=torch.float64) * (math.pi * (3 - math.sqrt(5)))) % (2 * math.pi)
    tilt = torch.full((count,), pitch)
    return view_rotation(azimuth.float(), tilt, tilt).to(device or "cpu")


def look_at(
    center: Float[Tensor, "*batch 3"], target: Float[Tensor, "*batch 3"], up: Float[Tensor, "3"] | None = None
) -> tuple[Float[Tensor, "*batch 3 3"], Float[Tensor, "*batch 3"]]:
    """Return world-to-camera R and t of a camera at ``center`` that looks at ``target``, level with the horizon.

    Args:
        center, target: world coordinates, same unit.
        up: the world's vertical, z by default.

    Returns:
        R, t with ``x_cam = R @ x_world + t``.

    Raises:
        InputError: the camera looks straight up or down, where no horizon is defined.

    Example:
        >>> import torch
        >>> from posezoo.geometry import look_at
        >>> R, t = look_at(torch.tensor([0.0, -5.0, 0.0]), torch.zeros(3))
        >>> (R @ torch.zeros(3) + t).tolist()  # the target lies straight ahead
        [0.0, 0.0, 5.0]
    """
    if up is None:
        up = center.new_tensor([0.0, 0.0, 1.0])
    forward = torch.nn.functional.normalize(target - center, dim=-1)
    right = torch.linalg.cross(forward, up.expand_as(forward), dim=-1)
    if bool((right.norm(dim=-1) < 1e-6).any()):
        raise InputError("the camera looks along the vertical; move it off the axis or give another `up`.")
    right = torch.nn.functional.normalize(right, dim=-1)
    rotation = torch.stack([right, torch.linalg.cross(forward, right, dim=-1), forward], dim=-2)
    return rotation, -(rotation @ center[..., None])[..., 0]
