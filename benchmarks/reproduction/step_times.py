"""Measure step times of every recipe and budget, and count the work of a step for other machines."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from posezoo.registry import paper_class
from posezoo.terminal import progress, without_advertisements
from posezoo.training.stopping import StopAfter
from reproduction.estimate import STEP_TIMES
from reproduction.plan import budget_of
from reproduction.runs import BUDGETS, RECIPES, Bench
from reproduction.worker import hardware, write_json

FEW = 8
"""Poses of a batch whose work is counted."""


class Clock(pl.Callback):
    """Records when each step ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_train_batch_end(self, *_: Any) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.ends.append(time.perf_counter())

    @property
    def seconds(self) -> float:
        """The seconds of the median step; the first step is left out."""
        steps = sorted(b - a for a, b in zip(self.ends, self.ends[1:], strict=False))
        return steps[len(steps) // 2]


class _Work(TorchDispatchMode):
    """Counts the operations that would be kernels on a GPU (all but views), and the arithmetic of matrix products."""

    def __init__(self) -> None:
        super().__init__()
        self.operators = self.flops = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.operators += not func.is_view
        count = flop_registry.get(func._overloadpacket)
        if count is not None:
            self.flops += count(*args, **(kwargs or {}), out_val=result)
        return result


def fit(budget: dict[str, Any], steps: int, callbacks: list[Any], **trainer: Any) -> None:
    """Train a recipe on procedural people for a few batches."""
    model = paper_class(budget["paper"])(**budget["model"])
    settings = {**budget["data"], "dataset": "procedural", "keypoints": "gt", "skeleton": model.skeleton.name}
    if "detector_errors" in settings:  # of a detector's file, which procedural people do not have
        settings["detector_errors"] = False
    if model.kind == "pictures":
        del settings["keypoints"]
        # A batch has as many pictures of both kinds together as of one alone, so that a step takes as much arithmetic.
        settings |= {"dataset": "rendered_studio", "annotated": "rendered_wild", "options": {"side": 80, "count": 24}}
        settings |= {"size": model.hp.size, "test_count": 2, "workers": 0}
    fit_quietly(model, paper_class(budget["paper"], "datamodule")(**settings), steps, callbacks, **trainer)


def fit_quietly(model: Any, data: Any, steps: int, callbacks: list[Any], **trainer: Any) -> None:
    """Train for a few batches, without validation and without a word."""
    quiet: dict[str, Any] = {
        "logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False,
        "limit_val_batches": 0, "max_epochs": -1, "callbacks": [*callbacks, StopAfter(steps)],
    }  # fmt: skip
    with without_advertisements():
        pl.Trainer(**{**quiet, **trainer}).fit(model, data)


def count(settings: dict[str, Any]) -> dict[str, int]:
    """Count the kernels and the arithmetic of a step.

    Arithmetic grows with the batch: count that of a batch of few poses, and multiply.
    """
    batch = settings["data"].get("batch_size", FEW)
    few = {**settings, "data": {**settings["data"], "batch_size": min(batch, FEW)}}
    counters = []
    # The difference of the last two is a step without what every training does once; the first fills caches.
    for steps in (1, 1, 2):
        with _Work() as counter:
            fit(few, steps, [], accelerator="cpu")
        counters.append(counter)
    _, once, twice = counters
    flops = (twice.flops - once.flops) * batch / min(batch, FEW)
    return {"operators": twice.operators - once.operators, "flops": round(flops)}


def count_all(path: Path = STEP_TIMES, recipes: Path = RECIPES) -> Path:
    """Count a step of every recipe and budget and write the counts; keep the seconds that were measured.

    Each count is written when it is made: steps of the papers' sizes take minutes, and an interruption keeps the others.
    """
    stored: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    names = [(file.stem, budget) for budget in BUDGETS for file in sorted(recipes.glob("*.yaml"))]
    work: dict[str, Any] = stored.get("work", {})
    for name, budget in progress(names, "counting steps"):
        settings = budget_of(name, Bench("procedural", Path(), budget, Path(), recipes))
        if "baseline" not in settings:
            settings["data"].pop("path", None)
            work[f"{name}/{budget}"] = count(settings)
            write_json(path, {**stored, "work": dict(sorted(work.items()))})
    return path


def measure(path: Path = STEP_TIMES, recipes: Path = RECIPES) -> Path:
    """Measure every recipe and budget on this machine and write the times; keep those of the other kind of machine."""
    stored: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    kind = "gpu" if torch.cuda.is_available() else "cpu"
    times: dict[str, float] = {}
    work: dict[str, Any] = stored.get("work", {})
    names = [(file.stem, budget) for file in sorted(recipes.glob("*.yaml")) for budget in BUDGETS]
    for name, budget in progress(names, "step times"):
        settings = budget_of(name, Bench("procedural", Path(), budget, Path(), recipes))
        if "baseline" in settings:
            continue
        settings["data"].pop("path", None)
        clock = Clock()
        fit(settings, 4 if budget == "paper" else 20, [clock])
        times[f"{name}/{budget}"] = round(clock.seconds, 5)
        work[f"{name}/{budget}"] = count(settings)
    write_json(path, {**stored, kind: {"hardware": hardware(), "seconds": times}, "work": work})
    return path
