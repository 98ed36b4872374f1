"""``posezoo eval``: score a model on labelled data."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Register the command."""
    command = commands.add_parser("eval", help="score a model on labelled data")
    command.add_argument("name", help="a model, the path of its weights, or 'flat' for the flat-depth baseline")
    command.add_argument("--data", default="procedural", help="procedural or openmocap")
    command.add_argument("--path", type=Path, help="the dataset's file, where it has one")
    command.add_argument("--split", default="test", choices=("train", "val", "test"))
    command.add_argument("--keypoints", default="gt", help="gt or detected")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Metrics, beside those of the baseline: flat depth for lifters, triangulation for models of several views."""
    import posezoo
    from posezoo.data import load_dataset
    from posezoo.lifting import LiftingModule, evaluate

    data = load_dataset(options.data, options.split, options.path, keypoints=options.keypoints)
    model = None if options.name == "flat" else posezoo.load(options.name)
    result = evaluate(None, data) if model is None else model.evaluate(data)
    if options.json:
        print(json.dumps({"model": options.name, "data": options.data, "split": options.split, **result}, indent=2))
        return 0
    from rich.table import Table

    from posezoo.cli.output import console

    if model is None or isinstance(model, LiftingModule):
        baseline, beside, error = "flat depth", result if model is None else evaluate(None, data), "P-MPJPE"
    else:
        baseline, error = "triangulated", "MPJPE"
        beside = {name.removesuffix("_triangulated"): v for name, v in result.items() if name.endswith("_triangulated")}
        result = {name: value for name, value in result.items() if not name.endswith("_triangulated")}
    title = f"{options.name} on {options.data} {options.split}, {options.keypoints.upper()} 2D, {result['poses']} poses"
    table = Table(title=title)
    for column in ("metric", options.name, baseline):
        table.add_column(column, justify="left" if column == "metric" else "right")
    for name, value in result.items():
        if isinstance(value, float):
            table.add_row(f"{name} ({unit_of(name)})", f"{value:.2f}", f"{beside[name]:.2f}" if name in beside else "")
    console().print(table)
    actions = Table(title=f"{error} by action (mm)")
    actions.add_column("action")
    actions.add_column(options.name, justify="right")
    if "per_action" in beside:
        actions.add_column(baseline, justify="right")
    for name, value in result["per_action"].items():
        others = [f"{beside['per_action'][name]:.2f}"] if "per_action" in beside else []
        actions.add_row(name, f"{value:.2f}", *others)
    console().print(actions)
    return 0


def unit_of(metric: str) -> str:
    """mm for distances (px where the name says so), % for PCK and AUC."""
    return "%" if metric.startswith(("pck", "auc")) else "px" if metric.endswith("_px") else "mm"
