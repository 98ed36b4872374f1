"""Say where the time of a training step goes, by kinds of operations of torch."""

from __future__ import annotations

import time
from typing import Any

import pytorch_lightning as pl
from reproduction.step_times import fit_quietly
from torch.profiler import ProfilerActivity, profile

from posezoo.registry import paper_class
from posezoo.training import read_recipe
from posezoo.training.running import begin_from

# Of an operation's name, what it begins with. The first kind that fits counts.
KINDS = {
    "matrix products": ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm"),
    "batch norm": ("aten::native_batch_norm",),
    "activations": ("aten::relu", "aten::clamp_min", "aten::threshold_backward", "aten::leaky_relu"),
    "optimizers and averaged weights": (
        "Optimizer.", "aten::addcmul_", "aten::addcdiv_", "aten::lerp_", "aten::sqrt", "aten::add_", "aten::mul_",
    ),
}  # fmt: skip
REST = "the rest: losses, augmentation, copies, Python"
_WARM = 3


class _Profiled(pl.Callback):
    """Profiles some steps after the first ones."""

    def __init__(self, steps: int) -> None:
        self.steps, self.seconds = steps, 0.0
        self.profiler = profile(activities=[ProfilerActivity.CPU])

    def on_train_batch_end(self, trainer: pl.Trainer, *_: object) -> None:
        if trainer.fit_loop.total_batch_idx + 1 == _WARM:
            self.profiler.start()
            self.seconds = -time.process_time()
        elif trainer.fit_loop.total_batch_idx + 1 == _WARM + self.steps:
            self.seconds += time.process_time()
            self.profiler.stop()


def step_profile(recipe: str, steps: int = 10, **model: Any) -> tuple[float, dict[str, float]]:
    """Profile training steps of a recipe on procedural people, with one thread.

    Args:
        recipe: a name of :func:`posezoo.training.list_recipes`.
        steps: how many are profiled, after three others.
        model: settings of the model in place of the recipe's.

    Returns:
        seconds of processor time a step, and the share of each kind of operation, which add up to 1.
    """
    paper, settings = read_recipe(recipe)
    module = paper_class(paper)(**{**settings["model"], **model})
    if "start" in settings:
        begin_from(module, settings["start"])
    data = paper_class(paper, "datamodule")(
        **{**settings["data"], "dataset": "procedural", "skeleton": module.skeleton.name}
    )
    watch = _Profiled(steps)
    fit_quietly(module, data, _WARM + steps, [watch], accelerator="cpu")
    shares = dict.fromkeys([*KINDS, REST], 0.0)
    for event in watch.profiler.key_averages():
        kind = next((kind for kind, names in KINDS.items() if event.key.startswith(names)), REST)
        shares[kind] += event.self_cpu_time_total
    total = sum(shares.values())
    return watch.seconds / steps, {kind: value / total for kind, value in shares.items()}


def print_profiles(recipes: list[str]) -> None:
    """Print a table: a column of shares for each recipe."""
    from rich.console import Console
    from rich.table import Table

    found = [step_profile(recipe) for recipe in recipes]
    table = Table("of a training step's time", *recipes)
    table.add_row("processor time a step", *(f"{1e3 * seconds:.0f} ms" for seconds, _ in found))
    for kind in [*KINDS, REST]:
        table.add_row(kind, *(f"{shares[kind]:.0%}" for _, shares in found))
    Console().print(table)
