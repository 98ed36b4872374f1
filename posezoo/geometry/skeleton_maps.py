"""Draw 2D poses as pictures: a binary map of every bone, for a whole batch at once."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from posezoo.errors import InputError
from posezoo.skeletons import Skeleton


def skeleton_maps(
    keypoints: Float[Tensor, "B J 2"], skeleton: Skeleton, size: int, width: float
) -> Float[Tensor, "B bones size size"]:
    """Draw one binary map a bone: 1 where a pixel's centre is within ``width / 2`` of the line between its joints.

    Chen, Lin et al. 2019, Sec. 3.1. A row of the picture crosses such a limb in one interval, whose ends have a closed form;
    so nothing is computed pixel by pixel but two comparisons.

    Args:
        keypoints: px of the map: the centre of the pixel in column x and row y is (x, y). NaN is a missing joint, whose
            bones' maps stay empty; limbs may leave the picture.
        skeleton: gives the bones, in the order of :attr:`posezoo.skeletons.Skeleton.bones`.
        size: rows and columns of a map.
        width: of a limb, px; its ends are round.

    Returns:
        0 and 1, laid out in memory with channels last.

    Raises:
        InputError: a width that is not positive, or a map without pixels.

    Example:
        >>> import torch
        >>> from posezoo.geometry import skeleton_maps
        >>> from posezoo.skeletons import Skeleton
        >>> arm = Skeleton("arm", ("elbow", "wrist"), (-1, 0))
        >>> skeleton_maps(torch.tensor([[[1.0, 2.0], [3.0, 2.0]]]), arm, size=5, width=1.0)[0, 0, 2].tolist()
        [0.0, 1.0, 1.0, 1.0, 0.0]
    """
    if size < 1 or not width > 0:
        raise InputError(f"size {size}, width {width}; expected a map of 1 pixel or more and limbs of positive width.")
    parents, children = (list(joints) for joints in zip(*skeleton.bones, strict=True))
    pixels = torch.arange(size, device=keypoints.device, dtype=keypoints.dtype)
    start, end = _crossings(keypoints[:, parents, :, None], keypoints[:, children, :, None], pixels, width / 2)
    # (batch, row, column, bone), the memory layout in which convolutions are fastest.
    column = pixels[:, None]
    start, end = (x.transpose(1, 2).contiguous()[:, :, None] for x in (start, end))
    inside = (column >= start) & (column <= end)
    return inside.to(keypoints.dtype).permute(0, 3, 1, 2)


def _crossings(a: Tensor, b: Tensor, rows: Tensor, radius: float) -> tuple[Tensor, Tensor]:
    """Return where rows enter and leave the limb ``a`` to ``b`` (B, bones, 2, 1): (B, bones, rows); empty: inf, -inf.

    A limb is convex: a disc at each end and the rectangle between. So the interval is the hull of the three intervals.
    """
    ends = [_disc(point, rows, radius) for point in (a, b)]
    (ax, ay), (x, y) = a.unbind(2), (b - a).unbind(2)
    length = (x * x + y * y).sqrt()
    x, y = x / length, y / length  # NaN where both ends coincide, which leaves a disc
    down = rows - ay
    # Along the limb 0 <= right x + down y <= length, across it |right y - down x| <= radius.
    along = _band(x, down * y, torch.zeros_like(length), length)
    across = _band(y, -down * x, torch.full_like(length, -radius), torch.full_like(length, radius))
    left, right = torch.maximum(along[0], across[0]) + ax, torch.minimum(along[1], across[1]) + ax
    there = left <= right
    middle = (left.where(there, torch.inf), right.where(there, -torch.inf))
    lefts, rights = zip(*ends, middle, strict=True)
    missing = torch.isnan(length)
    return torch.stack(lefts).amin(0).where(~missing, torch.inf), torch.stack(rights).amax(0).where(~missing, -torch.inf)


def _disc(center: Tensor, rows: Tensor, radius: float) -> tuple[Tensor, Tensor]:
    x, y = center.unbind(2)
    square = radius**2 - (rows - y) ** 2
    half = square.clamp_min(0).sqrt()
    return (x - half).where(square >= 0, torch.inf), (x + half).where(square >= 0, -torch.inf)


def _band(slope: Tensor, offset: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Return the interval of t with ``low <= slope t + offset <= high``; at slope 0 the whole line or nothing."""
    level = slope.abs() < 1e-12
    slope = slope.where(~level, 1.0)
    one, other = (low - offset) / slope, (high - offset) / slope
    inside = (low <= offset) & (offset <= high)
    nowhere = torch.where(inside, -torch.inf, torch.inf).to(one.dtype)
    return torch.minimum(one, other).where(~level, nowhere), torch.maximum(one, other).where(~level, -nowhere)
