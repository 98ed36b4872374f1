"""Double precision on devices that lack it: what needs float64 is computed on the CPU for them."""

from __future__ import annotations

import torch
from torch import Tensor

WITHOUT_DOUBLE = {"mps"}
"""Types of devices that hold no float64: Apple's GPUs."""
_WITH_DOUBLE = ("cpu", "cuda")


def has_double(device: torch.device) -> bool:
    """Return whether a device can hold float64; devices of other types, such as Intel's GPUs, are asked."""
    if device.type in WITHOUT_DOUBLE:
        return False
    if device.type in _WITH_DOUBLE:
        return True
    try:
        torch.zeros(1, dtype=torch.float64, device=device)
    except (TypeError, RuntimeError):
        return False
    return True


def to_double(values: Tensor) -> Tensor:
    """Return values in float64: on their device, or on the CPU where their device has no float64."""
    return values.double() if has_double(values.device) else values.cpu().double()


def where_double_is(values: Tensor) -> Tensor:
    """Return values as they are, or on the CPU where their device has no float64."""
    return values if has_double(values.device) else values.cpu()
