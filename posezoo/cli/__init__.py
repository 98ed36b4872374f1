"""The ``posezoo`` command: ``list info predict view eval train finetune data export publish demo``.

Each command is a module with ``add(commands)`` and ``run(arguments)``; it imports torch only when it runs.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import sys
import warnings
from collections.abc import Sequence

from posezoo.cli.output import guarded, print_anything
from posezoo.errors import PoseZooWarning
from posezoo.terminal import progress_console, silence
from posezoo.version import __version__

COMMANDS = ("list", "info", "predict", "view", "eval", "train", "finetune", "data", "export", "publish", "demo")
_WITH_TORCH = ("predict", "eval", "train", "finetune", "export", "demo")


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage, and never guesses an abbreviated option."""

    def __init__(self, **settings: object) -> None:
        super().__init__(**{"allow_abbrev": False, **settings})  # type: ignore[arg-type]

    def error(self, message: str) -> None:  # type: ignore[override]
        print(f"{self.prog}: error: {message} (see {self.prog} --help)", file=sys.stderr)
        raise SystemExit(2)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = _Parser(prog="posezoo", description="Weakly supervised and unsupervised 3D human pose, with weights.")
    top.add_argument("--version", action="version", version=f"posezoo {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="|".join(COMMANDS), parser_class=_Parser)
    for name in COMMANDS:
        importlib.import_module(f"posezoo.cli.{name}_command").add(commands)
    _add_quiet(top)
    return top


def _add_quiet(command: argparse.ArgumentParser) -> None:
    """``--quiet`` for every command that is no group of others."""
    groups = [action for action in command._actions if isinstance(action, argparse._SubParsersAction)]
    for group in groups:
        for inner in group.choices.values():
            _add_quiet(inner)
    if not groups and all("--quiet" not in action.option_strings for action in command._actions):
        command.add_argument(
            "--quiet", action="store_true", help="no progress, notes or warnings; results that are printed stay"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; errors that a user can mend are one sentence and exit code 2."""
    print_anything()
    options, rest = parser().parse_known_args(arguments)
    if rest and options.command != "train":
        print(f"posezoo {options.command}: error: unknown option {' '.join(rest)}", file=sys.stderr)
        return 2
    options.rest = rest
    with warnings.catch_warnings(), contextlib.ExitStack() as stack:
        warnings.showwarning = _warn  # type: ignore[assignment]
        if options.quiet:
            warnings.simplefilter("ignore")
            stack.enter_context(silence())
            if getattr(options, "notes_only", False):  # its results are files
                stack.enter_context(contextlib.redirect_stdout(stack.enter_context(open(os.devnull, "w"))))
        return guarded(f"posezoo {options.command}", lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    """Refuse what can be refused at once; then import what takes seconds, with a line on the terminal that says so."""
    if hasattr(options, "check"):
        options.check(options)
    if options.command in _WITH_TORCH and "posezoo.lifting" not in sys.modules:
        with progress_console().status("loading"):
            importlib.import_module("posezoo.lifting")
    return int(options.run(options) or 0)


def _warn(message: Warning | str, category: type[Warning], filename: str, *_: object) -> None:
    """Our own warnings in one line; those of libraries are for developers."""
    if issubclass(category, PoseZooWarning) or (category is UserWarning and "posezoo" in filename):
        print(f"posezoo: warning: {message}", file=sys.stderr)
