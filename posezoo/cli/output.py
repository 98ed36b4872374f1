"""Tables and progress on the terminal, and plain wide lines where the output is read by a program."""

from __future__ import annotations

import sys

from rich.console import Console


def console() -> Console:
    """As wide as the terminal; 160 columns in a pipe or a file, where nothing should be folded or cut."""
    return Console(width=None if sys.stdout.isatty() else 160, soft_wrap=not sys.stdout.isatty())
