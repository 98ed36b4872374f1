"""Trace capsules seen by a pinhole camera: which capsule a pixel shows, how far away, and which way its surface faces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32


@dataclass(frozen=True)
class Capsules:
    """N segments with a radius: all points at most so far from the segment.

    Attributes:
        start, end: (N, 3) mm, camera frame (x right, y down, z forward); a sphere where they are equal.
        radius: (N,) mm.
        surface: (N,) what each is covered with, an index.
    """

    start: np.ndarray
    end: np.ndarray
    radius: np.ndarray
    surface: np.ndarray


@dataclass(frozen=True)
class Traced:
    """Surface points that M pixels show of capsules.

    Attributes:
        rows, columns: (M,) of the image.
        capsule: (M,) which.
        point: (M, 3) mm, camera frame.
        normal: (M, 3) unit vectors, outwards.
        along: (M,) mm along the segment from its start; below 0 and above its length on the caps.
    """

    rows: np.ndarray
    columns: np.ndarray
    capsule: np.ndarray
    point: np.ndarray
    normal: np.ndarray
    along: np.ndarray


def trace(capsules: Capsules, K: Float[np.ndarray, "3 3"], size: tuple[int, int]) -> Traced:
    """Find exactly where the ray through each pixel's centre first meets a capsule: a quadratic for side and caps.

    Args:
        capsules: wholly before the camera; one that is not is left out.
        K: intrinsics without skew, px; pixel (0, 0) has its centre at (0, 0).
        size: (width, height) of the image.
    """
    depth = np.full((size[1], size[0]), np.inf, np.float32)
    shown = np.full((size[1], size[0]), -1, np.int16)
    x = ((np.arange(size[0]) - K[0, 2]) / K[0, 0]).astype(np.float32)
    y = ((np.arange(size[1]) - K[1, 2]) / K[1, 1]).astype(np.float32)
    parts = zip(
        capsules.start.astype(np.float32), capsules.end.astype(np.float32), capsules.radius.astype(np.float32), strict=True
    )
    for number, (start, end, radius) in enumerate(parts):
        window = _window(start, end, radius, K, size)
        if window is None:
            continue
        found = _first_hit(x[None, window[1]], y[window[0], None], start, end, radius)
        nearer = found < depth[window]
        depth[window][nearer] = found[nearer]
        shown[window][nearer] = number
    rows, columns = np.nonzero(shown >= 0)
    which = shown[rows, columns]
    point = depth[rows, columns][:, None] * np.stack([x[columns], y[rows], np.ones(len(rows), np.float32)], 1)
    axis = (capsules.end - capsules.start).astype(np.float32)
    length = np.maximum(np.linalg.norm(axis, axis=1), 1e-6).astype(np.float32)
    start, unit = capsules.start.astype(np.float32)[which], (axis / length[:, None])[which]
    along = np.einsum("md,md->m", point - start, unit)
    nearest = start + np.clip(along, 0.0, length[which])[:, None] * unit
    normal = (point - nearest) / capsules.radius.astype(np.float32)[which][:, None]
    return Traced(rows, columns, which, point, normal, along)


def _window(
    start: Float32[np.ndarray, "3"], end: Float32[np.ndarray, "3"], radius: np.float32, K: np.ndarray, size: tuple[int, int]
) -> tuple[slice, slice] | None:
    """Return rows and columns that can show a capsule; None where there are none."""
    nearest = min(start[2], end[2]) - radius
    if nearest <= 1.0:
        return None
    # Each ball lies within a box, whose corners project farthest out at its front or at its back.
    low, high = [], []
    for axis in (0, 1):
        sides = [
            (center[axis] + sign * radius) / (center[2] + side * radius) * K[axis, axis] + K[axis, 2]
            for center in (start, end)
            for sign in (-1, 1)
            for side in (-1, 1)
        ]
        low.append(max(0, int(np.floor(min(sides)))))
        high.append(min(size[axis], int(np.ceil(max(sides))) + 1))
    if low[0] >= high[0] or low[1] >= high[1]:
        return None
    return slice(low[1], high[1]), slice(low[0], high[0])


def _first_hit(
    x: Float32[np.ndarray, "1 W"],
    y: Float32[np.ndarray, "H 1"],
    start: Float32[np.ndarray, "3"],
    end: Float32[np.ndarray, "3"],
    radius: np.float32,
) -> Float32[np.ndarray, "H W"]:
    """Return the depth at which rays (x, y, 1) t first meet a capsule; infinite where they miss it."""
    axis = end - start
    axis_axis = float(axis @ axis)
    ray_ray = x * x + y * y + 1
    ray_axis = x * axis[0] + (y * axis[1] + axis[2])
    ray_start = x * start[0] + (y * start[1] + start[2])
    start_axis, start_start = float(start @ axis), float(start @ start)
    infinite = np.float32(np.inf)
    hit = np.full(ray_ray.shape, infinite, np.float32)
    if axis_axis > 1e-3:
        a = axis_axis * ray_ray - ray_axis * ray_axis
        b = axis_axis * ray_start - start_axis * ray_axis
        c = axis_axis * start_start - start_axis**2 - float(radius) ** 2 * axis_axis
        root = b * b - a * np.float32(c)
        with np.errstate(invalid="ignore", divide="ignore"):
            t = (b - np.sqrt(root)) / a
        along = ray_axis * t - start_axis
        hit = np.where((root >= 0) & (along >= 0) & (along <= axis_axis), t, infinite)
    for center in (start, end):
        ray_center = x * center[0] + (y * center[1] + center[2])
        root = ray_center * ray_center - ray_ray * np.float32(float(center @ center) - float(radius) ** 2)
        with np.errstate(invalid="ignore"):
            t = (ray_center - np.sqrt(root)) / ray_ray
        # Of the side and a cap, a ray meets the nearer one first, because caps never stick out of the side.
        hit = np.where(root >= 0, np.minimum(hit, t), hit)
    return hit
