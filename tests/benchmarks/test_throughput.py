"""The throughput benchmark: its contestant is right, and its table prints."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from posezoo.metrics.functional import p_mpjpe


@pytest.fixture(scope="module")
def throughput() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "throughput.py"
    spec = importlib.util.spec_from_file_location("throughput", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("mirror", [1.0, -1.0])
def test_both_contestants_compute_p_mpjpe(throughput: ModuleType, mirror: float) -> None:
    target = torch.randn(200, 17, 3, dtype=torch.float64) * 300
    pred = (target + 60 * torch.randn_like(target)) * torch.tensor([mirror, 1, 1])
    assert throughput.svd_p_mpjpe(pred.numpy(), target.numpy()) == pytest.approx(p_mpjpe(pred, target).item(), abs=1e-6)


def test_a_small_run_prints_its_ratios(throughput: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    ratios = throughput.p_mpjpe(poses=300)
    throughput.print_table(ratios, threads=1)
    assert all(ratio.value > 0 for ratio in ratios)
    assert "P-MPJPE" in capsys.readouterr().out


def test_goals_have_a_direction(throughput: ModuleType) -> None:
    assert throughput.Ratio("faster", 3.5, 3.0, True, "").met
    assert not throughput.Ratio("slower", 1.2, 1.1, False, "").met


def test_unknown_benchmark(throughput: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        throughput.main(["p_mpjp"])
    assert "known: p_mpjpe" in capsys.readouterr().err
