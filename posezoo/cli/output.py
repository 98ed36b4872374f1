"""Tables and errors on the terminal, and plain wide lines where the output is read by a program."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from posezoo.errors import PoseZooError

if TYPE_CHECKING:
    from rich.console import Console


def console() -> Console:
    """As wide as the terminal; 160 columns in a pipe or a file, where nothing should be folded or cut."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 160, soft_wrap=not sys.stdout.isatty())


def print_anything() -> None:
    r"""Let no text stop a run: what the console's encoding lacks (cp1252 in a pipe) is printed as ``\u041f``."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def guarded(program: str, action: Callable[[], int], interrupted: str = "interrupted") -> int:
    """Run a command; errors that a user can mend are one sentence and exit code 2.

    Args:
        program: what the sentence begins with.
        action: the command, which returns its exit code.
        interrupted: what to say after Ctrl-C (exit code 130).
    """
    try:
        return action()
    except PoseZooError as error:
        print(f"{program}: error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output went away, as `posezoo list | head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        print(f"{program}: error: {error.strerror or error}: {error.filename or ''}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{program}: {interrupted}", file=sys.stderr)
        return 130
