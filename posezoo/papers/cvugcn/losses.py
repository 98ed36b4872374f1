"""The loss terms of Hua et al. 2021, Sec. 4, unweighted: sums over views and joints, means over the batch."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from posezoo.geometry import bone_asymmetry
from posezoo.skeletons import Skeleton


def reprojection(projected: Float[Tensor, "B V J 2"], target: Float[Tensor, "B V J 2"]) -> Float[Tensor, ""]:
    """Hua et al. 2021, Eq. 3: L_r, the distance between the refined pose as each camera sees it and the 2D annotation."""
    return (projected - target).norm(dim=-1).sum((1, 2)).mean()


def symmetry(pose: Float[Tensor, "B V J 3"], skeleton: Skeleton) -> Float[Tensor, ""]:
    """Hua et al. 2021, Eq. 4: L_s, the difference in length of left and right bones."""
    return bone_asymmetry(pose, skeleton).abs().sum((1, 2)).mean()


def transformation(pose: Float[Tensor, "B V J 3"], transferred: Float[Tensor, "B V J 3"]) -> Float[Tensor, ""]:
    """Hua et al. 2021, Eq. 5: L_t, the distance between a view's pose and that of the other view brought into its frame.

    The printed sum over i holds both views' terms without depending on i; it is taken as a sum over views.
    """
    return (pose - transferred).norm(dim=-1).sum((1, 2)).mean()


def bone_direction(
    pose: Float[Tensor, "B V J 3"], transferred: Float[Tensor, "B V J 3"], skeleton: Skeleton
) -> Float[Tensor, ""]:
    """Hua et al. 2021, Eq. 6: L_b, one minus the cosine between a bone and the same bone from the other view."""
    parents, children = (list(ends) for ends in zip(*skeleton.bones, strict=True))
    bones = [points[..., parents, :] - points[..., children, :] for points in (pose, transferred)]
    return (1 - functional.cosine_similarity(bones[0], bones[1], dim=-1)).sum((1, 2)).mean()
