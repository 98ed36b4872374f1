"""Gather the results of a table's rows over seeds, and compare their order with the published one."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reproduction.agreement import Agreement, agreement
from reproduction.datasets import datasets
from reproduction.results import read_json, results_in
from reproduction.runs import Bench
from reproduction.tables import Column, Table


@dataclass
class Measured:
    """The results of one cell over seeds.

    Attributes:
        values: one for each seed.
        metric: the column's metric that was measured, of several that it may name.
        tested_on, trained_on: datasets.
        origins: run and provenance of each value.
        details: what the first seed measured beside the value.
    """

    values: list[float] = field(default_factory=list)
    metric: str = ""
    tested_on: str = ""
    trained_on: str = ""
    origins: list[dict[str, Any]] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def mean(self) -> float:
        return statistics.fmean(self.values)

    @property
    def deviation(self) -> float | None:
        """The standard deviation over seeds; None for a single seed."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None

    @property
    def by_action(self) -> Mapping[str, float]:
        """Errors of the first seed by action, of the metric that was measured; empty where there are none."""
        own = f"{self.metric.removesuffix('_mean_over_actions')}_per_action"
        found: Mapping[str, float] = self.details.get(own) or self.details.get("per_action") or {}
        return found

    def __str__(self) -> str:
        digits = 2 if "." in self.metric else 1  # ratios, not mm
        return f"{self.mean:.{digits}f}" + (f" ± {self.deviation:.{digits}f}" if self.deviation is not None else "")


@dataclass(frozen=True)
class Results:
    """A table's measurements on one dataset with one budget.

    Attributes:
        table, bench: what was measured, and with what.
        cells: measurements by (row, column).
        failures: error by row, for rows without a result.
    """

    table: Table
    bench: Bench
    cells: Mapping[tuple[str, str], Measured]
    failures: Mapping[str, str]

    def agreement(self, column: Column) -> Agreement:
        """Compare the measured order of a column's rows with the printed order, beyond the noise of seeds."""
        rows = self.table.rows.values()
        published = {row.id: number for row in rows if (number := row.number(column.id)) is not None and not row.cited}
        measured = {row.id: self.cells[row.id, column.id].mean for row in rows if (row.id, column.id) in self.cells}
        stated = [(better, worse) for at, better, worse in self.table.stated if at == column.id]
        # Rows that are not trained have no seed.
        deviations = {
            row: (cell.deviation if cell.trained_on else 0.0) for (row, at), cell in self.cells.items() if at == column.id
        }
        return agreement(published, measured, stated, column.higher_is_better, deviations)

    @property
    def title(self) -> str:
        """The title of the report, which names the dataset."""
        where = datasets()[self.bench.data].title
        whose = "" if self.bench.is_papers_data(self.table) else ", not the paper's data"
        return f"{self.table.paper}, {self.table.title}: measured on {where}{whose} ({self.bench.budget} budget)"


def gather(table: Table, bench: Bench) -> Results:
    """Read all results of a table."""
    cells: dict[tuple[str, str], Measured] = {}
    failures: dict[str, str] = {}
    folder = bench.folder(table)
    for path in sorted(folder.glob("*.failed.json")):
        content = read_json(path)
        failures[str(content.get("row"))] = str(content.get("error"))
    failures = {row: error for row, error in failures.items() if row in table.rows}
    for content in results_in(bench.results, folder):
        row = str(content["row"])
        if row not in table.rows:
            continue
        for column, cell in content["cells"].items():
            if column not in table.columns:
                continue
            measured = cells.setdefault((row, column), Measured())
            measured.values.append(cell["value"])
            measured.metric = cell["metric"]
            measured.details = measured.details or cell["metrics"]
            measured.tested_on = datasets()[cell["tested_on"]["dataset"]].title
            measured.trained_on = datasets()[cell["trained_on"]].title if cell["trained_on"] else ""
            measured.origins.append({"run": cell["run"], **cell["origin"]})
    return Results(table, bench, cells, failures)
