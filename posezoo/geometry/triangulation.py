"""Triangulate points from two or more calibrated views by the direct linear transform, in batches."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, overload

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from posezoo.errors import InputError
from posezoo.geometry.cameras import Camera
from posezoo.geometry.double import to_double
from posezoo.geometry.pieces import pieces
from posezoo.geometry.view_equations import Views

_CHUNK = 16384  # joints at a time, so that intermediate results fit a processor's cache


@dataclass(frozen=True, eq=False)
class Triangulation:
    """Triangulated points, the views that each was made from, and their reprojection errors.

    Attributes:
        points: (..., J, 3), NaN where they cannot be had.
        used: (..., V, J) bool: the views that a point was made from; none of a point that is NaN.
        reprojection_px: (..., V, J) distance in px between a keypoint and the point seen by the same view (without
            distortion), of views that were not used too; NaN where either is missing.
    """

    points: Float[Tensor, "*batch J 3"]
    used: Bool[Tensor, "*batch V J"]
    reprojection_px: Float[Tensor, "*batch V J"]

    @property
    def views(self) -> Int[Tensor, "*batch J"]:
        """The number of views that each point was made from; 0 where there is no point."""
        return self.used.sum(-2)

    @property
    def undefined(self) -> int:
        """The number of points that are NaN."""
        return int((self.views == 0).sum())


@overload
def triangulate(
    keypoints: Tensor,
    projections: object,
    confidence: Tensor | None = ...,
    *,
    undistort: bool = ...,
    max_reprojection_px: float | None = ...,
    minimum_angle: float = ...,
    details: Literal[False] = ...,
) -> Tensor: ...
@overload
def triangulate(
    keypoints: Tensor,
    projections: object,
    confidence: Tensor | None = ...,
    *,
    undistort: bool = ...,
    max_reprojection_px: float | None = ...,
    minimum_angle: float = ...,
    details: Literal[True],
) -> Triangulation: ...
def triangulate(
    keypoints: Float[Tensor, "*batch V J 2"],
    projections: object,
    confidence: Tensor | None = None,
    *,
    undistort: bool = True,
    max_reprojection_px: float | None = None,
    minimum_angle: float = math.radians(0.1),
    details: bool = False,
) -> Any:
    """Triangulate keypoints seen by V calibrated views: Hua et al. 2021, Eq. 1, for any number of views.

    Find the unit vector (X, Y, Z, W) that minimises the squared sum of the rows ``u P3 - P1`` and ``v P3 - P2`` over the
    views, weighted by confidence. This is the last right singular vector of these rows, which OpenCV's
    ``triangulatePoints`` computes for two views. Computed in float64 (on the CPU, where the
    keypoints' device has none), returned in the dtype of the keypoints.

    Args:
        keypoints: px; NaN where a joint was not seen.
        projections: (..., V, 3, 4) tensor of ``K [R | t]``, of keypoints without distortion; or V :class:`Camera`, whose
            distortion is taken out of the keypoints first.
        confidence: (..., V, J) weights of the views; 0 leaves a view out.
        undistort: whether to take the cameras' distortion out of the keypoints; without effect where matrices are given.
        max_reprojection_px: drop views that see the point further away than this. Of all pairs of views, the point that
            most views agree with counts (of equals, the one that they see nearest), and is made again from them. Two views
            that disagree give no point: neither can be told to be wrong.
        minimum_angle: radians; rays that differ by less count as parallel.
        details: return a :class:`Triangulation`.

    Returns:
        (..., J, 3) in world coordinates, in the unit of the projections. NaN, never a wild number, where fewer than two
        views see the joint, all rays are parallel, or the point is not in front of all cameras used.

    Raises:
        InputError: keypoints that are no tensor, shapes that do not fit each other, fewer than two views.

    Example:
        >>> import torch
        >>> from posezoo.geometry import h36m_cameras, triangulate
        >>> cameras = h36m_cameras("S1")[:2]
        >>> point = torch.tensor([[100.0, 200.0, 900.0]], dtype=torch.float64)
        >>> seen = torch.stack([camera.project(point) for camera in cameras])
        >>> [round(x, 3) for x in triangulate(seen, cameras)[0].tolist()]
        [100.0, 200.0, 900.0]
    """
    if not isinstance(keypoints, Tensor):
        raise InputError(
            f"keypoints are of type {type(keypoints).__name__}; expected a tensor: torch.as_tensor(keypoints) makes one."
        )
    pixels = to_double(keypoints)
    if isinstance(projections, Sequence) and all(isinstance(camera, Camera) for camera in projections):
        _check_views(keypoints, len(projections))
        if undistort:
            views = zip(projections, pixels.unbind(-3), strict=True)
            pixels = torch.stack([camera.undistort(view) for camera, view in views], -3)
        projections = torch.stack([to_double(camera.projection) for camera in projections])
    try:
        matrices = torch.as_tensor(projections).to(pixels)
    except (TypeError, ValueError, RuntimeError) as cause:
        found = type(projections).__name__
        raise InputError(f"projections are of type {found}; expected a tensor (..., V, 3, 4), or V cameras.") from cause
    if matrices.ndim < 3 or matrices.shape[-2:] != (3, 4):
        raise InputError(f"projections have shape {tuple(matrices.shape)}; expected (..., V, 3, 4), or V cameras.")
    _check_views(keypoints, int(matrices.shape[-3]))  # a traced shape is a tensor
    if confidence is not None and confidence.shape != keypoints.shape[:-1]:
        raise InputError(f"confidence has shape {tuple(confidence.shape)}; expected {tuple(keypoints.shape[:-1])}.")
    *batch, count, joints = pixels.shape[:-1]
    shared = matrices.ndim == 3
    matrices = matrices[None] if shared else matrices.expand(*batch, count, 3, 4).reshape(-1, count, 3, 4)

    def flat(values: Tensor) -> Tensor:
        """Return (V, N): all joints in one row, those of an element beside each other."""
        return values.movedim(-2, 0).reshape(count, -1)

    trust = () if confidence is None else (confidence.to(pixels.device),)
    arrays = [flat(values) for values in (*pixels.unbind(-1), *trust)]
    # Split so that intermediate results fit a processor's cache; an element's joints stay together.
    size = _CHUNK if shared else max(1, _CHUNK // max(joints, 1)) * max(joints, 1)
    given = zip(*(pieces(values, size, 1) for values in arrays), strict=True)
    elements = itertools.repeat(matrices) if shared else pieces(matrices, size // max(joints, 1))
    parts = [
        _triangulate(Views.of(*piece, matrices=part, minimum_angle=minimum_angle), max_reprojection_px, details)
        for piece, part in zip(given, elements, strict=False)
    ]
    points, *rest = (torch.cat(values, 1) for values in zip(*parts, strict=True))
    result = points.mT.reshape(*batch, joints, 3).to(keypoints)
    if not details:
        return result

    def unflat(values: Tensor) -> Tensor:
        return values.view(count, *batch, joints).movedim(0, -2)

    used, error = rest
    return Triangulation(result, unflat(used).to(keypoints.device), unflat(error).to(keypoints))


def _triangulate(views: Views, max_reprojection_px: float | None, details: bool) -> tuple[Tensor, ...]:
    """Return (3, N) points; with details also which views (V, N) were used, and the px between keypoints and points."""
    seen = views.used
    if max_reprojection_px is not None:
        views = views.only(views.agreeing(max_reprojection_px))
    point = views.points()
    if not details:
        return (point,)
    used = views.used & torch.isfinite(point[:1])
    return point, used, torch.where(seen, views.reprojection(point), math.nan)


def _check_views(keypoints: Tensor, views: int) -> None:
    if keypoints.ndim < 3 or keypoints.shape[-1] != 2:
        raise InputError(f"keypoints have shape {tuple(keypoints.shape)}; expected (..., V, J, 2).")
    if keypoints.shape[-3] != views or views < 2:
        raise InputError(
            f"keypoints of {keypoints.shape[-3]} views and {views} cameras; expected two or more, as many of the one as of "
            "the other."
        )
