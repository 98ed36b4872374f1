"""Measure how training scales from one process to two, on this machine."""

from __future__ import annotations

import json
import logging
import tempfile
import warnings
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import torch.multiprocessing as mp

from posezoo.networks import synchronise_batch_norm
from reproduction.plan import budget_of
from reproduction.runs import Bench
from reproduction.step_times import Clock, fit


class _Finish(Clock):
    """Writes the seconds of a step, from the end of the first step to the end of the last, for the process that waits."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        super().on_train_batch_end()
        if trainer.is_global_zero:
            Path(self.path).write_text(json.dumps((self.ends[-1] - self.ends[0]) / max(1, len(self.ends) - 1)))


class _OwnMoments(pl.Callback):
    """Normalises the batch of each process by its own moments."""

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        synchronise_batch_norm(pl_module, False)


def _seconds(settings: dict[str, Any], processes: int, batch: int, steps: int, own_moments: bool = False) -> float:
    """Return the seconds of a step with a batch of so many poses on each process."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "seconds.json")
        budget = {**settings, "data": {**settings["data"], "batch_size": batch}}
        strategy = "ddp_spawn_find_unused_parameters_true" if processes > 1 else "auto"
        options: dict[str, Any] = {"devices": processes, "strategy": strategy, "use_distributed_sampler": False}
        callbacks = [_Finish(path), *([_OwnMoments()] if own_moments else [])]
        fit(budget, steps, callbacks, accelerator="auto", **options)
        return float(json.loads(Path(path).read_text()))


def _alone(number: int, folder: str, settings: dict[str, Any], batch: int, steps: int, threads: int) -> None:
    """Train one of several runs that do not communicate."""
    torch.set_num_threads(threads)
    warnings.simplefilter("ignore")
    seconds = _seconds(settings, 1, batch, steps)
    (Path(folder) / f"{number}.json").write_text(json.dumps(seconds))


def _side_by_side(settings: dict[str, Any], batch: int, steps: int) -> float:
    """Return the seconds of a step of the slower of two runs at the same time, as ``reproduce.py --jobs 2`` starts them."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = (folder, settings, batch, steps, torch.get_num_threads())
        mp.start_processes(_alone, args=arguments, nprocs=2, start_method="spawn")
        return max(float(json.loads(path.read_text())) for path in Path(folder).glob("*.json"))


def scaling(recipe: str = "svma", batch: int = 2048, steps: int = 8, rounds: int = 3) -> list[dict[str, Any]]:
    """Return the ratios for the table of ``speed``: two processes over one.

    The contestants take turns and each counts by its fastest; each process has one thread (or one GPU) of its own.
    """
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    settings = budget_of(recipe, Bench("procedural", Path(), "cpu", Path()))
    contestants = {
        "one": lambda: _seconds(settings, 1, batch, steps),
        "each": lambda: _seconds(settings, 2, batch, steps),
        "own": lambda: _seconds(settings, 2, batch, steps, own_moments=True),
        "split": lambda: _seconds(settings, 2, batch // 2, steps),
        "apart": lambda: _side_by_side(settings, batch, steps),
    }
    best = dict.fromkeys(contestants, float("inf"))
    for _ in range(rounds):
        for name, contestant in contestants.items():
            best[name] = min(best[name], contestant())

    def line(what: str, name: str, gain: float, goal: float | None = None) -> dict[str, Any]:
        detail = f"{1 / best[name]:.1f} steps/s, {1 / best['one']:.1f} on one process"
        return {"name": f"{recipe}, {what}", "value": gain, "goal": goal, "at_least": True, "detail": detail}

    return [
        line(f"DDP on 2 processes, {batch} poses each: poses/s over 1", "each", 2 * best["one"] / best["each"], 1.6),
        line(
            f"DDP on 2 processes, {batch} poses each, moments of each one's own: poses/s over 1",
            "own",
            2 * best["one"] / best["own"],
            1.6,
        ),
        line(f"DDP on 2 processes, {batch} poses in all: steps/s over 1", "split", best["one"] / best["split"]),
        line(f"2 runs side by side, {batch} poses each: poses/s over 1", "apart", 2 * best["one"] / best["apart"]),
    ]
