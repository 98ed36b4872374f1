"""Print a table of results as LaTeX, CSV or Markdown: published beside measured values, the best of each group in bold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from posezoo.errors import InputError
from posezoo.extras import require
from reproduction.datasets import datasets
from reproduction.measured import Results
from reproduction.report import LEGEND, MARKED_LEGEND, marked
from reproduction.tables import Column, Row

if TYPE_CHECKING:
    import pandas as pd

FORMATS = ("latex", "csv", "markdown")
SOURCES = ("published", "measured")

_SPECIAL = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "±": r"$\pm$", "–": "--",
}  # fmt: skip


def printed(results: Results, form: str) -> str:
    """Return a table in one of :data:`FORMATS`, for a paper or for a program.

    CSV holds plain numbers: published, measured (mean over seeds), deviation, seeds. The other formats hold what a report
    holds: the table's groups under their headings, the published value as printed, and the measured one as mean ± deviation.

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
    return _markdown(results, shown, best)


def numbers(results: Results) -> pd.DataFrame:
    """Return one line for each row and column of a table, as plain numbers."""
    import pandas as pd

    lines = []
    for group, row in _rows(results):
        for column in results.table.columns.values():
            measured = results.cells.get((row.id, column.id))
            if measured is None and row.published.get(column.id) is None:
                continue
            lines.append(
                {
                    "table": results.table.id,
                    "group": group,
                    "row": row.title,
                    "mark": row.mark,
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


def _rows(results: Results) -> Iterator[tuple[str, Row]]:
    """Yield each row with the heading that it stands under."""
    for heading, rows in results.table.groups:
        for row in rows:
            yield heading, row


def texts(results: Results) -> pd.DataFrame:
    """Return a table's cells as text: ids of rows by (column, published or measured)."""
    import pandas as pd

    table = results.table
    heads = [(f"{column.title} ({column.unit})", source) for column in table.columns.values() for source in SOURCES]
    lines = []
    for row in table.rows.values():
        line = []
        for column in table.columns:
            line += [row.printed(column), str(results.cells.get((row.id, column), "–"))]
        lines.append(line)
    return pd.DataFrame(lines, list(table.rows), pd.MultiIndex.from_tuples(heads))


def best_cells(results: Results) -> pd.DataFrame:
    """Return which cells of :func:`texts` are the best of their group and column; none where a group has a single value."""
    shown = texts(results)
    best = shown != shown
    for _, rows in results.table.groups:
        ids = [row.id for row in rows]
        for place, column in enumerate(results.table.columns.values()):
            cells = [results.cells.get((row, column.id)) for row in ids]
            measured = [None if cell is None else cell.mean for cell in cells]
            for at, values in enumerate(([row.number(column.id) for row in rows], measured)):
                best.iloc[[shown.index.get_loc(row) for row in ids], 2 * place + at] = _best(column, values)
    return best


def _best(column: Column, values: list[float | None]) -> list[bool]:
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return [False] * len(values)
    target = (max if column.higher_is_better else min)(known)
    return [value == target for value in values]


def _markdown(results: Results, shown: pd.DataFrame, best: pd.DataFrame) -> str:
    """Return a table of Markdown, whose groups stand below heading rows as in a report."""
    import pandas as pd

    bold = shown.copy()
    bold[best] = "**" + shown[best] + "**"
    titles, lines = list[str](), list[list[str]]()
    for heading, rows in results.table.groups:
        if heading:
            titles.append(f"**{heading}**")
            lines.append([""] * bold.shape[1])
        titles += [marked(row) for row in rows]
        lines += [list(bold.loc[row.id]) for row in rows]
    whole = pd.DataFrame(lines, titles, [" ".join(names) for names in shown.columns])
    return f"{results.title}\n\n{whole.to_markdown(disable_numparse=True)}\n\n{MARKED_LEGEND}\n"


def _latex(results: Results, shown: pd.DataFrame, best: pd.DataFrame) -> str:
    """Return a LaTeX table in the style of booktabs, whose caption names the data of each number."""
    import pandas as pd

    bold = pd.DataFrame("", shown.index, shown.columns).where(~best, "textbf:--rwrap;")
    shown.columns.names = [None, None]
    published = f"Published: on {datasets()[results.table.data].title}."
    style = shown.style.format(_escaped).format_index(_escaped, axis=1)
    style = style.format_index(lambda row: _latex_title(results.table.rows[row]), axis=0)
    text = style.apply(lambda _: bold, axis=None).to_latex(
        hrules=True,
        multicol_align="c",
        column_format="l" + "r" * shown.shape[1],
        position_float="centering",
        caption=_escaped(f"{results.title}. {published} {LEGEND}"),
        label=f"tab:{results.table.id.replace('/', '-')}",
    )
    before, rule, rest = text.partition("\\midrule\n")
    lines = iter(rest.splitlines(keepends=True))  # pandas writes a line for each row
    body = ""
    for place, (heading, rows) in enumerate(results.table.groups):
        if heading:
            body += rule if place else ""
            body += f"\\multicolumn{{{1 + shown.shape[1]}}}{{l}}{{\\textit{{{_escaped(heading)}}}}} \\\\\n"
        body += "".join(next(lines) for _ in rows)
    return "% needs \\usepackage{booktabs}\n" + before + rule + body + "".join(lines)


def _latex_title(row: Row) -> str:
    title = _escaped(row.title)
    if title.startswith(("[", "*")):
        title = f"{{}}{title}"  # the end of the line before would take these for its options
    return rf"{title} \emph{{({row.mark})}}" if row.mark else title


def _escaped(text: str) -> str:
    """Return text for LaTeX."""
    return "".join(_SPECIAL.get(character, character) for character in text)
