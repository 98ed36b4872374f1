"""From a table, a dataset, a budget and a seed to runs: what is trained, what it is tested on, where it is written."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posezoo.data.named_pictures import PICTURES, options_of
from posezoo.errors import InputError, PoseZooError, UnknownNameError
from posezoo.training import read_recipe
from reproduction.datasets import Dataset, datasets, identity
from reproduction.tables import BENCHMARKS, Column, Row, Table, read_mapping

BUDGETS = ("smoke", "cpu", "paper")
RECIPES = BENCHMARKS / "recipes"
RUNS = ".runs"


@dataclass(frozen=True)
class Bench:
    """What one call of ``reproduce.py`` measures with.

    Attributes:
        data: the dataset asked for.
        data_dir: where its files lie.
        budget: ``smoke``, ``cpu`` or ``paper``.
        results: the folder of results.
        recipes: the folder of recipes.
        files_needed: off for a dry run, which plans as if all files were at hand.
    """

    data: str
    data_dir: Path
    budget: str
    results: Path
    recipes: Path = RECIPES
    files_needed: bool = True

    def file(self, dataset: Dataset) -> Path | None:
        """A dataset's file; None where it needs none, or in a dry run lacks it."""
        try:
            return dataset.path(self.data_dir)
        except PoseZooError:
            if self.files_needed:
                raise
            return None

    def dataset(self, table: Table, role: str) -> Dataset:
        """The dataset that stands for the paper's dataset ``role`` in a table."""
        known = datasets()
        if self.data == table.data:  # the paper's own data: every dataset is itself
            return known[role]
        return known[known[self.data].instead_of.get(role, self.data)]

    def is_papers_data(self, table: Table) -> bool:
        """Whether measured and printed values are of the same dataset."""
        return self.data == table.data

    def folder(self, table: Table) -> Path:
        """Where a table's results lie; those of another budget than ``cpu`` beside them."""
        return self.results / table.id / (self.data if self.budget == "cpu" else f"{self.data}-{self.budget}")


@dataclass(frozen=True)
class Evaluation:
    """A test of a run.

    Attributes:
        dataset, split: what it is tested on.
        settings: of the dataset's loader.
        content: what the dataset's file is made from, see :func:`identity`.
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
        """Its name in results: another for other data."""
        words = [self.dataset.id, self.split, *self.settings.values(), self.content[:8]]
        if self.scoring:
            words.append(re.sub(r"[^\w.,=+-]+", "", ",".join(f"{key}={value}" for key, value in self.scoring.items())))
        return "-".join(str(value) for value in words if value != "")


@dataclass(frozen=True)
class Run:
    """A training, or a baseline that needs none.

    Attributes:
        recipe: paper, steps, model, data, trainer and seed as ``posezoo train`` takes them; or ``baseline`` alone.
        trained_on: None for a baseline.
        sources: files of 2D keypoints of another domain, or names of datasets without a file.
        digest: of everything that decides the outcome.
        annotated: of pictures, the dataset with 2D labels beside the one with 3D, where there is one.
        start: the run whose weights this one starts from; its recipe is part of this one's, as ``start``.
    """

    recipe: Mapping[str, Any]
    trained_on: Dataset | None
    digest: str
    sources: tuple[str, ...] = ()
    start: Run | None = None
    annotated: Dataset | None = None

    @property
    def stages(self) -> tuple[Run, ...]:
        """What is trained, in this order: the runs that this one starts from, and itself."""
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
    """A row and seed: its cells, its file, or why it cannot be measured on this data."""

    table: Table
    row: Row
    seed: int
    path: Path
    cells: tuple[Cell, ...] = ()
    impossible: str = ""

    @property
    def title(self) -> str:
        return f"{self.table.id} {self.row.id} seed {self.seed}"

    @property
    def failure(self) -> Path:
        """Where its error is written, if it fails."""
        return self.path.with_name(self.path.stem + ".failed.json")


def plan(table: Table, bench: Bench, seeds: range, only: list[str] | None = None) -> list[PlannedRow]:
    """The rows of a table to measure, seed by seed (so that a table is whole early, if with one seed).

    Raises:
        UnknownNameError: ``only`` names a row that is not there.
        InputError: or one that is only quoted.
        MissingFileError: a dataset's file is not there.
    """
    for name in only or ():
        if name not in table.rows:
            raise UnknownNameError.of(f"row of {table.id}", name, table.rows)
        if table.rows[name].cited:
            raise InputError(f"row {name} of {table.id} is quoted from elsewhere; nothing here reproduces it.")
    rows = [row for row in table.rows.values() if not row.cited and (not only or row.id in only)]
    planned = [_plan_row(table, row, seed, bench) for seed in seeds for row in rows]
    # A baseline that is not trained knows no seed.
    return [row for row in planned if row.seed == seeds.start or row.impossible or any(c.run.trained_on for c in row.cells)]


def _plan_row(table: Table, row: Row, seed: int, bench: Bench) -> PlannedRow:
    path = bench.folder(table) / f"{row.id}-{seed}.json"
    cells = []
    for column in table.columns.values():
        own = row.cells.get(column.id, {})
        if own is None or (column.papers_data_only and not bench.is_papers_data(table)):
            continue
        switches = {
            key: {**getattr(row, key), **own.get(key, {})}  # of the row, and of this column alone
            for key in ("model", "train", "start")
        }
        train = {**column.train}
        role = {**train, **switches["train"]}.get("dataset", table.data)
        test = {**column.test, **row.test, **own.get("test", {})}
        trained_on = bench.dataset(table, role)
        scoring = {
            k: v for part in (column.test, row.test, own.get("test", {})) for k, v in part.get("evaluate", {}).items()
        }
        test.pop("evaluate", None)
        tested_on = bench.dataset(table, test.pop("dataset", table.data))
        scoring = {**tested_on.evaluate, **scoring}
        run = _run(table, str(row.recipe), switches, train, trained_on, seed, bench)
        split = test.pop("split", "test")
        for dataset, needed in ((run.trained_on, "train"), (tested_on, split)):
            if dataset is not None and needed not in dataset.splits:
                return PlannedRow(table, row, seed, path, (), f"{dataset.title} has no {needed} split")
        file = bench.file(tested_on)
        content = identity(file) if file else ""
        kind: dict[str, Any] = {"keypoints": "gt"}
        if tested_on.pictures:  # rendered ones are as large in tests as in training
            options = run.recipe["data"].get("options", {})
            kind = options_of(tested_on.loader, options) if tested_on.loader in PICTURES else {}
        evaluation = Evaluation(tested_on, split, {**kind, **tested_on.settings, **test}, content, scoring)
        cells.append(Cell(column, run, evaluation))
    return PlannedRow(table, row, seed, path, tuple(cells))


def budget_of(recipe: str, bench: Bench) -> dict[str, Any]:
    """What a recipe says for a budget, the recipe of the package it starts from included.

    Raises:
        InputError: no such recipe, or none for this budget.
    """
    path = bench.recipes / f"{recipe}.yaml"
    if not path.is_file():
        raise InputError(f"{path} is not there; a row's recipe is a file of benchmarks/recipes.")
    settings = read_mapping(path)
    if "baseline" in settings:
        return settings
    if bench.budget not in settings:
        raise InputError(f"{path} has no {bench.budget} budget; it has {', '.join(settings)}.")
    own = dict(settings[bench.budget])
    paper, base = read_recipe(own.pop("from")) if "from" in own else (own.pop("paper", recipe), {})
    merged: dict[str, Any] = {"paper": paper}
    for key in ("model", "data", "trainer"):
        merged[key] = {**base.get(key, {}), **own.pop(key, {})}
    merged["steps"] = steps = own.pop("steps", base.get("steps"))
    if "start" in own:
        merged["start"] = own.pop("start")
    if own:
        raise InputError(
            f"{path}, {bench.budget}: no setting {', '.join(own)}; it takes from paper start steps model data trainer."
        )
    if steps is not None and (not isinstance(steps, int) or steps < 1):
        raise InputError(f"{path}, {bench.budget}: steps is {steps!r}; expected a whole number of batches.")
    return merged


def _run(
    table: Table,
    name: str,
    switches: Mapping[str, Any],
    train: Mapping[str, Any],
    on: Dataset,
    seed: int,
    bench: Bench,
) -> Run:
    """The run of a recipe.

    Args:
        switches: of a row: ``model``, ``train``, and ``start`` with the same for the recipe that this one starts from.
        train: of the column, which a start shares.
    """
    budget = budget_of(name, bench)
    if "baseline" in budget:
        return Run(budget, None, f"{budget['baseline']}")
    start, before = None, switches.get("start", {})
    if "start" in budget:
        role = before.get("train", {}).get("dataset")  # other data than this run's have nothing in common with its columns
        shared, start_on = ({}, bench.dataset(table, role)) if role else (train, on)
        start = _run(table, budget["start"], before, shared, start_on, seed, bench)
    elif before:
        raise InputError(f"a row of {table.id} has switches for a start, but recipe {name} starts from nothing.")
    train = {**train, **switches.get("train", {})}
    train.pop("dataset", None)
    roles = train.pop("source", [])
    sources, contents = _sources(table, roles, bench)
    if roles:
        train["source"] = [bench.dataset(table, role).id for role in roles]
    annotated = _of_pictures(budget, train, table, on, bench) if on.pictures else None
    if not on.pictures:
        train = {"keypoints": "gt", **train}
    trainer = {key: value for key, value in budget["trainer"].items() if key not in ("accelerator", "devices")}
    recipe = {
        "paper": budget["paper"],
        "seed_everything": seed,
        "steps": budget["steps"],
        "model": {**budget["model"], **switches.get("model", {})},
        "data": {**budget["data"], **train, "dataset": train.get("dataset", on.loader), "seed": seed},
        "trainer": trainer,
    }
    if start is not None:
        recipe["start"] = start.recipe
    path = bench.file(on) if "train" in on.splits else None
    content: dict[str, Any] = {**recipe, "content": identity(path) if path else on.id}
    if contents:
        content["sources"] = contents
    beside = bench.file(annotated) if annotated else None
    if beside:
        content["annotated"] = identity(beside)
    digest = hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]
    return Run(recipe, on, digest, tuple(sources), start, annotated)


def _of_pictures(
    budget: Mapping[str, Any], train: dict[str, Any], table: Table, on: Dataset, bench: Bench
) -> Dataset | None:
    """Make a DataModule's settings of the roles in ``train``: ``annotated`` is one, or None for none.

    A recipe whose data have ``dataset: null`` (the 2D module alone) has no pictures with 3D labels.

    Returns:
        the annotated dataset.
    """
    role = train.get("annotated")
    annotated = None if role is None else bench.dataset(table, role)
    train["annotated"] = None if annotated is None else annotated.loader
    labelled = budget["data"].get("dataset", on.loader)
    train["dataset"] = None if labelled is None else on.loader
    train["tested"] = on.loader
    return annotated


def _sources(table: Table, roles: list[str], bench: Bench) -> tuple[list[str], list[str]]:
    """Files of 2D keypoints that stand for a paper's second domain, and what they are made from."""
    sources, contents = [], []
    for role in roles:
        dataset = bench.dataset(table, role)
        try:
            paths = dataset.paths(bench.data_dir)
        except PoseZooError:
            if bench.files_needed:
                raise
            paths = []
        sources += [str(path) for path in paths] or [dataset.loader]
        contents += [identity(path) for path in paths] or [dataset.id]
    return sources, contents
