"""``posezoo list``: which models there are."""

from __future__ import annotations

import argparse
import json
from typing import Any

from posezoo.registry import info, list_models

SCORED_ON = "openmocap test, GT 2D"


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
    for column in ("model", "paper", "trained with", "unit", "parameters", "MB", "P-MPJPE (mm)"):
        table.add_column(column, justify="right" if column in ("parameters", "MB", "P-MPJPE (mm)") else "left", no_wrap=True)
    for card in cards:
        paper, scores = card["paper"], card["metrics"].get(SCORED_ON, {})
        table.add_row(
            card["name"],
            f"{paper['authors'].split(',')[0]} {paper['year']}",
            card.get("supervision", paper["supervision"]),
            card["unit"],
            f"{card['parameters'] / 1e6:.1f} M",
            f"{card['size'] / 1e6:.1f}",
            f"{scores['p_mpjpe']:.1f}" if "p_mpjpe" in scores else "",
        )
    table.caption = f"P-MPJPE on {SCORED_ON}; posezoo info NAME has the rest"
    console().print(table)
    return 0
