"""Print a model's card: ``posezoo info``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path

from posezoo.cli.checks import check_input
from posezoo.registry import card_text, describe, info, is_path


def add(commands: argparse._SubParsersAction) -> None:
    """Register the command."""
    command = commands.add_parser("info", help="a model's card: data, licence, command, metrics, paper")
    command.add_argument("name", help="a model: svma, svma.cmu; or the path of weights")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run)


def recipes_of(paper: str) -> list[str]:
    """Return the names of the package's recipes of a paper."""
    names = (entry.name for entry in files("posezoo.recipes").iterdir())
    return sorted(name.removesuffix(".yaml") for name in names if name.startswith(f"{paper}.") and name.endswith(".yaml"))


def run(options: argparse.Namespace) -> int:
    """Print the model's card; where no card lies beside the index, print the entries of the index."""
    if is_path(options.name):
        return _of_file(options)
    card, text = info(options.name), card_text(options.name)
    if "file" not in card:
        paper = card["paper"]
        if options.json:
            print(json.dumps(card, indent=2))
            return 0
        cited = ", ".join(str(part) for part in (paper["authors"], paper["title"], paper["venue"], paper["year"]) if part)
        print(f"{options.name}: {cited}. A model of kind {paper['kind']}, trained with: {card['supervision']}.")
        if paper["weights"]:
            print(f"Its weights are at {paper['weights']}.")
        else:
            recipes = ", ".join(recipes_of(options.name))
            print(f"It has no weights here: train {f'one of its recipes ({recipes})' if recipes else 'it'}.")
        return 0
    if options.json:
        print(json.dumps(card, indent=2))
        return 0
    from posezoo.cli.output import console

    if text is not None:
        from rich.markdown import Markdown

        console().print(Markdown(text) if sys.stdout.isatty() else text, markup=False, highlight=False)
        return 0
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    baselines = card.pop("baselines", {})
    card["size"] = f"{card['size'] / 1e6:.1f} MB"
    for title, scores in card["metrics"].items():  # the card's tables hold the rest
        scores |= {
            f"p_mpjpe of {name}": other["p_mpjpe"] for name, other in baselines.get(title, {}).items() if "p_mpjpe" in other
        }
    for key, value in card.items():
        if isinstance(value, dict):
            for inner, content in value.items():
                text = (
                    ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in content.items())
                    if (isinstance(content, dict))
                    else str(content)
                )
                table.add_row(f"{key}: {inner}", text)
        else:
            table.add_row(key, str(value))
    console().print(table)
    return 0


def _of_file(options: argparse.Namespace) -> int:
    """Print the header of a file of weights."""
    path = Path(options.name)
    check_input(path)
    header = describe(path)
    if options.json:
        print(json.dumps(header, indent=2))
        return 0
    print(f"{path}: weights of {header['paper']}, {path.stat().st_size / 1e6:.1f} MB, format {header['format']}")
    for key, value in _lines({key: value for key, value in header.items() if key not in ("paper", "format")}):
        print(f"{key}: {value}")
    return 0


def _lines(values: Mapping[str, object], above: str = "") -> Iterator[tuple[str, str]]:
    """Yield names and values, those of what is held within as ``settings.width``."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _lines(value, f"{above}{key}.")
        elif isinstance(value, float):
            yield f"{above}{key}", f"{value:.6g}"
        else:
            yield f"{above}{key}", json.dumps(value) if isinstance(value, list) else str(value)
