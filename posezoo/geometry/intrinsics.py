"""Fit a camera's intrinsics to points whose places in its frame and in its picture are known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from posezoo.errors import InputError

_LEAST = 6


class Intrinsics(NamedTuple):
    """What :func:`fit_intrinsics` found.

    Attributes:
        K: (3, 3), px, without skew.
        distortion: (5,) k1 k2 p1 p2 k3, OpenCV's order; k3 is 0.
        error_px: root mean square distance between the points' pixels and the given ones.
    """

    K: np.ndarray
    distortion: np.ndarray
    error_px: float


def fit_intrinsics(points: np.ndarray, pixels: np.ndarray) -> Intrinsics:
    """Fit focal lengths, centre and distortion (Brown 1971) by least squares.

    Args:
        points: (N, 3) camera frame, any unit; those behind the camera are left out.
        pixels: (N, 2) where the camera sees them, px.

    Raises:
        InputError: shapes that do not fit each other, or fewer than six finite points in front of the camera.

    Example:
        >>> import numpy as np
        >>> from posezoo.geometry.intrinsics import fit_intrinsics
        >>> points = np.random.default_rng(0).uniform([-1, -1, 3], [1, 1, 5], (50, 3))
        >>> found = fit_intrinsics(points, points[:, :2] / points[:, 2:] * [700, 710] + [320, 240])
        >>> found.K.round(3).diagonal().tolist(), bool(found.error_px < 1e-6)
        ([700.0, 710.0, 1.0], True)
    """
    from scipy.optimize import least_squares

    if points.ndim != 2 or points.shape[1] != 3 or pixels.shape != (len(points), 2):
        raise InputError(f"points {points.shape} and pixels {pixels.shape}; expected (N, 3) and (N, 2).")
    good = np.isfinite(points).all(1) & np.isfinite(pixels).all(1) & (points[:, 2] > 0)
    if good.sum() < _LEAST:
        raise InputError(f"{good.sum()} points in front of the camera; intrinsics need {_LEAST}.")
    rays, pixels = points[good, :2] / points[good, 2:], pixels[good].astype(np.float64)
    focal, center = np.array([np.polyfit(rays[:, axis], pixels[:, axis], 1) for axis in (0, 1)]).T
    scale = np.abs(focal).mean()

    def residual(values: np.ndarray) -> np.ndarray:
        return np.asarray((_project(rays, values[:2] * scale, values[2:4] * scale, values[4:]) - pixels).ravel())

    start = np.concatenate([focal / scale, center / scale, np.zeros(4)])
    found = least_squares(residual, start, method="lm" if pixels.size >= len(start) else "trf").x
    K = np.eye(3)
    K[(0, 1), (0, 1)], K[:2, 2] = found[:2] * scale, found[2:4] * scale
    error = residual(found).reshape(-1, 2)
    return Intrinsics(K, np.append(found[4:], 0.0), float(np.sqrt(np.square(error).sum(1).mean())))


def _project(rays: np.ndarray, focal: np.ndarray, center: np.ndarray, distortion: np.ndarray) -> np.ndarray:
    """Return the pixels of rays (x / z, y / z) through k1 k2 p1 p2."""
    x, y = rays.T
    square = x * x + y * y
    radial = 1 + distortion[0] * square + distortion[1] * square * square
    bent = np.stack(
        [
            x * radial + 2 * distortion[2] * x * y + distortion[3] * (square + 2 * x * x),
            y * radial + distortion[2] * (square + 2 * y * y) + 2 * distortion[3] * x * y,
        ],
        1,
    )
    return bent * focal + center
