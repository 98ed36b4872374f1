"""``posezoo list``: which models there are."""

from __future__ import annotations

import argparse
import json
from typing import Any

from posezoo.registry import info, list_models

SCORED_ON = ("openmocap test, GT 2D", "openmocap test, two views, detected 2D")
"""The test set of the list, for models of one view and of two."""


def add(commands: Any) -> None:
    """Register the command."""
    command = commands.add_parser("list", help="which models there are")
    command.add_argument("pattern", nargs="?", default="*", help="as in a shell, such as 'svma*'")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """A table, a line a model."""
    cards = [info(name) for name in list_models(options.pattern)]
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
            paper["authors"].split(",")[0],
            str(paper["year"]),
            card["supervision"],
            card["input"],
            f"{card['parameters'] / 1e6:.1f} M",
            f"{card['size'] / 1e6:.1f}",
            f"{scores['p_mpjpe']:.1f}" if "p_mpjpe" in scores else "–",
            card["licence"],
        )
    table.caption = f"P-MPJPE on {SCORED_ON[0]}, two views: detected 2D; posezoo info NAME has the rest"
    console().print(table)
    return 0
