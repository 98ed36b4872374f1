"""Draw the figures of a report: printed and measured values beside each other, as bars or as the paper's curves."""

from __future__ import annotations

import io
import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reproduction.measured import Results

PUBLISHED, MEASURED = "#9aa5b1", "#1f6feb"


def draw(results: Results) -> str:
    """Return the figure of a table as SVG; empty where the table has nothing to draw."""
    if not results.cells:
        return ""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    # The same results must give the same bytes, hence a fixed salt for ids and no date. Text stays text.
    with mpl.rc_context({"svg.hashsalt": results.table.id, "svg.fonttype": "none", "font.size": 9}):
        if results.table.distribution:
            return _save(_distributions(results))
        columns = [c for c in results.table.columns.values() if any(key[1] == c.id for key in results.cells)]
        rows = [row for row in results.table.rows.values() if any(key[0] == row.id for key in results.cells)]
        height = 3.2 if results.table.curve else 1.2 + 0.5 * len(rows)
        figure = Figure(figsize=(2 + 4 * len(columns), height), layout="constrained")
        axes = figure.subplots(1, len(columns), squeeze=False, sharey=not results.table.curve)[0]
        for axis, column in zip(axes, columns, strict=True):
            (_curves if results.table.curve else _bars)(axis, results, column, rows)
            axis.set_title(f"{column.title} ({column.unit})")
            axis.spines[["top", "right"]].set_visible(False)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
        return _save(figure)


def _save(figure: Any) -> str:
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()


def _distributions(results: Results) -> Any:
    """Draw a panel for each row: the histogram of each limb's ratio, over the histogram of the labels."""
    from matplotlib.figure import Figure

    key = results.table.distribution
    rows = [row for row in results.table.rows.values() if any(cell[0] == row.id for cell in results.cells)]
    figure = Figure(figsize=(3.4 * len(rows), 3.0), layout="constrained")
    panels = figure.subplots(1, len(rows), squeeze=False, sharey=True)[0]
    for axis, row in zip(panels, rows, strict=True):
        details = next(cell.details[key] for place, cell in results.cells.items() if place[0] == row.id)
        shares = details["predicted"]["histogram"]
        edges = [3 * i / len(next(iter(shares.values()))) for i in range(len(next(iter(shares.values()))) + 1)]
        for number, (limb, values) in enumerate(shares.items()):
            label = details["labels"]["histogram"][limb]
            axis.stairs(label, edges, fill=True, color=f"C{number}", alpha=0.15)
            axis.stairs(values, edges, color=f"C{number}", label=limb)
        axis.set_title(row.title)
        axis.set_xlabel("upper over lower length")
        axis.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel(f"share of poses, {_measured_label(results)}")
    panels[0].legend(frameon=False, title="filled: labels")
    return figure


def _measured_label(results: Results) -> str:
    from reproduction.datasets import datasets

    return f"measured on {datasets()[results.bench.data].title}"


def _published_label(results: Results) -> str:
    from reproduction.datasets import datasets

    return f"published on {datasets()[results.table.data].title}"


def _bars(axis: Any, results: Results, column: Any, rows: list[Any]) -> None:
    """Draw a pair of horizontal bars for each row; whiskers are standard deviations over seeds."""
    places = range(len(rows))
    published = [row.number(column.id) for row in rows]
    if any(value is not None for value in published):
        known = [(place - 0.2, value) for place, value in zip(places, published, strict=True) if value is not None]
        axis.barh(*zip(*known, strict=True), height=0.36, color=PUBLISHED, label=_published_label(results))
    measured = [(place, results.cells.get((row.id, column.id))) for place, row in zip(places, rows, strict=True)]
    found = [(place + 0.2, cell.mean, cell.deviation or 0) for place, cell in measured if cell is not None]
    heights, means, deviations = zip(*found, strict=True)
    axis.barh(heights, means, xerr=deviations, height=0.36, color=MEASURED, label=_measured_label(results))
    axis.set_yticks(list(places), [textwrap.fill(row.title, 28) for row in rows])
    if not axis.yaxis_inverted():  # panels share the axis, so that it may be inverted already
        axis.invert_yaxis()


def _curves(axis: Any, results: Results, column: Any, rows: list[Any]) -> None:
    """Draw a curve for each series: the published one dashed, the measured one solid with its standard deviation."""
    for number, series in enumerate(dict.fromkeys(row.series for row in rows)):
        members, color = [row for row in rows if row.series == series], f"C{number}"
        published = [(row.x, row.number(column.id)) for row in members if row.number(column.id) is not None]
        if published:
            axis.plot(
                *zip(*published, strict=True), "--", color=color, label=f"{series} {_published_label(results)}".strip()
            )
        measured = [(row.x, cell) for row in members if (cell := results.cells.get((row.id, column.id))) is not None]
        if measured:
            axis.errorbar(
                [x for x, _ in measured],
                [cell.mean for _, cell in measured],
                yerr=[cell.deviation or 0 for _, cell in measured],
                fmt="o-",
                color=color,
                label=f"{series} {_measured_label(results)}".strip(),
            )
    axis.set_xlabel(results.table.curve)
