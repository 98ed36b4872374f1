"""Track the progress of a run, which steps or minutes end, and decay rates with it."""

from __future__ import annotations

import math

import torch


class Progress:
    """The share of a run that is done, from 0 to 1; the training loop sets :attr:`done`.

    Example:
        >>> from posezoo.lifting.schedule import Progress
        >>> progress = Progress()
        >>> progress.done
        0.0
    """

    done: float = 0.0


class Part(Progress):
    """A part of a run, with a progress of its own.

    Args:
        whole: progress of the run.
        begin, end: of the part, shares of the run.
    """

    def __init__(self, whole: Progress, begin: float, end: float) -> None:
        self.whole, self.begin, self.end = whole, begin, end

    @property
    def done(self) -> float:  # type: ignore[override]
        """The share of the part that is done."""
        return min(max((self.whole.done - self.begin) / max(self.end - self.begin, 1e-9), 0.0), 1.0)


def cosine(
    optimizer: torch.optim.Optimizer, progress: Progress, warmup: float = 0.0
) -> torch.optim.lr_scheduler.LRScheduler:
    """Return a schedule that takes the rate to zero along a half cosine over the run, after a linear rise.

    Args:
        optimizer: whose rates follow.
        progress: of the run.
        warmup: share of the run that the rise takes.
    """

    def factor(_: int) -> float:
        done = min(progress.done, 1.0)
        rise = 1.0 if warmup <= 0 else min(1.0, (done + warmup / 20) / warmup)
        return rise * (1 + math.cos(math.pi * done)) / 2

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
