"""Triangulate from three or more views of which some may be wrong, by weights that depend on how well a view agrees."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from posezoo.geometry.triangulation import triangulate

_ROUNDS = 3
_TRUST = 4.0  # at this many typical errors a view counts half: a Cauchy weight of 1 / (1 + 1)
_AGREE = 6.0  # views within this many typical errors agree
_LEAST_PX = 2.0


def reproject(
    points: Float[Tensor, "*batch J 3"], projections: Float[Tensor, "*views V 3 4"]
) -> Float[Tensor, "*batch V J 3"]:
    """Return points as V cameras see them: (x, y) in px after division by the third value, the depth up to scale."""
    matrices = projections.to(points)
    return points[..., None, :, :] @ matrices[..., :3].mT + matrices[..., None, :, 3]


def trusted(
    keypoints: Float[Tensor, "*batch V J 2"],
    projections: Float[Tensor, "*views V 3 4"],
    confidence: Tensor | None = None,
    *,
    typical_px: Float[Tensor, "*batch 1 1"] | None = None,
    consensus: bool = True,
) -> Tensor:
    """Return weights for :func:`posezoo.geometry.triangulate` that nearly leave out views which are far off.

    Cauchy weights ``1 / (1 + (e / 4 s)^2)``, e a view's distance from the point in px and s the distance that is usual,
    are found by iterated reweighting, from the point that most views agree with. Divided by the depth, they also turn the
    algebraic error of the direct linear transform into px. On simulated rigs of four views (detections off by 4 px at the
    median, up to 3 % of them far off) this takes 10 % of the error away, :func:`triangulate`'s ``max_reprojection_px`` 6 %.

    Args:
        keypoints: px, without distortion; NaN where a joint was not seen.
        projections: (..., V, 3, 4).
        confidence: (..., V, J) weights to begin with.
        typical_px: s; the median over all that is given, where it is not.
        consensus: begin with the views that agree, rather than with all.

    Returns:
        (..., V, J), 0 where a keypoint is missing. Two views cannot outvote each other: both keep their confidence.
    """
    start = torch.isfinite(keypoints).all(-1).to(keypoints.dtype) if confidence is None else confidence
    start = torch.where(torch.isfinite(keypoints).all(-1), start, 0.0)
    if keypoints.shape[-3] < 3:
        return start
    found = triangulate(keypoints, projections, start, details=True)
    point, error = found.points, found.reprojection_px
    if typical_px is None:
        typical_px = torch.nan_to_num(error.nanmedian(), nan=_LEAST_PX)
    scale = typical_px.clamp_min(_LEAST_PX / _TRUST)
    if consensus:
        agreed = triangulate(keypoints, projections, start, max_reprojection_px=float(_AGREE * scale.max()))
        point = torch.where(torch.isfinite(agreed), agreed, point)
    weights = start
    for _ in range(_ROUNDS):
        seen = reproject(point, projections)
        error = (seen[..., :2] / seen[..., 2:] - keypoints).norm(dim=-1)
        depth = seen[..., 2].abs()
        trust = depth.mean(-2, keepdim=True) / depth / (1 + (error / (_TRUST * scale)).square())
        weights = start * torch.where(torch.isfinite(trust), trust, 0.0)
        again = triangulate(keypoints, projections, weights)
        point = torch.where(torch.isfinite(again), again, point)
    return weights
