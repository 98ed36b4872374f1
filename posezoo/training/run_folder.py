"""Prepare the folder of a run: what it may overwrite, and what writes its logs and checkpoints."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger, Logger, WandbLogger

from posezoo.errors import InputError, SaveError
from posezoo.extras import require
from posezoo.lifting import ZooModule


def folder_for_run(out: str | Path, resume: bool) -> tuple[Path, Path | None]:
    """Return the folder of a run and the checkpoint to resume from.

    Raises:
        InputError: there is a run already and ``resume`` is not set, or the other way round.
    """
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is no folder; a run needs a folder of its own.")
    last = out / "checkpoints" / "last.ckpt"
    if last.is_file() and not resume:
        raise InputError(f"{out} holds a run already; go on with --resume or choose another --out.")
    if resume and not last.is_file():
        raise InputError(f"{out} holds no run to resume: {last} is not there.")
    return out, last if resume else None


def changed_setting(begun: Mapping[str, object], now: Mapping[str, object]) -> str | None:
    """Return the name of a setting that a run began with and that has another value now; None where there is none.

    A setting that only one of the two has came or went with a version of PoseZoo.
    """
    return next((name for name, value in now.items() if begun.get(name, value) != value), None)


def is_watched() -> bool:
    """Return whether output goes to a terminal or notebook; elsewhere Lightning's bar leaves control characters."""
    return sys.stdout.isatty() or "ipykernel" in sys.modules


def writable(folder: Path) -> None:
    """Create a folder before the work whose results it will hold.

    Raises:
        SaveError: it cannot be made, or not be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, "not writable")
    except OSError as error:
        raise SaveError(f"--out {folder} cannot be used ({error.strerror or error}); choose another folder.") from error


def make_logger(kind: str, out: Path) -> Logger:
    """Make a logger: ``csv`` writes ``metrics.csv``, ``wandb`` logs to W&B (offline with ``WANDB_MODE=offline``)."""
    if kind == "csv":
        # Lightning empties an existing log folder, so that a resumed run needs another.
        runs = len(list(out.glob("logs*")))
        return CSVLogger(out, name="", version=f"logs-{runs}" if runs else "logs")
    require("wandb", "--logger wandb", "'posezoo[wandb]'")
    out.mkdir(parents=True, exist_ok=True)
    return WandbLogger(project="posezoo", name=os.environ.get("WANDB_NAME", out.name), save_dir=str(out))


def checkpointing(out: Path) -> ModelCheckpoint:
    """Return the callback that keeps the last state of every epoch, for ``--resume``."""
    return ModelCheckpoint(dirpath=out / "checkpoints", filename="last", every_n_epochs=1, enable_version_counter=False)


class _Best(ModelCheckpoint):
    """Lightning's callback, which here accepts a validation without the metric, as early ones may be."""

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.monitor in trainer.callback_metrics:
            super().on_validation_end(trainer, pl_module)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.monitor in trainer.callback_metrics:
            super().on_train_epoch_end(trainer, pl_module)


def keep_best(out: Path, model: ZooModule) -> list[ModelCheckpoint]:
    """Return the callback that keeps the checkpoint of the best validation, ``checkpoints/best.ckpt``.

    The metric is the model's :attr:`posezoo.lifting.ZooModule.monitor`: models that learn without labels are judged without.
    The weights that a run writes are the last ones all the same.
    """
    if not model.monitor:
        return []
    return [
        _Best(dirpath=out / "checkpoints", filename="best", monitor=model.monitor, mode="min", enable_version_counter=False)
    ]
