"""``posezoo eval``: score a model on labelled data."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posezoo.errors import InputError

if TYPE_CHECKING:
    from posezoo.lifting import PictureModule


def add(commands: Any) -> None:
    """Register the command."""
    command = commands.add_parser("eval", help="score a model on labelled data")
    command.add_argument("name", help="a model, the path of its weights, or 'flat' for the flat-depth baseline")
    command.add_argument(
        "--data",
        help="procedural (the default) or openmocap; of pictures rendered_wild (the default), rendered_studio, mpii, h36m, "
        "mpi_inf_3dhp",
    )
    command.add_argument("--path", type=Path, help="the dataset's file, where it has one")
    command.add_argument("--split", default="test", choices=("train", "val", "test"))
    command.add_argument("--keypoints", default="gt", help="gt or detected")
    command.add_argument("--count", type=int, help="of pictures, so many, evenly over all")
    command.add_argument("--side", type=int, help="of rendered pictures, px")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Metrics, beside those of the baseline: flat depth for lifters, triangulation for models of several views."""
    import posezoo
    from posezoo.data import load_dataset
    from posezoo.lifting import LiftingModule, PictureModule, evaluate

    model = None if options.name == "flat" else posezoo.load(options.name)
    beside: dict[str, Any] = {}
    options.data = options.data or ("rendered_wild" if isinstance(model, PictureModule) else "procedural")
    if isinstance(model, PictureModule):
        result = _of_pictures(model, options)
        title, baseline, error = f"{result['poses']} people in pictures", "", "MPJPE"
    else:
        if options.count is not None or options.side is not None:
            raise InputError(f"{options.name} takes keypoints; --count and --side are for models that take pictures.")
        data = load_dataset(options.data, options.split, options.path, keypoints=options.keypoints)
        result = evaluate(None, data) if model is None else model.evaluate(data)
        title = f"{options.keypoints.upper()} 2D, {result['poses']} poses"
        if model is None or isinstance(model, LiftingModule):
            baseline, beside, error = "flat depth", result if model is None else evaluate(None, data), "P-MPJPE"
        else:
            baseline, error = "triangulated", "MPJPE"
            beside = {name.removesuffix("_triangulated"): v for name, v in result.items() if name.endswith("_triangulated")}
    if options.json:
        print(json.dumps({"model": options.name, "data": options.data, "split": options.split, **result}, indent=2))
        return 0
    result = {name: value for name, value in result.items() if not name.endswith("_triangulated")}
    _print(result, beside, f"{options.name} on {options.data} {options.split}, {title}", (options.name, baseline), error)
    return 0


def _of_pictures(model: PictureModule, options: argparse.Namespace) -> dict[str, Any]:
    """Metrics of a model that takes pictures."""
    from posezoo.data.pictures import load_pictures

    if options.keypoints != "gt":
        raise InputError(f"{options.name} finds keypoints in pictures itself; leave --keypoints out.")
    settings = {} if options.side is None else {"side": options.side}
    people = load_pictures(options.data, options.split, path=options.path, **settings).thin(options.count)
    # Its pelvis is higher than that of all others.
    return model.evaluate(people, hips_moved=0.2 if options.data == "mpi_inf_3dhp" else 0.0)


def _print(result: dict[str, Any], beside: dict[str, Any], title: str, names: tuple[str, str], error: str) -> None:
    """Tables of all metrics and of an error by action, those of a baseline beside them."""
    from rich.table import Table

    from posezoo.cli.output import console

    def table(title: str, first: str, rows: dict[str, tuple[Any, Any]]) -> None:
        shown = Table(title=title)
        shown.add_column(first)
        columns = [
            name for name, values in zip(names, zip(*rows.values(), strict=True), strict=True) if set(values) != {None}
        ]
        for name in columns:
            shown.add_column(name, justify="right")
        for name, values in rows.items():
            shown.add_row(name, *("" if value is None else f"{value:.2f}" for value in values[: len(columns)]))
        console().print(shown)

    floats = {name: value for name, value in result.items() if isinstance(value, float)}
    table(title, "metric", {f"{name} ({unit_of(name)})": (value, beside.get(name)) for name, value in floats.items()})
    actions = result.get("per_action", {})
    if actions:
        others = beside.get("per_action", {})
        table(f"{error} by action (mm)", "action", {name: (value, others.get(name)) for name, value in actions.items()})


def unit_of(metric: str) -> str:
    """mm for distances (px where the name says so), % for PCK and AUC."""
    return "%" if metric.startswith(("pck", "auc")) else "px" if metric.endswith("_px") else "mm"
