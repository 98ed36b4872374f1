"""How long a run will take and how much disk it needs, from step times that were measured."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reproduction.plan import Bench, Run
from reproduction.results import read_json, result_files
from reproduction.tables import BENCHMARKS

STEP_TIMES = BENCHMARKS / "step_times.json"
# Training splits whose size is published; those of files at hand are counted.
POSES = {"h36m": 1_559_752, "mpi_inf_3dhp": 1_044_000}


@dataclass(frozen=True)
class Estimate:
    """Of one run: batches, hours (None where no step time is known) and bytes."""

    steps: int | None
    hours: float | None
    disk: int


class Estimates:
    """Estimates for a call.

    A run's step time is that of results already measured with the same recipe and budget, else what
    ``throughput.py --steps`` measured (``benchmarks/step_times.json``).
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.source = ""
        self._seconds: dict[tuple[str, str], float] = {}
        if STEP_TIMES.is_file():
            stored = read_json(STEP_TIMES)
            self.source = f"{stored['hardware']}, from {STEP_TIMES.name}"
            for key, entry in stored["steps"].items():
                paper, budget = key.split("/")
                self._seconds[paper, budget] = float(entry["seconds"])
        for path in result_files(bench.results):
            row = read_json(path)
            for cell in row.get("cells", {}).values():
                wall, steps = cell["origin"].get("wall_seconds"), cell["config"].get("steps")
                if wall and steps and cell["config"].get("paper"):
                    self._seconds[cell["config"]["paper"], row["budget"]] = wall / steps
                    self.source = "results measured before, and " + STEP_TIMES.name

    def of(self, run: Run) -> Estimate:
        """What a run costs; a baseline costs nothing."""
        if run.trained_on is None:
            return Estimate(None, 0.0, 0)
        steps, seconds = self._steps(run), self._seconds.get((run.paper, self.bench.budget))
        hours = steps * seconds / 3600 if steps is not None and seconds is not None else None
        return Estimate(steps, hours, self._disk(run))

    def _steps(self, run: Run) -> int | None:
        """Batches of a run, where it counts epochs those of the dataset."""
        if run.recipe.get("steps"):
            return int(run.recipe["steps"])
        assert run.trained_on is not None
        poses = POSES.get(run.trained_on.id) or self._count(run)
        epochs, batch = run.recipe["trainer"].get("max_epochs"), run.recipe["data"].get("batch_size")
        return math.floor(poses / batch) * epochs if poses and epochs and batch else None

    def _count(self, run: Run) -> int | None:
        from posezoo.data import load_dataset

        assert run.trained_on is not None
        return len(load_dataset(run.trained_on.loader, "train", run.trained_on.path(self.bench.data_dir)))

    @staticmethod
    def _disk(run: Run) -> int:
        """The last checkpoint (weights, averages and Adam's two moments) and the weights to keep; logs are small."""
        from posezoo.registry import build

        model = build(str(run.recipe["paper"]), dict(run.recipe["model"]))
        kept = sum(tensor.nbytes for tensor in model.weights().values())
        state = sum(tensor.nbytes for tensor in model.state_dict().values())
        moments = sum(2 * parameter.nbytes for parameter in model.parameters() if parameter.requires_grad)
        return kept + state + moments
