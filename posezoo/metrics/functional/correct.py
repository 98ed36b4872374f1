"""Compute the share of joints that are close enough, from 0 to 1 (papers print percent).

``reduction="none"`` gives one value a joint, (..., J), NaN where a mask leaves the joint out; ``"mean"`` gives one
number, every joint that takes part counting the same. As counts they have no gradient.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from posezoo.errors import InputError
from posezoo.geometry.pose_pairs import Array, Number, as_tensor, pose_pair
from posezoo.metrics.functional.reduction import about_root, check_reduction, distances, reduce

PCK_THRESHOLD_MM = 150.0
AUC_THRESHOLDS_MM = tuple(5.0 * step for step in range(31))


def pck_3d(
    pred: Array,
    target: Array,
    reduction: str = "mean",
    *,
    threshold: Number = PCK_THRESHOLD_MM,
    root: int | None = None,
    mask: Array | None = None,
) -> Tensor:
    """Return the 3D percentage of correct keypoints: joints nearer than the threshold, strictly (Mehta et al. 2017).

    MPI-INF-3DHP takes it on the 14 joints of layout ``common14``, poses relative to the pelvis.

    Args:
        pred: (..., J, 3) predicted poses, mm.
        target: (..., J, 3) true poses, mm.
        reduction: ``"mean"``, or ``"none"`` for 0 or 1 a joint.
        threshold: mm.
        root: take this joint off both poses first; None compares them as they are.
        mask: (..., J) True where a joint takes part; the others may hold NaN.

    Raises:
        InputError: shapes do not match or are not (..., J, 3), a coordinate is NaN or infinite, unknown reduction,
            threshold not positive, no joint to average.

    Example:
        >>> import torch
        >>> target = torch.zeros(1, 3, 3)
        >>> pred = torch.tensor([[[149.0, 0, 0], [150.0, 0, 0], [0.0, 0, 0]]])
        >>> pck_3d(pred, target, reduction="none").tolist()
        [[1.0, 0.0, 1.0]]
    """
    check_reduction(reduction)
    if not threshold > 0:
        raise InputError(f"threshold is {threshold}; expected a positive distance in mm.")
    pred, target, mask = pose_pair(pred, target, mask)
    near = distances(*about_root(pred, target, mask, root)) < threshold
    return reduce(near.to(pred.dtype), mask, reduction)


def auc_3d(
    pred: Array,
    target: Array,
    reduction: str = "mean",
    *,
    thresholds: Sequence[Number] | Array = AUC_THRESHOLDS_MM,
    root: int | None = None,
    mask: Array | None = None,
) -> Tensor:
    """Return the area under the curve of :func:`pck_3d`: its mean over thresholds 0, 5, .., 150 mm (Mehta et al. 2017).

    As nothing is nearer than 0 mm, strictly, perfect poses score 30 / 31.

    Args:
        pred: (..., J, 3) predicted poses, mm.
        target: (..., J, 3) true poses, mm.
        reduction: ``"mean"``, or ``"none"`` for the share of thresholds that each joint passes.
        thresholds: mm.
        root: take this joint off both poses first; None compares them as they are.
        mask: (..., J) True where a joint takes part.

    Raises:
        InputError: as :func:`pck_3d`, or no thresholds.

    Example:
        >>> import torch
        >>> pose = torch.randn(4, 17, 3)
        >>> round(auc_3d(pose, pose).item() * 31, 4)
        30.0
    """
    check_reduction(reduction)
    if len(thresholds) == 0:
        raise InputError("thresholds is empty; expected distances in mm, such as 0, 5, .., 150.")
    pred, target, mask = pose_pair(pred, target, mask)
    distance = distances(*about_root(pred, target, mask, root))
    steps = as_tensor(thresholds, "thresholds").to(distance).sort().values
    passed = len(steps) - torch.searchsorted(steps, distance.detach().contiguous(), right=True)
    return reduce(passed.to(pred.dtype) / len(steps), mask, reduction)


def pckh(
    pred: Array,
    target: Array,
    head_size: Array | Number,
    reduction: str = "mean",
    *,
    threshold: Number = 0.5,
    mask: Array | None = None,
) -> Tensor:
    """Return 2D percentage of correct keypoints, the threshold a share of the head's size (Andriluka et al. 2014).

    A joint at the threshold still counts, as in MPII's own evaluation, which also leaves out pelvis and thorax and
    whatever is not annotated: name those in the mask.

    Args:
        pred: (..., J, 2) predicted keypoints, px.
        target: (..., J, 2) annotated keypoints, px.
        head_size: (...) px, one a person, or one for all. For MPII, 0.6 of the diagonal of the head box.
        reduction: ``"mean"``, or ``"none"`` for 0 or 1 a joint.
        threshold: share of the head size; 0.5 is PCKh@0.5.
        mask: (..., J) True where a joint is annotated; the others may hold anything.

    Raises:
        InputError: shapes do not match or are not (..., J, 2), a coordinate is NaN or infinite, a head size is not
            positive, unknown reduction, no joint to average.

    Example:
        >>> import torch
        >>> target = torch.zeros(1, 2, 2)
        >>> pred = torch.tensor([[[30.0, 0.0], [31.0, 0.0]]])
        >>> pckh(pred, target, head_size=60.0).item()
        0.5
    """
    check_reduction(reduction)
    if not threshold > 0:
        raise InputError(f"threshold is {threshold}; expected a positive share of the head size.")
    pred, target, mask = pose_pair(pred, target, mask, dims=2)
    size = as_tensor(head_size, "head_size").to(pred)
    if size.ndim and size.shape != pred.shape[:-2]:
        raise InputError(f"head_size has shape {tuple(size.shape)}; expected one a person, {tuple(pred.shape[:-2])}.")
    if not bool(((size > 0) & torch.isfinite(size)).all()):
        raise InputError("head_size holds values that are not positive; leave out the people whose head is not annotated.")
    near = distances(pred, target) <= threshold * size[..., None]
    return reduce(near.to(pred.dtype), mask, reduction)
