"""Print a table of the models: ``posezoo list``."""

from __future__ import annotations

import argparse
import difflib
import json
from typing import Any

from posezoo.errors import InputError, UnknownNameError
from posezoo.registry import info, list_models

SCORED_ON = ("openmocap test, GT 2D", "openmocap test, two views, detected 2D")
"""The test set of the list, for models of one view and of two."""


def add(commands: argparse._SubParsersAction) -> None:
    """Register the command."""
    command = commands.add_parser("list", help="which models there are")
    command.add_argument("pattern", nargs="?", default="*", help="as in a shell, such as 'svma*'")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print a table with a line for each model."""
    cards = [_card(name) for name in list_models(options.pattern)]
    if not cards:
        everything = list_models()
        near = difflib.get_close_matches(options.pattern, {*everything, *(name.split(".")[0] for name in everything)})
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(everything)}."
        raise UnknownNameError(f"there is no model {options.pattern!r}; {hint}")
    if options.json:
        print(json.dumps(cards, indent=2))
        return 0
    from rich.table import Table

    from posezoo.cli.output import console

    table = Table()
    for column in ("model", "paper", "year", "trained with", "input", "parameters", "MB", "P-MPJPE (mm)", "licence"):
        right = column in ("year", "parameters", "MB", "P-MPJPE (mm)")
        table.add_column(column, justify="right" if right else "left", no_wrap=column not in ("trained with", "input"))
    for card in cards:
        paper = card["paper"]
        scores: dict[str, float] = next((card["metrics"][title] for title in SCORED_ON if title in card["metrics"]), {})
        table.add_row(
            card["name"],
            paper["authors"].split(",")[0] or paper["title"],
            str(paper["year"] or "–"),
            card["supervision"],
            card.get("input", paper.get("kind", "–")),
            f"{card['parameters'] / 1e6:.1f} M" if "parameters" in card else "–",
            f"{card['size'] / 1e6:.1f}" if "size" in card else "no weights",
            f"{scores['p_mpjpe']:.1f}" if "p_mpjpe" in scores else "–",
            card.get("licence", "–"),
        )
    table.caption = f"P-MPJPE on {SCORED_ON[0]}, two views: detected 2D; posezoo info NAME has the rest"
    console().print(table)
    return 0


def _card(name: str) -> dict[str, Any]:
    """Return the card of a model, or the reason why its package cannot be imported."""
    try:
        return info(name)
    except InputError as error:
        paper = {"name": name, "authors": "", "title": "–", "year": None}
        return {"name": name, "paper": paper, "supervision": str(error), "metrics": {}, "baselines": {}}
