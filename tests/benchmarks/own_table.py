"""Write a table small enough to run in a test, and call ``reproduce.py`` on it as a user does."""

from __future__ import annotations

import contextlib
import io
import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks" / "reproduce.py"
TABLE = {
    "title": "Table 1: small", "caption": "C", "protocol": "P", "data": "h36m",
    "columns": {"p": {"title": "P-MPJPE", "metric": "p_mpjpe"}},
    "rows": {
        "one": {"title": "One", "recipe": "small", "published": {"p": 50.0}},
        "two": {"title": "Two", "recipe": "small", "model": {"width": 12}, "published": {"p": 60.0}},
        "flat": {"title": "Flat", "recipe": "flat", "added": True},
    },
}  # fmt: skip


def small(steps: int) -> dict[str, Any]:
    return {
        "paper": "martinez", "steps": steps, "model": {"width": 8, "normalization": "root"},
        "data": {"batch_size": 32}, "trainer": {"limit_train_batches": 10, "limit_val_batches": 0},
    }  # fmt: skip


def write_own(tmp_path: Path) -> Path:
    """Write a folder with a table and its recipes: all that a new table takes."""
    for name in ("tables", "recipes"):
        (tmp_path / name).mkdir()
    (tmp_path / "tables" / "own_table1.yaml").write_text(yaml.safe_dump(TABLE))
    (tmp_path / "recipes" / "small.yaml").write_text(yaml.safe_dump({"smoke": small(20)}))
    (tmp_path / "recipes" / "flat.yaml").write_text(yaml.safe_dump({"baseline": "flat_depth"}))
    return tmp_path


def command(folder: Path, *arguments: str, results: str = "results") -> list[str]:
    return [
        sys.executable, str(SCRIPT), "own/table1", "--tables", str(folder / "tables"), "--recipes", str(folder / "recipes"),
        "--results", str(folder / results), "--data", "procedural", "--budget", "smoke", "--accelerator", "cpu", *arguments,
    ]  # fmt: skip


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def call(folder: Path, *arguments: str, results: str = "results") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(folder, *arguments, results=results), capture_output=True, text=True, env=environment(), timeout=300
    )


class Forked:
    """Stand in for ``subprocess.Popen`` of a worker: fork this process, which has imported all that a worker imports."""

    def __init__(self, command: Sequence[str], stdout: IO[bytes], stderr: int, env: dict[str, str]) -> None:
        assert Path(command[1]).name == "worker.py"
        assert stderr == subprocess.STDOUT
        self.process = multiprocessing.get_context("fork").Process(target=self._work, args=(command[2], stdout, env))
        self.process.start()

    @staticmethod
    def _work(folder: str, log: IO[bytes], env: dict[str, str]) -> None:
        from reproduction.worker import work

        os.environ.update(env)
        sys.stdout = sys.stderr = open(log.fileno(), "w", closefd=False)  # noqa: SIM115  open until the fork ends
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
        code = work(Path(folder))
        sys.stdout.flush()
        os._exit(code)

    def poll(self) -> int | None:
        return self.process.exitcode

    def terminate(self) -> None:
        self.process.terminate()

    def wait(self, timeout: float) -> None:
        self.process.join(timeout)


def call_here(folder: Path, *arguments: str, results: str = "results") -> subprocess.CompletedProcess[str]:
    """Do what :func:`call` does without starting Python: call ``main`` in this process and fork workers from it."""
    import pytorch_lightning  # noqa: F401  workers import it otherwise, each again
    import reproduce
    import torch
    from reproduction import local

    class Subprocess:
        Popen = Forked
        STDOUT = subprocess.STDOUT
        TimeoutExpired = subprocess.TimeoutExpired

    torch.set_num_threads(1)  # a fork of a process whose threads have computed must not use threads
    asked = command(folder, *arguments, results=results)
    out, errors = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        patch.setattr(local, "subprocess", Subprocess)
        code = reproduce.main(asked[2:])
    return subprocess.CompletedProcess(asked, code, out.getvalue(), errors.getvalue())


def result(folder: Path, row: str, results: str = "results") -> dict[str, Any]:
    return json.loads((folder / results / "own/table1/procedural-smoke" / f"{row}-0.json").read_text())


def wait_for(what: Any, seconds: float = 120) -> None:
    """Wait until something is there; fail where it does not come."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
