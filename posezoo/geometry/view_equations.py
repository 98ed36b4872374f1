"""Set up and solve the equations of triangulation for many joints that the same views see."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from posezoo.geometry.small_matrices import (
    data_dependent,
    inverse_and_determinant,
    inverse_of,
    smallest_eigenvalue,
)

_CORRECTIONS = 3
_FEW = 100  # as many singular value decompositions take less time than the fixed costs of the other way
_NEAR = 0.1  # above this share, the iteration might end at another singular vector
_ROUNDING = 1e-5  # the largest share of an error that a correction leaves because of the inverse's rounding
_EXACT = 3e-11  # the error allowed, of a point's distance from the origin
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
    plain: bool = False
    """Whether every view saw every joint and all weights are 1, which saves many products."""

    @classmethod
    def of(cls, x: Tensor, y: Tensor, confidence: Tensor | None = None, *, matrices: Tensor, minimum_angle: float) -> Views:
        """Return the equations without the views that did not see a joint."""
        if confidence is None and data_dependent() and bool(torch.isfinite(x.sum() + y.sum())):
            weight = torch.ones_like(x)
            return cls(x, y, weight, torch.ones_like(x, dtype=torch.bool), matrices, minimum_angle, plain=True)
        used = torch.isfinite(x + y)
        if confidence is not None:
            used &= torch.isfinite(confidence) & (confidence > 0)
        weight = used.double() if confidence is None else torch.where(used, confidence.double(), 0.0)
        return cls(torch.where(used, x, 0.0), torch.where(used, y, 0.0), weight, used, matrices, minimum_angle)

    def only(self, used: Tensor) -> Views:
        """Return the equations of the views in ``used``."""
        return replace(self, used=used, weight=torch.where(used, self.weight, 0.0), plain=False)

    def columns(self, chosen: Tensor) -> Views:
        """Return the equations of some joints, each with matrices of its own."""
        each = self.x.shape[1] // len(self.matrices)
        arrays = (values[:, chosen] for values in (self.x, self.y, self.weight, self.used))
        x, y, weight, used = arrays
        return Views(x, y, weight, used, self.matrices[chosen // each], self.minimum_angle, self.plain)

    def points(self) -> Tensor:
        """Return (3, N) points; NaN where the views used do not define one."""
        point, depth = self.solve()
        defined = self.defined(point, depth)
        if data_dependent() and bool(defined.all()):
            return point
        return torch.where(defined, point, math.nan)

    def solve(self) -> tuple[Tensor, Tensor]:
        """Return (3, N) the last right singular vector of each joint's rows, over its last entry, and (V, N) its depths."""
        if not data_dependent():
            return self.by_eigenvalue()
        point, depth, settled = self.by_corrections()
        others = (~settled & ((self.weight > 0).sum(0) > 1)).nonzero()[:, 0]
        if not len(others):
            return point, depth
        disagreeing = self.columns(others)
        again, depth_again = disagreeing.by_svd() if len(others) <= _FEW else disagreeing.by_eigenvalue()
        return point.index_copy(1, others, again), depth.index_copy(1, others, depth_again)

    def by_corrections(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return (3, N) points, (V, N) depths, and (N,) which points are the last right singular vector.

        Let H, g, w be the blocks (upper left, upper right, lower right) of the rows' normal matrix, and e its smallest
        eigenvalue. The point is ``-(H - e)^-1 g``. Where the views nearly agree, e is small beside the eigenvalues of H:
        Rayleigh quotients give it, of ``-H^-1 g`` and of a nearer point. The normal matrix has lost half of the digits.
        Corrections recover them: each is a step of inverse iteration with the shift e, whose residual is computed from the
        rows themselves (Golub and Van Loan, Matrix Computations, 4th ed., Sec. 8.2.2).
        """
        xx, xy, xz, xw, yy, yz, yw, zz, zw, ww = self.squares()
        inverse = inverse_of(xx, xy, xz, yy, yz, zz)
        point = torch.stack(inverse.times((xw, yw, zw))).neg_()
        along = torch.addcmul(torch.addcmul(torch.addcmul(ww, xw, point[0]), yw, point[1]), zw, point[2])
        least = along.clamp_min(0.0) / _length(point).add_(1.0)
        # At least e over the smallest eigenvalue of H: the share of an error that a correction without a shift leaves.
        left = (least * (inverse.xx + inverse.yy + inverse.zz)).detach()
        near = left < _NEAR
        if not _nearly_all(left <= _ROUNDING):
            # Of (H - e)^-1 = H^-1 + e H^-2 + ... the second term leaves twice the square of the error: one part that of
            # the quotient, one the terms left out. The next quotient is off by the square of that.
            nearer = torch.addcmul(point, least, torch.stack(inverse.times(point.unbind(0))))
            along = torch.addcmul(torch.addcmul(torch.addcmul(ww, xw, nearer[0]), yw, nearer[1]), zw, nearer[2])
            along = torch.addcmul(along, least, (point * nearer).sum(0))
            least = along.clamp_min(0.0) / _length(nearer).add_(1.0)
            inverse = inverse_of(xx - least, xy, xz, yy - least, yz, zz - least)
            point = torch.stack(inverse.times((xw, yw, zw))).neg_()
            left = 4 * left**4
        bound = (_EXACT / (left + _ROUNDING)).square()
        for _ in range(_CORRECTIONS):
            gradient, depth = self.gradient(point)
            step = torch.stack(inverse.times(gradient))
            point = point + step
            settled = near & (_length(step.detach()) <= bound * _length(point.detach()))
            if _nearly_all(settled | ~near):
                break
        return point, depth, settled

    def by_eigenvalue(self) -> tuple[Tensor, Tensor]:
        """Return (3, N) points and (V, N) depths, whatever the views disagree by, at twice the work.

        Newton's method on the characteristic polynomial finds e, and the corrections are made with the shift e.
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
            closed = _length(step) <= _SETTLED**2 * _length(point)
            if bool(closed.all()):
                return point, depth
        if data_dependent():
            # Where a point has not converged, the two smallest singular values are nearly equal, or rays meet at infinity.
            others = (~closed & ((self.weight > 0).sum(0) > 1)).nonzero()[:, 0]
            again, depth_again = self.columns(others).by_svd()
            point, depth = point.index_copy(1, others, again), depth.index_copy(1, others, depth_again)
        return point, depth

    def squares(self) -> tuple[Tensor, ...]:
        """Return the ten entries, N each, of each joint's rows times themselves: xx xy xz xw yy yz yw zz zw ww."""
        matrices = self.matrices
        # Each entry is linear in u^2 + v^2, u, v and 1.
        size = torch.addcmul(self.x * self.x, self.y, self.y)
        i, j = torch.triu_indices(4, 4, device=matrices.device)
        (p_i, q_i, r_i), (p_j, q_j, r_j) = matrices[..., i].unbind(2), matrices[..., j].unbind(2)
        mixed = [torch.addcmul(r_i * row_j, row_i, r_j).neg() for row_i, row_j in ((p_i, p_j), (q_i, q_j))]
        constant = torch.addcmul(p_i * p_j, q_i, q_j)
        entries = [r_i * r_j, *mixed]
        if self.plain:
            features = torch.cat([size, self.x, self.y])
            return _times(torch.cat(entries, 1).mT, features, constant.sum(1)).unbind(0)
        squared = self.weight * self.weight
        features = torch.cat([squared * size, squared * self.x, squared * self.y, squared])
        return _times(torch.cat([*entries, constant], 1).mT, features).unbind(0)

    def gradient(self, point: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        """Return the gradient (x, y, z) of the Rayleigh quotient, whose zeros are eigenvectors, and (V, N) depths."""
        u, v, depth = self.projected(point).unbind(1)
        first = torch.addcmul(u, self.x, depth, value=-1)
        second = torch.addcmul(v, self.y, depth, value=-1)
        if not self.plain:
            first, second = self.weight * first, self.weight * second
        least = torch.addcmul(first * first, second, second).sum(0) / _length(point).add_(1.0)
        along = torch.addcmul(first * self.x, second, self.y).neg_()
        back = torch.stack([first, second, along], 1)
        if not self.plain:
            back = self.weight[:, None] * back
        turned = _times(self.matrices[..., :3].flatten(1, 2).mT, back.flatten(0, 1))
        return torch.addcmul(turned.neg_(), least, point).unbind(0), depth

    def by_svd(self) -> tuple[Tensor, Tensor]:
        """Return (3, N) points and (V, N) depths by a singular value decomposition of the rows of each joint.

        Each joint has matrices of its own, see :meth:`columns`.
        """
        x, y, weight = (values.T[..., None] for values in (self.x, self.y, self.weight))
        p, q, r = self.matrices.unbind(2)
        rows = torch.cat([weight * (p - x * r), weight * (q - y * r)], 1)
        vector = torch.linalg.svd(rows, full_matrices=False).Vh[:, -1]
        point = (vector[:, :3] / vector[:, 3:]).T
        return point, self.projected(point)[:, 2]

    def projected(self, point: Tensor) -> Tensor:
        """Return (V, 3, N): the matrices times the points."""
        views = self.matrices.shape[1]
        matrices = self.matrices.flatten(1, 2)
        return _times(matrices[..., :3], point, matrices[..., 3]).unflatten(0, (views, 3))

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
        inverse, determinant = inverse_and_determinant(self.matrices[..., :3])
        center = -(inverse @ self.matrices[..., 3:])[..., 0]
        flat = torch.stack([self.x, self.y], 1).flatten(0, 1)
        block = torch.zeros(len(inverse), 3 * views, 2 * views, dtype=inverse.dtype, device=inverse.device)
        for view in range(views):
            block[:, 3 * view : 3 * view + 3, 2 * view : 2 * view + 2] = inverse[:, view, :, :2]
        rays = _times(block, flat, inverse[..., 2].flatten(1)).unflatten(0, (views, 3))
        length = torch.stack([_length(ray) for ray in rays])
        largest = math.cos(self.minimum_angle) ** 2
        crossing = torch.zeros_like(self.used[0])
        for a, b in itertools.combinations(range(views), 2):
            apart = (center[:, a] - center[:, b]).norm(dim=-1) > 1e-9 * (center[:, a] + center[:, b]).norm(dim=-1)
            cosine = (rays[a] * rays[b]).sum(0)
            wide = cosine * cosine < largest * length[a] * length[b]
            both = wide if self.plain else self.used[a] & self.used[b] & wide
            crossing |= both & _spread(apart, wide)
        # The third row is the depth, up to the matrix's scale; its sign is that of the rotation's determinant.
        front = depth * _spread(determinant.mT, self.x) > 0
        ahead = front if self.plain else front | ~self.used
        total = point.sum(0)
        return crossing & ahead.all(0) & (total - total == 0)  # finite

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


def _times(
    matrices: Float[Tensor, "B R C"], columns: Float[Tensor, "C N"], offsets: Float[Tensor, "B R"] | None = None
) -> Float[Tensor, "R N"]:
    """Multiply the N / B columns of each element by its matrix, and add its offsets."""
    if len(matrices) == 1:
        return matrices[0] @ columns if offsets is None else torch.addmm(offsets.mT, matrices[0], columns)
    parts = columns.unflatten(1, (len(matrices), -1)).transpose(0, 1)
    made = matrices @ parts if offsets is None else torch.baddbmm(offsets[..., None], matrices, parts)
    return made.transpose(0, 1).flatten(1)


def _spread(values: Shaped[Tensor, "*R B"], like: Tensor) -> Tensor:
    """Repeat a value of each element for its N / B columns."""
    count = values.shape[-1]
    return values if count == 1 else values.repeat_interleave(like.shape[-1] // count, -1)


def _nearly_all(flags: Bool[Tensor, "N"]) -> bool:
    """Return whether at most 1 % are missing: too few to go on with all for them."""
    return int(flags.count_nonzero()) >= 0.99 * len(flags)


def _length(columns: Float[Tensor, "3 N"]) -> Float[Tensor, "N"]:
    """Return the squared lengths of vectors."""
    x, y, z = columns.unbind(0)
    return torch.addcmul(torch.addcmul(x * x, y, y), z, z)
