"""Double precision on devices that lack it: what needs float64 is computed on the CPU for them."""

from __future__ import annotations

import torch
from torch import Tensor

WITHOUT_DOUBLE = {"mps"}
"""Types of devices that hold no float64: Apple's GPUs."""


def has_double(device: torch.device) -> bool:
    """Return whether a device can hold float64."""
    return device.type not in WITHOUT_DOUBLE


def to_double(values: Tensor) -> Tensor:
    """Return values in float64: on their device, or on the CPU where their device has no float64."""
    return values.double() if has_double(values.device) else values.cpu().double()


def where_double_is(values: Tensor) -> Tensor:
    """Return values as they are, or on the CPU where their device has no float64."""
    return values if has_double(values.device) else values.cpu()
