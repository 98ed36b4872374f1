"""Rotations that take one bone to another, for batches of bodies; no joint order, no unit."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

Joints = tuple[Tensor, ...]
"""Places (B, 3) of a limb's joints: shoulder, elbow and wrist; hip, knee and ankle."""


def unit(vectors: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3"]:
    """Return vectors of length one; zero stays zero."""
    return vectors / vectors.norm(dim=-1, keepdim=True).clamp_min(1e-6)


def turned(rotation: Float[Tensor, "*B 3 3"], vectors: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3"]:
    """Return each vector after its rotation."""
    return (rotation @ vectors[..., None])[..., 0]


def cross_matrix(vectors: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3 3"]:
    """Return the matrices that multiply as the cross product does."""
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))


def frame(across: Float[Tensor, "*B 3"], up: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3 3"]:
    """Return rotations whose columns are ``across``, ``up`` made square to it, and what both look along."""
    x = unit(across)
    y = unit(up - (up * x).sum(-1, keepdim=True) * x)
    return torch.stack([x, y, torch.linalg.cross(x, y)], -1)


def swing(start: Float[Tensor, "*B 3"], end: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3 3"]:
    """Return the smallest rotations that take one direction to another."""
    start, end = unit(start), unit(end)
    k = cross_matrix(torch.linalg.cross(start, end))
    cosine = (start * end).sum(-1)[..., None, None]
    # Opposite directions have no smallest rotation; near them, keep the denominator away from zero.
    turn = torch.eye(3, dtype=k.dtype, device=k.device) + k + k @ k / (1 + cosine).clamp_min(1e-4)
    return turn


def about(axis: Float[Tensor, "*B 3"], angle: Float[Tensor, "*B"]) -> Float[Tensor, "*B 3 3"]:
    """Return rotations by an angle in radians about an axis (Rodrigues)."""
    k = cross_matrix(unit(axis))
    sine, cosine = angle.sin()[..., None, None], angle.cos()[..., None, None]
    return torch.eye(3, dtype=k.dtype, device=k.device) + sine * k + (1 - cosine) * (k @ k)


def limb(
    parent: Float[Tensor, "B 3 3"], rest: Joints, pose: Joints, most: float
) -> tuple[Float[Tensor, "B 3 3"], Float[Tensor, "B 3 3"]]:
    """Return rotations of the upper and the lower part of an arm or a leg.

    The upper part swings with its parent, then twists about itself until the joint between bends the way its rest has it
    bent. A stretched limb shows no such way: below 0.1 of the sine it does not twist, above 0.4 wholly.

    Args:
        parent: rotation of what carries the limb.
        rest, pose: joints of the limb.
        most: the largest twist, radians.
    """
    upper, lower = rest[1] - rest[0], rest[2] - rest[1]
    to_upper, to_lower = pose[1] - pose[0], pose[2] - pose[1]
    turn = swing(turned(parent, upper), to_upper) @ parent
    axis = unit(to_upper)
    hinge = turned(turn, torch.linalg.cross(unit(upper), unit(lower)))
    hinge = unit(hinge - (hinge * axis).sum(-1, keepdim=True) * axis)
    normal = torch.linalg.cross(axis, unit(to_lower))
    bend = normal.norm(dim=-1)
    normal = unit(normal)
    angle = torch.atan2((torch.linalg.cross(hinge, normal) * axis).sum(-1), (hinge * normal).sum(-1))
    turn = about(axis, angle.clamp(-most, most) * ((bend - 0.1) / 0.3).clamp(0, 1)) @ turn
    return turn, swing(turned(turn, lower), to_lower) @ turn
