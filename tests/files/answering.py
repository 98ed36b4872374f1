"""Read a file that may be hostile, and tell how that ended."""

from __future__ import annotations

import contextlib
import signal
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import posezoo
from posezoo.errors import PoseZooError

SLOW_S, LARGE_KB = 20, 2 * 2**20


def read_index(path: Path) -> object:
    """List the models of an index in a folder of its own."""
    with mock.patch("posezoo.registry.index.checkpoint_folders", return_value=[path.parent]):
        return posezoo.list_models()


def answer(name: str, path: Path, read: Callable[[Path], object]) -> tuple[str, list[str]]:
    """Read a file; return how that ended, and what should not have happened: a traceback, a hang, much memory."""
    wrong, before, begun = [], _memory("VmRSS"), time.monotonic()
    try:
        with warnings.catch_warnings(), _alarm():
            warnings.simplefilter("ignore")
            read(path)
        end = "read"
    except PoseZooError as error:
        end = "one sentence"
        if "\n" in str(error) or not 10 < len(str(error)) < 2000:
            wrong.append(f"{name}: {str(error)[:300]!r}")
    except _Late:
        end = "hang"
    except KeyboardInterrupt:
        raise
    except BaseException:  # what the campaign looks for, SystemExit among it
        end = "traceback"
        wrong.append(f"{name}: {traceback.format_exc(limit=-3)[-1500:]}")
    if (taken := time.monotonic() - begun) > SLOW_S:
        wrong.append(f"{name}: {taken:.0f} s")
    if (grown := _memory("VmHWM") - before) > LARGE_KB:
        wrong.append(f"{name}: {grown / 2**20:.1f} GiB")
    return end, wrong


class _Late(BaseException):
    """Interrupt a reader that takes too long; readers catch every Exception, so this is none."""


@contextlib.contextmanager
def _alarm() -> Iterator[None]:
    """End a block that takes longer than :data:`SLOW_S`, even where it waits for a file."""

    def ring(*_: object) -> None:
        raise _Late

    former = signal.signal(signal.SIGALRM, ring)
    signal.alarm(SLOW_S + 1)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, former)


def _memory(field: str) -> int:
    """Return a figure of this process in kB, 0 where the system does not tell; ``VmRSS`` also begins a new peak."""
    try:
        if field == "VmRSS":
            Path("/proc/self/clear_refs").write_text("5")
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(field)), 0)
