"""Define what a table is planned into: the settings of a call, runs, their tests, cells and rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posezoo.errors import PoseZooError
from reproduction.datasets import Dataset, datasets
from reproduction.tables import BENCHMARKS, TABLES, Column, Row, Table

BUDGETS = ("smoke", "cpu", "paper")
RECIPES = BENCHMARKS / "recipes"
RESULTS = BENCHMARKS / "results"
RUNS = ".runs"


def folder_of(table: str, data: str, budget: str) -> str:
    """Return a table's folder below the folder of all results; each budget but ``cpu`` has a folder of its own beside it."""
    return f"{table}/{data if budget == 'cpu' else f'{data}-{budget}'}"


@dataclass(frozen=True)
class Bench:
    """The settings of one call of ``reproduce.py``.

    Attributes:
        data: the dataset asked for.
        data_dir: the folder of dataset files.
        budget: ``smoke``, ``cpu`` or ``paper``.
        results: the folder of results.
        recipes: the folder of recipes.
        files_needed: False for a dry run, which plans as if all files existed.
        tables: the folder of tables.
    """

    data: str
    data_dir: Path
    budget: str
    results: Path
    recipes: Path = RECIPES
    files_needed: bool = True
    tables: Path = TABLES

    def file(self, dataset: Dataset) -> Path | None:
        """Return a dataset's file; None where it needs none, or where it is missing in a dry run."""
        try:
            return dataset.path(self.data_dir)
        except PoseZooError:
            if self.files_needed:
                raise
            return None

    def dataset(self, table: Table, role: str) -> Dataset:
        """Return the dataset that stands for the paper's dataset ``role`` in a table."""
        known = datasets()
        if self.data == table.data:  # on the paper's own data every dataset stands for itself
            return known[role]
        return known[known[self.data].instead_of.get(role, self.data)]

    def is_papers_data(self, table: Table) -> bool:
        """Return whether measured and printed values are of the same dataset."""
        return self.data == table.data

    def folder(self, table: Table) -> Path:
        """Return the folder of a table's results; see :func:`folder_of`."""
        return self.results / folder_of(table.id, self.data, self.budget)


@dataclass(frozen=True)
class Evaluation:
    """A test of a run.

    Attributes:
        dataset, split: the data that the run is tested on.
        settings: settings of the dataset's loader.
        content: the digest of the dataset's content, see :func:`identity`.
        scoring: settings of the model's ``evaluate``, such as the noise that it is tested with.
    """

    dataset: Dataset
    split: str
    settings: Mapping[str, Any]
    content: str = ""
    scoring: Mapping[str, Any] = field(default_factory=dict)

    def describe(self) -> dict[str, Any]:
        scoring = {"evaluate": dict(self.scoring)} if self.scoring else {}
        return {"dataset": self.dataset.id, "split": self.split, **self.settings, **scoring}

    @property
    def key(self) -> str:
        """The name of the test in results; other data give another name."""
        words = [self.dataset.id, self.split, *self.settings.values(), self.content[:8]]
        if self.scoring:
            words.append(re.sub(r"[^\w.,=+-]+", "", ",".join(f"{key}={value}" for key, value in self.scoring.items())))
        return "-".join(str(value) for value in words if value != "")


@dataclass(frozen=True)
class Run:
    """A training, or a baseline that needs none.

    Attributes:
        recipe: paper, steps, model, data, trainer and seed as ``posezoo train`` takes them; or ``baseline`` alone.
        trained_on: the dataset; None for a baseline.
        sources: files of 2D keypoints of another domain, or names of datasets without a file.
        digest: SHA-256 of everything that decides the outcome.
        annotated: for pictures, the dataset with 2D labels beside the one with 3D, where there is one.
        start: the run whose weights this one starts from; its recipe is part of this one's, as ``start``.
        initial: the weights of another package that the first run of a chain begins from; None for random ones.
        also: the datasets that ``sources`` belong to.
        name: the recipe's name, a file of ``benchmarks/recipes``.
    """

    recipe: Mapping[str, Any]
    trained_on: Dataset | None
    digest: str
    sources: tuple[str, ...] = ()
    start: Run | None = None
    annotated: Dataset | None = None
    initial: Dataset | None = None
    also: tuple[Dataset, ...] = ()
    name: str = ""

    @property
    def datasets(self) -> set[Dataset]:
        """Every dataset that training needs, also for the runs that this one starts from."""
        own = {each for each in (self.trained_on, self.annotated, self.initial, *self.also) if each is not None}
        return own if self.start is None else own | self.start.datasets

    @property
    def stages(self) -> tuple[Run, ...]:
        """The runs that this one starts from, then this one, in the order of training."""
        return (*(self.start.stages if self.start else ()), self)

    def folder(self, results: Path) -> Path:
        return results / RUNS / self.digest

    @property
    def paper(self) -> str:
        return str(self.recipe.get("paper") or self.recipe["baseline"])


@dataclass(frozen=True)
class Cell:
    """One number to measure."""

    column: Column
    run: Run
    evaluation: Evaluation


@dataclass(frozen=True)
class PlannedRow:
    """A row of a table with one seed: its cells, the file of its result, or why it cannot be measured.

    Attributes:
        lacks: whether ``impossible`` names a missing file.
    """

    table: Table
    row: Row
    seed: int
    path: Path
    cells: tuple[Cell, ...] = ()
    impossible: str = ""
    lacks: bool = False

    @property
    def datasets(self) -> set[Dataset]:
        """Every dataset that its cells are trained and tested on."""
        tested = {cell.evaluation.dataset for cell in self.cells}
        return tested.union(*(cell.run.datasets for cell in self.cells))

    @property
    def title(self) -> str:
        return f"{self.table.id} {self.row.id} seed {self.seed}"

    @property
    def failure(self) -> Path:
        """The file of the error, if the row fails."""
        return self.path.with_name(self.path.stem + ".failed.json")
