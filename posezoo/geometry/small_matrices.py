"""Compute eigenvalues and inverses of many small symmetric matrices, given as one array for each entry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

_NEWTON, _TRACED_NEWTON = 60, 12  # 12 steps suffice for errors of tens of px


def data_dependent() -> bool:
    """Return whether the number of steps may depend on the values, which a traced or compiled graph cannot express."""
    return not (torch.compiler.is_compiling() or torch.jit.is_tracing())


def smallest_eigenvalue(squares: tuple[Tensor, ...]) -> Tensor:
    """Return the smallest eigenvalue of symmetric, positive semi-definite 4x4 matrices from their ten entries.

    Newton's method on the characteristic polynomial, from 0. All roots of the polynomial are real and at least 0, so that it
    is monotone and convex (up to sign) below the smallest. Newton's method therefore rises to that root without passing it.
    """
    xx, xy, xz, xw, yy, yz, yw, zz, zw, ww = squares
    minors = Minors.of(xx, xy, xz, yy, yz, zz)
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
    for _ in range(_NEWTON if data_dependent() else _TRACED_NEWTON):
        value = ((root - c3) * root + c2) * root - c1
        slope = ((4 * root - 3 * c3) * root + 2 * c2) * root - c1
        step = (value * root + c0) / slope
        root = root - torch.where(torch.isfinite(step), step, 0.0)
        if data_dependent() and bool((step.abs() <= 1e-5 * root).all()):
            break
    return root


class Minors(NamedTuple):
    """The six cofactors of many symmetric 3x3 matrices."""

    xx: Tensor
    xy: Tensor
    xz: Tensor
    yy: Tensor
    yz: Tensor
    zz: Tensor

    @classmethod
    def of(cls, xx: Tensor, xy: Tensor, xz: Tensor, yy: Tensor, yz: Tensor, zz: Tensor) -> Minors:
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


def inverse_of(xx: Tensor, xy: Tensor, xz: Tensor, yy: Tensor, yz: Tensor, zz: Tensor) -> Minors:
    """Return the inverses of symmetric 3x3 matrices: the cofactors over the determinant."""
    minors = Minors.of(xx, xy, xz, yy, yz, zz)
    scale = minors.determinant(xx, xy, xz).reciprocal()
    return Minors(*(cofactor * scale for cofactor in minors))


def inverse_and_determinant(
    matrices: Float[Tensor, "*batch 3 3"],
) -> tuple[Float[Tensor, "*batch 3 3"], Float[Tensor, "*batch"]]:
    """Return the inverses of many 3x3 matrices by cross products of their rows, in half of LAPACK's time, and determinants.

    Infinite or NaN where a determinant is 0.

    Example:
        >>> import torch
        >>> inverse, determinant = inverse_and_determinant(2 * torch.eye(3))
        >>> inverse.diagonal().tolist(), determinant.item()
        ([0.5, 0.5, 0.5], 8.0)
    """
    p, q, r = matrices.unbind(-2)
    cofactors = torch.stack([torch.linalg.cross(q, r), torch.linalg.cross(r, p), torch.linalg.cross(p, q)], -1)
    determinant = (p * cofactors[..., 0]).sum(-1)
    return cofactors / determinant[..., None, None], determinant
