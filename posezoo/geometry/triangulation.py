"""Points from two or more calibrated views: the direct linear transform, in batches."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, overload

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from posezoo.errors import InputError
from posezoo.geometry.cameras import Camera
from posezoo.geometry.pieces import pieces

_CHUNK = 16384  # joints at a time: what is in flight fits a processor's cache


@dataclass(frozen=True)
class Triangulation:
    """Points and how they came about.

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
        """How many views each point was made from, 0 where there is none."""
        return self.used.sum(-2)

    @property
    def undefined(self) -> int:
        """How many points could not be had."""
        return int((self.views == 0).sum())


@overload
def triangulate(
    keypoints: Tensor,
    projections: Any,
    confidence: Tensor | None = ...,
    *,
    max_reprojection_px: float | None = ...,
    minimum_angle: float = ...,
    details: Literal[False] = ...,
) -> Tensor: ...
@overload
def triangulate(
    keypoints: Tensor,
    projections: Any,
    confidence: Tensor | None = ...,
    *,
    max_reprojection_px: float | None = ...,
    minimum_angle: float = ...,
    details: Literal[True],
) -> Triangulation: ...
def triangulate(
    keypoints: Float[Tensor, "*batch V J 2"],
    projections: Any,
    confidence: Tensor | None = None,
    *,
    max_reprojection_px: float | None = None,
    minimum_angle: float = math.radians(0.1),
    details: bool = False,
) -> Any:
    """Triangulate keypoints seen by V calibrated views: Hua et al. 2021, Eq. 1, for any number of views.

    The unit vector (X, Y, Z, W) that minimises the squared sum of ``u P3 - P1`` and ``v P3 - P2`` over the views, as
    OpenCV's ``triangulatePoints`` does it for two, weighted by confidence. Computed in float64, returned in the dtype of the
    keypoints.

    Args:
        keypoints: px; NaN where a joint was not seen.
        projections: (..., V, 3, 4) tensor of ``K [R | t]``, of keypoints without distortion; or V :class:`Camera`, whose
            distortion is taken out of the keypoints first.
        confidence: (..., V, J) weights of the views; 0 leaves a view out.
        max_reprojection_px: drop views that see the point further away than this. Of all pairs of views, the point that
            most views agree with counts (of equals, the one that they see nearest), and is made again from them. Two views
            that disagree give no point: neither can be told to be wrong.
        minimum_angle: radians; rays that differ by less count as parallel.
        details: return a :class:`Triangulation`.

    Returns:
        (..., J, 3) in world coordinates, in the unit of the projections. NaN, never a wild number, where fewer than two
        views see the joint, all rays are parallel, or the point is not in front of all cameras used.

    Raises:
        InputError: shapes that do not fit each other, fewer than two views.

    Example:
        >>> import torch
        >>> from posezoo.geometry import h36m_cameras, triangulate
        >>> cameras = h36m_cameras("S1")[:2]
        >>> point = torch.tensor([[100.0, 200.0, 900.0]], dtype=torch.float64)
        >>> seen = torch.stack([camera.project(point) for camera in cameras])
        >>> [round(x, 3) for x in triangulate(seen, cameras)[0].tolist()]
        [100.0, 200.0, 900.0]
    """
    pixels = keypoints.double()
    if isinstance(projections, Sequence) and all(isinstance(camera, Camera) for camera in projections):
        _check_views(keypoints, len(projections))
        undistorted = [camera.undistort(view) for camera, view in zip(projections, pixels.unbind(-3), strict=True)]
        pixels = torch.stack(undistorted, -3)
        projections = torch.stack([camera.projection.double() for camera in projections])
    matrices = torch.as_tensor(projections, dtype=torch.float64, device=keypoints.device)
    if matrices.ndim < 3 or matrices.shape[-2:] != (3, 4):
        raise InputError(f"projections have shape {tuple(matrices.shape)}; expected (..., V, 3, 4), or V cameras.")
    _check_views(keypoints, int(matrices.shape[-3]))  # a tensor where it is traced
    if confidence is not None and confidence.shape != keypoints.shape[:-1]:
        raise InputError(f"confidence has shape {tuple(confidence.shape)}; expected {tuple(keypoints.shape[:-1])}.")
    *batch, count, joints = pixels.shape[:-1]
    shared = matrices.ndim == 3
    matrices = matrices[None] if shared else matrices.expand(*batch, count, 3, 4).reshape(-1, count, 3, 4)

    def flat(values: Tensor) -> Tensor:
        """Joints that share their cameras, in one row: (1, V, N), or (B, V, J) where each element has its own."""
        return values.movedim(-2, 0).reshape(1, count, -1) if shared else values.reshape(-1, count, joints)

    arrays = [flat(values) for values in (*pixels.unbind(-1), *(() if confidence is None else (confidence,)))]
    # Split so that what is in flight fits a processor's cache.
    axis, size = (-1, _CHUNK) if shared else (0, max(1, _CHUNK // max(joints, 1)))
    given = zip(*(pieces(values, size, axis) for values in arrays), strict=True)
    parts = [
        _triangulate(_Views.of(*piece, matrices=part, minimum_angle=minimum_angle), max_reprojection_px, details)
        for piece, part in zip(given, itertools.repeat(matrices) if shared else pieces(matrices, size), strict=False)
    ]
    points, used, error = (torch.cat(values, axis) for values in zip(*parts, strict=True))
    result = points.movedim(1, -1).reshape(*batch, joints, 3).to(keypoints.dtype)
    if not details:
        return result

    def unflat(values: Tensor) -> Tensor:
        return values.view(count, *batch, joints).movedim(0, -2) if shared else values.view(*batch, count, joints)

    return Triangulation(result, unflat(used), unflat(error).to(keypoints.dtype))


def _triangulate(views: _Views, max_reprojection_px: float | None, details: bool) -> tuple[Tensor, Tensor, Tensor]:
    """(B, 3, N) points; with details (B, V, N) views used, and px between keypoints and points."""
    seen = views.used
    if max_reprojection_px is not None:
        views = views.only(views.agreeing(max_reprojection_px))
    point = views.points()
    if not details:
        return point, point, point
    used = views.used & torch.isfinite(point[:, :1])
    return point, used, torch.where(seen, views.reprojection(point), math.nan)


def _check_views(keypoints: Tensor, views: int) -> None:
    if keypoints.ndim < 3 or keypoints.shape[-1] != 2:
        raise InputError(f"keypoints have shape {tuple(keypoints.shape)}; expected (..., V, J, 2).")
    if keypoints.shape[-3] != views or views < 2:
        raise InputError(
            f"keypoints of {keypoints.shape[-3]} views and {views} cameras; expected two or more, as many of the one as of "
            "the other."
        )


@dataclass
class _Views:
    """Keypoints, one array per coordinate (B, V, N), and the matrices (B, V, 3, 4) they were seen through; B may be 1.

    Joints lie along the last axis: a few products with thousands of columns, not thousands of small matrices.
    """

    x: Tensor
    y: Tensor
    weight: Tensor
    used: Tensor
    matrices: Tensor
    minimum_angle: float

    @classmethod
    def of(cls, x: Tensor, y: Tensor, confidence: Tensor | None = None, *, matrices: Tensor, minimum_angle: float) -> _Views:
        """With views left out that did not see a joint."""
        used = torch.isfinite(x + y)
        if confidence is not None:
            used &= torch.isfinite(confidence) & (confidence > 0)
        weight = used.double() if confidence is None else torch.where(used, confidence.double(), 0.0)
        return cls(torch.where(used, x, 0.0), torch.where(used, y, 0.0), weight, used, matrices, minimum_angle)

    def only(self, used: Tensor) -> _Views:
        """The same with other views left out."""
        return replace(self, used=used, weight=torch.where(used, self.weight, 0.0))

    def points(self) -> Tensor:
        """(B, 3, N); NaN where the views used do not define one."""
        matrices, weight = self.matrices, self.weight
        # With rows u P3 - P1 and v P3 - P2, each entry of A^T A is linear in u^2 + v^2, u, v and 1.
        squared = weight * weight
        size = torch.addcmul(self.x * self.x, self.y, self.y)
        features = torch.stack([squared * size, squared * self.x, squared * self.y, squared], 2).flatten(1, 2)
        i, j = torch.triu_indices(4, 4, device=matrices.device)
        p, q, r = matrices.unbind(2)
        mixed = [-(r[..., i] * row[..., j] + row[..., i] * r[..., j]) for row in (p, q)]
        constant = p[..., i] * p[..., j] + q[..., i] * q[..., j]
        entries = torch.stack([r[..., i] * r[..., j], *mixed, constant], 2).flatten(1, 2)
        xx, xy, xz, xw, yy, yz, yw, zz, zw, _ = (entries.mT @ features).unbind(1)
        inverse = _Inverse.of(xx, xy, xz, yy, yz, zz)
        start = torch.stack(inverse.times((-xw, -yw, -zw)), 1)
        # A step of Rayleigh quotient iteration, as a correction whose residual is taken from the rows themselves: squaring
        # them has cost half of the digits. The quotient is small beside the matrix: two terms of the inverse's series do.
        u, v, depth = self.projected(start).unbind(2)
        first, second = (
            weight * torch.addcmul(u, self.x, depth, value=-1),
            weight * torch.addcmul(v, self.y, depth, value=-1),
        )
        least = torch.addcmul(first * first, second, second).sum(1) / (1 + (start * start).sum(1))
        along = torch.addcmul(first * self.x, second, self.y).neg()
        back = (weight[:, :, None] * torch.stack([first, second, along], 2)).flatten(1, 2)
        gradient = torch.baddbmm(least[:, None] * start, matrices[..., :3].flatten(1, 2).mT, back, alpha=-1)
        step = inverse.times(gradient.unbind(1))
        again = inverse.times([least * value for value in step])
        point = start + torch.stack([a + b for a, b in zip(step, again, strict=True)], 1)
        return torch.where(self.defined(point)[:, None], point, math.nan)

    def projected(self, point: Tensor) -> Tensor:
        """(B, V, 3, N): the matrices times the points."""
        offset = self.matrices[..., 3].flatten(1)[..., None]
        return torch.baddbmm(offset, self.matrices[..., :3].flatten(1, 2), point).unflatten(1, (-1, 3))

    def reprojection(self, point: Tensor) -> Tensor:
        """(B, V, N) px between keypoints and points."""
        u, v, depth = self.projected(point).unbind(2)
        return torch.hypot(u / depth - self.x, v / depth - self.y)

    def defined(self, point: Tensor) -> Tensor:
        """(B, N): two rays that are not parallel, from places apart, and the point in front of every camera used."""
        rotation = self.matrices[..., :3]
        inverse = torch.linalg.inv(rotation)
        center = -(inverse @ self.matrices[..., 3:])[..., 0]
        rays = inverse @ torch.stack([self.x, self.y, torch.ones_like(self.x)], 2)
        length = (rays * rays).sum(2)
        largest = math.cos(self.minimum_angle) ** 2
        crossing = torch.zeros_like(self.used[:, 0])
        for a, b in itertools.combinations(range(self.x.shape[1]), 2):
            apart = (center[:, a] - center[:, b]).norm(dim=-1) > 1e-9 * (center[:, a] + center[:, b]).norm(dim=-1)
            cosine = (rays[:, a] * rays[:, b]).sum(1)
            wide = cosine * cosine < largest * length[:, a] * length[:, b]
            crossing |= self.used[:, a] & self.used[:, b] & wide & apart[:, None]
        # The third row is the depth, up to the matrix's scale; its sign is that of the rotation's determinant.
        front = self.projected(point)[:, :, 2] * torch.linalg.det(rotation)[..., None] > 0
        return crossing & (front | ~self.used).all(1) & torch.isfinite(point).all(1)

    def agreeing(self, max_reprojection_px: float) -> Tensor:
        """(B, V, N): the largest set of views that one pair's point lies near in."""
        best = torch.zeros_like(self.used)
        best_score = torch.zeros_like(self.x[:, 0])
        for pair in itertools.combinations(range(self.x.shape[1]), 2):
            chosen = torch.zeros_like(self.used)
            chosen[:, list(pair)] = self.used[:, list(pair)]
            error = self.reprojection(self.only(chosen).points())
            near = self.used & (error <= max_reprojection_px)  # nowhere, if the pair defines no point
            count = near.sum(1)
            # More views first, then the nearer: a mean distance is worth less than one view.
            score = count - torch.where(near, error, 0.0).sum(1) / (count.clamp_min(1) * 2 * max_reprojection_px)
            better = (score > best_score) & (count >= 2)
            best = torch.where(better[:, None], near, best)
            best_score = torch.where(better, score, best_score)
        return best


class _Inverse(NamedTuple):
    """Of many symmetric 3x3 matrices: the six cofactors over the determinant."""

    xx: Tensor
    xy: Tensor
    xz: Tensor
    yy: Tensor
    yz: Tensor
    zz: Tensor

    @classmethod
    def of(cls, xx: Tensor, xy: Tensor, xz: Tensor, yy: Tensor, yz: Tensor, zz: Tensor) -> _Inverse:
        """Of the matrices with these entries."""

        def minor(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
            return torch.addcmul(a * b, c, d, value=-1)

        first = minor(yy, zz, yz, yz), minor(xz, yz, xy, zz), minor(xy, yz, xz, yy)
        others = minor(xx, zz, xz, xz), minor(xy, xz, xx, yz), minor(xx, yy, xy, xy)
        scale = torch.addcmul(torch.addcmul(xx * first[0], xy, first[1]), xz, first[2]).reciprocal()
        return cls(*(cofactor * scale for cofactor in (*first, *others)))

    def times(self, vectors: Sequence[Tensor]) -> list[Tensor]:
        """The products with vectors, coordinate by coordinate."""
        u, v, w = vectors
        rows = ((self.xx, self.xy, self.xz), (self.xy, self.yy, self.yz), (self.xz, self.yz, self.zz))
        return [torch.addcmul(torch.addcmul(a * u, b, v), c, w) for a, b, c in rows]
