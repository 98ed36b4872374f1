"""Show progress on the terminal, unless it is silenced."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from rich.console import Console

Item = TypeVar("Item")
Held = TypeVar("Held", covariant=True)


@runtime_checkable
class Countable(Protocol[Held]):
    """Items whose number is known in advance."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Held]: ...


_SILENT = ContextVar("posezoo_silent", default=False)


def is_silent() -> bool:
    """Return whether the caller runs inside :func:`silence`."""
    return _SILENT.get()


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Show no progress and no notes of Lightning inside the block."""
    token = _SILENT.set(True)
    try:
        with _lightning_says(logging.ERROR):
            yield
    finally:
        _SILENT.reset(token)


@contextlib.contextmanager
def without_advertisements() -> Iterator[None]:
    """Keep Lightning's notes about devices and products from the terminal inside the block; its warnings are shown."""
    with _lightning_says(logging.WARNING):
        yield


@contextlib.contextmanager
def _lightning_says(least: int) -> Iterator[None]:
    """Show what Lightning logs from a level on, inside the block; inside of another such block, no more than that shows."""
    loggers = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning_fabric")]
    levels = [logger.level for logger in loggers]
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(max(level, least))
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def progress_console() -> Console:
    """Return the console on which progress is drawn: standard error, so that results can go into a pipe."""
    from rich.console import Console

    return Console(stderr=True, quiet=is_silent())


@contextlib.contextmanager
def status(label: str) -> Iterator[None]:
    """Show a line on the terminal while the block runs, where somebody looks on.

    The line is plain, since Rich is among what takes long to import.
    """
    shown = sys.stderr.isatty() and not is_silent()
    if shown:
        print(f"{label} ...", end="\r", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        if shown:
            print(" " * (len(label) + 4), end="\r", file=sys.stderr, flush=True)


def progress(items: Countable[Item], label: str, patience: float = 2.0) -> Iterable[Item]:
    """Yield the items, with a progress bar on the terminal once it has taken ``patience`` seconds."""
    start, bar, task = time.monotonic(), None, None
    total = len(items)
    try:
        for done, item in enumerate(items):
            if bar is None and time.monotonic() - start > patience:
                from rich.progress import Progress

                bar = Progress(console=progress_console(), transient=True)
                bar.start()
                task = bar.add_task(label, total=total)
            if bar is not None and task is not None:
                bar.update(task, completed=done)
            yield item
    finally:
        if bar is not None:
            bar.stop()
