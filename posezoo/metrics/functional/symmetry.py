"""Compute how far the left and the right half of a body differ, without a label."""

from __future__ import annotations

import torch
from torch import Tensor

from posezoo.errors import InputError
from posezoo.geometry.pose_pairs import Array, pose_pair, reject_not_finite
from posezoo.metrics.functional.reduction import check_reduction, reduce
from posezoo.skeletons import Skeleton, get_skeleton


def symmetry_error(
    pred: Array,
    target: Array | None = None,
    reduction: str = "mean",
    *,
    skeleton: str | Skeleton = "h36m17",
    mask: Array | None = None,
) -> Tensor:
    """Return the mean absolute difference between the lengths of left and right bones.

    Args:
        pred: (..., J, 3) poses, any frame; the error is in their unit.
        target: not needed; taken so that every metric can be called alike, and only checked for its shape.
        reduction: ``"mean"``, or ``"none"`` for one value a pair of bones, (..., P), in the order of the layout's
            ``bone_pairs``, NaN where the mask leaves one of the four ends out.
        skeleton: the layout of the poses.
        mask: (..., J) True where a joint takes part; the others may hold NaN.

    Raises:
        InputError: not (..., J, 3) with the layout's J, a coordinate is NaN or infinite, the layout has no pairs of
            bones, unknown reduction, no pair to average.
        UnknownNameError: unknown layout.

    Example:
        >>> import torch
        >>> from posezoo.skeletons import get_skeleton
        >>> h36m = get_skeleton("h36m17")
        >>> pose = torch.zeros(17, 3)
        >>> pose[h36m.index("left_wrist")] = torch.tensor([0.0, 60.0, 0.0])  # The only bone with a length.
        >>> symmetry_error(pose).item()  # One of six pairs differs by 60.
        10.0
    """
    check_reduction(reduction)
    layout = get_skeleton(skeleton)
    pred, _, mask = pose_pair(pred, pred if target is None else target, mask)
    if pred.shape[-2] != len(layout):
        raise InputError(f"poses have shape {tuple(pred.shape)}; {layout.name} needs (..., {len(layout)}, 3).")
    if not layout.bone_pairs:
        raise InputError(f"skeleton {layout.name!r} has no left and right bones to compare.")
    ends = torch.tensor(layout.bone_pairs, device=pred.device)  # (P, side, end)
    bones = pred[..., ends[..., 1], :] - pred[..., ends[..., 0], :]
    lengths = torch.linalg.vector_norm(bones, dim=-1)
    if not torch.isfinite(pred).all():  # Joints that belong to no pair count too: NaN is a fault of the pose.
        reject_not_finite(pred, pred)
    complete = None if mask is None else mask[..., ends].flatten(-2).all(-1)
    return reduce((lengths[..., 0] - lengths[..., 1]).abs(), complete, reduction)
