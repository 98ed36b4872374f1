"""Write reports: printed beside measured values, in Markdown and in HTML, with their figures."""

from __future__ import annotations

import html
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from posezoo.errors import PoseZooError
from posezoo.files.writing import write_whole
from reproduction.agreement import Agreement
from reproduction.commands import command_of
from reproduction.datasets import datasets
from reproduction.drawing import draw
from reproduction.estimate import duration
from reproduction.measured import Results, gather
from reproduction.plan import plan
from reproduction.runs import Bench
from reproduction.tables import Column, Row, Table

NOT_THEIRS = (
    "These are measurements on {title}, which is not the paper's data: no value here is, or may be compared in size with, "
    "the paper's; the differences mix two datasets. What can be compared is the order of the rows."
)
ONE_SEED = "of one seed, so that noise is not known"
LEGEND = "Measured: mean ± standard deviation over seeds. (cited): quoted from other papers. (added): ours."
MARKED_LEGEND = LEGEND.replace("(", "*(").replace(")", ")*")
STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}
table{border-collapse:collapse;margin:1rem 0}
td,th{padding:.3rem .7rem;border-bottom:1px solid #d8dee4;text-align:right}
td:first-child,th:first-child,td:nth-last-child(2){text-align:left}
.other{background:#fff3cd;padding:.6rem 1rem;border-left:4px solid #d39e00}
blockquote{color:#57606a;margin:0;padding-left:1rem;border-left:3px solid #d8dee4}
svg{max-width:100%;height:auto}
"""


def write_report(table: Table, bench: Bench) -> list[Path]:
    """Write ``report.md``, ``.html`` and ``.svg`` into the results' folder; nothing where nothing was measured."""
    results = gather(table, bench)
    if not results.cells and not results.failures:
        return []
    folder = bench.folder(table)
    picture = draw(results)
    paths = {"report.md": markdown(results, bool(picture)), "report.html": page(results, picture)}
    if picture:
        paths["report.svg"] = picture
    for name, text in paths.items():
        write_whole(folder / name, text)
    return [folder / name for name in paths]


def lines_of(results: Results) -> tuple[list[str], list[list[str]]]:
    """Return headings and rows of the report's table."""
    table, theirs = results.table, results.bench.is_papers_data(results.table)
    headings = ["row"]
    for column in table.columns.values():
        unit = f" ({column.unit})"
        headings += [f"{column.title}{unit} published", "measured", "difference" if theirs else "difference (other data)"]
    headings += ["trained on → tested on", "seeds"]
    lines = []
    for heading, rows in table.groups:
        if heading:
            lines.append([f"**{heading}**"] + [""] * (len(headings) - 1))
        lines += [_line(results, row) for row in rows]
    return headings, lines


def marked(row: Row) -> str:
    """Return a row's title in Markdown, marked where it is cited or added."""
    return f"{row.title} *({row.mark})*" if row.mark else row.title


def _line(results: Results, row: Row) -> list[str]:
    """Return a row of the report's table."""
    line, where, seeds = [marked(row)], set(), 0
    for column in results.table.columns.values():
        measured, number = results.cells.get((row.id, column.id)), row.number(column.id)
        line += [row.printed(column.id)]
        if measured is None:
            missing = row.cited or row.cells.get(column.id, {}) is None
            line += ["" if missing else "failed" if row.id in results.failures else "–", ""]
            continue
        line += [str(measured), f"{measured.mean - number:+.1f}" if number is not None else ""]
        where.add(f"{measured.trained_on or 'nothing'} → {measured.tested_on}")
        seeds = max(seeds, len(measured.values))
    return [*line, "; ".join(sorted(where)), str(seeds) if seeds else ""]


def agreements(results: Results) -> list[str]:
    """Return a sentence for each column: how its order compares, or how many rows it takes for one."""
    sentences: list[str] = []
    if results.bench.budget == "smoke":
        return sentences
    for column in results.table.columns.values():
        found = results.agreement(column)
        compared = (
            _sentence(results, column, found) if found.known else "no two measured rows have a printed or stated order"
        )
        sentences.append(f"{column.title}: {compared}{_orders(results, column)}.")
    return sentences


def _orders(results: Results, column: Column) -> str:
    """Return the printed and the measured order of rows, how many seeds were measured, and which rows had one; or nothing.

    Where the text states an order and prints no values, the measured order is that of the rows it names.
    """
    cells = {row: cell for (row, at), cell in results.cells.items() if at == column.id}
    known = [row for row in results.table.rows.values() if row.id in cells]
    printed = [row for row in known if row.number(column.id) is not None]
    named = {row for at, *pair in results.table.stated if at == column.id for row in pair}
    rows = printed or [row for row in known if row.id in named]
    seeds = {row.id: len(cells[row.id].values) for row in rows if cells[row.id].trained_on}
    if not seeds:
        return ""

    def best_first(value: Callable[[Row], float]) -> str:
        ordered = sorted(rows, key=value, reverse=column.higher_is_better)
        return (" > " if column.higher_is_better else " < ").join(row.title for row in ordered)

    parts = [f"measured: {best_first(lambda row: cells[row.id].mean)}"] if len(rows) > 1 else []
    if len(printed) > 1:
        parts.insert(0, f"printed: {best_first(lambda row: row.number(column.id) or 0.0)}")
    counts = "–".join(str(count) for count in sorted({min(seeds.values()), max(seeds.values())}))
    text = "".join(f"; {part}" for part in [*parts, f"seeds: {counts}"])
    alone = [results.table.rows[row].title for row, count in seeds.items() if count == 1]
    if len(alone) < len(seeds) and alone:
        text += f"; of one seed, taken to vary as the others do: {', '.join(alone)}"
    return text


def _sentence(results: Results, column: Column, found: Agreement) -> str:
    """Return a sentence on how far the order of a column agrees with the printed one, and how much is noise."""

    def titles(pairs: tuple[tuple[str, str], ...]) -> str:
        return ", ".join(f"{results.table.rows[a].title} / {results.table.rows[b].title}" for a, b in pairs)

    order = f"{'stated' if results.table.stated else 'published'} order"
    if column.order_of_noise:
        return f"{found.in_order} of {found.known} pairs of rows in the {order}, which is that of the noise put in"
    if found.known == 1:
        way = "in" if found.in_order else "against"
        noise = ("beyond noise" if found.pairs else "within noise") if found.noise_known else ONE_SEED
        return f"one pair of rows, {way} the {order}, {noise}"
    if found.tau is None:
        noise = "none beyond noise" if found.noise_known else ONE_SEED
        return f"{found.in_order} of {found.known} pairs of rows in the {order}, {noise}"
    text = (
        f"Kendall's tau {found.tau:+.2f} over {found.pairs} pair{'s' * (found.pairs > 1)} of rows beyond noise "
        f"({found.concordant} in the {order})"
    )
    if found.reversed:
        text += f"; the other way round: {titles(found.reversed)}"
    if found.within_noise:
        text += f"; within noise: {titles(found.within_noise)}"
    return text


def origins(results: Results) -> list[str]:
    """Return commits, versions, hardware and times of the measurements, each once."""
    found = [origin for measured in results.cells.values() for origin in measured.origins]
    commits = sorted({origin["commit"][:12] or "unknown" for origin in found})
    versions = sorted({", ".join(f"{k} {v}" for k, v in origin["versions"].items()) for origin in found})
    hardware = sorted({f"{origin['hardware']} x {origin['devices']}" for origin in found})
    walls = {origin["run"]: origin.get("wall_seconds", 0) for origin in found}
    return [
        command(results),
        f"Commit {', '.join(commits)}; {'; '.join(versions)}.",
        f"Hardware (devices of a row): {'; '.join(hardware)}; training time in all {duration(sum(walls.values()) / 3600)}.",
    ]


def command(results: Results, here: bool = False) -> str:
    """Return the command that measures again what a report holds, see :func:`command_of`."""
    found = [origin for measured in results.cells.values() for origin in measured.origins]
    seeds = {origin["seed"] for origin in found if origin["seed"] is not None} or {0}
    devices = max((int(origin["devices"]) for origin in found), default=1)
    return command_of(results.table.id, results.bench, _part(results), seeds, devices, here)


def _part(results: Results) -> list[str]:
    """Return the rows that were measured; none where they are all that can be measured on the data."""
    # No folder has files there, so that a report does not depend on which of them are at hand.
    anywhere = replace(results.bench, data_dir=Path(os.devnull), files_needed=False)
    try:
        rows = {planned.row.id for planned in plan(results.table, anywhere, range(1)) if planned.cells}
    except PoseZooError:  # a table whose recipes are gone
        rows = set(results.table.rows)
    measured = {row for row, _ in results.cells} | set(results.failures)
    return [] if rows <= measured else [row for row in results.table.rows if row in measured]


def _notes(results: Results) -> list[str]:
    table, where = results.table, datasets()[results.bench.data].title
    notes = [] if results.bench.is_papers_data(table) else [NOT_THEIRS.format(title=where)]
    if results.bench.budget == "smoke":
        notes.append("The smoke budget shows that rows run; its numbers mean nothing.")
    return [*notes, f"Protocol: {table.protocol}.", *([table.note] if table.note else [])]


def _row_notes(results: Results) -> list[str]:
    notes = [f"{row.title}: {row.note}." for row in results.table.rows.values() if row.note]
    return notes + [f"{results.table.rows[row].title} failed: {error}" for row, error in results.failures.items()]


def markdown(results: Results, picture: bool) -> str:
    """Return the report as Markdown."""
    headings, lines = lines_of(results)
    table = results.table
    parts = [f"# {results.title}", f"> {table.caption}", *_notes(results)]
    rows = ["| " + " | ".join(headings) + " |", "|---" * len(headings) + "|"]
    rows += ["| " + " | ".join(line) + " |" for line in lines]
    parts.append("\n".join(rows))
    parts.append(MARKED_LEGEND)
    for title, sentences in (
        ("Ordering agreement", agreements(results)),
        ("Notes", [*averages(results), *_row_notes(results)]),
    ):
        if sentences:
            parts.append(f"## {title}\n\n" + "\n".join(f"- {sentence}" for sentence in sentences))
    actions = by_action(results)
    if actions:
        parts.append("\n\n".join(["## By action", *actions]))
    if picture:
        parts.append("![published and measured](report.svg)")
    parts.append("## Where it comes from\n\n" + "\n".join(f"- {line}" for line in origins(results)))
    return "\n\n".join(parts) + "\n"


def page(results: Results, picture: str) -> str:
    """Return the report as one HTML file that needs no other file."""
    headings, lines = lines_of(results)

    def cells(tag: str, values: list[str]) -> str:
        return "<tr>" + "".join(f"<{tag}>{_inline(value)}</{tag}>" for value in values) + "</tr>"

    def items(title: str, sentences: list[str]) -> str:
        rows = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences)
        return f"<h2>{title}</h2><ul>{rows}</ul>" if sentences else ""

    notes = _notes(results)
    first = ' class="other"' if not results.bench.is_papers_data(results.table) else ""
    body = [
        f"<h1>{html.escape(results.title)}</h1>",
        f"<blockquote>{html.escape(results.table.caption)}</blockquote>",
        f"<p{first}>{html.escape(notes[0])}</p>",
        *(f"<p>{html.escape(note)}</p>" for note in notes[1:]),
        f"<table>{cells('th', headings)}{''.join(cells('td', line) for line in lines)}</table>",
        f"<p>{html.escape(LEGEND)}</p>",
        items("Ordering agreement", agreements(results)),
        picture[picture.find("<svg") :] if picture else "",
        items("Notes", [*averages(results), *_row_notes(results)]),
        items("Where it comes from", origins(results)),
    ]
    title = html.escape(results.title)
    head = f'<meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(body)}</body></html>\n'


def _inline(text: str) -> str:
    """Return a table cell's Markdown, bold and italics, as HTML."""
    text = html.escape(text)
    for mark, tag in (("**", "b"), ("*", "i")):
        while text.count(mark) >= 2:
            text = text.replace(mark, f"<{tag}>", 1).replace(mark, f"</{tag}>", 1)
    return text


def by_action(results: Results) -> list[str]:
    """Return a Markdown table for each column with printed errors by action, beside the measured errors."""
    table, parts = results.table, list[str]()
    for column, rows in table.by_action.items():
        headings = ["row", *table.actions]
        lines = ["| " + " | ".join(headings) + " |", "|---" * len(headings) + "|"]
        for row, values in rows.items():
            title = table.rows[row].title
            lines.append("| " + " | ".join([f"{title}, published", *map(str, values)]) + " |")
            measured = results.cells.get((row, column))
            found = measured.by_action if measured is not None and results.bench.is_papers_data(table) else {}
            if set(table.actions) <= set(found):
                pairs = [(found[action], value) for action, value in zip(table.actions, values, strict=True)]
                lines.append("| " + " | ".join([f"{title}, measured", *(f"{own:.1f}" for own, _ in pairs)]) + " |")
                lines.append("| " + " | ".join(["difference", *(f"{own - value:+.1f}" for own, value in pairs)]) + " |")
        parts.append(f"**{table.columns[column].title}**\n\n" + "\n".join(lines))
    return parts


def averages(results: Results) -> list[str]:
    """Return a sentence on which of a column's metrics was measured, where it is not the first."""
    sentences = []
    for column in results.table.columns.values():
        found = sorted({cell.metric for (_, at), cell in results.cells.items() if at == column.id} - {column.metric[0]})
        if found:
            sentences.append(f"{column.title}: measured {', '.join(found)} where {column.metric[0]} was not to be had.")
    return sentences
