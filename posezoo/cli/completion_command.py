"""Print what a shell needs to complete commands, options, files and names of models: ``posezoo completion``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

SHELLS = ("bash", "zsh", "tcsh")


def add(commands: argparse._SubParsersAction) -> None:
    """Register the command."""
    command = commands.add_parser(
        "completion",
        help="print the completion of a shell",
        epilog="bash: eval its output, or write it to ~/.local/share/bash-completion/completions/posezoo. "
        "zsh: write it to a file _posezoo in a folder of $fpath.",
    )
    command.add_argument("shell", choices=SHELLS)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the script; it knows the models that exist now."""
    import shtab

    from posezoo.cli import parser
    from posezoo.registry import list_models

    top, full = parser(), list_models()
    names = sorted({*full, *(name.partition(".")[0] for name in full)})
    for action in _actions(top):
        if action.type is Path:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif action.dest == "name" and action.choices is None:
            action.complete = _MODELS  # type: ignore[attr-defined]
    words = " ".join(names)
    print(shtab.complete(top, shell=options.shell, preamble=_PREAMBLE.get(options.shell, "").format(words)))
    return 0


_MODELS = {"bash": "_posezoo_models", "zsh": "_posezoo_models", "tcsh": "f"}
# A name may be a path of weights too.
_PREAMBLE = {
    "bash": '_posezoo_models() {{ compgen -W "{}" -- "$1"; compgen -f -- "$1"; }}',
    "zsh": "_posezoo_models() {{ compadd -- {}; _files }}",
    "tcsh": "",
}


def _actions(command: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield the options and arguments of a command and of those below it."""
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _actions(inner)
        else:
            yield action
