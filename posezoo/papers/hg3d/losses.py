"""Define the terms of Zhou et al. 2017, one function each; sums over joints and pixels as printed, means over pictures."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from posezoo.skeletons import Skeleton

GROUPS = {
    "arms": (("shoulder", "elbow"), ("elbow", "wrist")),
    "legs": (("hip", "knee"), ("knee", "ankle")),
    "shoulders": (("upper_neck", "shoulder"),),
    "hips": (("pelvis", "hip"),),
}
"""Bones of one side that Eq. 3 holds together with those of the other, as the released code has them.

No bone of the trunk is among them, "as we found them exhibit relatively high variance in bone lengths across different human
shapes"."""
_SINGLE = ("thorax", "upper_neck", "pelvis")


def heatmaps(
    pred: Float[Tensor, "B J H W"], target: Float[Tensor, "B J H W"], annotated: Bool[Tensor, "B J"]
) -> Float[Tensor, ""]:
    """Zhou et al. 2017, Eq. 1: L_2D, over joints that are annotated."""
    return ((pred - target).square().sum((2, 3)) * annotated).sum(1).mean()


def depth(pred: Float[Tensor, "B J"], target: Float[Tensor, "B J"]) -> Float[Tensor, ""]:
    """Zhou et al. 2017, Eq. 2, first case: pictures with 3D labels."""
    return (pred - target).square().sum(1).mean()


def groups_of(skeleton: Skeleton, shoulders: str = "upper_neck") -> list[list[tuple[int, int]]]:
    """Return both ends of the bones of each of :data:`GROUPS`, left and right.

    Args:
        skeleton: of the poses.
        shoulders: the joint that the bones of the shoulders start from.

    Raises:
        UnknownNameError: the layout lacks a joint of them.
    """

    def end(side: str, joint: str) -> int:
        joint = shoulders if joint == "upper_neck" else joint
        return skeleton.index(joint if joint in _SINGLE else f"{side}_{joint}")

    return [[(end(side, a), end(side, b)) for a, b in bones for side in ("left", "right")] for bones in GROUPS.values()]


def geometry(
    pose: Float[Tensor, "B J 3"], canonical: list[Float[Tensor, "_"]], groups: list[list[tuple[int, int]]]
) -> Float[Tensor, "B"]:
    """Zhou et al. 2017, Eq. 3: within a group, the variance of bone lengths over those of a canonical skeleton.

    Args:
        pose: 2D as annotated with predicted depth, one unit; NaN where a joint is not annotated.
        canonical: lengths of each group's bones.
        groups: of :func:`groups_of`.

    Returns:
        one value a pose. A bone with a joint that is NaN is left out, as in the released code; a group with fewer than two
        bones left adds nothing.
    """
    total = pose.new_zeros(len(pose))
    known = torch.isfinite(pose).all(-1)
    pose = pose.nan_to_num()
    for bones, lengths in zip(groups, canonical, strict=True):
        first, second = ([bone[end] for bone in bones] for end in (0, 1))
        counts = (known[:, first] & known[:, second]).to(pose.dtype)
        number = counts.sum(1).clamp_min(1)
        # The gradient of a norm is undefined at zero; a bone of no length has none.
        ratio = (pose[:, first] - pose[:, second]).square().sum(-1).clamp_min(1e-12).sqrt() / lengths
        mean = (ratio * counts).sum(1, keepdim=True) / number[:, None]
        total = total + ((ratio - mean).square() * counts).sum(1) / number
    return total


def gaussians(points: Float[Tensor, "B J 2"], size: int, sigma: float = 1.0) -> Float[Tensor, "B J H W"]:
    """Newell et al. 2016: a Gaussian of peak 1 around each point; nothing around points that are NaN.

    Args:
        points: in px of the maps; the centre of the first pixel is (0, 0).
        size: of the maps, px.
        sigma: px.
    """
    grid = torch.arange(size, device=points.device, dtype=points.dtype)
    x, y = ((-0.5 * ((grid - points[..., [axis]]) / sigma).square()).exp().nan_to_num() for axis in (0, 1))
    return y[..., :, None] * x[..., None, :]
