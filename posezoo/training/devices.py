"""Say in a trainer's words which device trains."""

from __future__ import annotations

from typing import TypedDict

import torch

from posezoo.errors import InputError


class TrainerDevice(TypedDict):
    """Arguments of Lightning's ``Trainer``."""

    accelerator: str
    devices: int | list[int]


def trainer_device(device: str | None) -> TrainerDevice:
    """Return the trainer's arguments for one device.

    Args:
        device: as torch names it: ``cpu``, ``cuda``, ``cuda:1``, ``mps``; the best of this machine where not given.

    Raises:
        InputError: a device that is unknown, or that this machine or its torch lacks.

    Example:
        >>> trainer_device("cpu")
        {'accelerator': 'cpu', 'devices': 1}
    """
    if device is None:
        return {"accelerator": "auto", "devices": 1}
    kind, colon, number = device.partition(":")
    there = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if kind not in there or (colon and (kind != "cuda" or not number.isdecimal())):
        raise InputError(f"device is {device!r}; expected cpu, cuda, cuda:N or mps.")
    if int(number or 0) >= there[kind]:
        raise InputError(f"device is {device!r}, which this machine or its torch lacks; cpu is always there.")
    return {"accelerator": kind, "devices": [int(number)] if number else 1}
