"""Train a model further on 2D keypoints alone: ``posezoo finetune``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from posezoo.cli.checks import check_input, check_name
from posezoo.terminal import without_advertisements

MEANINGS = {
    "symmetry_error": "left against right bones, of a mean bone",
    "bone_spread": "bones over the mean bone, between people",
    "limb_ratio_spread": "upper over lower limbs, between people",
    "reprojection": "lifted, turned, lifted again, turned back; of the mean joint distance",
    "depth_spread": "depths of a pose, of the mean joint distance: neither flatter nor deeper is better",
    "drift": "how far joints of procedural people moved, of the mean joint distance: at most 0.05",
    "critic": "real less lifted and turned, by the model's critic, which learns too: not for comparing",
}


def add(commands: argparse._SubParsersAction) -> None:
    """Register the command."""
    command = commands.add_parser(
        "finetune",
        help="adapt a model to your own 2D keypoints, without any 3D label",
        epilog="Sequences are held out to validate by what needs no 3D; the best epoch is kept, or the start where none is "
        "better.",
    )
    command.add_argument("name", help="an unsupervised model, or the path of its weights")
    command.add_argument("input", type=Path, help="keypoints: .npz .json .csv .h5")
    command.add_argument("--skeleton", help="layout of the keypoints, where the file does not say")
    command.add_argument("--image-size", nargs=2, type=int, metavar=("WIDTH", "HEIGHT"), help="where the file does not say")
    command.add_argument(
        "--fill-gaps",
        type=int,
        default=0,
        metavar="FRAMES",
        help="interpolate up to so many, as predict does of clips (default 0: the poses need not be of a clip)",
    )
    command.add_argument("-o", "--out", type=Path, required=True, help="folder of checkpoints, logs and weights")
    command.add_argument("--epochs", type=int, help="how often each pose is seen; as often as makes 1,000 steps by default")
    command.add_argument("--learning-rate", type=float, default=1e-4)
    command.add_argument("--batch-size", type=int, default=64)
    command.add_argument(
        "--body-weight", type=float, default=10.0, help="how strongly people are held to equal halves and steady bones"
    )
    command.add_argument(
        "--memory-weight", type=float, default=100.0, help="how strongly other people are lifted as they were before"
    )
    command.add_argument(
        "--pitch", type=_pitch, help="by how much cameras look down at people, rad, or `estimate`; the model's by default"
    )
    command.add_argument("--held-out", type=float, default=0.2, help="share of the poses that validates, whole sequences")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--device", help="what trains: cpu, cuda, cuda:1, mps (default: the best of this machine)")
    command.add_argument("--resume", action="store_true", help="go on from the last checkpoint in --out")
    command.set_defaults(run=run, check=check, notes_only=True)


def _pitch(text: str) -> float | str:
    """Read an angle, or ``estimate``."""
    return text if text == "estimate" else float(text)


def check(options: argparse.Namespace) -> None:
    """Refuse wrong options at once, before anything is read."""
    check_name(options.name)
    check_input(options.input)


def run(options: argparse.Namespace) -> int:
    """Fine-tune a model, and print what changed on the held-out poses."""
    from posezoo.registry import describe
    from posezoo.training import finetune

    with without_advertisements():
        weights = finetune(
            options.name,
            options.input,
            options.out,
            skeleton=options.skeleton,
            image_size=options.image_size,
            epochs=options.epochs,
            learning_rate=options.learning_rate,
            batch_size=options.batch_size,
            body_weight=options.body_weight,
            memory_weight=options.memory_weight,
            held_out=options.held_out,
            pitch=options.pitch,
            seed=options.seed,
            resume=options.resume,
            device=options.device,
            max_gap=options.fill_gaps,
        )
    _print(describe(weights))
    return 0


def _print(header: dict[str, Any]) -> None:
    """Print the metrics before and after in a table, and whether fine-tuning was worth it."""
    found = header["validation"]
    title = f"{header['finetuned_from']} on {found['poses']} poses held out, no 3D"
    print_change(found["before"], found["after"], title)
    if found["improved"]:
        print(f"epoch {found['epoch']} of {header['epochs']} is kept: score {found['score']:.3f}, where 1 is the start")
    else:
        print(
            f"no epoch of {header['epochs']} was better than the start, whose weights are kept: nothing was gained. "
            "Try another --learning-rate or more poses."
        )


def print_change(
    before: dict[str, float] | None, after: dict[str, float], title: str, heads: tuple[str, str] = ("before", "after")
) -> None:
    """Print the metrics without 3D labels of one model or of two, and what each metric means."""
    from rich.table import Table

    from posezoo.cli.output import console

    table = Table(title=title)
    table.add_column("metric")
    for name in (*heads, "change") if before is not None else heads[1:]:
        table.add_column(name, justify="right")
    table.add_column("is")
    for name, meaning in MEANINGS.items():
        if name not in after:
            continue
        if before is None:
            table.add_row(name, f"{after[name]:.4f}", meaning)
        elif name in before:
            # Of one pose nothing varies, before and after.
            compared = name not in ("critic", "drift") and before[name] != 0
            change = f"{100 * (after[name] / before[name] - 1):+.1f} %" if compared else ""
            table.add_row(name, f"{before[name]:.4f}", f"{after[name]:.4f}", change, meaning)
    console().print(table)
