"""``posezoo finetune``: go on training from a model's weights on 2D keypoints alone."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Register the command."""
    command = commands.add_parser("finetune", help="adapt a model to your own 2D keypoints, without any 3D label")
    command.add_argument("name", help="an unsupervised model, or the path of its weights")
    command.add_argument("input", type=Path, help="keypoints: .npz .json .csv .h5")
    command.add_argument("--skeleton", help="layout of the keypoints, where the file does not say")
    command.add_argument("--image-size", nargs=2, type=int, metavar=("WIDTH", "HEIGHT"), help="where the file does not say")
    command.add_argument("--out", type=Path, required=True, help="folder of checkpoints, logs and weights")
    command.add_argument("--epochs", type=int, default=10)
    command.add_argument("--learning-rate", type=float, default=5e-5)
    command.add_argument("--batch-size", type=int, default=256)
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--resume", action="store_true", help="go on from the last checkpoint in --out")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Fine-tune and say where the weights are."""
    from posezoo.training import finetune

    finetune(
        options.name,
        options.input,
        options.out,
        skeleton=options.skeleton,
        image_size=options.image_size,
        epochs=options.epochs,
        learning_rate=options.learning_rate,
        batch_size=options.batch_size,
        seed=options.seed,
        resume=options.resume,
    )
    return 0
