"""Share what all metric functions need: the two reductions, the choice of a root, and the check of the result."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from posezoo.errors import InputError
from posezoo.geometry.double import where_double_is
from posezoo.geometry.pose_pairs import reject_not_finite

REDUCTIONS = ("mean", "none")


def check_reduction(reduction: str) -> None:
    """Refuse an unknown reduction before anything is computed."""
    if reduction not in REDUCTIONS:
        raise InputError(f"reduction is {reduction!r}; expected 'mean' (one number) or 'none' (one value a joint).")


def reduce(values: Float[Tensor, "*batch J"], mask: Bool[Tensor, "*batch J"] | None, reduction: str) -> Tensor:
    """Return the values (``"none"``), NaN where the mask is False, or their mean over joints that take part (``"mean"``)."""
    if reduction == "none":
        return values if mask is None else values.masked_fill(~mask, float("nan"))
    if mask is None:
        return mean_of(_total(values), values.numel()).to(values)
    return mean_of(_total(values.masked_fill(~mask, 0.0)), int(mask.sum())).to(values)


def _total(values: Tensor) -> Tensor:
    """Return the sum in float64."""
    return where_double_is(values).sum(dtype=torch.float64)


def mean_of(total: Float[Tensor, ""], count: int) -> Float[Tensor, ""]:
    """Return the mean of a sum; raise an error for a mean of no values."""
    if count == 0:
        raise InputError("there is no joint to average: the batch is empty or the mask leaves every joint out.")
    return total / count


def about_root(
    pred: Float[Tensor, "*batch J D"],
    target: Float[Tensor, "*batch J D"],
    mask: Bool[Tensor, "*batch J"] | None,
    root: int | None,
) -> tuple[Float[Tensor, "*batch J D"], Float[Tensor, "*batch J D"]]:
    """Return both poses relative to their own joint ``root``; unchanged where it is None.

    Joints that the mask leaves out stay zero, so that they count for no scale.
    """
    if root is None:
        return pred, target
    if isinstance(root, bool) or not isinstance(root, int) or not 0 <= root < pred.shape[-2]:
        raise InputError(f"root is joint {root!r}; poses of {pred.shape[-2]} joints have roots 0..{pred.shape[-2] - 1}.")
    if mask is not None and not mask[..., root].all():
        raise InputError(
            f"the mask leaves out the root, joint {root}, of some poses; give root=None or those poses another root."
        )
    pred, target = pred - pred[..., root : root + 1, :], target - target[..., root : root + 1, :]
    return (pred, target) if mask is None else (pred * mask[..., None], target * mask[..., None])


def distances(
    pred: Float[Tensor, "*batch J D"], target: Float[Tensor, "*batch J D"], names: tuple[str, str] = ("pred", "target")
) -> Float[Tensor, "*batch J"]:
    """Return the Euclidean distance of every joint; raise InputError where a coordinate is NaN or infinite.

    Whatever is not finite comes out not finite, and the distances are a third of the coordinates to look through.
    """
    result = torch.linalg.vector_norm(pred - target, dim=-1)
    if not torch.isfinite(result).all():
        reject_not_finite(pred, target, names)
    return result
