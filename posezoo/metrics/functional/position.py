"""Compute errors of joint positions, in the unit of the poses (mm throughout PoseZoo).

All take poses (..., J, 3), tensors or NumPy arrays, and give a tensor. ``reduction="none"`` gives one value a joint,
(..., J), NaN where a mask leaves the joint out; its mean over J is the error of a pose. ``reduction="mean"`` gives one
number, every joint that takes part counting the same: the "mean over frames" (see :mod:`posezoo.metrics` for the mean
over actions). The protocol numbers of the literature contradict each other, so none is in a name here.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from posezoo.errors import InputError
from posezoo.geometry.pose_pairs import Array, Number, pose_pair, reject_not_finite
from posezoo.geometry.procrustes import procrustes_distance_sum, procrustes_distances
from posezoo.metrics.functional.reduction import about_root, check_reduction, distances, mean_of, reduce


def mpjpe(
    pred: Array, target: Array, reduction: str = "mean", *, root: int | None = None, mask: Array | None = None
) -> Tensor:
    """Return the mean per joint position error.

    Args:
        pred: (..., J, 3) predicted poses.
        target: (..., J, 3) true poses, same frame and unit.
        reduction: ``"mean"`` or ``"none"``, see the module.
        root: take this joint off both poses first, as MotionBERT does; None compares them as they are. VideoPose3D
            takes it off the target only, and its networks' root output is then part of the error: for that, give a
            root-relative target and leave this None. The root counts as a joint, of error zero, either way.
        mask: (..., J) True where a joint takes part; the others may hold NaN.

    Raises:
        InputError: shapes do not match or are not (..., J, 3), a coordinate is NaN or infinite, unknown reduction,
            no joint to average.

    Example:
        >>> import torch
        >>> target = torch.zeros(1, 2, 3)
        >>> pred = torch.tensor([[[3.0, 4.0, 0.0], [0.0, 0.0, 1.0]]])
        >>> mpjpe(pred, target).item(), mpjpe(pred, target, reduction="none").tolist()
        (3.0, [[5.0, 1.0]])
    """
    check_reduction(reduction)
    pred, target, mask = pose_pair(pred, target, mask)
    return reduce(distances(*about_root(pred, target, mask, root)), mask, reduction)


def p_mpjpe(pred: Array, target: Array, reduction: str = "mean", *, mask: Array | None = None) -> Tensor:
    """Return MPJPE after each pose is aligned to its target by the best similarity: rotation, shift and scale.

    Reflection is forbidden: a mirror image is an error, where code that skips the sign of the determinant lets it
    pass and scores lower. Where all predicted joints coincide, or lie on a line, one of the best similarities is taken.
    See :mod:`posezoo.geometry.procrustes` for how a million poses go through in a call.

    Args:
        pred: (..., J, 3) predicted poses, any unit and frame.
        target: (..., J, 3) true poses; the error is in their unit.
        reduction: ``"mean"`` or ``"none"``, see the module.
        mask: (..., J) True where a joint takes part, in the alignment too.

    Raises:
        InputError: as :func:`mpjpe`.

    Example:
        >>> import torch
        >>> target = torch.randn(1000, 17, 3) * 300
        >>> quarter_turn = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
        >>> p_mpjpe(0.001 * target @ quarter_turn + 2, target).item() < 0.01
        True
    """
    check_reduction(reduction)
    pred, target, mask = pose_pair(pred, target, mask)
    if reduction == "mean" and mask is None:
        return mean_of(procrustes_distance_sum(pred, target), pred.shape[:-1].numel()).to(pred)
    return reduce(procrustes_distances(pred, target, mask), mask, reduction)


def least_squares_scale(
    pred: Float[Tensor, "*batch J 3"], target: Float[Tensor, "*batch J 3"]
) -> Float[Tensor, "*batch 1 1"]:
    """Return the factor that brings each root-relative pose nearest to its target; 0 for an estimate of zero size."""
    extent = pred.square().sum((-2, -1), keepdim=True)
    return (pred * target).sum((-2, -1), keepdim=True) / extent.masked_fill(extent == 0, 1.0)


def n_mpjpe(
    pred: Array, target: Array, reduction: str = "mean", *, root: int | None = None, mask: Array | None = None
) -> Tensor:
    """Return MPJPE after each predicted pose is scaled to its target by least squares (Rhodin et al. 2018).

    The scale is about the origin, so the poses must be root-relative: give them so, or name the root. An estimate of
    zero size stays so.

    Args:
        pred: (..., J, 3) predicted poses, any unit.
        target: (..., J, 3) true poses; the error is in their unit.
        reduction: ``"mean"`` or ``"none"``, see the module.
        root: take this joint off both poses first; None where they are root-relative already.
        mask: (..., J) True where a joint takes part, in the scale too.

    Raises:
        InputError: as :func:`mpjpe`.

    Example:
        >>> import torch
        >>> target = torch.randn(10, 17, 3)
        >>> n_mpjpe(0.25 * target, target).item() < 1e-6
        True
    """
    check_reduction(reduction)
    pred, target, mask = pose_pair(pred, target, mask)
    pred, target = about_root(pred, target, mask, root)
    scale = least_squares_scale(pred, target)
    if not torch.isfinite(scale).all():
        reject_not_finite(pred, target)
    return reduce(distances(scale * pred, target), mask, reduction)


def mpjve(
    pred: Array,
    target: Array,
    reduction: str = "mean",
    *,
    fps: Number = 1.0,
    root: int | None = None,
    mask: Array | None = None,
) -> Tensor:
    """Return the mean per joint velocity error: MPJPE of the differences between successive frames (Pavllo et al. 2019).

    Args:
        pred: (..., T, J, 3) predicted poses of T >= 2 successive frames; clips must not be chained.
        target: (..., T, J, 3) true poses.
        reduction: ``"mean"``, or ``"none"`` for (..., T - 1, J).
        fps: frames per second, for mm/s; left at 1, the error is in mm a frame, as the papers give it.
        root: take this joint off both poses first; None compares them as they are.
        mask: (..., T, J) True where a joint takes part; a velocity takes both of its frames.

    Raises:
        InputError: as :func:`mpjpe`, fewer than two frames, or no positive ``fps``.

    Example:
        >>> import torch
        >>> target = torch.zeros(3, 17, 3)
        >>> steps = torch.arange(3.0).reshape(3, 1, 1) * torch.tensor([2.0, 0.0, 0.0])
        >>> mpjve(target + steps, target).item(), mpjve(target + steps, target, fps=50).item()
        (2.0, 100.0)
    """
    check_reduction(reduction)
    if not isinstance(fps, int | float) or not 0 < fps < math.inf:
        raise InputError(f"fps is {fps!r}; expected frames per second, more than 0.")
    pred, target, mask = pose_pair(pred, target, mask)
    if pred.ndim < 3 or pred.shape[-3] < 2:
        raise InputError(f"poses have shape {tuple(pred.shape)}; velocities need (..., T, J, 3) with T >= 2 frames.")
    pred, target = about_root(pred, target, mask, root)
    both = None if mask is None else mask[..., 1:, :] & mask[..., :-1, :]
    moved = distances(pred.diff(dim=-3), target.diff(dim=-3))
    return reduce(moved * fps, both, reduction)
