"""Print how far the rows of a call of ``reproduce.py`` are, from another terminal."""

from __future__ import annotations

import time

from reproduction.launching import Job
from reproduction.results import is_finished, read_json
from reproduction.session import Session, runs_of


def print_status(session: Session) -> None:
    """Print the state of every planned row, and the finished steps of its runs; write nothing."""
    from rich.table import Table

    jobs, grid = session.jobs(), Table(title=f"{session.bench.data}, {session.bench.budget} budget")
    for column in ("row", "state", "steps"):
        grid.add_column(column)
    counts = dict.fromkeys(("finished", "running", "failed", "waiting", "impossible"), 0)
    for row in session.rows:
        needed = [jobs[digest] for digest in runs_of(row) if digest in jobs]
        running = [job for job in needed if job.is_taken()]
        if row.impossible:
            state, why = "impossible", row.impossible
        elif is_finished(row.path):
            state, why = "finished", ""
        elif running:
            state, why = "running", ""
        elif row.failure.is_file():
            state, why = "failed", str(read_json(row.failure).get("error"))
        else:
            state, why = "waiting", ""
        counts[state] += 1
        steps = [] if state in ("finished", "impossible") else [_steps(job) for job in running or needed if job.is_begun()]
        grid.add_row(row.title, f"{state}: {why}" if why else state, "; ".join(steps))
    session.console.print(grid)
    session.console.print(", ".join(f"{count} {state}" for state, count in counts.items() if count))


def _steps(job: Job) -> str:
    """Return how many steps a run has done, and when its log was last written, as text."""
    total, logs = job.run.recipe.get("steps"), list(job.folder.glob("train/logs*/metrics.csv"))
    ago = f", {time.time() - max(log.stat().st_mtime for log in logs):.0f} s ago" if logs else ""
    return f"{job.steps_done()}{f' of {total}' if total else ''}{ago}"
