"""Test that a recipe's bfloat16 is used where the machine has it."""

from __future__ import annotations

import pytest
import torch

from posezoo.training import precision
from posezoo.training.precision import cpu_has_bfloat16, usable_precision


@pytest.mark.parametrize(
    ("machine", "capability", "has"),
    [("x86_64", "AVX2", False), ("AMD64", "DEFAULT", False), ("x86_64", "AVX512", True), ("arm64", "DEFAULT", True)],
)
def test_bfloat16_is_what_avx512_has(machine, capability, has, monkeypatch):
    monkeypatch.setattr(precision.platform, "machine", lambda: machine)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    assert cpu_has_bfloat16() is has


@pytest.mark.parametrize(
    ("trainer", "overrides", "gpu", "expected"),
    [
        ({"precision": "bf16-mixed", "accelerator": "auto"}, [], False, "32-true"),
        ({"precision": "bf16-mixed", "accelerator": "auto"}, [], True, None),
        ({"precision": "bf16-mixed", "accelerator": "auto"}, ["--trainer.accelerator", "cpu"], True, "32-true"),
        ({"precision": "bf16-mixed"}, ["--trainer.accelerator=gpu"], True, None),
        ({"precision": "bf16-mixed"}, ["--trainer.precision", "bf16-mixed"], False, None),
        ({"precision": "16-mixed"}, [], False, None),
        ({}, [], False, None),
    ],
)
def test_only_a_recipe_s_bfloat16_on_such_a_cpu_is_replaced(trainer, overrides, gpu, expected, monkeypatch):
    monkeypatch.setattr(precision, "cpu_has_bfloat16", lambda: False)
    monkeypatch.setattr(precision.CUDAAccelerator, "is_available", staticmethod(lambda: gpu))
    monkeypatch.setattr(precision.MPSAccelerator, "is_available", staticmethod(lambda: False))
    assert usable_precision(trainer, overrides) == expected
    monkeypatch.setattr(precision, "cpu_has_bfloat16", lambda: True)
    assert usable_precision(trainer, overrides) is None
