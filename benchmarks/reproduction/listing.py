"""Print which tables there are, and what a call would run."""

from __future__ import annotations

from collections.abc import Mapping

from posezoo.errors import PoseZooError
from reproduction.datasets import Dataset
from reproduction.estimate import Estimate, Estimates, duration, makespan
from reproduction.results import is_stale
from reproduction.runs import PlannedRow
from reproduction.session import Session, runs_of


def print_list(session: Session) -> None:
    """Print the tables that there are."""
    from rich.table import Table as Grid

    grid = Grid(title="Tables")
    for column in ("table", "title", "rows measured here", "quoted"):
        grid.add_column(column)
    for table in session.tables:
        own = [row.id for row in table.rows.values() if not row.cited]
        grid.add_row(table.id, table.title, ", ".join(own), str(len(table.rows) - len(own)))
    session.console.print(grid)


def print_plan(session: Session) -> None:
    """Print what would run, how long it would take and how much disk it would need; write nothing."""
    from rich.table import Table as Grid

    gpu = session.accelerator == "gpu"
    jobs, estimates = session.jobs(), Estimates(session.bench, gpu)
    grid = Grid(title=f"What would run on {session.bench.data} at the {session.bench.budget} budget")
    for column in ("row", "state", "runs", "steps", "GPU time" if gpu else "time", "disk", "files", "settings"):
        text = column in ("row", "state", "files", "settings")
        grid.add_column(column, justify="left" if text else "right", overflow="fold" if text else "ellipsis")
    counted: dict[str, Estimate] = {}
    for row in session.rows:
        needed = {digest: jobs[digest] for digest in runs_of(row) if digest in jobs}
        state = row.impossible or ("finished" if not session.is_open(row) else "to run" if needed else "measured already")
        if state == "finished" and _is_otherwise(session, row):
            state = "finished, with other settings or data"
        if any(job.is_begun() for job in needed.values()):
            state = "goes on from its checkpoint"
        if needed and all(digest in counted for digest in needed):
            state = "shares runs above"
        new = {digest: estimates.of(job.run) for digest, job in needed.items() if digest not in counted}
        counted |= new
        hours = sum(estimate.hours for estimate in new.values())
        grid.add_row(
            row.title,
            state,
            str(len(new)) if needed else "",
            ", ".join(sorted({str(estimate.steps) for estimate in new.values() if estimate.steps})),
            duration(hours) if new else "",
            f"{sum(estimate.disk for estimate in new.values()) / 1e6:.0f} MB" if new else "",
            ", ".join(dict.fromkeys(f for dataset in _in_order(row.datasets) for f in (dataset.file, *dataset.more) if f)),
            _settings(row),
        )
    session.console.print(grid)
    known = [estimate.hours for estimate in counted.values()]
    disk = sum(estimate.disk for estimate in counted.values())
    session.console.print(f"{len(jobs)} runs, {duration(sum(known))}, {disk / 1e6:.0f} MB of disk")
    if known:
        spread = ", ".join(f"{duration(makespan(known, count))} on {count}" for count in (1, 8, 64))
        session.console.print(f"until all are done, a run on each {'GPU' if gpu else 'core'}: {spread}")
    for source in estimates.sources:
        session.console.print(f"step times: {source}", highlight=False)
    _print_missing_files(session)


def _print_missing_files(session: Session) -> None:
    """Print the files that a dry run did without and that a run needs."""
    for dataset in _in_order({dataset for row in session.rows for dataset in row.datasets}):
        try:
            dataset.path(session.bench.data_dir)
        except PoseZooError as error:
            session.console.print(f"not at hand: {error}", markup=False, highlight=False, style="yellow")
    named = {
        (cell.evaluation.dataset.file, cell.evaluation.settings["keypoints"])
        for row in session.rows
        for cell in row.cells
        if cell.evaluation.settings.get("keypoints", "gt") not in ("gt", "detected")
    }
    for file, detector in sorted(named):
        session.console.print(f"{file} needs keypoints of {detector}: data_2d_h36m_{detector}.npz beside its sources")


def _in_order(found: set[Dataset]) -> list[Dataset]:
    """Return datasets sorted by id."""
    return sorted(found, key=lambda dataset: dataset.id)


def _settings(row: PlannedRow) -> str:
    """Return the settings that a row has of its own: switches of model, training and test."""
    own = {**row.row.model, **row.row.train, **row.row.test}
    own.pop("evaluate", None)
    for cell in row.cells:  # with those of columns, and of what stands for a paper's data
        scoring = {f"tested with {key}": value for key, value in cell.evaluation.scoring.items()}
        named = set(cell.column.exact_cameras.get("train", {})) & set(cell.run.recipe.get("data", {}))
        own |= {**{key: cell.run.recipe["data"][key] for key in sorted(named)}, **scoring}
    if row.row.start:
        own["start"] = {key: dict(value) for key, value in row.row.start.items()}
    keypoints = {str(cell.evaluation.settings["keypoints"]) for cell in row.cells if "keypoints" in cell.evaluation.settings}
    parts = [f"{key}={_short(value)}" for key, value in own.items() if key != "keypoints"]
    return "; ".join([", ".join(sorted(keypoints)), *parts] if keypoints else parts) or "the recipe's"


def _short(value: object) -> str:
    """Return a setting as text, without the marks of Python's dictionaries and strings."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_short(item)}" for key, item in value.items()) + "}"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _is_otherwise(session: Session, row: PlannedRow) -> bool:
    """Return whether a finished row was measured with other settings or data; False where the data are not at hand."""
    at_hand = all(session.bench.file(dataset) for dataset in row.datasets if dataset.file)
    return at_hand and bool(row.cells) and is_stale(row)
