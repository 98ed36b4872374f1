"""Find where a heatmap is highest."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def peaks(heatmaps: Float[Tensor, "B J H W"]) -> tuple[Float[Tensor, "B J 2"], Float[Tensor, "B J"]]:
    """Return the highest pixel of each map, moved by a quarter towards its higher neighbour, and its height.

    Newell et al. 2016, Sec. 3.3, for x and y each; a peak at the border stays where it is along that axis.

    Returns:
        x, y in px of the maps, (0, 0) the centre of the first; and values.

    Example:
        >>> import torch
        >>> maps = torch.zeros(1, 1, 5, 5)
        >>> maps[0, 0, 2, 3], maps[0, 0, 2, 4] = 1.0, 0.5
        >>> points, height = peaks(maps)
        >>> points.tolist(), height.item()
        ([[[3.25, 2.0]]], 1.0)
    """
    rows, columns = heatmaps.shape[2:]
    height, index = heatmaps.flatten(2).max(2)
    at = torch.stack([index % columns, index // columns], -1)
    steps = []
    for axis, (stride, count) in enumerate(((1, columns), (columns, rows))):
        inside = (at[..., axis] > 0) & (at[..., axis] < count - 1)
        near = torch.where(inside, index, stride)  # any pixel that has both neighbours
        values = heatmaps.flatten(2)
        slope = values.gather(2, (near + stride)[..., None]) - values.gather(2, (near - stride)[..., None])
        steps.append(0.25 * slope[..., 0].sign() * inside)
    return at + torch.stack(steps, -1), height
