"""``posezoo eval``: score a model on labelled data."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posezoo.errors import InputError

if TYPE_CHECKING:
    from posezoo.cli.kinds import Scores

PROTOCOLS = (1, 2, 3)
JOINTS = (14, 16, 17)


def add(commands: argparse._SubParsersAction) -> None:
    """Register the command."""
    command = commands.add_parser("eval", help="score a model on labelled data")
    command.add_argument(
        "name",
        help="a model, the path of its weights, 'flat' for the flat-depth baseline, or with --truth what predict wrote",
    )
    command.add_argument(
        "input",
        type=Path,
        nargs="?",
        help="keypoints of your own: scored by what needs no 3D label, and against pose_3d where the file has it",
    )
    command.add_argument(
        "--beside", metavar="MODEL", help="with INPUT: another model; where a model was fine-tuned, what it began with"
    )
    command.add_argument("--skeleton", help="with INPUT: its layout, where the file does not say")
    command.add_argument(
        "--image-size",
        nargs=2,
        type=int,
        metavar=("WIDTH", "HEIGHT"),
        help="with INPUT, where the file does not say",
    )
    command.add_argument(
        "--truth", type=Path, metavar="FILE", help="score a prediction (.npz, .json) against this: .trc, .c3d, .npz or .json"
    )
    command.add_argument(
        "--data",
        help="procedural (the default), openmocap, h36m, mpi_inf_3dhp, humaneva, realbench (a folder); of pictures "
        "rendered_wild (the default), rendered_studio, mpii, h36m, mpi_inf_3dhp",
    )
    command.add_argument("--path", type=Path, help="the dataset's file, where it has one")
    command.add_argument("--data-dir", type=Path, help="the folder of that file, if it is called as the dataset: h36m.h5")
    command.add_argument("--split", default="test", choices=("train", "val", "test"))
    command.add_argument(
        "--keypoints", help="gt (the default, but of realbench), detected, or the name of one of several detectors"
    )
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
    command.add_argument("--device", help="where the model computes: cpu (the default), cuda, cuda:1, mps")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print metrics, those of the baseline of the model's kind beside them."""
    import posezoo
    from posezoo.cli.kinds import commands_of
    from posezoo.cli.own_keypoints import evaluate_file
    from posezoo.lifting.kinds import get_kind

    if options.input is not None:
        given = [
            name for name in ("truth", "data", "path", "data_dir", "protocol", "views", "joints") if getattr(options, name)
        ]
        if options.truth is not None:
            raise InputError(
                f"--truth scores what `posezoo predict` wrote: posezoo predict {options.name} {options.input} -o poses.npz, "
                f"then posezoo eval poses.npz --truth {options.truth}."
            )
        if given:
            raise InputError(f"{options.input} holds keypoints of your own; leave out --{given[0].replace('_', '-')}.")
        return evaluate_file(options)
    if options.beside or options.skeleton or options.image_size:
        raise InputError("--beside, --skeleton and --image-size are for keypoints of your own: posezoo eval MODEL FILE.")
    if options.truth is not None:
        return _against_truth(options)
    model = None if options.name == "flat" else posezoo.load(options.name, options.device)
    kind = get_kind("lifter" if model is None else model.kind)
    options.data = options.data or kind.data
    options.keypoints = options.keypoints or ("detected" if options.data == "realbench" else "gt")
    scores: Scores = commands_of(kind.name).evaluate(model, options)
    result = scores.result
    if options.json:
        named = {"model": options.name, "data": options.data, "split": options.split}
        if options.protocol:
            named["protocol"] = options.protocol
        print(json.dumps({**named, **result}, indent=2))
        return 0
    result = {name: value for name, value in result.items() if not name.endswith("_triangulated")}
    by = f"protocol #{options.protocol}, " if options.protocol else ""
    # Another recording may be in a file of openmocap's format.
    other = options.path is not None and options.path.stem != options.data
    where = f"{options.data} ({options.path.name})" if other else options.data
    title = f"{options.name} on {where} {options.split}, {by}{scores.title}"
    _print(result, scores.beside, title, (options.name, scores.baseline), scores.error)
    return 0


def _against_truth(options: argparse.Namespace) -> int:
    """Score what predict wrote against a file of ground truth."""
    from posezoo.cli.truth import read_truth, score
    from posezoo.data import Prediction

    if Path(options.name).suffix.lower() not in (".npz", ".json"):
        raise InputError(f"--truth scores what `posezoo predict` wrote, .npz or .json; {options.name} is none.")
    truth = read_truth(options.truth)
    errors = score(Prediction.load(options.name), truth, options.truth)
    if options.json:
        about = {"prediction": options.name, "truth": str(options.truth), "unit": truth.unit}
        print(json.dumps({**about, **errors}, indent=2))
        return 0
    own, clip = (
        f"{errors[name]:.1f} mm" if truth.unit == "mm" else f"{errors[name]:.4g} in the truth's own unit"
        for name in ("p_mpjpe", "clip_mpjpe")
    )
    print(
        f"{options.name} against {options.truth}: {errors['poses']} poses, {errors['joints']} joints\n"
        f"P-MPJPE {own}; with one rotation and scale for the clip {clip}"
    )
    return 0


def _print(result: dict[str, Any], beside: Mapping[str, Any], title: str, names: tuple[str, str], error: str) -> None:
    """Print all metrics and an error by action in tables, with a baseline's beside them."""
    from rich.table import Table

    from posezoo.cli.output import console
    from posezoo.registry.cards import unit_of

    def table(title: str, first: str, rows: Mapping[str, tuple[object, object]], heads: tuple[str, str] = names) -> None:
        shown = Table(title=title)
        shown.add_column(first)
        columns = [
            name for name, values in zip(heads, zip(*rows.values(), strict=True), strict=True) if set(values) != {None}
        ]
        for name in columns:
            shown.add_column(name, justify="right")
        for name, values in rows.items():
            shown.add_row(name, *("" if value is None else f"{value:.2f}" for value in values[: len(columns)]))
        console().print(shown)

    floats = {name: value for name, value in result.items() if isinstance(value, float)}
    table(title, "metric", {f"{name} ({unit_of(name)})": (value, beside.get(name)) for name, value in floats.items()})
    for name, values in result.get("baselines", {}).items():
        rows = {f"{key} ({unit_of(key)})": (value, result.get(key)) for key, value in values.items()}
        table(f"beside {name}", "metric", rows, (name, names[0]))
    for scene, values in result.get("per_scene", {}).items():
        table(f"by scene: {scene}", "metric", {f"{name} ({unit_of(name)})": (value, None) for name, value in values.items()})
    key = f"{error.lower().replace('-', '_')}_per_action"
    actions = result.get(key, result.get("per_action", {}))
    if actions:
        # Flat depth has no scale of its own, so show its nearest metric.
        others = beside.get(key, beside.get("n_mpjpe_per_action" if key == "mpjpe_per_action" else "per_action", {}))
        table(f"{error} by action (mm)", "action", {name: (value, others.get(name)) for name, value in actions.items()})
