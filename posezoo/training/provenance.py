"""Collect the provenance of weights and results: command, seed, commit, versions, machine."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from posezoo.version import __version__


def commit() -> str:
    """Return the commit of the source checkout, with ``+`` where it has changes; empty in an installed package."""
    folder = Path(__file__).resolve().parents[2]
    if not (folder / ".git").exists():
        return ""
    try:
        head = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True, timeout=10
        )
        state = subprocess.run(
            ["git", "status", "--porcelain", "--", "posezoo"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return head.stdout.strip() + ("+" if state.stdout.strip() else "")


def command() -> str:
    """Return the command line as a user would type it, without the folder it wrote to."""
    program, arguments = Path(sys.argv[0]).name, sys.argv[1:]
    while "--out" in arguments:
        place = arguments.index("--out")
        del arguments[place : place + 2]
    return shlex.join(["posezoo" if program in ("posezoo", "__main__.py") else program, *arguments])


def provenance(seed: int | None) -> dict[str, object]:
    """Return everything that is needed to repeat a run."""
    import pytorch_lightning
    import torch

    return {
        "command": command(),
        "seed": seed,
        "commit": commit(),
        "versions": {
            "posezoo": __version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "pytorch_lightning": pytorch_lightning.__version__,
        },
        "machine": f"{platform.machine()}, {torch.cuda.get_device_name() if torch.cuda.is_available() else 'CPU'}",
    }


def without_folders(settings: Mapping[str, object]) -> dict[str, object]:
    """Return what of the data's settings says what was read, not where: no ``path`` and the like, files by their name."""

    def portable(value: object) -> object:
        if isinstance(value, Mapping):
            return {key: portable(each) for key, each in value.items()}
        return Path(value).name if isinstance(value, (str, Path)) and os.sep in str(value) else value

    kept = {key: value for key, value in settings.items() if key != "source" and key.rpartition("_")[2] != "path"}
    return {key: portable(value) for key, value in kept.items()}
