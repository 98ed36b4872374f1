"""End a training after so many batches or minutes, or where the process is told to end."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.exceptions import SIGTERMException

from posezoo.distributed import of_first
from posezoo.lifting import ZooModule


@contextmanager
def terminated_by_signal() -> Iterator[None]:
    """Let a process that SIGTERM ends exit with 143, the code of shells for it, and pass Ctrl-C on.

    Lightning catches SIGTERM and exits at the end of the batch, without a code, which reads as success. It catches Ctrl-C
    and exits with 1, the code of a mistake of ours.

    Raises:
        KeyboardInterrupt: of Ctrl-C.
    """
    try:
        yield
    except SIGTERMException as end:
        end.code = 128 + signal.SIGTERM
        raise
    except SystemExit as end:
        if isinstance(end.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from end
        raise


class StopAfter(pl.Callback):
    """End training after so many batches or minutes, whichever comes first, and tell the model its progress.

    Lightning's ``max_steps`` counts every optimizer's steps: two a batch for a GAN. Of several processes the first one's
    clock counts: rates that fall with the time are the same on all, and all end with the same batch.

    Args:
        steps: batches; no limit where not given.
        minutes: of training; no limit where not given. A resumed run starts to count again.
    """

    def __init__(self, steps: int | None = None, minutes: float | None = None) -> None:
        self.steps, self.minutes = steps, minutes
        self._begun = 0.0

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Start the clock, and end a resumed run that has all its steps, as one that was killed in its test has."""
        self._begun = time.monotonic()
        if self.steps is not None and trainer.fit_loop.total_batch_idx + 1 >= self.steps:
            trainer.should_stop = True

    def done(self, batches: int, device: torch.device | str | None = None) -> float:
        """Return the share of the run that is done after so many batches, at this moment; the same on all processes.

        Args:
            batches: so far.
            device: of the model.
        """
        shares = [0.0]
        if self.steps is not None:
            shares.append(batches / self.steps)
        if self.minutes is not None:
            shares.append(of_first((time.monotonic() - self._begun) / 60 / self.minutes, device))
        return max(shares)

    def on_train_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: object, index: int) -> None:
        if isinstance(module, ZooModule):
            module.progress.done = self.done(trainer.fit_loop.total_batch_idx + 1, module.device)

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: object, batch: object, index: int
    ) -> None:
        if self.done(trainer.fit_loop.total_batch_idx + 1, module.device) >= 1:
            trainer.should_stop = True
