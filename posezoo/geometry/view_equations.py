"""Set up and solve the equations of triangulation for many joints that the same views see."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from posezoo.geometry.small_matrices import data_dependent, inverse_of, smallest_eigenvalue

_CORRECTIONS = 3
_SETTLED = 3e-6  # of a point's distance from the origin; a correction is at most 1e-5 times the one before it


@dataclass
class Views:
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
    def of(cls, x: Tensor, y: Tensor, confidence: Tensor | None = None, *, matrices: Tensor, minimum_angle: float) -> Views:
        """Return the equations without the views that did not see a joint."""
        used = torch.isfinite(x + y)
        if confidence is not None:
            used &= torch.isfinite(confidence) & (confidence > 0)
        weight = used.double() if confidence is None else torch.where(used, confidence.double(), 0.0)
        return cls(torch.where(used, x, 0.0), torch.where(used, y, 0.0), weight, used, matrices, minimum_angle)

    def only(self, used: Tensor) -> Views:
        """Return the equations of the views in ``used``."""
        return replace(self, used=used, weight=torch.where(used, self.weight, 0.0))

    def points(self) -> Tensor:
        """Return (3, N) points; NaN where the views used do not define one."""
        point, depth = self.solve()
        return torch.where(self.defined(point, depth), point, math.nan)

    def solve(self) -> tuple[Tensor, Tensor]:
        """Return (3, N) the last right singular vector of each joint's rows, over its last entry, and (V, N) its depths.

        Let H, g, w be the blocks (upper left, upper right, lower right) of the rows' normal matrix, and e its smallest
        eigenvalue. The point is ``-(H - e)^-1 g``. Newton's method on the characteristic polynomial finds e. The normal
        matrix has lost half of the digits. Corrections recover them: each is a step of inverse iteration with the shift e
        (Golub and Van Loan, Matrix Computations, 4th ed., Sec. 8.2.2), whose residual is computed from the rows themselves.
        """
        squares = self.squares()
        xx, xy, xz, xw, yy, yz, yw, zz, zw, _ = squares
        least = smallest_eigenvalue(squares)
        inverse = inverse_of(xx - least, xy, xz, yy - least, yz, zz - least)
        point = torch.stack(inverse.times((-xw, -yw, -zw)))
        for _ in range(_CORRECTIONS):
            gradient, depth = self.gradient(point)
            step = torch.stack(inverse.times(gradient))
            point = point + step
            if not data_dependent():
                continue
            closed = (step * step).sum(0) <= _SETTLED**2 * (point * point).sum(0)
            if bool(closed.all()):
                return point, depth
        if data_dependent():
            # Where a point has not converged, the two smallest singular values are nearly equal, or rays meet at infinity.
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
        """Return the gradient (x, y, z) of the Rayleigh quotient, whose zeros are eigenvectors, and (V, N) depths."""
        u, v, depth = self.projected(point).unbind(1)
        first = self.weight * torch.addcmul(u, self.x, depth, value=-1)
        second = self.weight * torch.addcmul(v, self.y, depth, value=-1)
        least = torch.addcmul(first * first, second, second).sum(0) / (1 + (point * point).sum(0))
        along = torch.addcmul(first * self.x, second, self.y).neg()
        back = (self.weight[:, None] * torch.stack([first, second, along], 1)).flatten(0, 1)
        return torch.addcmul(_times(self.matrices[..., :3].flatten(1, 2).mT, back).neg_(), least, point).unbind(0), depth

    def by_svd(self, point: Tensor, columns: Tensor) -> Tensor:
        """Return the points, those of ``columns`` solved again by a singular value decomposition of their rows."""
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
        """Return (N,) whether a point is defined.

        A point is defined by two rays that are not parallel and start at different places, and lies in front of every camera
        used.

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
        """Return (V, N): the largest set of views that agree with the point of one pair of views."""
        best = torch.zeros_like(self.used)
        best_score = torch.zeros_like(self.x[0])
        for pair in itertools.combinations(range(len(self.x)), 2):
            chosen = torch.zeros_like(self.used)
            chosen[list(pair)] = self.used[list(pair)]
            error = self.reprojection(self.only(chosen).points())
            near = self.used & (error <= max_reprojection_px)  # False everywhere if the pair defines no point
            count = near.sum(0)
            # More views win; among equally many, the smaller mean distance, which counts less than one view.
            score = count - torch.where(near, error, 0.0).sum(0) / (count.clamp_min(1) * 2 * max_reprojection_px)
            better = (score > best_score) & (count >= 2)
            best = torch.where(better, near, best)
            best_score = torch.where(better, score, best_score)
        return best


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
