"""Split large batches into pieces."""

from __future__ import annotations

import torch
from torch import Tensor


def pieces(values: Tensor, size: int, axis: int = 0) -> tuple[Tensor, ...]:
    """Return pieces of at most ``size`` along an axis; a single piece while the caller is traced or exported.

    A graph has as many nodes as were traced: it can take batches of any size, but not cut them into any number of pieces.

    Example:
        >>> import torch
        >>> [len(piece) for piece in pieces(torch.zeros(5, 2), 2)]
        [2, 2, 1]
    """
    if torch.compiler.is_compiling() or torch.jit.is_tracing():
        return (values,)
    return values.split(size, axis)
