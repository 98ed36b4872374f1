"""Write a table small enough to run in a test, and call ``reproduce.py`` on it as a user does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

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


def result(folder: Path, row: str, results: str = "results") -> dict[str, Any]:
    return json.loads((folder / results / "own/table1/procedural-smoke" / f"{row}-0.json").read_text())


def wait_for(what: Any, seconds: float = 120) -> None:
    """Wait until something is there; fail where it does not come."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
