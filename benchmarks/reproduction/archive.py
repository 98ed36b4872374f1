"""Keep finished rows in two files: ``cells.csv``, a line per cell, and ``runs.jsonl``, a line per run and its test.

While a table is measured every finished row is a file of its own, so that processes and machines that share a folder never
write to the same file. :func:`collect` moves the content of these files into the two that are committed.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from posezoo.errors import CorruptFileError
from posezoo.files.writing import write_whole
from reproduction.commands import ANY_DATA, command_of
from reproduction.runs import RUNS, Bench, folder_of

CELLS, MEASUREMENTS = "cells.csv", "runs.jsonl"
HEADINGS = ("table", "row", "data", "budget", "seed", "column", "metric", "value", "trained_on", "test", "measurement")
SHARED = ("run", "test", "trained_on", "tested_on", "config", "metrics", "origin")
"""What cells with the same run and test have in common; a measurement's name is a digest of these."""


def archived(results: Path) -> Mapping[str, dict[str, Any]]:
    """Return the archived rows of a folder of results, by the path that the row's own file would have below it.

    Raises:
        CorruptFileError: the two files do not belong together, or one of them is damaged.
    """
    files = (results / CELLS, results / MEASUREMENTS)
    if not all(path.is_file() for path in files):
        return {}
    return _read(results, *((path.stat().st_mtime_ns, path.stat().st_size) for path in files))


@functools.lru_cache(maxsize=4)
def _read(results: Path, *_: tuple[int, int]) -> Mapping[str, dict[str, Any]]:
    """Read both files, once for each state of them.

    Times and sizes are arguments, so that a file that has changed is read again.
    """
    rows: dict[str, dict[str, Any]] = {}
    try:
        lines = (results / MEASUREMENTS).read_text(encoding="utf-8").splitlines()
        measurements = {content.pop("measurement"): content for content in map(json.loads, lines)}
        with (results / CELLS).open(encoding="utf-8", newline="") as file:
            for line in csv.DictReader(file):
                identity = {key: line[key] for key in ("table", "row", "data", "budget")}
                path = f"{folder_of(line['table'], line['data'], line['budget'])}/{line['row']}-{line['seed']}.json"
                seed = int(line["seed"])
                bench = Bench(line["data"], Path(ANY_DATA), line["budget"], results)
                command = command_of(line["table"], bench, [line["row"]], [seed])
                row: dict[str, Any] = {**identity, "seed": seed, "command": command, "cells": {}}
                cell = {"value": float(line["value"]), "metric": line["metric"], **measurements[line["measurement"]]}
                rows.setdefault(path, row)["cells"][line["column"]] = cell
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise CorruptFileError(
            f"{results / CELLS} and {results / MEASUREMENTS} cannot be read together ({type(error).__name__}: {error}); "
            "restore both from the repository."
        ) from error
    return rows


def _write(results: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write both files, sorted, so that a new row changes few lines of them."""
    lines: list[tuple[Any, ...]] = []
    measurements: dict[str, str] = {}
    for row in rows:
        for column, cell in row["cells"].items():
            shared = {key: cell[key] for key in SHARED}
            name = hashlib.sha256(json.dumps(shared, sort_keys=True).encode()).hexdigest()[:12]
            measurements[name] = json.dumps({"measurement": name, **shared}, separators=(",", ":"))
            what = [row[key] for key in ("table", "row", "data", "budget", "seed")]
            lines.append((*what, column, cell["metric"], cell["value"], cell["trained_on"] or "", cell["test"], name))
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerows([HEADINGS, *sorted(lines, key=lambda line: [str(part) for part in line[:6]])])
    texts = {MEASUREMENTS: "".join(f"{measurements[name]}\n" for name in sorted(measurements)), CELLS: table.getvalue()}
    for name, text in texts.items():
        write_whole(results / name, text)


def _lock(results: Path) -> FileLock:
    (results / RUNS).mkdir(parents=True, exist_ok=True)
    return FileLock(results / RUNS / "archive.lock")


def collect(results: Path, read: Callable[[Path], dict[str, Any]], paths: Iterable[Path]) -> int:
    """Move finished rows from their own files into the archive; rows of the same name there are replaced.

    Args:
        results: the folder of results.
        read: reads and checks the file of a row.
        paths: these files.

    Returns:
        how many rows were added.
    """
    with _lock(results):
        new = {path.relative_to(results).as_posix(): read(path) for path in paths}
        if new:
            _write(results, {**archived(results), **new}.values())
        for name in new:
            (results / name).unlink()
    return len(new)


def take_out(results: Path, name: str) -> dict[str, Any]:
    """Remove a row from the archive and return it."""
    with _lock(results):
        rows = dict(archived(results))
        row = rows.pop(name)
        _write(results, rows.values())
    return row
