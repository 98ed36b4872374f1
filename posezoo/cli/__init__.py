"""The ``posezoo`` command and the commands below it, see :data:`COMMANDS`.

Each command is a module with ``add(commands)`` and ``run(arguments)``; it imports torch only when it runs.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import importlib
import os
import re
import sys
import textwrap
import warnings
from collections.abc import Callable, Sequence
from functools import partial

from posezoo.cli.output import guarded, in_options, print_anything
from posezoo.errors import PoseZooWarning
from posezoo.registry.papers import external
from posezoo.terminal import silence, status
from posezoo.version import __version__

COMMANDS = (
    "list", "info", "predict", "detect", "view", "eval", "train", "finetune", "data", "export", "download", "publish",
    "demo", "webcam", "completion",
)  # fmt: skip
_WITH_TORCH = ("predict", "detect", "eval", "train", "finetune", "export", "demo", "webcam")
_PREDICTING = ("predict", "detect", "webcam")


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage, and never guesses an abbreviated option."""

    def __init__(self, **settings: object) -> None:
        super().__init__(**{"allow_abbrev": False, **settings})  # type: ignore[arg-type]

    def error(self, message: str) -> None:  # type: ignore[override]
        if wrong := re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message):
            names = re.findall(r"[\w.-]+", wrong[2])
            near = difflib.get_close_matches(wrong[1], names, n=2)
            message = f"{wrong[1]!r} is not known; {suggestion(near, names)}"
        print(f"{self.prog}: error: {message} (see {self.prog} --help)", file=sys.stderr)
        raise SystemExit(2)


def suggestion(near: Sequence[str], known: Sequence[str]) -> str:
    """Return the names that the user may have meant, or all names."""
    return f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}."


EXAMPLES = {
    "list": ("posezoo list", "posezoo list 'svma*'"),
    "info": ("posezoo info svma", "posezoo info runs/mine/svma.safetensors"),
    "predict": (
        "posezoo predict svma people.json -o poses.npz",
        "posezoo predict clip.mp4 -o page.html",
        "posezoo predict svma clip.mp4 --detector rtmlib -o motion.bvh",
        "posezoo predict cvugcn left.json right.json --cameras calibration.toml -o world.npz",
        "posezoo predict hg3d photo.jpg -o pose.json",
    ),
    "detect": ("posezoo detect clip.mp4 -o keypoints.npz", "posezoo detect pictures --detector mediapipe -o keypoints.npz"),
    "view": ("posezoo view poses.npz", "posezoo view poses.npz --video clip.mp4"),
    "eval": (
        "posezoo eval svma",
        "posezoo eval runs/mine/svma.safetensors my2d.json",
        "posezoo eval svma --data h36m --path h36m.h5 --protocol 2",
    ),
    "train": (
        "posezoo train svma.cmu --data.path openmocap.h5",
        "posezoo train svma.cmu --data.path openmocap.h5 --steps 1000 --out runs/short --model.width 256",
        "posezoo train svma.cmu --resume",
    ),
    "finetune": ("posezoo finetune svma people.json --out runs/mine",),
    "data": ("posezoo data check people.json", "posezoo data prepare h36m --source Human3.6M -o h36m.h5"),
    "data prepare": (
        "posezoo data prepare h36m --source Human3.6M -o h36m.h5",
        "posezoo data prepare openmocap --source cmu_bvh --mpii mpii -o openmocap.h5",
        "posezoo data prepare bodies -o bodies.h5",
    ),
    "data info": ("posezoo data info h36m.h5",),
    "data check": ("posezoo data check people.json", "posezoo data check people.csv --skeleton coco17 --json"),
    "data schema": ("posezoo data schema",),
    "export": ("posezoo export svma -o svma.onnx --skeleton coco17",),
    "download": ("posezoo download", "posezoo download svma"),
    "publish": ("posezoo publish svma --repo me/poses --dry-run",),
    "demo": ("posezoo demo",),
    "webcam": ("posezoo webcam", "posezoo webcam svma --camera 1 --detector rtmlib"),
    "completion": ("posezoo completion bash",),
}
"""Examples by command, and by command below a command."""


def parser() -> argparse.ArgumentParser:
    """Return the whole command line."""
    top = _Parser(prog="posezoo", description="Weakly supervised and unsupervised 3D human pose, with weights.")
    top.add_argument("--version", action="version", version=f"posezoo {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="|".join(COMMANDS), parser_class=_Parser)
    for name in COMMANDS:
        importlib.import_module(f"posezoo.cli.{name}_command").add(commands)
    _add_examples(top)
    _add_quiet(top)
    return top


def _groups(command: argparse.ArgumentParser) -> list[argparse._SubParsersAction]:
    """Return the groups of commands below a command."""
    return [action for action in command._actions if isinstance(action, argparse._SubParsersAction)]


def _inner(command: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """Return the commands below a command; one that has two names is there once."""
    return list(dict.fromkeys(inner for group in _groups(command) for inner in group.choices.values()))


def _add_examples(command: argparse.ArgumentParser) -> None:
    """Write the examples of a command and of those below it after their help."""
    for inner in _inner(command):
        _add_examples(inner)
    lines = EXAMPLES.get(command.prog.removeprefix("posezoo").strip(), ())
    if lines:
        command.formatter_class = argparse.RawDescriptionHelpFormatter
        written = "\n".join(f"  {line}" for line in lines)
        before = f"{textwrap.fill(command.epilog, 100)}\n\n" if command.epilog else ""
        command.epilog = f"{before}examples:\n{written}"


def _add_quiet(command: argparse.ArgumentParser) -> None:
    """Add ``--quiet`` to every command that is no group of others."""
    for inner in _inner(command):
        _add_quiet(inner)
    if not _groups(command):
        command.add_argument(
            "--quiet", action="store_true", help="no progress, notes or warnings; results that are printed stay"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; errors that a user can mend are one sentence and exit code 2."""
    print_anything()
    top = parser()
    if not (sys.argv[1:] if arguments is None else arguments):
        top.print_help()
        return 0
    options, rest = top.parse_known_args(arguments)
    if rest and options.command != "train":
        near = difflib.get_close_matches(rest[0], _option_strings(top, options.command), n=2)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        print(f"posezoo {options.command}: error: unknown option {' '.join(rest)}{hint}", file=sys.stderr)
        return 2
    options.rest = rest
    if arguments is None and options.command in _WITH_TORCH and not external():  # the whole process is this command
        os.environ["POSEZOO_PREDICT_ONLY"] = str(int(options.command in _PREDICTING))
    known = [*_option_strings(top, options.command), *getattr(options, "settings", ())]
    wording = partial(in_options, known=known)
    with warnings.catch_warnings(), contextlib.ExitStack() as stack:
        warnings.showwarning = partial(_warn, wording)
        if options.quiet:
            warnings.simplefilter("ignore")
            stack.enter_context(silence())
            if getattr(options, "notes_only", False):  # the command's results are files
                stack.enter_context(contextlib.redirect_stdout(stack.enter_context(open(os.devnull, "w"))))
        return guarded(f"posezoo {options.command}", lambda: _run(options), wording=wording)


def _option_strings(command: argparse.ArgumentParser, name: str) -> list[str]:
    """Return the options of a command and of those below it."""
    groups = _groups(command)
    inner = [group.choices.get(name) for group in groups]
    chosen = [each for each in inner if each is not None] or [c for group in groups for c in group.choices.values()]
    own = [] if groups else [option for action in command._actions for option in action.option_strings]
    return [*own, *(option for each in chosen for option in _option_strings(each, name))]


def _run(options: argparse.Namespace) -> int:
    """Refuse what can be refused at once; then import what takes seconds, with a line on the terminal that says so."""
    if hasattr(options, "check"):
        options.check(options)
    if options.command in _WITH_TORCH and "posezoo.lifting" not in sys.modules:
        with status("loading"):
            importlib.import_module("posezoo.lifting")
    return int(options.run(options) or 0)


def _warn(wording: Callable[[str], str], message: Warning | str, category: type[Warning], filename: str, *_: object) -> None:
    """Print PoseZoo's own warnings in one line; those of libraries are for developers."""
    if issubclass(category, PoseZooWarning) or (category is UserWarning and "posezoo" in filename):
        print(f"posezoo: warning: {wording(str(message))}", file=sys.stderr)
