"""Align poses by similarity Procrustes in closed form: the scale, rotation and shift that bring one pose onto another.

Usual implementations compute one SVD per pose. Here the rotation is a polynomial of the covariance, see
:mod:`posezoo.geometry.foam`, so that a million poses need a few hundred vector operations over slices that stay in cache,
joints and axes first and poses last. Only the poses whose rotation is not unique, or nearly so, are solved by a batched SVD.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from posezoo.geometry.double import where_double_is
from posezoo.geometry.foam import by_svd, foam
from posezoo.geometry.pose_pairs import Array, pose_pair, reject_not_finite

T = TypeVar("T")

# Poses a slice. Larger slices need fewer calls into torch, smaller ones fit the cache; 4096 to 16384 are about equally fast.
CPU_SLICE, GPU_SLICE = 8192, 1 << 18
_UNSHARED = 32767  # Torch splits operations on more elements among threads (at::internal::GRAIN_SIZE).

# The smallest zeta / lam^3 for which the polynomial is trusted. A round body has 8 / 27, joints on a line have 0. The
# rounding of a float32 covariance matters first: below its bound a pose is solved again in float64, and below that bound by
# SVD.
FLOAT32_SOUND, FLOAT64_SOUND = 3e-3, 1e-7
FLOAT32_STEPS, FLOAT64_STEPS = 4, 12


class _Fit(NamedTuple):
    """The solution of one slice. Joints and axes come first, poses last; the solution is float64."""

    x: Float[Tensor, "J 3 B"]
    y: Float[Tensor, "J 3 B"]
    x_centroid: Float[Tensor, "3 B"]
    y_centroid: Float[Tensor, "3 B"]
    trace: Float64[Tensor, " B"]
    scale: Float64[Tensor, " B"]
    rotation: Float64[Tensor, "3 3 B"]


class _NotFiniteError(ArithmeticError):
    """A slice holds NaN, infinite or overflowing numbers."""


def procrustes(source: Array, target: Array, scale: bool = True, mask: Array | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Return the similarity nearest to ``target``: ``target ~ scale * source @ rotation^T + translation``.

    Least squares over the joints, the rotation proper: det = +1, a mirror image is never allowed. Differentiable;
    where the rotation is not unique it counts as constant in the backward pass.

    Args:
        source: (..., J, 3) poses, any unit, any frame.
        target: (..., J, 3) poses.
        scale: estimate the scale; without it the scale is 1 (a rigid motion).
        mask: (..., J) True where a joint takes part; the others may hold anything, NaN too.

    Returns:
        scale (...), rotation (..., 3, 3) and translation (..., 3). A source whose joints all coincide gets scale 1.

    Raises:
        InputError: shapes, dtypes or devices do not match, or a joint that takes part is NaN or infinite.

    Example:
        >>> import torch
        >>> source = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
        >>> quarter_turn = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
        >>> s, R, t = procrustes(source, 2 * source @ quarter_turn.T + 5)
        >>> round(s.item(), 4), R.round().int().tolist()
        (2.0, [[0, -1, 0], [1, 0, 0], [0, 0, 1]])
    """
    source, target, mask = pose_pair(source, target, mask, names=("source", "target"))
    parts = _per_slice(_transform, source, target, mask, scale, names=("source", "target"))
    scales, rotations, shifts = (torch.cat(part, -1) for part in zip(*parts, strict=True))
    lead = source.shape[:-2]
    return (
        scales.reshape(lead).to(source),
        rotations.permute(2, 0, 1).reshape(*lead, 3, 3).to(source),
        shifts.t().reshape(*lead, 3).to(source),
    )


def procrustes_align(pred: Array, target: Array, scale: bool = True, mask: Array | None = None) -> Tensor:
    """Return predicted poses aligned to the target poses by the best similarity, as P-MPJPE compares them.

    See :func:`procrustes` for the arguments and the errors raised.

    Returns:
        (..., J, 3) in the target's place, size and unit; NaN at joints that the mask leaves out.

    Example:
        >>> import torch
        >>> pose = torch.randn(8, 17, 3)
        >>> torch.allclose(procrustes_align(0.001 * pose + 7, pose), pose, atol=1e-2)
        True
    """
    pred, target, mask = pose_pair(pred, target, mask)
    aligned = torch.cat(_per_slice(_aligned, pred, target, mask, scale)).reshape(pred.shape).to(pred.device)
    return aligned if mask is None else aligned.masked_fill(~mask[..., None], float("nan"))


def procrustes_distances(
    pred: Float[Tensor, "*batch J 3"], target: Float[Tensor, "*batch J 3"], mask: Bool[Tensor, "*batch J"] | None = None
) -> Float[Tensor, "*batch J"]:
    """Return the distance of every joint after alignment, for tensors that :func:`pose_pair` has checked.

    Joints that the mask leaves out hold no meaning.
    """
    return torch.cat(_per_slice(_distances, pred, target, mask), 1).t().reshape(pred.shape[:-1]).to(pred.device)


def procrustes_distance_sum(pred: Float[Tensor, "*batch J 3"], target: Float[Tensor, "*batch J 3"]) -> Float64[Tensor, ""]:
    """Return the sum of :func:`procrustes_distances` without storing the distances; on a device that has float64."""
    return torch.stack(_per_slice(lambda fit: _distances(fit).sum(dtype=torch.float64), pred, target)).sum()


def _per_slice(
    finish: Callable[[_Fit], T],
    source: Tensor,
    target: Tensor,
    mask: Tensor | None = None,
    scale: bool = True,
    names: tuple[str, str] = ("pred", "target"),
) -> list[T]:
    """Solve (..., J, 3) poses slice by slice, and apply ``finish`` to each solution.

    On a CPU every thread solves slices of its own, which are so small that torch does not split the operations on them. If
    all threads shared each of the hundred operations on a large slice, two idle cores would be a fifth faster, and busy
    cores would wait for each other. Torch's number of threads, which holds for the whole process, is not changed.
    Poses on a device without float64 are solved on the CPU, and the solutions stay there.
    """
    source, target = where_double_is(source), where_double_is(target)
    mask = None if mask is None else mask.to(source.device)
    joints = source.shape[-2]
    learning = torch.is_grad_enabled() and (source.requires_grad or target.requires_grad)
    on_cpu, threads = source.device.type == "cpu", torch.get_num_threads()
    size = GPU_SLICE if not on_cpu else CPU_SLICE if threads == 1 else min(CPU_SLICE, max(1, _UNSHARED // (3 * joints)))
    sources, targets = source.reshape(-1, joints, 3).split(size), target.reshape(-1, joints, 3).split(size)
    masks = [None] * len(sources) if mask is None else mask.reshape(-1, joints).split(size)

    def solve(x: Tensor, y: Tensor, valid: Tensor | None) -> T:
        with torch.set_grad_enabled(learning):  # each thread has its own grad mode, on by default
            return finish(_fit(x, y, valid, scale))

    try:
        if learning or not on_cpu or len(sources) == 1:
            return [solve(*part) for part in zip(sources, targets, masks, strict=True)]
        # By default glibc returns blocks above 128 KB to the system when they are freed, so that each slice's temporaries
        # cause page faults again. It raises that threshold to the size of the largest such block that was freed, up to
        # 32 MB (mallopt(3), M_MMAP_THRESHOLD). Freeing this block, which is never written and so costs nothing, makes the
        # call a fifth faster.
        torch.empty(31 << 20, dtype=torch.uint8)
        if threads == 1:
            return [solve(*part) for part in zip(sources, targets, masks, strict=True)]
        with ThreadPoolExecutor(min(threads, len(sources))) as pool:
            return list(pool.map(solve, sources, targets, masks))
    except _NotFiniteError:
        reject_not_finite(source, target, names)


def _fit(
    source: Float[Tensor, "B J 3"], target: Float[Tensor, "B J 3"], mask: Bool[Tensor, "B J"] | None, scale: bool
) -> _Fit:
    """Solve one slice."""
    weight = None if mask is None else mask.t()[:, None].to(source.dtype)
    x, x_centroid = _centred(source, weight)
    y, y_centroid = _centred(target, weight)
    x_weighted = x if weight is None else x * weight
    sums, squares = x.new_zeros(3, 3, len(source)), x.new_zeros(3, len(source))
    for y_joint, x_joint, weighted in zip(y[:, :, None].unbind(0), x.unbind(0), x_weighted.unbind(0), strict=True):
        sums.addcmul_(y_joint, weighted)
        squares.addcmul_(x_joint, weighted)
    covariance, extent = sums.double(), squares.sum(0, dtype=torch.float64)
    single = x.dtype == torch.float32
    bounds = (FLOAT32_STEPS, FLOAT32_SOUND) if single else (FLOAT64_STEPS, FLOAT64_SOUND)
    rotation, trace, again = foam(covariance, *bounds)
    if len(again):
        if not torch.isfinite(covariance[..., again]).all():
            raise _NotFiniteError
        if single:
            finer = _fit(source[again].double(), target[again].double(), None if mask is None else mask[again], scale)
            rotation_again, trace_again = finer.rotation, finer.trace
        else:
            rotation_again, trace_again = by_svd(covariance[..., again])
        rotation, trace = rotation.index_copy(2, again, rotation_again), trace.index_copy(0, again, trace_again)
    point = extent == 0  # all joints of the source coincide, so that no scale is better than another
    factor = torch.where(point, 1.0, trace / extent.masked_fill(point, 1.0)) if scale else torch.ones_like(trace)
    return _Fit(x, y, x_centroid, y_centroid, trace, factor, rotation)


def _centred(
    points: Float[Tensor, "B J 3"], weight: Float[Tensor, "J 1 B"] | None
) -> tuple[Float[Tensor, "J 3 B"], Float[Tensor, "3 B"]]:
    """Return points about their centroid, poses last, and the centroid.

    A joint that takes part is subtracted before the mean: five metres from the camera, a float32 mean would have an error of
    a micrometre.
    """
    batch, joints, _ = points.shape
    x = points.reshape(batch, 3 * joints).t().clone(memory_format=torch.contiguous_format).view(joints, 3, batch)
    if weight is None:
        near = x[0].clone()
        centroid = x.sub_(near).mean(0)
    else:
        near = torch.take_along_dim(x, weight.argmax(0, keepdim=True), 0)[0]
        centroid = (x.sub_(near) * weight).sum(0) / weight.sum(0).clamp(min=1)
    return x.sub_(centroid), centroid + near


def _transform(fit: _Fit) -> tuple[Float64[Tensor, " B"], Float64[Tensor, "3 3 B"], Float64[Tensor, "3 B"]]:
    """Return scale, rotation and shift."""
    return fit.scale, fit.rotation, fit.y_centroid - fit.scale * (fit.rotation * fit.x_centroid).sum(1)


def _aligned(fit: _Fit) -> Float[Tensor, "B J 3"]:
    """Return the source moved to the target's place."""
    place = fit.y_centroid.expand_as(fit.x).clone(memory_format=torch.contiguous_format)
    return _move(fit, place).permute(2, 0, 1)


def _distances(fit: _Fit) -> Float[Tensor, "J B"]:
    """Return the distance of every joint from its target; overwrites ``fit.y`` where no gradient needs it."""
    if fit.scale.requires_grad:  # unlike the square root, the norm has a gradient at zero
        return torch.linalg.vector_norm(_move(fit, -fit.y), dim=1)
    x, y, z = _move(fit, fit.y.neg_()).unbind(1)
    return x.square().addcmul_(y, y).addcmul_(z, z).sqrt_()


def _move(fit: _Fit, onto: Float[Tensor, "J 3 B"]) -> Float[Tensor, "J 3 B"]:
    """Add the rotated and scaled source to a tensor, in place."""
    turn = (fit.rotation * fit.scale).to(fit.x.dtype)
    for k in range(3):
        onto.addcmul_(turn[:, k], fit.x[:, k, None])
    return onto
