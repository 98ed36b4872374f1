"""``posezoo list``: which models there are."""

from __future__ import annotations

import argparse
import json
from typing import Any

from posezoo.registry import info, list_models


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
    from rich.console import Console
    from rich.table import Table

    table = Table(title=None)
    for column in ("model", "paper", "trained with", "skeleton", "unit", "parameters", "size", "P-MPJPE, OpenMocap test"):
        table.add_column(column, justify="right" if column in ("parameters", "size") else "left")
    for card in cards:
        paper, metrics = card["paper"], card["metrics"].get("openmocap test, GT 2D", {})
        table.add_row(
            card["name"],
            f"{paper['authors'].split(',')[0]} {paper['year']}",
            paper["supervision"],
            card["skeleton"],
            card["unit"],
            f"{card['parameters'] / 1e6:.1f} M",
            f"{card['size'] / 1e6:.1f} MB",
            f"{metrics['p_mpjpe']:.1f} mm" if "p_mpjpe" in metrics else "",
        )
    Console().print(table)
    return 0
