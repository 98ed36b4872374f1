"""Plan runs from a table, a dataset, a budget and a seed: what is trained, what it is tested on, where it is written."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from posezoo.data.h36m.dataset import DETECTORS
from posezoo.data.named_pictures import PICTURES, options_of
from posezoo.data.prepared import detectors
from posezoo.errors import InputError, MissingFileError, PoseZooError, UnknownNameError
from posezoo.registry import paper_class
from posezoo.training import read_recipe
from reproduction.datasets import Dataset, datasets, identity
from reproduction.runs import Bench, Cell, Evaluation, PlannedRow, Run
from reproduction.tables import Row, Table, read_mapping


def plan(table: Table, bench: Bench, seeds: range, only: list[str] | None = None) -> list[PlannedRow]:
    """Plan the rows of a table that are to be measured, seed by seed, so that the first seed of all rows comes first.

    A row whose files are not all there is planned as impossible, with the file that it lacks.

    Raises:
        UnknownNameError: ``only`` names a row that the table lacks.
        InputError: ``only`` names a row that is quoted from another paper.
    """
    for name in only or ():
        if name not in table.rows:
            raise UnknownNameError.of(f"row of {table.id}", name, table.rows)
        if table.rows[name].cited:
            raise InputError(f"row {name} of {table.id} is quoted from elsewhere; nothing here reproduces it.")
    rows = [row for row in table.rows.values() if not row.cited and (not only or row.id in only)]
    planned = [_plan_or_leave_out(table, row, seed, bench) for seed in seeds for row in rows]
    # A baseline that is not trained has no seed.
    return [row for row in planned if row.seed == seeds.start or row.impossible or any(c.run.trained_on for c in row.cells)]


def _plan_or_leave_out(table: Table, row: Row, seed: int, bench: Bench) -> PlannedRow:
    try:
        return _plan_row(table, row, seed, bench)
    except MissingFileError as error:
        return PlannedRow(table, row, seed, _path(table, row, seed, bench), (), str(error), lacks=True)


def _path(table: Table, row: Row, seed: int, bench: Bench) -> Path:
    """Return the file of a row's result."""
    return bench.folder(table) / f"{row.id}-{seed}.json"


def _plan_row(table: Table, row: Row, seed: int, bench: Bench) -> PlannedRow:
    path = _path(table, row, seed, bench)
    cells = []
    for column in table.columns.values():
        own = row.cells.get(column.id, {})
        if own is None or (column.papers_data_only and not bench.is_papers_data(table)):
            continue
        switches = {
            key: {**getattr(row, key), **own.get(key, {})}  # the row's settings, and those of this column alone
            for key in ("model", "train", "start")
        }
        added = column.exact_cameras if bench.dataset(table, table.data).exact_cameras else {}
        train = {**column.train, **added.get("train", {})}
        role = {**train, **switches["train"]}.get("dataset", table.data)
        parts = (column.test, added.get("test", {}), row.test, own.get("test", {}))
        test = {key: value for part in parts for key, value in part.items()}
        trained_on, test_role = bench.dataset(table, role), test.get("dataset", table.data)
        scoring = {k: v for part in parts for k, v in part.get("evaluate", {}).items()}
        test.pop("evaluate", None)
        tested_on = bench.dataset(table, test.pop("dataset", table.data))
        scoring = {**tested_on.evaluate, **scoring}
        if unfit := _unfit({role: trained_on, test_role: tested_on}):
            return PlannedRow(table, row, seed, path, (), unfit)
        run = _run(table, str(row.recipe), switches, train, trained_on, seed, bench)
        if unfit := _unfit_pairs(run, trained_on):
            return PlannedRow(table, row, seed, path, (), unfit)
        split = test.pop("split", "test")
        for settings, dataset in ((test, tested_on), (run.recipe.get("data", {}), run.trained_on)):
            if dataset is not None and (lacking := _lacking_detector(settings, dataset, bench)):
                return PlannedRow(table, row, seed, path, (), lacking, lacks=True)
        for dataset, needed in ((run.trained_on, "train"), (tested_on, split)):
            if dataset is not None and needed not in dataset.splits:
                return PlannedRow(table, row, seed, path, (), f"{dataset.title} has no {needed} split")
        file = bench.file(tested_on)
        content = identity(file) if file else ""
        kind: dict[str, Any] = {"keypoints": "gt"}
        if tested_on.pictures:  # rendered pictures have the same size in tests and in training
            options = run.recipe.get("data", {}).get("options", {})
            kind = options_of(tested_on.loader, options) if tested_on.loader in PICTURES else {}
        settings = _named_detector({**kind, **tested_on.settings, **test}, table, tested_on)
        evaluation = Evaluation(tested_on, split, settings, content, scoring)
        cells.append(Cell(column, run, evaluation))
    return PlannedRow(table, row, seed, path, tuple(cells))


def _unfit(stand_in: Mapping[str, Dataset]) -> str:
    """Return a sentence where datasets cannot stand for a paper's; empty where they can.

    Args:
        stand_in: what stands for each of the paper's datasets that a cell is trained and tested on.
    """
    known = datasets()
    for role, dataset in stand_in.items():
        if known[role].pictures != dataset.pictures:
            kinds = ("keypoints", "people in pictures")
            held, needed = kinds[dataset.pictures], kinds[known[role].pictures]
            return f"{dataset.title} holds {held}, in place of {known[role].title} {needed} are needed"
        if dataset.loader == "keypoints":
            return f"{dataset.title} holds 2D keypoints of single views; nothing is scored on them"
    one, *other = stand_in.values()
    if other and one.file and one.id == other[0].id and not one.pictures:
        return f"{' and '.join(known[role].title for role in stand_in)} are two datasets; {one.title} is one"
    return ""


def _unfit_pairs(run: Run, dataset: Dataset) -> str:
    """Return a sentence where a row is trained on pairs of cameras that a dataset lacks."""
    held, asked = dataset.train.get("pairs"), run.recipe.get("data", {}).get("pairs")
    if held is None or not asked or set(asked) <= set(held):
        return ""
    return f"{dataset.title} has the pairs of cameras {', '.join(held)}, not {', '.join(sorted(set(asked) - set(held)))}"


def _named_detector(settings: dict[str, Any], table: Table, dataset: Dataset) -> dict[str, Any]:
    """Replace ``detected`` by the name of the table's own detector, where the dataset may hold several."""
    if table.detector and dataset.loader == "h36m" and not dataset.pictures and settings.get("keypoints") == "detected":
        return {**settings, "keypoints": table.detector}
    return settings


def _lacking_detector(settings: Mapping[str, Any], dataset: Dataset, bench: Bench) -> str:
    """Return a sentence where a dataset's file lacks the keypoints asked for; empty where it has them or does not exist."""
    wanted = settings.get("keypoints", "gt")
    path = bench.file(dataset)
    if path is None or dataset.loader != "h36m" or dataset.pictures or wanted in ("gt", "detected"):
        return ""
    held = detectors(path)
    if wanted in held or DETECTORS.get(wanted) in held:
        return ""
    return (
        f"{path} has no keypoints of {wanted} ({', '.join(held) or 'no detections'}); put data_2d_h36m_{wanted}.npz beside "
        f"its sources and make it again with `{dataset.make}`"
    )


def budget_of(recipe: str, bench: Bench) -> dict[str, Any]:
    """Return the settings that a recipe has for a budget, with those of the package's recipe that it starts from.

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
    if "baseline" in own:
        return own
    paper, base = read_recipe(own.pop("from")) if "from" in own else (own.pop("paper", recipe), {})
    merged: dict[str, Any] = {"paper": paper}
    for key in ("model", "data", "trainer"):
        merged[key] = {**base.get(key, {}), **own.pop(key, {})}
    merged["steps"] = steps = own.pop("steps", base.get("steps"))
    merged |= {key: own.pop(key) for key in ("start", "initial") if key in own}
    if own:
        raise InputError(
            f"{path}, {bench.budget}: no setting {', '.join(own)}; it takes from paper start initial steps model data "
            "trainer."
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
    """Return the run of a recipe.

    Args:
        switches: the row's ``model``, ``train``, and ``start``, which holds the same for the recipe that this one starts
            from.
        train: the column's settings, which hold for a start too.
    """
    budget = budget_of(name, bench)
    if "baseline" in budget:
        return Run(budget, None, f"{budget['baseline']}", name=name)
    start, before = None, switches.get("start", {})
    if "start" in budget:
        role = before.get("train", {}).get("dataset")  # other data than this run's have nothing in common with its columns
        shared, start_on = ({}, bench.dataset(table, role)) if role else (train, on)
        start = _run(table, budget["start"], before, shared, start_on, seed, bench)
    elif before:
        raise InputError(f"a row of {table.id} has switches for a start, but recipe {name} starts from nothing.")
    train = {**on.train, **train, **switches.get("train", {})}
    train.pop("dataset", None)
    roles = train.pop("source", [])
    sources, contents = _sources(table, roles, bench)
    if roles:
        train["source"] = [bench.dataset(table, role).id for role in roles]
    annotated = _of_pictures(budget, train, table, on, bench) if on.pictures else None
    if not on.pictures:
        train = _named_detector({"keypoints": "gt", **train}, table, on)
    trainer = {key: value for key, value in budget["trainer"].items() if key not in ("accelerator", "devices")}
    recipe = {
        "paper": budget["paper"],
        "seed_everything": seed,
        "steps": budget["steps"],
        "model": {**budget["model"], **on.model, **switches.get("model", {})},
        "data": {**budget["data"], **train, "dataset": train.get("dataset", on.loader), "seed": seed},
        "trainer": trainer,
    }
    if start is not None:
        recipe["start"] = start.recipe
    if "initial" in budget:
        recipe["initial"] = budget["initial"]
    path = bench.file(on) if "train" in on.splits else None
    content: dict[str, Any] = {**_decisive(recipe), "content": identity(path) if path else on.id}
    if contents:
        content["sources"] = contents
    initial = datasets()[budget["initial"]] if "initial" in budget else None
    for key, dataset in (("annotated", annotated), ("initial", initial)):
        if dataset and (beside := bench.file(dataset)):
            content[key] = identity(beside)
    digest = hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]
    also = tuple(bench.dataset(table, role) for role in roles)
    return Run(recipe, on, digest, tuple(sources), start, annotated, initial, also, name)


def _decisive(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a recipe that decides the outcome, for its digest.

    A setting whose default has changed since results were measured is left out where it has its former default, and is
    included where it has another value. So neither a new default nor the old one written into a recipe changes the digest of
    a result.
    """
    decisive = dict(recipe)
    for part, cls in (("model", paper_class(recipe["paper"])), ("data", paper_class(recipe["paper"], "datamodule"))):
        known = inspect.signature(cls).parameters
        former = getattr(cls, "former_defaults", {})
        values = {**{key: known[key].default for key in former}, **recipe[part]}
        decisive[part] = {key: value for key, value in values.items() if key not in former or value != former[key]}
    if "start" in recipe:
        decisive["start"] = _decisive(recipe["start"])
    return decisive


def _of_pictures(
    budget: Mapping[str, Any], train: dict[str, Any], table: Table, on: Dataset, bench: Bench
) -> Dataset | None:
    """Turn the roles in ``train`` into settings of a DataModule of pictures; ``annotated`` is one role, or None for none.

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
    """Return the files of 2D keypoints that stand for a paper's second domain, and the digests of their contents."""
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
