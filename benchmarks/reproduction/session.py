"""Work through one call of ``reproduce.py``: plan what is to be measured, measure it, and write the reports."""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from posezoo.cli.output import console
from posezoo.errors import InputError, MissingFileError
from reproduction.commands import from_here
from reproduction.launching import Job, Launcher
from reproduction.measured import gather
from reproduction.plan import plan
from reproduction.report import command, write_report
from reproduction.results import Known, assemble, is_finished, is_stale, is_stored, set_aside
from reproduction.runs import Bench, Cell, PlannedRow, Run
from reproduction.summary import write_summary
from reproduction.tables import Table
from reproduction.worker import WEIGHTS, write_json


class Session:
    """The tables of one call, measured with one dataset and budget.

    Args:
        tables: the tables to measure.
        bench: the settings of the call.
        devices, accelerator, logger: settings of each run.

    Attributes:
        rows: what :meth:`plan` found.
        rows_again: files of rows that are finished and will be set aside, to be measured again; none after that.
        runs_again: digests of the runs that were set aside; what rows of other tables say of them does not count.
    """

    def __init__(
        self, tables: list[Table], bench: Bench, devices: int = 1, accelerator: str = "auto", logger: str = "csv"
    ) -> None:
        self.tables, self.bench, self.devices, self.accelerator = tables, bench, devices, accelerator
        self.logger = logger
        self.console: Console = console()
        self.rows: list[PlannedRow] = []
        self.rows_again: set[Path] = set()
        self.runs_again: set[str] = set()

    def plan(self, seeds: range, only: list[str] | None, again: bool) -> None:
        """Collect the rows to measure; with ``again`` also those that are finished.

        Raises:
            MissingFileError: there is no row whose files are all at hand.
        """
        self.rows = [row for table in self.tables for row in plan(table, self.bench, seeds, only)]
        lacking = next((row for row in self.rows if row.lacks), None)
        if lacking is not None and all(row.impossible for row in self.rows):
            raise MissingFileError(lacking.impossible)
        self.rows_again = {row.path for row in self.rows if is_stored(row.path)} if again else set()

    def is_open(self, row: PlannedRow) -> bool:
        """Return whether a row can be measured here and is not measured yet."""
        return not row.impossible and (row.path in self.rows_again or not is_finished(row.path))

    def open_rows(self) -> list[PlannedRow]:
        """Return the rows that are to be measured."""
        return [row for row in self.rows if self.is_open(row)]

    def set_aside(self) -> None:
        """Rename the results that are to be measured again, unless another process works on them."""
        for row in self.rows:
            if row.path not in self.rows_again:
                continue
            for folder in {run.folder(self.bench.results) for cell in row.cells for run in cell.run.stages}:
                if not folder.is_dir():
                    continue
                try:
                    with FileLock(folder / "lock", timeout=0):
                        folder.rename(folder.with_name(f"{folder.name}.{time.time_ns()}"))
                except Timeout as error:
                    raise InputError(f"another process is at {row.title}; --again cannot set it aside now.") from error
            set_aside(row.path)
            self.runs_again |= {cell.run.digest for cell in row.cells}
        self.rows_again = set()

    def jobs(self) -> dict[str, Job]:
        """Return the runs that the open rows wait for, by digest, in the order in which rows need them."""
        known, cells = Known(self.bench.results, self.runs_again), defaultdict[str, list[Cell]](list)
        for row in self.open_rows():
            for cell in row.cells:
                if row.path in self.rows_again or known.measurement(cell) is None:
                    cells[cell.run.digest].append(cell)
        jobs: dict[str, Job] = {}
        for group in cells.values():
            self._add_job(jobs, group[0].run, group)
        return jobs

    def _add_job(self, jobs: dict[str, Job], run: Run, cells: list[Cell]) -> Job:
        """Return a run's job, after adding the job of the run it starts from, unless that is trained already."""
        if run.digest not in jobs:
            folder, needs = run.folder(self.bench.results), None
            if run.start is not None and not (folder / WEIGHTS).is_file():
                needs = self._add_job(jobs, run.start, [])
            jobs[run.digest] = self._job(run, cells, needs)
        return jobs[run.digest]

    def _job(self, run: Run, cells: list[Cell], needs: Job | None) -> Job:
        tests = {cell.evaluation.key: cell.evaluation for cell in cells}
        spec = {
            "recipe": run.recipe,
            "devices": self.devices if run.trained_on else 1,
            "accelerator": self.accelerator,
            "train_path": _text(self.bench.file(run.trained_on)) if run.trained_on else "",
            "annotated_path": _text(self.bench.file(run.annotated)) if run.annotated else "",
            "sources": list(run.sources),
            "start": str(needs.folder / WEIGHTS) if needs else _text(self.bench.file(run.initial)) if run.initial else "",
            "tests": [
                {
                    "key": key,
                    "loader": evaluation.dataset.loader,
                    "pictures": evaluation.dataset.pictures,
                    "path": _text(self.bench.file(evaluation.dataset)) or None,
                    "split": evaluation.split,
                    "settings": evaluation.settings,
                    "evaluate": evaluation.scoring,
                }
                for key, evaluation in tests.items()
            ],
        }
        job = Job(run, spec, run.folder(self.bench.results), needs=needs)
        if self.logger != "csv" and (rows := self.rows_of(job)):
            spec |= {"logger": self.logger, "group": f"{rows[0].table.id} {self.bench.data}", "title": rows[0].title}
        return job

    def run(self, launcher: Launcher) -> int:
        """Measure every open row; return how many failed."""
        self.set_aside()
        self._say_what_is_there()
        jobs, failed = self.jobs(), list[PlannedRow]()
        with Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"), TimeElapsedColumn(),
            console=self.console,
        ) as bar:  # fmt: skip
            total = len(self.open_rows())
            whole = bar.add_task("rows", total=total, note="")
            tasks: dict[str, Any] = {}

            def changed(job: Job) -> None:
                names = self._names(job)
                if job.state == "running":
                    going_on = ", going on from its checkpoint" if job.is_begun() else ""
                    bar.console.print(f"start  {names}{going_on}")
                    steps = job.run.recipe.get("steps")
                    tasks[job.run.digest] = bar.add_task(f"  {job.run.paper} {job.run.digest[:6]}", total=steps, note="")
                    return
                if job.run.digest in tasks:
                    bar.remove_task(tasks.pop(job.run.digest))
                if job.state == "failed":
                    bar.console.print(f"failed {names}: {job.error}", markup=False, highlight=False, style="red")
                elif job.state == "busy":
                    bar.console.print(f"wait   {names}: another process is at it")
                elif job.state == "done":
                    rows = self._assemble()
                    for row in rows:
                        bar.console.print(f"done   {row.title}")
                    if not rows and not any(self.is_open(row) for row in self.rows_of(job)):
                        bar.console.print(f"done   {names}, by another process")
                bar.update(whole, completed=total - len(self.open_rows()))

            def tick(running: list[Job]) -> None:
                for job in running:
                    done = job.steps_done()
                    bar.update(tasks[job.run.digest], completed=done, note=f"step {done}" if done else "")

            self._assemble()
            launcher.run(list(jobs.values()), changed, tick)
            self._assemble()
            bar.update(whole, completed=total - len(self.open_rows()))
        for row in self.open_rows():
            errors = [jobs[cell.run.digest].error for cell in row.cells if cell.run.digest in jobs]
            config = {cell.column.id: cell.run.recipe for cell in row.cells}
            error = next((text for text in errors if text), "not measured")
            content = {"table": row.table.id, "row": row.row.id, "seed": row.seed, "error": error, "config": config}
            write_json(row.failure, content)
            failed.append(row)
        return len(failed)

    def _assemble(self) -> list[PlannedRow]:
        known = Known(self.bench.results, self.runs_again)
        return [row for row in self.open_rows() if assemble(row, self.bench, known)]

    def rows_of(self, job: Job) -> list[PlannedRow]:
        """Return the rows that wait for a run."""
        return [row for row in self.rows if job.run.digest in runs_of(row)]

    def _names(self, job: Job) -> str:
        names = [row.title for row in self.rows_of(job)]
        return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")

    def _say_what_is_there(self) -> None:
        done = [row for row in self.rows if is_finished(row.path)]
        stale = [row for row in done if row.cells and is_stale(row)]
        if done:
            self.console.print(f"{len(done)} of {len(self.rows)} rows are finished and are not run again")
        reasons: dict[str, list[str]] = {}
        for row in self.rows:
            if row.lacks:
                reasons.setdefault(row.impossible, []).append(row.title)
        for reason, left_out in reasons.items():
            self.console.print(f"left out: {', '.join(left_out)}: {reason}", markup=False, highlight=False, style="yellow")
        if stale:
            names = ", ".join(row.title for row in stale)
            self.console.print(
                f"[yellow]measured with other settings or data than today's (--again measures anew):[/] {names}"
            )
        for title, why in {f"{r.table.id} {r.row.id}": r.impossible for r in self.rows if r.impossible}.items():
            self.console.print(f"skip   {title}: {why}")

    def report(self) -> None:
        """Write the reports of the tables, and the summary over all of them."""
        for table in self.tables:
            paths = write_report(table, self.bench)
            if paths:
                self.console.print("report -> " + ", ".join(from_here(path) for path in paths), highlight=False)
                again = command(gather(table, self.bench), here=True)
                self.console.print(f"again  -> {again}", highlight=False, markup=False, soft_wrap=True)
            else:
                self.console.print(
                    f"{table.id}: nothing measured on {self.bench.data} at the {self.bench.budget} budget yet"
                )
        summary = write_summary(self.bench.results)
        if summary:
            self.console.print(f"summary -> {from_here(summary)}", highlight=False)


def runs_of(row: PlannedRow) -> list[str]:
    """Return the digests of the runs that a row waits for; a run comes after the one that it starts from."""
    return list(dict.fromkeys(run.digest for cell in row.cells for run in cell.run.stages))


def _text(path: Any) -> str:
    return str(path) if path else ""
