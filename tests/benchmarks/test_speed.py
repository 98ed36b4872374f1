"""Test the speed benchmarks: the contestant of P-MPJPE is right, the table prints, unknown names are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from reproduction.plan import budget_of
from reproduction.runs import Bench
from reproduction.step_times import RECIPES, count
from speed import __main__ as command
from speed.geometry import p_mpjpe as p_mpjpe_ratio
from speed.geometry import svd_p_mpjpe
from speed.profiling import step_profile
from speed.ratios import Ratio, print_table

from posezoo.metrics.functional import p_mpjpe
from posezoo.registry import build


@pytest.mark.parametrize("mirror", [1.0, -1.0])
def test_both_contestants_compute_p_mpjpe(mirror: float) -> None:
    target = torch.randn(200, 17, 3, dtype=torch.float64) * 300
    pred = (target + 60 * torch.randn_like(target)) * torch.tensor([mirror, 1, 1])
    assert svd_p_mpjpe(pred.numpy(), target.numpy()) == pytest.approx(p_mpjpe(pred, target).item(), abs=1e-6)


def test_a_small_run_prints_its_ratios(capsys: pytest.CaptureFixture[str]) -> None:
    ratios = p_mpjpe_ratio(poses=300)
    print_table(ratios, threads=1)
    assert all(ratio.value > 0 for ratio in ratios)
    assert "P-MPJPE" in capsys.readouterr().out


def test_goals_have_a_direction() -> None:
    assert Ratio("faster", 3.5, 3.0, True, "").met
    assert not Ratio("slower", 1.2, 1.1, False, "").met


def test_unknown_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["p_mpjp"])
    assert "known: p_mpjpe" in capsys.readouterr().err


@pytest.mark.parametrize("name", command.BENCHMARKS)
def test_every_benchmark_is_a_function_of_its_module(name: str) -> None:
    assert command.benchmark(name).__name__ == name


@pytest.mark.slow
def test_the_shares_of_a_step_add_up() -> None:
    seconds, shares = step_profile("martinez.mocap", steps=2, width=512)
    assert seconds > 0
    assert sum(shares.values()) == pytest.approx(1)
    assert max(shares, key=lambda kind: shares[kind]) == "matrix products"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.stem for path in RECIPES.glob("*.yaml")))
def test_a_step_of_every_recipe_can_be_counted(name: str) -> None:
    settings = budget_of(name, Bench("procedural", Path(), "cpu", Path(), RECIPES))
    if "baseline" in settings:
        return
    settings["data"]["batch_size"] = 4
    counted = count(settings)
    parameters = build(settings["paper"], settings["model"]).parameters()
    # A product with each weight, forward for each of four poses, and two for its gradients: twice, a sum and a product.
    assert counted["flops"] > 4 * 2 * 3 * max(parameter.numel() for parameter in parameters if parameter.ndim > 1) / 2
    assert counted["operators"] > 50
