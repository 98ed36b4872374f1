"""Estimate how long a run takes and how much disk it needs, from step times that were measured."""

from __future__ import annotations

import heapq
import json
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reproduction.results import read_json, results_in
from reproduction.runs import Bench, Run
from reproduction.tables import BENCHMARKS, list_tables, read_table

STEP_TIMES = BENCHMARKS / "step_times.json"
# Poses of training splits whose files need not be at hand: Human3.6M's five training subjects and four cameras;
# MPI-INF-3DHP's eight subjects and eight cameras.
POSES = {"h36m": 1_559_752, "mpi_inf_3dhp": 1_052_736}
OF_OTHERS = 100_000
"""Of datasets that are neither at hand nor above."""
# Where no GPU was measured: small networks wait for kernels to be launched, large ones for arithmetic.
LAUNCH_SECONDS, FLOPS_PER_SECOND = 8e-6, 1e13
FLOPS_OF_A_CORE = 5e10
GUESSED = "guessed from the number of weights where nothing was measured or counted"


@dataclass(frozen=True)
class Estimate:
    """The cost of one run: number of batches (None for a baseline), hours and bytes."""

    steps: int | None
    hours: float
    disk: int


class Estimates:
    """Estimates for the runs of one call.

    On a CPU the step time of a run is the median of finished results with the same settings but for the seed, else of those
    with the same recipe and budget. Without such results it is the time that ``benchmarks/speed --steps`` measured
    (``benchmarks/step_times.json``). Without that either, it is the arithmetic of a step, which ``--count`` counted, at the
    rate of the recipes that were timed. A recipe that was not even counted takes the time of its paper's own recipe, or is
    guessed from its weights. On a GPU it is the time that the command measured on one. A recipe that was never timed on a
    GPU takes the time to launch the operators of a step or the time of its arithmetic, whichever is longer.
    """

    def __init__(self, bench: Bench, gpu: bool = False) -> None:
        self.bench, self.gpu = bench, gpu
        self.sources: list[str] = []
        self._seconds: dict[str, float] = {}
        self._alike: dict[str, float] = {}
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
            self._calculate(stored.get("work", {}))
            self._learn()

    def _calculate(self, work: Mapping[str, Mapping[str, float]]) -> None:
        """Estimate step times of recipes that were not timed: their arithmetic, at the median rate of those that were."""
        rates = [work[key]["flops"] / seconds for key, seconds in self._seconds.items() if key in work]
        missing = {key: counted["flops"] for key, counted in work.items() if key not in self._seconds}
        if rates and missing:
            rate = statistics.median(rates)
            self._seconds |= {key: flops / rate for key, flops in missing.items()}
            self.sources.append(f"counted, at {rate:.1e} operations/s, where not measured")

    def _learn(self) -> None:
        """Take the step times of finished runs."""
        alike, by_recipe = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
        for row in results_in(self.bench.results):
            for cell in row["cells"].values():
                wall, steps = cell["origin"].get("wall_seconds"), cell["config"].get("steps")
                if wall and steps and row["budget"] != "smoke":
                    by_recipe[f"{self._recipe(row)}/{row['budget']}"].append(wall / steps)
                    alike[_without_seeds(cell["config"])].append(wall / steps)
        self._seconds |= {name: statistics.median(seconds) for name, seconds in by_recipe.items()}
        self._alike = {settings: statistics.median(seconds) for settings, seconds in alike.items()}
        if alike:
            self.sources.append("results measured before")

    @staticmethod
    def _recipe(result: Mapping[str, Any]) -> str | None:
        """Return the name of the recipe that a result's row was trained with."""
        known = list_tables()
        row = read_table(result["table"]).rows.get(result["row"]) if result["table"] in known else None
        return None if row is None else row.recipe

    def of(self, run: Run) -> Estimate:
        """Return the cost of a run; a baseline costs nothing."""
        if run.trained_on is None:
            return Estimate(None, 0.0, 0)
        steps, disk = self._steps(run), self._disk(run)
        known = [self._alike.get(_without_seeds(run.recipe))]
        known += [self._seconds.get(f"{name}/{self.bench.budget}") for name in (run.name, run.paper)]
        seconds = next((found for found in known if found is not None), None)
        if seconds is None:  # such as a user's own recipe: count six products with every weight for each pose of a batch
            batch = run.recipe["data"].get("batch_size", 256)
            seconds = 6 * disk / 4 * batch / (FLOPS_PER_SECOND if self.gpu else FLOPS_OF_A_CORE)
            if GUESSED not in self.sources:
                self.sources.append(GUESSED)
        return Estimate(steps, steps * seconds / 3600, disk)

    def _steps(self, run: Run) -> int:
        """Return the number of batches of a run; where the recipe counts epochs, from the number of poses of its dataset."""
        if run.recipe.get("steps"):
            return int(run.recipe["steps"])
        epochs, batch = run.recipe["trainer"].get("max_epochs"), run.recipe["data"].get("batch_size")
        assert run.trained_on is not None
        poses = POSES.get(run.trained_on.id) or self._count(run) or OF_OTHERS
        return max(1, math.floor(poses / (batch or 1))) * (epochs or 1)

    def _count(self, run: Run) -> int | None:
        from posezoo.data import load_dataset
        from posezoo.errors import PoseZooError

        assert run.trained_on is not None
        try:
            return len(load_dataset(run.trained_on.loader, "train", run.trained_on.path(self.bench.data_dir)))
        except PoseZooError:
            return None  # the file does not exist

    @staticmethod
    def _disk(run: Run) -> int:
        """Return the bytes of the last checkpoint (weights, averages, Adam's two moments) and of the weights."""
        from posezoo.registry import build

        model = build(str(run.recipe["paper"]), dict(run.recipe["model"]))
        kept = sum(tensor.nbytes for tensor in model.weights().values())
        state = sum(tensor.nbytes for tensor in model.state_dict().values())
        moments = sum(2 * parameter.nbytes for parameter in model.parameters() if parameter.requires_grad)
        return kept + state + moments


def _without_seeds(recipe: Mapping[str, Any]) -> str:
    """Return a recipe as text, without its seeds and those of its starts."""

    def strip(settings: Mapping[str, Any]) -> dict[str, Any]:
        kept = {key: value for key, value in settings.items() if key not in ("seed", "seed_everything")}
        return {key: strip(value) if isinstance(value, Mapping) else value for key, value in kept.items()}

    return json.dumps(strip(recipe), sort_keys=True, default=str)


def duration(hours: float) -> str:
    """Return hours as text, in a unit that fits.

    Example:
        >>> from reproduction.estimate import duration
        >>> duration(0.25), duration(3.1), duration(0.001)
        ('15 min', '3.1 h', '4 s')
    """
    return f"{3600 * hours:.0f} s" if hours < 1 / 60 else f"{60 * hours:.0f} min" if hours < 1 else f"{hours:.1f} h"


def makespan(hours: Iterable[float], devices: int) -> float:
    """Return the hours until the last run ends, if the longest run starts first and each device takes one run at a time.

    Example:
        >>> from reproduction.estimate import makespan
        >>> makespan([3, 2, 2, 1], 2)
        4.0
    """
    ends = [0.0] * devices
    for run in sorted(hours, reverse=True):
        heapq.heapreplace(ends, ends[0] + run)
    return max(ends)
