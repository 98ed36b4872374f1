"""Points from two or more calibrated views: the direct linear transform, in batches."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, overload

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from posezoo.errors import InputError
from posezoo.geometry.cameras import Camera
from posezoo.geometry.pieces import pieces

_CHUNK = 16384  # joints at a time: what is in flight fits a processor's cache
_NEWTON, _TRACED_NEWTON = 60, 12  # a dozen are enough for errors of tens of px
_CORRECTIONS = 3
_SETTLED = 3e-6  # of a point's distance from the world's origin: the next correction would be 1e-5 of that or less


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
    ``triangulatePoints`` computes for two views. Computed in float64, returned in the dtype of the keypoints.

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
        if undistort:
            views = zip(projections, pixels.unbind(-3), strict=True)
            pixels = torch.stack([camera.undistort(view) for camera, view in views], -3)
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
        """Return (V, N): all joints in one row, those of an element beside each other."""
        return values.movedim(-2, 0).reshape(count, -1)

    arrays = [flat(values) for values in (*pixels.unbind(-1), *(() if confidence is None else (confidence,)))]
    # Split so that what is in flight fits a processor's cache; an element's joints stay together.
    size = _CHUNK if shared else max(1, _CHUNK // max(joints, 1)) * max(joints, 1)
    given = zip(*(pieces(values, size, 1) for values in arrays), strict=True)
    elements = itertools.repeat(matrices) if shared else pieces(matrices, size // max(joints, 1))
    parts = [
        _triangulate(_Views.of(*piece, matrices=part, minimum_angle=minimum_angle), max_reprojection_px, details)
        for piece, part in zip(given, elements, strict=False)
    ]
    points, used, error = (torch.cat(values, 1) for values in zip(*parts, strict=True))
    result = points.mT.reshape(*batch, joints, 3).to(keypoints.dtype)
    if not details:
        return result

    def unflat(values: Tensor) -> Tensor:
        return values.view(count, *batch, joints).movedim(0, -2)

    return Triangulation(result, unflat(used), unflat(error).to(keypoints.dtype))


def _triangulate(views: _Views, max_reprojection_px: float | None, details: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Return (3, N) points, and with details (V, N) views used, and px between keypoints and points."""
    seen = views.used
    if max_reprojection_px is not None:
        views = views.only(views.agreeing(max_reprojection_px))
    point = views.points()
    if not details:
        return point, point, point
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


@dataclass
class _Views:
    """Keypoints, one array per coordinate (V, N), and the matrices (B, V, 3, 4) they were seen through.

    Joints lie along the last axis, N / B of each element after each other: a few products with thousands of columns, not
    thousands of small matrices.
    """

    x: Tensor
    y: Tensor
    weight: Tensor
    used: Tensor
    matrices: Tensor
    minimum_angle: float

    @classmethod
    def of(cls, x: Tensor, y: Tensor, confidence: Tensor | None = None, *, matrices: Tensor, minimum_angle: float) -> _Views:
        """Leave out views that did not see a joint."""
        used = torch.isfinite(x + y)
        if confidence is not None:
            used &= torch.isfinite(confidence) & (confidence > 0)
        weight = used.double() if confidence is None else torch.where(used, confidence.double(), 0.0)
        return cls(torch.where(used, x, 0.0), torch.where(used, y, 0.0), weight, used, matrices, minimum_angle)

    def only(self, used: Tensor) -> _Views:
        """Return the same with other views left out."""
        return replace(self, used=used, weight=torch.where(used, self.weight, 0.0))

    def points(self) -> Tensor:
        """Return (3, N) points; NaN where the views used do not define one."""
        point, depth = self.solve()
        return torch.where(self.defined(point, depth), point, math.nan)

    def solve(self) -> tuple[Tensor, Tensor]:
        """Return (3, N) the last right singular vector of each joint's rows, over its last entry, and (V, N) its depths.

        With the rows' squares H, g, w (upper left, upper right, lower right) and their smallest eigenvalue e the point is
        ``-(H - e)^-1 g``. Newton's method on the characteristic polynomial finds e from below. Squaring the rows has cost
        half of the digits, which corrections by the rows themselves bring back.
        """
        squares = self.squares()
        xx, xy, xz, xw, yy, yz, yw, zz, zw, _ = squares
        least = _smallest_eigenvalue(squares)
        inverse = _inverse(xx - least, xy, xz, yy - least, yz, zz - least)
        point = torch.stack(inverse.times((-xw, -yw, -zw)))
        for _ in range(_CORRECTIONS):
            gradient, depth = self.gradient(point)
            step = torch.stack(inverse.times(gradient))
            point = point + step
            if not _data_dependent():
                continue
            closed = (step * step).sum(0) <= _SETTLED**2 * (point * point).sum(0)
            if bool(closed.all()):
                return point, depth
        if _data_dependent():
            # The two smallest singular values are as good as equal, or rays meet at infinity.
            point = self.by_svd(point, (~closed & ((self.weight > 0).sum(0) > 1)).nonzero()[:, 0])
            depth = self.projected(point)[:, 2]
        return point, depth

    def squares(self) -> tuple[Tensor, ...]:
        """Return the ten entries, N each, of each joint's rows times themselves: xx xy xz xw yy yz yw zz zw ww."""
        matrices, weight = self.matrices, self.weight
        # Each entry is linear in u^2 + v^2, u, v and 1.
        squared = weight * weight
        size = torch.addcmul(self.x * self.x, self.y, self.y)
        features = torch.stack([squared * size, squared * self.x, squared * self.y, squared], 1).flatten(0, 1)
        i, j = torch.triu_indices(4, 4, device=matrices.device)
        p, q, r = matrices.unbind(2)
        mixed = [-(r[..., i] * row[..., j] + row[..., i] * r[..., j]) for row in (p, q)]
        constant = p[..., i] * p[..., j] + q[..., i] * q[..., j]
        entries = torch.stack([r[..., i] * r[..., j], *mixed, constant], 2).flatten(1, 2)
        return _times(entries.mT, features).unbind(0)

    def gradient(self, point: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        """Return what keeps a point from being the eigenvector of its Rayleigh quotient (x, y, z), and (V, N) depths."""
        u, v, depth = self.projected(point).unbind(1)
        first = self.weight * torch.addcmul(u, self.x, depth, value=-1)
        second = self.weight * torch.addcmul(v, self.y, depth, value=-1)
        least = torch.addcmul(first * first, second, second).sum(0) / (1 + (point * point).sum(0))
        along = torch.addcmul(first * self.x, second, self.y).neg()
        back = (self.weight[:, None] * torch.stack([first, second, along], 1)).flatten(0, 1)
        return torch.addcmul(_times(self.matrices[..., :3].flatten(1, 2).mT, back).neg_(), least, point).unbind(0), depth

    def by_svd(self, point: Tensor, columns: Tensor) -> Tensor:
        """Return the points with some of them found by a singular value decomposition of their rows."""
        if not len(columns):
            return point
        each = self.x.shape[1] // len(self.matrices)
        P = self.matrices[columns // each]
        x, y, weight = (values[:, columns].T[..., None] for values in (self.x, self.y, self.weight))
        rows = torch.cat([weight * (P[:, :, 0] - x * P[:, :, 2]), weight * (P[:, :, 1] - y * P[:, :, 2])], 1)
        vector = torch.linalg.svd(rows, full_matrices=False).Vh[:, -1]
        return point.index_copy(1, columns, (vector[:, :3] / vector[:, 3:]).T)

    def projected(self, point: Tensor) -> Tensor:
        """Return (V, 3, N): the matrices times the points."""
        views = self.matrices.shape[1]
        turned = _times(self.matrices[..., :3].flatten(1, 2), point)
        return _plus(turned, self.matrices[..., 3].flatten(1)).unflatten(0, (views, 3))

    def reprojection(self, point: Tensor) -> Tensor:
        """Return (V, N) px between keypoints and points."""
        u, v, depth = self.projected(point).unbind(1)
        return torch.hypot(u / depth - self.x, v / depth - self.y)

    def defined(self, point: Tensor, depth: Tensor) -> Tensor:
        """Return (N,): two rays that are not parallel, from places apart, and the point in front of every camera used.

        Args:
            point: (3, N).
            depth: (V, N), up to the matrices' scales.
        """
        views = self.matrices.shape[1]
        rotation = self.matrices[..., :3]
        inverse = torch.linalg.inv(rotation)
        center = -(inverse @ self.matrices[..., 3:])[..., 0]
        flat = torch.stack([self.x, self.y], 1).flatten(0, 1)
        block = torch.zeros(len(inverse), 3 * views, 2 * views, dtype=inverse.dtype, device=inverse.device)
        for view in range(views):
            block[:, 3 * view : 3 * view + 3, 2 * view : 2 * view + 2] = inverse[:, view, :, :2]
        rays = _plus(_times(block, flat), inverse[..., 2].flatten(1)).unflatten(0, (views, 3))
        length = (rays * rays).sum(1)
        largest = math.cos(self.minimum_angle) ** 2
        crossing = torch.zeros_like(self.used[0])
        for a, b in itertools.combinations(range(views), 2):
            apart = (center[:, a] - center[:, b]).norm(dim=-1) > 1e-9 * (center[:, a] + center[:, b]).norm(dim=-1)
            cosine = (rays[a] * rays[b]).sum(0)
            wide = cosine * cosine < largest * length[a] * length[b]
            crossing |= self.used[a] & self.used[b] & wide & _spread(apart, wide)
        # The third row is the depth, up to the matrix's scale; its sign is that of the rotation's determinant.
        facing = torch.linalg.det(rotation).mT
        front = depth * _spread(facing, self.x) > 0
        return crossing & (front | ~self.used).all(0) & torch.isfinite(point.sum(0))

    def agreeing(self, max_reprojection_px: float) -> Tensor:
        """Return (V, N): the largest set of views that one pair's point lies near in."""
        best = torch.zeros_like(self.used)
        best_score = torch.zeros_like(self.x[0])
        for pair in itertools.combinations(range(len(self.x)), 2):
            chosen = torch.zeros_like(self.used)
            chosen[list(pair)] = self.used[list(pair)]
            error = self.reprojection(self.only(chosen).points())
            near = self.used & (error <= max_reprojection_px)  # nowhere, if the pair defines no point
            count = near.sum(0)
            # More views first, then the nearer: a mean distance is worth less than one view.
            score = count - torch.where(near, error, 0.0).sum(0) / (count.clamp_min(1) * 2 * max_reprojection_px)
            better = (score > best_score) & (count >= 2)
            best = torch.where(better, near, best)
            best_score = torch.where(better, score, best_score)
        return best


def _data_dependent() -> bool:
    """Return whether the number of steps may depend on the values: not in a graph that is traced or compiled."""
    return not (torch.compiler.is_compiling() or torch.jit.is_tracing())


def _times(matrices: Float[Tensor, "B R C"], columns: Float[Tensor, "C N"]) -> Float[Tensor, "R N"]:
    """Multiply the N / B columns of each element by its matrix."""
    if len(matrices) == 1:
        return matrices[0] @ columns
    parts = columns.unflatten(1, (len(matrices), -1)).transpose(0, 1)
    return (matrices @ parts).transpose(0, 1).flatten(1)


def _spread(values: Shaped[Tensor, "*R B"], like: Tensor) -> Tensor:
    """Repeat a value of each element for its N / B columns."""
    count = values.shape[-1]
    return values if count == 1 else values.repeat_interleave(like.shape[-1] // count, -1)


def _plus(columns: Float[Tensor, "R N"], offsets: Float[Tensor, "B R"]) -> Float[Tensor, "R N"]:
    """Add each element's offsets to its columns."""
    return columns + _spread(offsets.mT, columns)


def _smallest_eigenvalue(squares: tuple[Tensor, ...]) -> Tensor:
    """Return the smallest eigenvalue of symmetric, positive semi-definite 4x4 matrices from their ten entries.

    Newton's method on the characteristic polynomial, whose roots are all real: from 0 it rises to the smallest of them and
    never passes it.
    """
    xx, xy, xz, xw, yy, yz, yw, zz, zw, ww = squares
    minors = _Minors.of(xx, xy, xz, yy, yz, zz)
    det = minors.determinant(xx, xy, xz)
    gx, gy, gz = minors.times((xw, yw, zw))
    # Coefficients of e^4 - c3 e^3 + c2 e^2 - c1 e + c0.
    trace = xx + yy + zz
    second = minors.xx + minors.yy + minors.zz
    cross = torch.addcmul(torch.addcmul(xw * xw, yw, yw), zw, zw)
    hx, hy, hz = (
        torch.addcmul(torch.addcmul(a * xw, b, yw), c, zw) for a, b, c in ((xx, xy, xz), (xy, yy, yz), (xz, yz, zz))
    )
    through = torch.addcmul(torch.addcmul(xw * hx, yw, hy), zw, hz)
    c3, c2 = trace + ww, second + ww * trace - cross
    c1 = det + ww * second - trace * cross + through
    c0 = (det * ww - torch.addcmul(torch.addcmul(xw * gx, yw, gy), zw, gz)).clamp_min_(0.0)
    root = torch.zeros_like(c0)
    for _ in range(_NEWTON if _data_dependent() else _TRACED_NEWTON):
        value = ((root - c3) * root + c2) * root - c1
        slope = ((4 * root - 3 * c3) * root + 2 * c2) * root - c1
        step = (value * root + c0) / slope
        root = root - torch.where(torch.isfinite(step), step, 0.0)
        if _data_dependent() and bool((step.abs() <= 1e-5 * root).all()):
            break
    return root


class _Minors(NamedTuple):
    """The six cofactors of many symmetric 3x3 matrices."""

    xx: Tensor
    xy: Tensor
    xz: Tensor
    yy: Tensor
    yz: Tensor
    zz: Tensor

    @classmethod
    def of(cls, xx: Tensor, xy: Tensor, xz: Tensor, yy: Tensor, yz: Tensor, zz: Tensor) -> _Minors:
        """Compute them from the entries."""

        def minor(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
            return torch.addcmul(a * b, c, d, value=-1)

        return cls(
            minor(yy, zz, yz, yz), minor(xz, yz, xy, zz), minor(xy, yz, xz, yy),
            minor(xx, zz, xz, xz), minor(xy, xz, xx, yz), minor(xx, yy, xy, xy),
        )  # fmt: skip

    def determinant(self, xx: Tensor, xy: Tensor, xz: Tensor) -> Tensor:
        """Return the determinants, from the first rows."""
        return torch.addcmul(torch.addcmul(xx * self.xx, xy, self.xy), xz, self.xz)

    def times(self, vectors: Sequence[Tensor]) -> list[Tensor]:
        """Return the products with vectors, coordinate by coordinate."""
        u, v, w = vectors
        rows = ((self.xx, self.xy, self.xz), (self.xy, self.yy, self.yz), (self.xz, self.yz, self.zz))
        return [torch.addcmul(torch.addcmul(a * u, b, v), c, w) for a, b, c in rows]


def _inverse(xx: Tensor, xy: Tensor, xz: Tensor, yy: Tensor, yz: Tensor, zz: Tensor) -> _Minors:
    """Return the inverses of symmetric 3x3 matrices: the cofactors over the determinant."""
    minors = _Minors.of(xx, xy, xz, yy, yz, zz)
    scale = minors.determinant(xx, xy, xz).reciprocal()
    return _Minors(*(cofactor * scale for cofactor in minors))
