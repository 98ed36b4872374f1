"""``posezoo download``: fetch weights before they are needed."""

from __future__ import annotations

import argparse

from posezoo.registry import list_models, locate, resolve


def add(commands: argparse._SubParsersAction) -> None:
    """Register the command."""
    command = commands.add_parser("download", help="fetch weights, so that they are there without a network")
    command.add_argument("names", nargs="*", metavar="NAME", help="models; every model of the index where none is given")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Fetch and check each model's weights, and print where they are."""
    for name in [resolve(name) for name in options.names] or list_models():
        print(f"{name}: {locate(name)}", flush=True)
    return 0
