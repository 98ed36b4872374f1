"""``posezoo eval``: score a model on labelled data."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posezoo.errors import InputError

if TYPE_CHECKING:
    from posezoo.lifting import PictureModule


PROTOCOLS = (1, 2, 3)
JOINTS = (14, 16, 17)
# What a dataset is scored in: the joints that its own protocol counts, or all that it has.
_SCORED = {"mpi_inf_3dhp": "common14", "humaneva": "humaneva15"}


def add(commands: Any) -> None:
    """Register the command."""
    command = commands.add_parser("eval", help="score a model on labelled data")
    command.add_argument("name", help="a model, the path of its weights, or 'flat' for the flat-depth baseline")
    command.add_argument(
        "--data",
        help="procedural (the default), openmocap, h36m, mpi_inf_3dhp, humaneva; of pictures rendered_wild (the default), "
        "rendered_studio, mpii, h36m, mpi_inf_3dhp",
    )
    command.add_argument("--path", type=Path, help="the dataset's file, where it has one")
    command.add_argument("--data-dir", type=Path, help="the folder of that file, if it is called as the dataset: h36m.h5")
    command.add_argument("--split", default="test", choices=("train", "val", "test"))
    command.add_argument("--keypoints", default="gt", help="gt, detected, or the name of one of several detectors")
    command.add_argument(
        "--protocol",
        type=int,
        choices=PROTOCOLS,
        help="of Human3.6M: 1 MPJPE, 2 after Procrustes (both stand there; by action the one asked for), 3 MPJPE of the "
        "fourth camera alone; N-MPJPE where a model knows no scale",
    )
    command.add_argument("--views", type=int, nargs="+", help="these cameras alone")
    command.add_argument("--joints", type=int, choices=JOINTS, help="score so many joints; those of the model else")
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
        data = load_dataset(options.data, options.split, _file(options), keypoints=options.keypoints, **_views(options))
        lifter = model is None or isinstance(model, LiftingModule)
        if options.joints and not lifter:
            raise InputError(f"{options.name} takes two views; --joints is for lifters.")
        scored = _scored(options) if lifter else {}
        result = evaluate(None, data, **scored) if model is None else model.evaluate(data, **scored)
        title = f"{options.keypoints.upper()} 2D, {result['poses']} poses"
        if options.protocol:
            title = f"protocol #{options.protocol}, {title}"
        if lifter:
            baseline, beside, error = "flat depth", result if model is None else evaluate(None, data, **scored), "P-MPJPE"
            if options.data == "mpi_inf_3dhp" and options.split == "test":
                result["per_scene"] = _by_scene(model, data, scored)
            if options.protocol in (1, 3):
                error = "N-MPJPE" if "n_mpjpe_per_action" in result else "MPJPE"
        else:
            baseline, error = "triangulated", "MPJPE"
            beside = {name.removesuffix("_triangulated"): v for name, v in result.items() if name.endswith("_triangulated")}
    if options.json:
        protocol = {"protocol": options.protocol} if options.protocol else {}
        named = {"model": options.name, "data": options.data, "split": options.split, **protocol}
        print(json.dumps({**named, **result}, indent=2))
        return 0
    result = {name: value for name, value in result.items() if not name.endswith("_triangulated")}
    _print(result, beside, f"{options.name} on {options.data} {options.split}, {title}", (options.name, baseline), error)
    return 0


def _file(options: argparse.Namespace) -> Path | None:
    """The dataset's file, by its path or its folder."""
    if options.data_dir is None:
        return options.path
    if options.path is not None:
        raise InputError("--path and --data-dir both say where the data are; give one.")
    return options.data_dir / f"{options.data}.h5"


def _views(options: argparse.Namespace) -> dict[str, Any]:
    """Settings of the loader; Human3.6M's third protocol trains on three cameras and tests on the fourth."""
    if options.protocol is not None and options.data != "h36m":
        raise InputError(f"--protocol is for Human3.6M (--data h36m), not for {options.data}.")
    if options.protocol != 3:
        return {} if options.views is None else {"views": tuple(options.views)}
    if options.views is not None:
        raise InputError("--protocol 3 says which cameras; leave --views out.")
    return {"views": (0, 1, 2) if options.split == "train" else (3,)}


def _scored(options: argparse.Namespace) -> dict[str, Any]:
    """The layout to score in."""
    from posezoo.skeletons import get_skeleton

    if options.joints is None:
        return {"skeleton": _SCORED[options.data]} if options.data in _SCORED else {}
    h36m = get_skeleton("h36m17")
    return {"skeleton": {14: get_skeleton("common14"), 16: h36m.without("nose"), 17: h36m}[options.joints]}


def _by_scene(model: Any, data: Any, settings: dict[str, Any]) -> dict[str, dict[str, float]]:
    """PCK and AUC of MPI-INF-3DHP's scenes."""
    import numpy as np

    from posezoo.data.mpi_inf_3dhp import SCENES
    from posezoo.lifting import evaluate

    scenes = {scene: data[np.isin(data.subject, names)] for scene, names in SCENES.items()}
    results = {scene: evaluate(model, part, **settings) for scene, part in scenes.items() if len(part)}
    shown = ("pck", "auc", "mpjpe")
    return {
        scene: {name: value for name, value in result.items() if name.startswith(shown) and isinstance(value, float)}
        for scene, result in results.items()
    }


def _of_pictures(model: PictureModule, options: argparse.Namespace) -> dict[str, Any]:
    """Metrics of a model that takes pictures."""
    from posezoo.data.pictures import load_pictures

    if options.keypoints != "gt":
        raise InputError(f"{options.name} finds keypoints in pictures itself; leave --keypoints out.")
    for name in ("data_dir", "protocol", "views", "joints"):
        if getattr(options, name) is not None:
            raise InputError(f"{options.name} takes pictures; --{name.replace('_', '-')} is for models that take keypoints.")
    settings = {} if options.side is None else {"side": options.side}
    people = load_pictures(options.data, options.split, path=options.path, **settings).thin(options.count)
    # Its pelvis is higher than that of all others.
    return model.evaluate(people, hips_moved=0.2 if options.data == "mpi_inf_3dhp" else 0.0)


def _print(result: dict[str, Any], beside: dict[str, Any], title: str, names: tuple[str, str], error: str) -> None:
    """Tables of all metrics and of an error by action, those of a baseline beside them."""
    from rich.table import Table

    from posezoo.cli.output import console
    from posezoo.registry.cards import unit_of

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
    for scene, values in result.get("per_scene", {}).items():
        table(f"by scene: {scene}", "metric", {f"{name} ({unit_of(name)})": (value, None) for name, value in values.items()})
    key = f"{error.lower().replace('-', '_')}_per_action"
    actions = result.get(key, result.get("per_action", {}))
    if actions:
        # Flat depth has no scale of its own: of it, what is nearest.
        others = beside.get(key, beside.get("n_mpjpe_per_action" if key == "mpjpe_per_action" else "per_action", {}))
        table(f"{error} by action (mm)", "action", {name: (value, others.get(name)) for name, value in actions.items()})
