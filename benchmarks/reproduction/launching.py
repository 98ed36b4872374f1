"""Run jobs beside each other: what every launcher does with them, whether on this machine or on a cluster."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from reproduction.results import read_json
from reproduction.runs import Run
from reproduction.worker import write_json

WORKER = Path(__file__).with_name("worker.py")


@dataclass
class Job:
    """A run with its tests, and its state.

    Attributes:
        run: what to train.
        spec: the content of its ``run.json``.
        folder: the folder of the run.
        state: ``waiting``, ``running``, ``done``, ``failed``, or ``busy`` where another process has the run.
        error: one sentence where the job failed.
        attempts: how often it was started.
        not_before: the earliest time of the next attempt, by ``time.monotonic``.
        needs: the job whose weights this one starts from.
    """

    run: Run
    spec: dict[str, Any]
    folder: Path
    state: str = "waiting"
    error: str = ""
    attempts: int = 0
    not_before: float = 0.0
    needs: Job | None = None

    def may_start(self) -> bool:
        """Return whether the job that this one needs, if any, is done."""
        return self.not_before <= time.monotonic() and (self.needs is None or self.needs.state in ("done", "failed"))

    def prepare(self) -> None:
        """Write ``run.json``, and remove the error of an earlier call."""
        (self.folder / "error.json").unlink(missing_ok=True)
        write_json(self.folder / "run.json", self.spec)

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    def is_complete(self) -> bool:
        """Return whether the weights and all results that were asked for exist."""
        tests = (self.folder / "tests" / f"{test['key']}.json" for test in self.spec["tests"])
        return (self.folder / "origin.json").is_file() and all(path.is_file() for path in tests)

    def is_taken(self) -> bool:
        """Return whether another process works on the run."""
        if not self.folder.is_dir():
            return False
        try:
            with FileLock(self.folder / "lock", timeout=0):
                return False
        except Timeout:
            return True

    def is_begun(self) -> bool:
        """Return whether there is a checkpoint to resume from."""
        return (self.folder / "train" / "checkpoints" / "last.ckpt").is_file()

    def steps_done(self) -> int:
        """Return the number of batches trained so far, as the run's log says; the log is written with a delay."""
        logs = sorted(self.folder.glob("train/logs*/metrics.csv"), key=lambda path: path.stat().st_mtime)
        try:
            lines = logs[-1].read_text(encoding="utf-8").splitlines()
            column = lines[0].split(",").index("step")
            return int(lines[-1].split(",")[column]) + 1
        except (IndexError, ValueError, OSError):
            return 0

    def settle(self, ended: str) -> None:
        """Set the state after the process has ended; it may have been killed at any point."""
        if self.is_complete():
            self.state = "done"
        else:
            self.state = "failed"
            error = self.folder / "error.json"
            self.error = read_json(error)["error"] if error.is_file() else f"{ended}; its log is {self.log}"


@dataclass
class Launcher(ABC):
    """Starts jobs and watches them.

    Attributes:
        devices: the number of processes of one run.
        interval: seconds between two checks of the running jobs.
        retries: how often a run that was killed is started again. A run that failed is not started again.
    """

    devices: int = 1
    interval: float = 0.5
    retries: int = 0

    @abstractmethod
    def start(self, job: Job) -> Any:
        """Start a job and return a handle, which the other methods take."""

    @abstractmethod
    def ended(self, handle: Any, job: Job) -> str | None:
        """Return how the job ended, in words; ``busy`` where another process has the run; None while it runs."""

    @abstractmethod
    def stop(self, handle: Any) -> None:
        """Stop a job."""

    @property
    @abstractmethod
    def places(self) -> int:
        """Return how many jobs may run at a time."""

    def run(self, jobs: Sequence[Job], changed: Callable[[Job], None], tick: Callable[[list[Job]], None]) -> None:
        """Run all jobs until each has ended; jobs that another process has are waited for last."""
        waiting, running = list(jobs), dict[int, tuple[Job, Any]]()
        try:
            while waiting or running:
                while len(running) < self.places:
                    ready = [job for job in waiting if job.may_start()]
                    if not ready:
                        break
                    job = ready[0]
                    waiting.remove(job)
                    if job.needs is not None and job.needs.state == "failed":
                        job.state, job.error = "failed", f"what it starts from failed: {job.needs.error}"
                        changed(job)
                        continue
                    if job.is_complete():  # another process completed it meanwhile
                        job.state = "done"
                        changed(job)
                        continue
                    if job.is_taken():
                        job.not_before = time.monotonic() + 3
                        waiting.append(job)
                        if job.state != "busy":
                            job.state = "busy"
                            changed(job)
                        continue
                    job.prepare()
                    job.state, job.attempts = "running", job.attempts + 1
                    running[id(job)] = (job, self.start(job))
                    changed(job)
                time.sleep(self.interval)
                tick([job for job, _ in running.values()])
                for key, (job, handle) in list(running.items()):
                    how = self.ended(handle, job)
                    if how is None:
                        continue
                    del running[key]
                    if how == "busy":
                        job.state, job.attempts, job.not_before = "busy", job.attempts - 1, time.monotonic() + 3
                        waiting.append(job)
                        continue
                    job.settle(how)
                    if job.state == "failed" and not (job.folder / "error.json").is_file() and job.attempts <= self.retries:
                        job.state = "waiting"
                        waiting.insert(0, job)
                    changed(job)
        finally:
            for _, handle in running.values():
                self.stop(handle)


def environment(threads: int, visible: str | None = None) -> dict[str, str]:
    """Return the environment variables of a worker.

    Small batches on a CPU spend half of their time in page faults where glibc returns memory to the system after each step.
    The ``MALLOC_`` variables make glibc keep it, which doubles the steps per second (``benchmarks/README.md``).
    """
    keep = {"MALLOC_MMAP_THRESHOLD_": "33554432", "MALLOC_TRIM_THRESHOLD_": "8589934592", "MALLOC_TOP_PAD_": "67108864"}
    settings = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(threads)), "PYTHONUNBUFFERED": "1", **keep}
    if visible is not None:
        settings["CUDA_VISIBLE_DEVICES"] = visible
    return {**settings, **{key: value for key, value in os.environ.items() if key in keep}}
