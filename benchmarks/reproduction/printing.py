"""Print a table of results as LaTeX, CSV or Markdown: published beside measured values, the best of each column in bold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from posezoo.errors import InputError
from posezoo.extras import require
from reproduction.datasets import datasets
from reproduction.measured import Results
from reproduction.tables import Column

if TYPE_CHECKING:
    import pandas as pd

FORMATS = ("latex", "csv", "markdown")
SOURCES = ("published", "measured")


def printed(results: Results, form: str) -> str:
    """Return a table in one of :data:`FORMATS`, for a paper or for a program.

    CSV holds plain numbers: published, measured (mean over seeds), deviation, seeds. The other formats hold what a report
    holds: the published value as printed, and the measured one as mean ± deviation.

    Raises:
        InputError: nothing is measured, or pandas is not installed.
    """
    if not results.cells:
        bench = results.bench
        raise InputError(f"{results.table.id}: nothing is measured on {bench.data} at the {bench.budget} budget yet.")
    require("pandas", f"--format {form}", "'posezoo[benchmarks]'")
    if form == "csv":
        return numbers(results).to_csv(index=False)
    shown, best = texts(results), best_cells(results)
    if form == "latex":
        return _latex(results, shown, best)
    require("tabulate", f"--format {form}", "'posezoo[benchmarks]'")
    bold = shown.copy()
    bold[best] = "**" + shown[best] + "**"
    bold.columns = [" ".join(names) for names in shown.columns]
    return f"{results.title}\n\n{bold.to_markdown(disable_numparse=True)}\n"


def numbers(results: Results) -> pd.DataFrame:
    """Return one line for each row and column of a table, as plain numbers."""
    import pandas as pd

    lines = []
    for row in results.table.rows.values():
        for column in results.table.columns.values():
            measured = results.cells.get((row.id, column.id))
            if measured is None and row.published.get(column.id) is None:
                continue
            lines.append(
                {
                    "table": results.table.id,
                    "row": row.title,
                    "column": column.title,
                    "unit": column.unit,
                    "published": row.published.get(column.id),
                    "published_on": datasets()[results.table.data].title,
                    "measured": None if measured is None else measured.mean,
                    "deviation": None if measured is None else measured.deviation,
                    "seeds": 0 if measured is None else len(measured.values),
                    "measured_on": "" if measured is None else measured.tested_on,
                }
            )
    return pd.DataFrame(lines)


def texts(results: Results) -> pd.DataFrame:
    """Return a table's cells as text: rows by (column, published or measured)."""
    import pandas as pd

    table = results.table
    heads = [(f"{column.title} ({column.unit})", source) for column in table.columns.values() for source in SOURCES]
    lines = []
    for row in table.rows.values():
        line = []
        for column in table.columns:
            value = row.published.get(column)
            line += ["–" if value is None else str(value), str(results.cells.get((row.id, column), "–"))]
        lines.append(line)
    return pd.DataFrame(lines, [row.title for row in table.rows.values()], pd.MultiIndex.from_tuples(heads))


def best_cells(results: Results) -> pd.DataFrame:
    """Return which cells of :func:`texts` are the best of their column; none where a column has a single value."""
    shown = texts(results)
    best = shown != shown
    for place, column in enumerate(results.table.columns.values()):
        published = [row.number(column.id) for row in results.table.rows.values()]
        cells = [results.cells.get((row, column.id)) for row in results.table.rows]
        for at, values in enumerate((published, [None if cell is None else cell.mean for cell in cells])):
            best.iloc[:, 2 * place + at] = _best(column, values)
    return best


def _best(column: Column, values: list[float | None]) -> list[bool]:
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return [False] * len(values)
    target = (max if column.higher_is_better else min)(known)
    return [value == target for value in values]


def _latex(results: Results, shown: pd.DataFrame, best: pd.DataFrame) -> str:
    """Return a LaTeX table in the style of booktabs, whose caption names the data of each number."""
    import pandas as pd

    bold = pd.DataFrame("", shown.index, shown.columns).where(~best, "textbf:--rwrap;")
    shown.columns.names = [None, None]
    # The Styler needs unique labels, but rows of a table may share a title.
    numbered = [f"{title}\0{number}" for number, title in enumerate(shown.index)]
    shown.index, bold.index = pd.Index(numbered), pd.Index(numbered)
    style = shown.style.format(escape="latex").format_index(escape="latex", axis=1)
    style = style.format_index(lambda title: _escaped(title.split("\0")[0]), axis=0)
    text = style.apply(lambda _: bold, axis=None).to_latex(
        hrules=True,
        multicol_align="c",
        column_format="l" + "r" * shown.shape[1],
        position_float="centering",
        caption=_escaped(f"{results.title}. Published: on {datasets()[results.table.data].title}."),
        label=f"tab:{results.table.id.replace('/', '-')}",
    )
    return "% needs \\usepackage{booktabs}\n" + text.replace("±", r"$\pm$").replace("–", "--")


def _escaped(text: str) -> str:
    return re.sub(r"([&%$#_{}])", r"\\\1", text)
