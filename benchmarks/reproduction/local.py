"""Run jobs as processes of this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field

from posezoo.errors import InputError
from reproduction.launching import WORKER, Job, Launcher, environment
from reproduction.worker import BUSY


@dataclass
class LocalLauncher(Launcher):
    """Starts jobs as processes of this machine, each with devices or cores of its own.

    Attributes:
        jobs: how many runs at a time.
        gpus: how many GPUs the machine has.
    """

    jobs: int = 1
    gpus: int = 0
    _free: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        needed = self.jobs * self.devices
        if self.gpus and self.gpus < needed:
            raise InputError(f"--jobs {self.jobs} of --devices {self.devices} need {needed} GPUs; there are {self.gpus}.")
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
        return "busy" if code == BUSY else how_ended(code)

    def stop(self, handle: tuple[subprocess.Popen[bytes], int]) -> None:
        process, _ = handle
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def how_ended(code: int) -> str:
    """Return in words how a process ended.

    Args:
        code: its exit code; of a signal, its negative number, or 128 and its number, as shells say it.

    Example:
        >>> how_ended(-9), how_ended(143), how_ended(1)
        ('killed by SIGKILL', 'killed by SIGTERM', 'ended with code 1')
    """
    try:
        return f"killed by {signal.Signals(-code if code < 0 else code - 128).name}"
    except ValueError:
        return f"ended with code {code}"
