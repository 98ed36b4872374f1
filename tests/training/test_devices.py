"""Test that a device is said in the trainer's words, and that one which is not there is refused."""

from __future__ import annotations

import pytest
import torch

from posezoo.errors import InputError
from posezoo.training.devices import trainer_device


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.parametrize(
    ("device", "accelerator", "devices"),
    [(None, "auto", 1), ("cpu", "cpu", 1), ("cuda", "cuda", 1), ("cuda:0", "cuda", [0]), ("cuda:1", "cuda", [1])],
)
def test_a_device_is_an_accelerator_and_its_number(two_gpus, device, accelerator, devices):
    assert trainer_device(device) == {"accelerator": accelerator, "devices": devices}


@pytest.mark.parametrize("device", ["cuda:2", "mps"])
def test_a_device_that_is_not_there_is_refused(two_gpus, device):
    with pytest.raises(InputError, match="this machine or its torch lacks"):
        trainer_device(device)


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "cuda:-1", "cpu:0", "mps:0", ""])
def test_what_is_no_device_is_refused(two_gpus, device):
    with pytest.raises(InputError, match="expected cpu, cuda, cuda:N or mps"):
        trainer_device(device)
