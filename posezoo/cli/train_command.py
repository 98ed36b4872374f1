"""Train a recipe through LightningCLI, to weights with their provenance: ``posezoo train``."""

from __future__ import annotations

import argparse
from pathlib import Path

from posezoo.terminal import without_advertisements


def add(commands: argparse._SubParsersAction) -> None:
    """Register the command; options of model, data and trainer are LightningCLI's."""
    command = commands.add_parser(
        "train",
        aliases=["fit"],
        help="train a recipe; --model.*, --data.*, --trainer.* override it",
        epilog="Any setting of the recipe can be given: --model.width 512 --data.path openmocap.h5 --trainer.devices 2. "
        "--print_config prints them all. For TensorBoard: --trainer.logger TensorBoardLogger (pip install tensorboard); for "
        "MLflow: --trainer.logger MLFlowLogger (pip install mlflow).",
    )
    command.add_argument("recipe", help="a recipe of the package (svma.cmu, martinez.cmu, ...) or a YAML file")
    command.add_argument(
        "-o", "--out", type=Path, help="folder of checkpoints, logs and weights; runs/<recipe> where not given"
    )
    command.add_argument("--steps", type=int, help="how many batches to train on; the recipe's where not given")
    command.add_argument("--minutes", type=float, help="end after so many minutes of training, should the steps take longer")
    command.add_argument("--seed", type=int, help="of everything that is drawn; the recipe's where not given")
    command.add_argument("--start", help="a model or weights to start from; the recipe's where not given")
    command.add_argument(
        "--device", help="what trains: cpu, cuda, cuda:1, mps; several by --trainer.devices (the recipe's where not given)"
    )
    command.add_argument("--resume", action="store_true", help="go on from the last checkpoint in --out")
    command.add_argument(
        "--logger", default="csv", choices=("csv", "wandb"), help="where metrics are logged; TensorBoard, MLflow: see below"
    )
    command.add_argument(
        "--allow-class",
        action="append",
        default=[],
        metavar="PACKAGE.CLASS",
        help="a class that the recipe's trainer may name beside Lightning's own, or a registered model; it is imported",
    )
    command.set_defaults(run=run, notes_only=True, settings=("--data.path",))


def run(options: argparse.Namespace) -> int:
    """Train, test, and write weights and metrics."""
    from posezoo.training import train
    from posezoo.training.devices import trainer_device

    on: list[str] = []
    if options.device is not None:
        on = [f"--trainer.{name}={value}" for name, value in trainer_device(options.device).items()]
    with without_advertisements():
        train(
            options.recipe,
            options.out,
            [*on, *options.rest],
            resume=options.resume,
            logger=options.logger,
            steps=options.steps,
            start=options.start,
            minutes=options.minutes,
            allow_classes=options.allow_class,
            seed=options.seed,
        )
    return 0
