"""Show the progress of a run: a bar on a terminal or in a notebook, lines in a pipe or a log."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import STEP_OUTPUT

from posezoo.terminal import is_silent, progress_console
from posezoo.training.run_folder import is_watched

if TYPE_CHECKING:
    from rich.progress import Progress

SHARE = 0.1
"""A line is printed after each such share of the way,"""
SECONDS = 60.0
"""and where that takes longer, after so many seconds."""

_MEANT = (
    "Found .* module.* in eval mode at the start of training",
    "LightningCLI's args parameter",
    "The '.*_dataloader' does not have many workers",
    "Checkpoint directory .* exists and is not empty",
)


@contextmanager
def meant() -> Iterator[None]:
    """Hide warnings of Lightning about deliberate settings, inside the block.

    Moving averages stay in eval mode, LightningCLI gets its arguments from here, batches are cut from memory without
    workers, and a resumed run goes on in its own folder.
    """
    with warnings.catch_warnings():
        for message in _MEANT:
            warnings.filterwarnings("ignore", message=message)
        yield


class StepsDone(pl.Callback):
    """Show the steps done and left, the time left and the loss.

    Lightning's own bar counts the batches of an epoch, of which a run of so many steps has no number.

    Args:
        steps: how many batches the run trains on; told from the trainer's epochs where not given.
        minutes: after how many the run ends, should the steps take longer.
    """

    def __init__(self, steps: int | None = None, minutes: float | None = None) -> None:
        self.steps, self.minutes = steps, minutes
        self._bar: Progress | None = None
        self._began = self._shown_at = 0.0
        self._first = self._shown = 0

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Start the clock, unless progress is silenced."""
        if self.steps is None:
            batches = trainer.num_training_batches
            if trainer.max_steps > 0:
                self.steps = trainer.max_steps
            elif trainer.max_epochs and trainer.max_epochs > 0 and batches != float("inf"):
                self.steps = int(batches) * trainer.max_epochs
        self._began = self._shown_at = time.monotonic()
        self._first = self._shown = trainer.fit_loop.total_batch_idx + 1
        if trainer.is_global_zero and is_watched() and not is_silent():
            from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = ("steps", MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
            self._bar = Progress(*columns, console=progress_console(), transient=True)
            self._bar.add_task("", total=self.steps, completed=self._first)
            self._bar.start()

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: STEP_OUTPUT, batch: object, batch_idx: int
    ) -> None:
        """Move the bar, or print a line now and then."""
        if not trainer.is_global_zero or is_silent():
            return
        done = trainer.fit_loop.total_batch_idx + 1
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=done, description="" if done % 10 else _loss(trainer))
            return
        now = time.monotonic()
        enough = self.steps is not None and done - self._shown >= SHARE * self.steps
        if enough or now - self._shown_at > SECONDS or done == self.steps:
            self._shown, self._shown_at = done, now
            print(self._line(done, now, _loss(trainer)), flush=True)

    def _line(self, done: int, now: float, loss: str) -> str:
        """Return ``step 500 of 6000, 0:01:40 left, loss 0.12``."""
        parts = [f"step {done}" if self.steps is None else f"step {done} of {self.steps}"]
        if self.steps is not None and done > self._first:
            left = (self.steps - done) * (now - self._began) / (done - self._first)
            if self.minutes is not None:
                left = min(left, 60 * self.minutes - (now - self._began))
            parts.append(f"{timedelta(seconds=max(0, round(left)))} left")
        return ", ".join([*parts, loss] if loss else parts)

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Remove the bar."""
        self._stop()

    def on_exception(self, trainer: pl.Trainer, module: pl.LightningModule, exception: BaseException) -> None:
        """Remove the bar."""
        self._stop()

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _loss(trainer: pl.Trainer) -> str:
    """Return the last logged loss as text; empty where there is none."""
    value = trainer.callback_metrics.get("train/loss", trainer.callback_metrics.get("train/loss_step"))
    return f"loss {float(value):.4g}" if isinstance(value, torch.Tensor) else ""
