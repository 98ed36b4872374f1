"""Test the three stages of Zhou et al. 2017 as recipes: each starts from the previous one, and resumes exactly."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import posezoo
from posezoo.cli import main
from posezoo.errors import InputError
from posezoo.registry import describe
from posezoo.training import train

QUICK = [
    "--model.size", "64", "--model.width", "8", "--model.stacks", "1", "--data.options", "{side: 80}",
    "--data.batch_size", "4", "--data.test_count", "4", "--data.workers", "0", "--trainer.limit_train_batches", "2",
    "--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
def test_three_stages_one_after_the_other():
    first = train("hg3d.render_small_1", "one", QUICK, steps=2)
    second = train("hg3d.render_small_2", "two", QUICK, steps=2, start=first)
    third = train("hg3d.render_small", "three", QUICK, steps=2, start=second)
    weights = [load_file(path) for path in (first, second, third)]
    assert set(weights[0]) == set(weights[1]) == set(weights[2])
    for one, other in itertools.pairwise(weights):
        changed = {name.split(".")[1] for name in one if "network" in name and not torch.equal(one[name], other[name])}
        assert {"pose", "depth"} <= changed
    # Stage 1 knows no bones; stage 2 takes them from the studio's labels, stage 3 from the same.
    assert (weights[0]["canonical_mm"] == 250).all()
    assert (weights[1]["canonical_mm"] != 250).any()
    assert torch.equal(weights[1]["canonical_mm"], weights[2]["canonical_mm"])
    header = describe(third)
    assert header["started_from"] == str(second)
    assert header["settings"]["size"] == 64
    model = posezoo.load(third)
    assert model.predict_image(torch.zeros(50, 40, 3, dtype=torch.uint8)).pose_3d.shape == (1, 16, 3)


@pytest.mark.slow
def test_the_depth_module_is_left_alone_in_stage_1():
    first = train("hg3d.render_small_1", "one", QUICK, steps=2)
    again = train("hg3d.render_small_1", "two", QUICK, steps=1)
    one, two = load_file(first), load_file(again)
    for name in one:
        if "network.depth" in name:
            assert torch.equal(one[name], two[name]), name


@pytest.mark.slow
def test_a_resumed_run_ends_where_an_unbroken_one_does():
    whole = train("hg3d.render_small_1", "whole", [*QUICK, "--trainer.max_epochs", "2"])
    train("hg3d.render_small_1", "broken", [*QUICK, "--trainer.max_epochs", "1"])
    resumed = train("hg3d.render_small_1", "broken", [*QUICK, "--trainer.max_epochs", "2"], resume=True)
    one, two = load_file(whole), load_file(resumed)
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=0, atol=0)


def test_another_size_is_refused():
    with pytest.raises(InputError, match="multiple of 64"):
        train("hg3d.render_small_1", "one", [*QUICK, "--model.size", "100"], steps=1)


@pytest.mark.slow
def test_two_processes_train_to_the_weights_of_one():
    # In doubles: the rounding of sums can decide which pixel of a window is the largest.
    def run(out: str, devices: int, batch: int) -> Path:
        arguments = [
            "train", "hg3d.render_small", "--out", out, "--steps", "3", "--start", first,
            *QUICK, "--model.weight_geometry", "1.0", "--trainer.precision", "64-true", "--trainer.limit_train_batches", "3",
            "--data.batch_size", str(batch), "--trainer.devices", str(devices),
        ]  # fmt: skip
        if devices == 1:
            assert main(list(map(str, arguments))) == 0
            return Path(out) / "hg3d.render_small.safetensors"
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(posezoo.__file__).parents[1])}
        command = [sys.executable, "-m", "posezoo", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
        assert done.returncode == 0, done.stderr[-3000:]
        return Path(out) / "hg3d.render_small.safetensors"

    first = train("hg3d.render_small_1", "one", QUICK, steps=1)
    alone, together, before = (load_file(path) for path in (run("alone", 1, 8), run("together", 2, 4), first))
    moved = max(float((alone[name] - before[name]).abs().max()) for name in alone if "weight" in name)
    for name in alone:
        torch.testing.assert_close(
            together[name], alone[name], rtol=1e-3, atol=1e-3 * moved, msg=lambda t, n=name: f"{n}: {t}"
        )
