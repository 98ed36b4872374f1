"""Define the terms of Sun et al. 2018."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor

from posezoo.distributed import share, total


def joints(pred: Float[Tensor, "B J D"], target: Float[Tensor, "B J D"], known: Bool[Tensor, "B J"]) -> Float[Tensor, ""]:
    """Sun et al. 2018, Sec. 2.2: L1 between the means of volumes and labels, a mean over joints that are known.

    With D 2 it is the loss of pictures with 2D labels, whose depths get no gradient ("mixed 2D and 3D data training").
    """
    gap = (pred - target.nan_to_num()).abs().mean(-1) * known
    # The number over all processes, because each holds a share of the batch and gradients are averaged.
    return gap.sum() * share()[1] / total(known.sum().float()).clamp_min(1)
