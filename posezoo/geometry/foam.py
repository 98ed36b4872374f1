"""Find the best rotation of a covariance without an SVD: Markley's FOAM.

F. L. Markley, "Attitude determination using vector observations: a fast optimal matrix algorithm", J. Astronautical Sciences
41, 1993. Let ``B = sum_j y_j x_j^T`` be the covariance of the centred joints, and ``s1 >= s2 >= |s3|`` its singular values,
s3 with the sign of det B. Then the best proper rotation is a polynomial in B::

    lam  = s1 + s2 + s3 = tr(R^T B)     the largest root of (lam^2 - |B|^2)^2 - 8 lam det B - 4 |cof B|^2 = 0
    R    = (((lam^2 + |B|^2) / 2) B + lam cof B - B B^T B) / zeta
    zeta = (s1 + s2)(s2 + s3)(s3 + s1) = lam (lam^2 - |B|^2) / 2 - det B

lam is the largest eigenvalue of Horn's quaternion matrix ("Closed-form solution of absolute orientation using unit
quaternions", J. Optical Society of America A 4, 1987). The polynomial takes elementwise arithmetic only. ``zeta`` vanishes
exactly where the rotation is not unique: all joints on a line or in one point, some mirror images.
"""

from __future__ import annotations

import torch
from jaxtyping import Float64, Int64
from torch import Tensor


def foam(
    B: Float64[Tensor, "3 3 B"], steps: int, least: float
) -> tuple[Float64[Tensor, "3 3 B"], Float64[Tensor, " B"], Int64[Tensor, " unsound"]]:
    """Return the rotation R with the largest tr(R^T B), that trace, and the indices where neither can be trusted.

    Args:
        B: covariances.
        steps: Newton steps for the trace.
        least: the smallest zeta / trace^3 to trust.
    """
    wrapped = B.new_empty(5, 5, B.shape[-1])  # rows and columns 0 1 2 0 1: shifted views give all cofactors
    wrapped[:3, :3], wrapped[3:, :3] = B, B[:2]
    wrapped[:, 3:] = wrapped[:, :2]
    cofactor = (wrapped[1:4, 1:4] * wrapped[2:5, 2:5]).addcmul_(wrapped[1:4, 2:5], wrapped[2:5, 1:4], value=-1)
    minus_twice_det = (B[0] * cofactor[0]).sum(0) * -2
    norm = (B * B).sum((0, 1))
    quartic = -norm, minus_twice_det, -(cofactor * cofactor).sum((0, 1))
    with torch.no_grad():
        # The quartic says lam^2 = |B|^2 + 2 sqrt(|cof B|^2 + 2 lam det B), and lam is at most sqrt(3) |B|. Inserted on the
        # right, this bound gives another upper bound, nine times closer where det B > 0. Where det B < 0, its term is left
        # out, which also gives an upper bound. Newton's method then converges to lam from above.
        lam = torch.addcmul(quartic[2], minus_twice_det.clamp(max=0), (3 * norm).sqrt_())
        lam = lam.neg_().sqrt_().mul_(2).add_(norm).sqrt_()
        for _ in range(steps):
            lam = lam - torch.div(*_newton(lam, *quartic))
        lam.nan_to_num_(1.0)
    # One more step outside no_grad, which carries the gradient of the root. Its length tells whether the root has converged.
    value, slope = _newton(lam, *quartic)
    sound = (slope > (2 * least) * lam * lam * lam) & (value.abs() < 1e-8 * lam * slope)
    unsound = (~sound).nonzero().flatten()
    lam = lam - value / slope.index_fill(0, unsound, 1.0)
    square = lam * lam
    twice_zeta = torch.addcmul(minus_twice_det, lam, square - norm).index_fill(0, unsound, 1.0)
    # ((lam^2 + |B|^2) I - 2 B B^T) B + 2 lam cof B, over twice zeta.
    first, second, third = B.unbind(1)
    polynomial = first[:, None] * (-2 * first)
    polynomial.addcmul_(second[:, None], second, value=-2).addcmul_(third[:, None], third, value=-2)
    polynomial.diagonal().add_((square + norm)[:, None])
    rotation = cofactor * (2 * lam)
    for k in range(3):
        rotation.addcmul_(polynomial[:, k, None], B[k])
    return rotation / twice_zeta, lam, unsound


def _newton(lam: Tensor, minus_norm: Tensor, minus_twice_det: Tensor, minus_cofactor_norm: Tensor) -> tuple[Tensor, Tensor]:
    """Return a quarter of the quartic and of its slope (which is twice zeta), at lam."""
    excess = torch.addcmul(minus_norm, lam, lam)
    value = torch.addcmul(minus_cofactor_norm, excess, excess, value=0.25).addcmul_(minus_twice_det, lam)
    return value, torch.addcmul(minus_twice_det, lam, excess)


def by_svd(B: Float64[Tensor, "3 3 B"]) -> tuple[Float64[Tensor, "3 3 B"], Float64[Tensor, " B"]]:
    """Return one of several best rotations (the identity for B = 0), held constant in the backward pass."""
    with torch.no_grad():
        u, _, vh = torch.linalg.svd(B.permute(2, 0, 1))
        u[..., 2] *= torch.linalg.det(u @ vh).sign()[:, None]
        rotation = (u @ vh).permute(1, 2, 0)
    return rotation, (rotation * B).sum((0, 1)).clamp(min=0)
