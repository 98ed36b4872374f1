"""Results on disk: what is finished, what is known already, and how a row is put together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from posezoo.errors import CorruptFileError
from reproduction.plan import RUNS, Bench, Cell, PlannedRow
from reproduction.worker import write_json


def read_json(path: Path) -> dict[str, Any]:
    """A result.

    Raises:
        CorruptFileError: it is not JSON.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CorruptFileError(f"{path} is no result ({error}); remove it to measure the row again.") from error
    if not isinstance(content, dict):
        raise CorruptFileError(f"{path} is no result; remove it to measure the row again.")
    return content


def result_files(results: Path) -> Iterator[Path]:
    """Every finished row under a folder of results, in a fixed order."""
    for path in sorted(results.rglob("*.json")):
        if RUNS not in path.relative_to(results).parts and not path.name.endswith(".failed.json"):
            yield path


class Known:
    """Measurements of runs, from finished runs and from rows of any table: one training serves all that share it."""

    def __init__(self, results: Path) -> None:
        self.results = results
        self._from_rows: dict[tuple[str, str], dict[str, Any]] = {}
        for path in result_files(results):
            for cell in read_json(path).get("cells", {}).values():
                self._from_rows[cell["run"], cell["test"]] = cell

    def measurement(self, cell: Cell) -> dict[str, Any] | None:
        """``metrics`` and ``origin`` of a cell's run and test, None where they are still to be had."""
        folder = cell.run.folder(self.results)
        test, origin = folder / "tests" / f"{cell.evaluation.key}.json", folder / "origin.json"
        if test.is_file() and origin.is_file():
            return {"metrics": read_json(test), "origin": read_json(origin)}
        row = self._from_rows.get((cell.run.digest, cell.evaluation.key))
        return {"metrics": row["metrics"], "origin": row["origin"]} if row else None


def value_of(cell: Cell, metrics: dict[str, Any]) -> tuple[str, float]:
    """The cell's metric among those measured, and its value.

    Raises:
        CorruptFileError: the model has none of them.
    """
    for name in cell.column.metric:
        if name in metrics:
            return name, float(metrics[name])
    raise CorruptFileError(
        f"column {cell.column.id} wants {' or '.join(cell.column.metric)}; measured: {', '.join(metrics)}."
    )


def assemble(row: PlannedRow, bench: Bench, known: Known) -> bool:
    """Write a row's result where all of its cells are measured; False where something is still to be had."""
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
    command = f"python benchmarks/reproduce.py {row.table.id} --row {row.row.id} --data {bench.data} --budget {bench.budget}"
    content = {
        "table": row.table.id,
        "row": row.row.id,
        "data": bench.data,
        "budget": bench.budget,
        "seed": row.seed,
        "command": f"{command} --seeds {row.seed + 1}",
        "cells": cells,
    }
    write_json(row.path, content)
    row.failure.unlink(missing_ok=True)
    return True


def is_stale(row: PlannedRow) -> bool:
    """Whether a finished row was measured with other settings or data than it would be now."""
    cells = read_json(row.path)["cells"]
    return {cell.column.id: cell.run.digest for cell in row.cells} != {key: cell["run"] for key, cell in cells.items()}
