"""What is shown while something is done, unless it was asked not to be."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_SILENT = ContextVar("posezoo_silent", default=False)


def is_silent() -> bool:
    """Whether :func:`silence` holds here."""
    return _SILENT.get()


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """No progress, and no notes of Lightning's, inside the block."""
    token, logger = _SILENT.set(True), logging.getLogger("pytorch_lightning")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        _SILENT.reset(token)
        logger.setLevel(level)


def progress_console() -> Console:
    """Where progress is drawn: standard error, so that results can go into a pipe."""
    from rich.console import Console

    return Console(stderr=True, quiet=is_silent())
