"""Write the command that measures something again, as it is pasted into a terminal at the root of the repository."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from pathlib import Path

from reproduction.datasets import datasets
from reproduction.runs import RECIPES, RESULTS, Bench
from reproduction.tables import TABLES

ANY_DATA = "data"
"""The folder of datasets in what is committed: where they lie on the machine that measured concerns nobody else."""


def command_of(
    table: str, bench: Bench, rows: Sequence[str] = (), seeds: Collection[int] = (0,), devices: int = 1, here: bool = False
) -> str:
    """Return the command that measures rows of a table.

    Args:
        table: its id.
        bench: the settings of the call. For the repository's own results, which are committed, the folder of datasets is
            :data:`ANY_DATA`.
        rows: their ids; none for the whole table.
        seeds: the seeds that were measured.
        devices: of each row.
        here: name the folder of datasets on this machine in any case.
    """
    words = ["python", "benchmarks/reproduce.py", table]
    words += [word for row in rows for word in ("--row", row)]
    words += ["--data", bench.data]
    if any(datasets()[name].file for name in (bench.data, *datasets()[bench.data].instead_of.values())):
        committed = bench.results.resolve() == RESULTS and not here
        words += ["--data-dir", ANY_DATA if committed else from_here(bench.data_dir)]
    words += ["--budget", bench.budget, "--seeds", str(max(seeds) - min(seeds) + 1)]
    words += ["--seed", str(min(seeds))] if min(seeds) else []
    words += ["--devices", str(devices)] if devices > 1 else []
    folders = (
        ("--results", bench.results, RESULTS),
        ("--tables", bench.tables, TABLES),
        ("--recipes", bench.recipes, RECIPES),
    )
    for option, folder, usual in folders:
        words += [option, from_here(folder)] if folder.resolve() != usual else []
    return shlex.join(words)


def from_here(path: Path) -> str:
    """Return a path as a user would type it: relative to the working directory where it lies below."""
    path = path.resolve()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
