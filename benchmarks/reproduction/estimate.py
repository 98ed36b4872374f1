"""How long a run will take and how much disk it needs, from step times that were measured."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from dataclasses import dataclass

from reproduction.results import read_json, results_in
from reproduction.runs import Bench, Run
from reproduction.tables import BENCHMARKS

STEP_TIMES = BENCHMARKS / "step_times.json"
# Poses of training splits whose files need not be at hand: those of the five training subjects, four cameras.
POSES = {"h36m": 1_559_752}
# Where no GPU was measured: networks this small wait for kernels to be launched; large ones for arithmetic.
LAUNCH_SECONDS, FLOPS_PER_SECOND = 8e-6, 1e13


@dataclass(frozen=True)
class Estimate:
    """Of one run: batches, hours (None where no step time is known) and bytes."""

    steps: int | None
    hours: float | None
    disk: int


class Estimates:
    """Estimates for a call.

    On a CPU a run's step time is that of results already measured with the same recipe and budget, else what
    ``benchmarks/speed --steps`` measured (``benchmarks/step_times.json``). On a GPU it is what that command measured on one;
    where it never ran on one, the time to launch the step's operators or to do its arithmetic, whichever is longer.
    """

    def __init__(self, bench: Bench, gpu: bool = False) -> None:
        self.bench = bench
        self.sources: list[str] = []
        self._seconds: dict[str, float] = {}
        stored = read_json(STEP_TIMES) if STEP_TIMES.is_file() else {}
        kind = "gpu" if gpu else "cpu"
        if kind in stored:
            self.sources.append(f"measured on {stored[kind]['hardware']}")
            self._seconds |= stored[kind]["seconds"]
        elif gpu and "work" in stored:
            self.sources.append(
                f"a GPU was never measured: {LAUNCH_SECONDS * 1e6:g} us an operator, or {FLOPS_PER_SECOND:.0e} operations/s"
            )
            for key, work in stored["work"].items():
                self._seconds[key] = max(work["operators"] * LAUNCH_SECONDS, work["flops"] / FLOPS_PER_SECOND)
        if not gpu:
            self._learn()

    def _learn(self) -> None:
        """Take the times of runs that are done."""
        for row in results_in(self.bench.results):
            for cell in row["cells"].values():
                wall, steps = cell["origin"].get("wall_seconds"), cell["config"].get("steps")
                if wall and steps and row["budget"] != "smoke":
                    self._seconds[f"{cell['config']['paper']}/{row['budget']}"] = wall / steps
                    if "results measured before" not in self.sources:
                        self.sources.append("results measured before")

    def of(self, run: Run) -> Estimate:
        """Return what a run costs; a baseline costs nothing."""
        if run.trained_on is None:
            return Estimate(None, 0.0, 0)
        steps, seconds = self._steps(run), self._seconds.get(f"{run.paper}/{self.bench.budget}")
        hours = steps * seconds / 3600 if steps is not None and seconds is not None else None
        return Estimate(steps, hours, self._disk(run))

    def _steps(self, run: Run) -> int | None:
        """Batches of a run, where it counts epochs those of the dataset."""
        if run.recipe.get("steps"):
            return int(run.recipe["steps"])
        epochs, batch = run.recipe["trainer"].get("max_epochs"), run.recipe["data"].get("batch_size")
        assert run.trained_on is not None
        poses = POSES.get(run.trained_on.id) or self._count(run)
        return math.floor(poses / batch) * epochs if poses and epochs and batch else None

    def _count(self, run: Run) -> int | None:
        from posezoo.data import load_dataset
        from posezoo.errors import PoseZooError

        assert run.trained_on is not None
        try:
            return len(load_dataset(run.trained_on.loader, "train", run.trained_on.path(self.bench.data_dir)))
        except PoseZooError:
            return None  # not at hand

    @staticmethod
    def _disk(run: Run) -> int:
        """Return the last checkpoint (weights, averages and Adam's two moments) and the weights to keep; logs are small."""
        from posezoo.registry import build

        model = build(str(run.recipe["paper"]), dict(run.recipe["model"]))
        kept = sum(tensor.nbytes for tensor in model.weights().values())
        state = sum(tensor.nbytes for tensor in model.state_dict().values())
        moments = sum(2 * parameter.nbytes for parameter in model.parameters() if parameter.requires_grad)
        return kept + state + moments


def duration(hours: float) -> str:
    """Hours in words that fit their size.

    Example:
        >>> from reproduction.estimate import duration
        >>> duration(0.25), duration(3.1), duration(0.001)
        ('15 min', '3.1 h', '4 s')
    """
    return f"{3600 * hours:.0f} s" if hours < 1 / 60 else f"{60 * hours:.0f} min" if hours < 1 else f"{hours:.1f} h"


def makespan(hours: Iterable[float], devices: int) -> float:
    """Hours until the last run is done, the longest started first, each on a device of its own.

    Example:
        >>> from reproduction.estimate import makespan
        >>> makespan([3, 2, 2, 1], 2)
        4.0
    """
    ends = [0.0] * devices
    for run in sorted(hours, reverse=True):
        heapq.heapreplace(ends, ends[0] + run)
    return max(ends)
