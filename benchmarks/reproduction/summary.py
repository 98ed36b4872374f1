"""Write a summary of all tables that were measured."""

from __future__ import annotations

from pathlib import Path

from posezoo.files.writing import write_whole
from reproduction.agreement import DEVIATIONS
from reproduction.measured import Results, gather
from reproduction.results import results_in
from reproduction.runs import Bench
from reproduction.tables import list_tables, read_table


def measured_tables(results_folder: Path) -> list[Results]:
    """Return every table that was measured, by data and budget; the smoke budget does not count."""
    found: dict[tuple[str, str, str], None] = {}
    for content in results_in(results_folder):
        if content["budget"] != "smoke" and content["table"] in list_tables():
            found[content["table"], content["data"], content["budget"]] = None
    return [gather(read_table(name), Bench(data, Path(), budget, results_folder)) for name, data, budget in found]


def _order(results: Results) -> str:
    """Return Kendall's tau beyond noise for each column that has one; for a single pair, whether it is in order."""
    words = []
    for column in results.table.columns.values():
        found = results.agreement(column)
        if not found.known or column.order_of_noise:
            continue
        if found.known == 1:
            way = "as published" if found.in_order else "reversed"
            verdict = way if found.pairs else "within noise" if found.noise_known else f"{way}, one seed"
            words.append(f"{column.title} one pair, {verdict}")
        elif found.tau is None:
            one = f"{found.in_order} of {found.known} pairs, one seed"
            words.append(f"{column.title} {'within noise' if found.noise_known else one}")
        else:
            words.append(f"{column.title} {found.tau:+.2f} ({found.pairs} of {found.known} pairs)")
    return ", ".join(words) or "–"


def overview_lines(tables: list[Results]) -> list[str]:
    """Return a line for each table that was measured: how many of its rows, and whether their order is the paper's."""
    headings = ("table", "what", "measured on", "rows, seeds", "agreement of the order")
    lines = ["| " + " | ".join(headings) + " |", "|---" * len(headings) + "|"]
    for results in tables:
        table, bench = results.table, results.bench
        rows = {row for row, _ in results.cells}
        seeds = sorted({len(cell.values) for cell in results.cells.values()})
        link = f"[{table.id}](benchmarks/results/{table.id}/{bench.folder(table).name}/report.md)"
        where = ", ".join(sorted({cell.tested_on for cell in results.cells.values()}))
        counts = f"{len(rows)}, {'–'.join(str(count) for count in sorted({seeds[0], seeds[-1]}))}"
        lines.append("| " + " | ".join([link, table.title.split(": ", 1)[-1], where, counts, _order(results)]) + " |")
    return lines


def summary_lines(tables: list[Results]) -> list[str]:
    """Return a Markdown table of every row that was measured: paper, row, published value, measured value, agreement."""
    headings = ("table", "measured on", "row", "published", "measured", "agreement of the order")
    lines = ["| " + " | ".join(headings) + " |", "|---" * len(headings) + "|"]
    for results in tables:
        table, order = results.table, _order(results)
        data, budget = results.bench.data, results.bench.budget
        for row in table.rows.values():
            cells = {c.title: (row.printed(c.id), results.cells.get((row.id, c.id))) for c in table.columns.values()}
            cells = {title: cell for title, cell in cells.items() if cell[1] is not None}
            if not cells:
                continue
            tested = sorted({cell.tested_on for _, cell in cells.values() if cell is not None})
            whose = "" if data == table.data else " (not the paper's data)"
            where = f"{', '.join(tested)}{whose}, {budget}"
            line = [table.id, where, f"{row.title} (added)" if row.added else row.title]
            line += [", ".join(f"{title} {cell[at]}" for title, cell in cells.items()) for at in (0, 1)]
            lines.append("| " + " | ".join([*line, "" if row.added else order]) + " |")
    return lines if len(lines) > 2 else []


def write_summary(results_folder: Path) -> Path | None:
    """Write ``summary.md`` into a folder of results; return None where only the smoke budget was measured."""
    tables = measured_tables(results_folder)
    lines = summary_lines(tables)
    if not lines:
        return None
    path = results_folder / "summary.md"
    overview, rows = "\n".join(overview_lines(tables)), "\n".join(lines)
    words = (
        f"over pairs of rows whose means differ by more than {DEVIATIONS:g} of their pooled standard deviations over seeds"
    )
    text = f"# Summary\n\nAgreement is Kendall's tau of the column, {words}.\n\n{overview}\n\n## Every row\n\n{rows}\n"
    write_whole(path, text)
    return path
