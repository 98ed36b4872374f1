"""Read and write results: which rows are finished, which measurements are known, and how a row is assembled."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from posezoo.errors import CorruptFileError
from reproduction.archive import archived, collect, take_out
from reproduction.commands import command_of
from reproduction.runs import RUNS, Bench, Cell, PlannedRow
from reproduction.worker import write_json


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Raises:
        CorruptFileError: it is not JSON, or something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CorruptFileError(f"{path} is no JSON ({error}); remove it.") from error
    if not isinstance(content, dict):
        raise CorruptFileError(f"{path} holds {type(content).__name__}; expected an object. Remove it.")
    return content


def _place(path: Path) -> tuple[Path, str]:
    """Return the folder of results, and a row's path below it: ``<paper>/<table>/<data>/<row>-<seed>.json``."""
    results = path.parents[3]
    return results, path.relative_to(results).as_posix()


def is_stored(path: Path) -> bool:
    """Return whether a row has a file of its own, whole or damaged, or is archived."""
    results, name = _place(path)
    return path.is_file() or name in archived(results)


def read_result(path: Path) -> dict[str, Any]:
    """Return a finished row: from its own file where there is one, else from the archive.

    Raises:
        CorruptFileError: its file is not what a run writes; the row is then measured again.
    """
    results, name = _place(path)
    if not path.is_file() and name in archived(results):
        return archived(results)[name]
    content = read_json(path)
    try:
        for cell in content["cells"].values():
            if not math.isfinite(cell["value"]):
                raise ValueError(f"value {cell['value']}")
            origin, _ = cell["origin"], (cell["run"], cell["test"], cell["metric"], cell["trained_on"], cell["metrics"])
            _ = cell["config"].get("steps"), cell["tested_on"]["dataset"]
            _ = origin["commit"], origin["versions"].items(), origin["hardware"], origin["devices"]
        _ = content["table"], content["row"], content["data"], content["budget"], content["seed"]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise CorruptFileError(f"{path} is no result of a row ({type(error).__name__}: {error}).") from error
    return content


def is_finished(path: Path) -> bool:
    """Return whether a row has a result; a damaged file does not count."""
    try:
        return is_stored(path) and bool(read_result(path))
    except CorruptFileError:
        return False


def row_files(results: Path) -> list[Path]:
    """Return the files that may hold a finished row, sorted."""
    return [path for path in sorted(results.glob("*/*/*/*.json")) if RUNS not in path.relative_to(results).parts]


def results_in(results: Path, folder: Path | None = None) -> Iterator[dict[str, Any]]:
    """Yield every finished row of a folder of results, sorted by path; damaged files and other files are left out.

    Args:
        results: the folder of results, which has the archive.
        folder: only the rows of this folder below it, one table's on one dataset.
    """
    paths = {*row_files(results), *(results / name for name in archived(results))}
    for path in sorted(paths):
        if folder is None or path.parent == folder:
            with suppress(CorruptFileError):
                yield read_result(path)


def collect_rows(results: Path) -> int:
    """Move the files of finished rows into the archive, except those of the smoke budget; return how many there were."""
    finished = [path for path in row_files(results) if is_finished(path)]
    return collect(results, read_result, [path for path in finished if read_result(path)["budget"] != "smoke"])


class Known:
    """Measurements of runs, from finished runs and from rows of any table; several rows may share one training.

    Args:
        results: folder of results.
        anew: digests of runs that are to be measured again, so that what rows say of them does not count.
    """

    def __init__(self, results: Path, anew: Collection[str] = ()) -> None:
        self.results = results
        self._from_rows: dict[tuple[str, str], dict[str, Any]] = {}
        for result in results_in(results):
            for cell in result["cells"].values():
                if cell["run"] not in anew:
                    self._from_rows[cell["run"], cell["test"]] = cell

    def measurement(self, cell: Cell) -> dict[str, Any] | None:
        """Return ``metrics`` and ``origin`` of a cell's run and test; None where they are not measured yet."""
        folder = cell.run.folder(self.results)
        test, origin = folder / "tests" / f"{cell.evaluation.key}.json", folder / "origin.json"
        if test.is_file() and origin.is_file():
            return {"metrics": read_json(test), "origin": read_json(origin)}
        row = self._from_rows.get((cell.run.digest, cell.evaluation.key))
        return {"metrics": row["metrics"], "origin": row["origin"]} if row else None


def value_of(cell: Cell, metrics: dict[str, Any]) -> tuple[str, float]:
    """Return the cell's metric among those measured, and its value.

    Raises:
        CorruptFileError: the model has none of them.
    """
    for name in cell.column.metric:
        value: Any = metrics
        for key in name.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None:
            return name, float(value)
    raise CorruptFileError(
        f"column {cell.column.id} wants {' or '.join(cell.column.metric)}; measured: {', '.join(metrics)}."
    )


def assemble(row: PlannedRow, bench: Bench, known: Known) -> bool:
    """Write a row's result once all of its cells are measured; return False while one is not."""
    measured = [(cell, known.measurement(cell)) for cell in row.cells]
    if any(measurement is None for _, measurement in measured):
        return False
    cells = {}
    for cell, measurement in measured:
        assert measurement is not None
        metric, value = value_of(cell, measurement["metrics"])
        cells[cell.column.id] = {
            "value": value,
            "metric": metric,
            "run": cell.run.digest,
            "test": cell.evaluation.key,
            "trained_on": cell.run.trained_on.id if cell.run.trained_on else None,
            "tested_on": cell.evaluation.describe(),
            "config": cell.run.recipe,
            **measurement,
        }
    content = {
        "table": row.table.id,
        "row": row.row.id,
        "data": bench.data,
        "budget": bench.budget,
        "seed": row.seed,
        "command": command_of(row.table.id, bench, [row.row.id], [row.seed]),
        "cells": cells,
    }
    if is_stored(row.path):  # the file is damaged, or is to be measured again
        set_aside(row.path)
    write_json(row.path, content)
    row.failure.unlink(missing_ok=True)
    return True


def set_aside(path: Path) -> None:
    """Rename a result, so that it no longer counts; remove it from the archive if it is there."""
    old = path.with_name(f"{path.stem}.{time.time_ns()}.old")
    results, name = _place(path)
    if path.is_file():
        path.rename(old)
    if name in archived(results):
        row = take_out(results, name)
        if not old.is_file():
            write_json(old, row)


def is_stale(row: PlannedRow) -> bool:
    """Return whether a finished row was trained or tested with other settings or data than the plan has now."""
    planned = {cell.column.id: (cell.run.digest, cell.evaluation.key) for cell in row.cells}
    return planned != {key: (cell["run"], cell["test"]) for key, cell in read_result(row.path)["cells"].items()}
