"""The command reference, from the parser that runs the commands."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator

from posezoo.cli import parser


def command_pages() -> str:
    """Every command with its arguments, as Markdown."""
    return "\n\n".join(_section(command, "##") for command in subcommands(parser()))


def subcommands(top: argparse.ArgumentParser) -> Iterator[tuple[argparse.ArgumentParser, str]]:
    """Return the commands below a parser, each once, with its line of help."""
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for name, command in action.choices.items():
                if (first := name) in helps or any(first == dest.split(" ")[0] for dest in helps):
                    yield command, next(text for dest, text in helps.items() if dest.split(" ")[0] == name)


def _section(command: tuple[argparse.ArgumentParser, str], level: str) -> str:
    parsed, summary = command
    parts = [f"{level} {parsed.prog}", f"{_cell(summary)[:1].upper()}{_cell(summary)[1:]}."]
    below = list(subcommands(parsed))
    if below:
        return "\n\n".join([*parts, *(_section(each, level + "#") for each in below)])
    usage = " ".join(parsed.format_usage().removeprefix("usage: ").split())
    parts.append(f"```text\n{usage}\n```")
    rows = [_row(action) for action in parsed._actions if not isinstance(action, argparse._HelpAction)]
    if rows:
        parts.append("\n".join(["| argument | is | default |", "|---|---|---|", *rows]))
    words, _, examples = (parsed.epilog or "").partition("examples:\n")
    if words.strip():
        parts.append(_cell(words))
    if examples:
        parts.append("```sh\n" + "\n".join(line.strip() for line in examples.splitlines()) + "\n```")
    return "\n\n".join(parts)


def _row(action: argparse.Action) -> str:
    names = ", ".join(f"`{option}`" for option in action.option_strings) or f"`{action.dest}`"
    value = action.metavar or (action.dest.upper() if action.nargs != 0 else "")
    if action.option_strings and action.nargs != 0 and not action.choices:
        names += f" `{' '.join(value) if isinstance(value, tuple) else value}`"
    words = _cell(action.help or "")
    if action.choices:
        words += ("; " if words else "") + "one of " + ", ".join(f"`{choice}`" for choice in action.choices)
    if action.option_strings:
        plain = action.default in (None, False) or action.default is argparse.SUPPRESS
        default = "required" if action.required else "" if plain else f"`{action.default}`"
    else:
        default = f"`{action.default}`" if action.default is not None else "required"
    return f"| {names} | {words} | {default} |"


def _cell(text: str) -> str:
    """Words of the parser as Markdown: nothing in them is markup."""
    return re.sub(r"([*_|<>\[\]])", r"\\\1", text.replace("%%", "%").replace("<", "&lt;"))
