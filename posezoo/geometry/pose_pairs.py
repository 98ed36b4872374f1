"""Check two sets of poses that are to be compared, and bring them to tensors of one dtype."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import numpy as np
import torch
from torch import Tensor

from posezoo.errors import InputError

Array = Tensor | np.ndarray
Number = float | int


def pose_pair(
    pred: Array, target: Array, mask: Array | None = None, dims: int = 3, names: tuple[str, str] = ("pred", "target")
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Check two sets of poses that are to be compared: equal shapes (..., J, dims), one floating dtype.

    Half precision and integers become float32; joints that the mask leaves out become 0. Whether the values
    are finite is left to the caller, who can often tell from what it computes anyway.
    """
    first, second = as_tensor(pred, names[0]), as_tensor(target, names[1])
    if first.shape != second.shape:
        raise InputError(
            f"{names[0]} has shape {tuple(first.shape)} and {names[1]} {tuple(second.shape)}; "
            f"give both the same shape (..., J, {dims})."
        )
    if first.ndim < 2 or first.shape[-1] != dims or first.shape[-2] == 0:
        raise InputError(f"poses have shape {tuple(first.shape)}; expected (..., J, {dims}), the {dims} coordinates last.")
    if first.device != second.device:
        raise InputError(f"{names[0]} lies on {first.device} and {names[1]} on {second.device}; move both to one device.")
    dtype = torch.float64 if torch.float64 in (first.dtype, second.dtype) else torch.float32
    first, second = first.to(dtype), second.to(dtype)
    if mask is None:
        return first, second, None
    valid = as_tensor(mask, "mask").to(first.device)
    if valid.shape != first.shape[:-1] or valid.dtype != torch.bool:
        raise InputError(
            f"mask is {valid.dtype} of shape {tuple(valid.shape)}; "
            f"expected torch.bool of shape {tuple(first.shape[:-1])}, one value a joint."
        )
    left_out = ~valid[..., None]
    return first.masked_fill(left_out, 0.0), second.masked_fill(left_out, 0.0), valid


def as_tensor(values: Array | Sequence[Number] | Number, name: str) -> Tensor:
    """Return an array as a tensor of real numbers, without a copy where torch can use its memory."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":  # Torch wants native byte order and positive strides.
        values = np.require(values, values.dtype.newbyteorder("="), ["C", "W"])
    try:
        tensor = torch.as_tensor(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{name} cannot be read as numbers ({error}); give a tensor or an array of floats.") from error
    if tensor.is_complex():
        raise InputError(f"{name} holds complex numbers; expected real coordinates.")
    return tensor


def reject_not_finite(pred: Tensor, target: Tensor, names: tuple[str, str] = ("pred", "target")) -> NoReturn:
    """Raise an InputError that says which of two pose tensors (..., J, D) holds NaN or infinite values."""
    for name, values in zip(names, (pred, target), strict=True):
        bad = ~torch.isfinite(values).flatten(-2).all(-1)
        if bad.any():
            raise InputError(
                f"{name} holds NaN or infinite values in {int(bad.sum())} of {bad.numel()} poses, the first at index "
                f"{tuple(bad.nonzero()[0].tolist())}; leave those poses out, or name the valid joints with mask=."
            )
    largest = max(pred.abs().max().item(), target.abs().max().item())
    raise InputError(f"coordinates as large as {largest:.3g} overflow {pred.dtype}; give millimetres, or float64.")
