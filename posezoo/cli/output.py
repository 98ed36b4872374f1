"""Tables and errors on the terminal, and plain wide lines where the output is read by a program."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from posezoo.errors import PoseZooError

if TYPE_CHECKING:
    from rich.console import Console


def console() -> Console:
    """Return a console as wide as the terminal; of 160 columns in a pipe or a file, where no line should be cut."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 160, soft_wrap=not sys.stdout.isatty())


class _Nowhere(io.StringIO):
    """A stream that keeps nothing of what is printed to it."""

    def write(self, text: str) -> int:
        return len(text)


def print_anything() -> None:
    r"""Print characters that the console's encoding lacks (cp1252 in a pipe) as ``\u041f``; never stop with an error.

    Where a stream is closed (``2>&-``, pythonw), Python has None in its place, which nothing can be printed to.
    """
    sys.stdout, sys.stderr = (_Nowhere() if stream is None else stream for stream in (sys.stdout, sys.stderr))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


# What advice for Python is called at the command line, and the option without which a command cannot follow it.
_AT_THE_COMMAND_LINE = {
    "incomplete='nan'": ("--skip-incomplete", "--skip-incomplete"),
    "posezoo.video.lift": ("--fill-gaps FRAMES", "--fill-gaps"),
    "read_keypoints(image_size=(width, height))": ("--image-size WIDTH HEIGHT", "--image-size"),
    "call predict_views": ("run posezoo predict", ""),
}
_RENAMED = {"max_gap": "fill_gaps"}
"""Options by the arguments of Python whose name is another."""


def in_options(message: str, known: Collection[str]) -> str:
    """Return a sentence with command-line options in place of the arguments of Python that it names.

    Errors and warnings of the library name arguments as ``name=value`` or, without a value, as ``name=``.

    Args:
        message: the sentence.
        known: the options of the command; other arguments stay as they are.

    Example:
        >>> in_options("Name its layout (skeleton='coco17').", ["--skeleton"])
        'Name its layout (--skeleton coco17).'
        >>> in_options("steps is 0; expected 1 or more.", ["--steps"])
        '--steps is 0; expected 1 or more.'
        >>> in_options("Fill longer gaps (max_gap=), or leave those poses out (incomplete='nan').", ["--fill-gaps"])
        "Fill longer gaps (--fill-gaps), or leave those poses out (incomplete='nan')."
    """

    def option(name: str) -> str:
        dashed = f"--{_RENAMED.get(name, name).replace('_', '-')}"
        return next((each for each in (dashed, f"--data.{name}") if each in known), "")  # the latter is of trainings

    def given(match: re.Match[str]) -> str:
        value = match[2].strip("'\"")
        if value.startswith("("):  # such as (width, height)
            value = value.strip("()").replace(",", "").upper()
        return f"{option(match[1])} {value}" if option(match[1]) else match[0]

    for words, (options, needed) in _AT_THE_COMMAND_LINE.items():
        if not needed or needed in known:
            message = message.replace(words, options)
    message = re.sub(r"(?<![\w-])([a-z]\w*)=('[^']*'|\"[^\"]*\"|\([^)]*\)|[\w-]+)", given, message)
    message = re.sub(r"(?<![\w-])([a-z]\w*)=(?=[\s,;.)?]|$)", lambda match: option(match[1]) or match[0], message)
    return re.sub(r"^([a-z]\w*)(?= is )", lambda match: option(match[1]) or match[1], message)


def guarded(
    program: str,
    action: Callable[[], int],
    interrupted: str = "interrupted",
    wording: Callable[[str], str] = str,
) -> int:
    """Run a command; errors that a user can mend are one sentence and exit code 2.

    Args:
        program: what the sentence begins with.
        action: the command, which returns its exit code.
        interrupted: what to say after Ctrl-C (exit code 130).
        wording: what to make of an error's sentence before it is printed.
    """
    try:
        return action()
    except PoseZooError as error:
        print(f"{program}: error: {wording(str(error))}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output closed the pipe, as `posezoo list | head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        print(f"{program}: error: {error.strerror or error}: {error.filename or ''}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{program}: {interrupted}", file=sys.stderr)
        return 130
