"""Runs side by side: as processes of this machine, or as jobs of a Slurm cluster."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reproduction.plan import Run
from reproduction.results import read_json
from reproduction.worker import BUSY, write_json

from posezoo.errors import InputError

WORKER = Path(__file__).with_name("worker.py")


@dataclass
class Job:
    """A run with its tests, and how it went.

    Attributes:
        run: what to train.
        spec: the content of its ``run.json``.
        folder: of the run.
        state: ``waiting``, ``running``, ``done``, ``failed`` or ``busy`` (another process has it).
        error: one sentence where it failed.
        attempts: how often it was started.
        not_before: when it may be tried again, by the clock of ``time.monotonic``.
    """

    run: Run
    spec: dict[str, Any]
    folder: Path
    state: str = "waiting"
    error: str = ""
    attempts: int = 0
    not_before: float = 0.0

    def prepare(self) -> None:
        """Write what is to be done; an error of an earlier call is forgotten."""
        (self.folder / "error.json").unlink(missing_ok=True)
        write_json(self.folder / "run.json", self.spec)

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    def is_complete(self) -> bool:
        """Whether everything it was asked for is there."""
        tests = (self.folder / "tests" / f"{test['key']}.json" for test in self.spec["tests"])
        return (self.folder / "origin.json").is_file() and all(path.is_file() for path in tests)

    def steps_done(self) -> int:
        """Batches trained so far, from the run's own log."""
        logs = sorted(self.folder.glob("train/logs*/metrics.csv"), key=lambda path: path.stat().st_mtime)
        try:
            lines = logs[-1].read_text(encoding="utf-8").splitlines()
            column = lines[0].split(",").index("step")
            return int(lines[-1].split(",")[column]) + 1
        except (IndexError, ValueError, OSError):
            return 0

    def settle(self, ended: str) -> None:
        """Note how a process ended that may have been killed at any point."""
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
        devices: processes of one run.
        interval: seconds between two looks.
        retries: how often a run that was killed (not one that failed) is started again.
    """

    devices: int = 1
    interval: float = 0.5
    retries: int = 0

    @abstractmethod
    def start(self, job: Job) -> Any:
        """Start a job; what is returned is handed back to the other methods."""

    @abstractmethod
    def ended(self, handle: Any, job: Job) -> str | None:
        """How the job ended, in words; ``busy`` where another process has the run; None while it is under way."""

    @abstractmethod
    def stop(self, handle: Any) -> None:
        """Stop a job."""

    @property
    @abstractmethod
    def places(self) -> int:
        """How many jobs may be started at a time."""

    def run(self, jobs: Sequence[Job], changed: Callable[[Job], None], tick: Callable[[list[Job]], None]) -> None:
        """Run all jobs to their ends; those that another process has are waited for last."""
        waiting, running = list(jobs), dict[int, tuple[Job, Any]]()
        try:
            while waiting or running:
                while len(running) < self.places:
                    ready = [job for job in waiting if job.not_before <= time.monotonic()]
                    if not ready:
                        break
                    job = ready[0]
                    waiting.remove(job)
                    if job.is_complete():  # by another process, meanwhile
                        job.state = "done"
                        changed(job)
                        continue
                    if job.state == "waiting":
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
                        changed(job)
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
    """A worker's environment.

    Small batches on a CPU spend half of their time in page faults where glibc hands memory back after each step; the
    ``MALLOC_`` variables keep it (twice the steps per second, ``benchmarks/README.md``).
    """
    keep = {"MALLOC_MMAP_THRESHOLD_": "33554432", "MALLOC_TRIM_THRESHOLD_": "8589934592", "MALLOC_TOP_PAD_": "67108864"}
    settings = {"OMP_NUM_THREADS": str(threads), "PYTHONUNBUFFERED": "1", **keep}
    if visible is not None:
        settings["CUDA_VISIBLE_DEVICES"] = visible
    return {**settings, **{key: value for key, value in os.environ.items() if key in keep}}


@dataclass
class LocalLauncher(Launcher):
    """Processes of this machine, each with devices or cores of its own.

    Attributes:
        jobs: how many runs side by side.
        gpus: how many the machine has.
    """

    jobs: int = 1
    gpus: int = 0
    _free: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.gpus and self.gpus < self.jobs * self.devices:
            raise InputError(
                f"--jobs {self.jobs} of --devices {self.devices} need {self.jobs * self.devices} GPUs; there are {self.gpus}."
            )
        self._free = list(range(self.jobs))

    @property
    def places(self) -> int:
        return self.jobs

    def start(self, job: Job) -> tuple[subprocess.Popen[bytes], int]:
        place = self._free.pop(0)
        threads = max(1, (os.cpu_count() or 1) // (self.jobs * self.devices))
        first = place * self.devices
        visible = ",".join(str(gpu) for gpu in range(first, first + self.devices)) if self.gpus else None
        with job.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, str(WORKER), str(job.folder)],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment(threads, visible)},
            )
        return process, place

    def ended(self, handle: tuple[subprocess.Popen[bytes], int], job: Job) -> str | None:
        process, place = handle
        code = process.poll()
        if code is None:
            return None
        self._free.append(place)
        return "busy" if code == BUSY else f"killed by signal {-code}" if code < 0 else f"ended with code {code}"

    def stop(self, handle: tuple[subprocess.Popen[bytes], int]) -> None:
        process, _ = handle
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


@dataclass
class SlurmLauncher(Launcher):
    """Jobs of a Slurm cluster, submitted by submitit; all at once, the queue decides.

    A run is one task that starts its own ``devices`` processes on one node. A job that ends without its results, because it
    was preempted, ran out of time or was killed, is submitted again and goes on from its last checkpoint.

    Attributes:
        logs: folder of the scripts and outputs, seen by all nodes.
        partition, minutes: of every job.
        gpus: whether jobs ask for ``devices`` GPUs.
        cores: per device.
        options: any others, as ``sbatch`` names them.
    """

    logs: Path = Path("slurm")
    partition: str | None = None
    minutes: int = 240
    gpus: bool = False
    cores: int = 1
    options: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            import submitit
        except ImportError as error:
            raise InputError("--launcher slurm needs submitit: pip install posezoo[benchmarks].") from error
        if not shutil.which("sbatch"):
            raise InputError("--launcher slurm needs Slurm's commands; sbatch is not on the PATH.")
        self.logs.mkdir(parents=True, exist_ok=True)
        self._executor = submitit.AutoExecutor(folder=self.logs, cluster="slurm")
        extra = {"requeue": True, **self.options}
        self._executor.update_parameters(
            name="posezoo",
            nodes=1,
            tasks_per_node=1,
            timeout_min=self.minutes,
            cpus_per_task=self.cores * self.devices,
            slurm_additional_parameters=extra,
            **({"slurm_partition": self.partition} if self.partition else {}),
            **({"gpus_per_node": self.devices} if self.gpus else {}),
        )

    @property
    def places(self) -> int:
        return 1000

    def start(self, job: Job) -> Any:
        import submitit

        # `env` sets the variables before Python starts, which is when the allocator reads them.
        settings = [f"{key}={value}" for key, value in environment(self.cores).items()]
        command = ["env", *settings, sys.executable, str(WORKER), str(job.folder)]
        try:
            return self._executor.submit(submitit.helpers.CommandFunction(command, verbose=True))
        except submitit.core.utils.FailedJobError as error:
            raise InputError(f"Slurm refused the job: {' '.join(str(error).split())[-300:]}") from error

    def ended(self, handle: Any, job: Job) -> str | None:
        """Asked of the queue, not of the accounting, which a cluster may not have."""
        listed = subprocess.run(["squeue", "-h", "-o", "%T", "-j", handle.job_id], capture_output=True, text=True)
        state = listed.stdout.strip()
        if listed.returncode == 0 and state and state not in ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL"):
            return None
        if listed.returncode != 0 and "Invalid job id" not in listed.stderr:
            return None  # the controller does not answer; ask again
        log = Path(str(handle.paths.stdout))
        if log.is_file() and "another process is at this run" in log.read_text(errors="replace"):
            return "busy"
        shutil.copyfile(log, job.log) if log.is_file() else None
        return f"Slurm job {handle.job_id} ended without its results"

    def stop(self, handle: Any) -> None:
        handle.cancel(check=False)
