"""Run jobs on a Slurm cluster."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posezoo.errors import InputError
from posezoo.extras import require
from reproduction.launching import WORKER, Job, Launcher, environment


@dataclass
class SlurmLauncher(Launcher):
    """Submits jobs to Slurm through submitit, all at once; Slurm's queue decides when each runs.

    A run is one task that starts its own ``devices`` processes on one node. A job that ends without its results, because it
    was preempted, ran out of time or was killed, is submitted again and resumes from its last checkpoint.

    Attributes:
        logs: the folder of scripts and outputs, which all nodes can read.
        partition, minutes: of every job.
        gpus: whether jobs ask for ``devices`` GPUs.
        cores: CPU cores per device.
        options: further options, as ``sbatch`` names them.
    """

    logs: Path = Path("slurm")
    partition: str | None = None
    minutes: int = 240
    gpus: bool = False
    cores: int = 1
    options: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        submitit = require("submitit", "--launcher slurm", "'posezoo[benchmarks]'")
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
        """Return how the job ended, as the queue says it; a cluster may have no accounting to ask."""
        listed = subprocess.run(["squeue", "-h", "-o", "%T", "-j", handle.job_id], capture_output=True, text=True)
        state = listed.stdout.strip()
        if listed.returncode == 0 and state and state not in ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL"):
            return None
        if listed.returncode != 0 and "Invalid job id" not in listed.stderr:
            return None  # the controller does not answer, so ask again later
        log = Path(str(handle.paths.stdout))
        if log.is_file() and "another process is at this run" in log.read_text(errors="replace"):
            return "busy"
        shutil.copyfile(log, job.log) if log.is_file() else None
        return f"Slurm job {handle.job_id} ended without its results"

    def stop(self, handle: Any) -> None:
        handle.cancel(check=False)
