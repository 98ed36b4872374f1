"""Score a model of several views on simulated validation rigs, which choose its settings.

    python benchmarks/score_rigs.py cvugcn.mocap --openmocap openmocap.h5 --passes 1 2 --rigs '{views: [2, 4], frames: [24]}'

Bodies and cameras are those of validation, the errors those of :class:`posezoo.papers.cvugcn.simulation.RigSettings`. MPJPE
in mm is printed as triangulated and as refined, over all rigs and for each number of views.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import yaml

import posezoo
from posezoo.errors import InputError
from posezoo.papers.cvugcn import CVUGCN, CVUGCNDataModule
from posezoo.terminal import without_advertisements


def score(model: CVUGCN, openmocap: Path | None, rigs: dict[str, Any], batches: int, batch_size: int) -> dict[str, float]:
    """Return the validation metrics of a model by name, without ``val/``.

    Args:
        model: one that is trained on rigs (``context``).
        openmocap: the prepared file; procedural people where not given.
        rigs: settings of ``RigSettings`` that differ from the defaults.
        batches: how many are scored.
        batch_size: clips of each.
    """
    source: dict[str, Any] = {"dataset": "procedural"} if openmocap is None else {"path": str(openmocap)}
    data = CVUGCNDataModule(**source, batch_size=batch_size, rigs=rigs)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    with without_advertisements():
        trainer = pl.Trainer(
            accelerator="cpu",
            logger=False,
            enable_progress_bar=True,
            enable_model_summary=False,
            limit_val_batches=batches,
        )
        found = trainer.validate(model, data, verbose=False)[0]
    return {name.removeprefix("val/"): float(value) for name, value in found.items()}


def main() -> None:
    """Print a line for each number of passes and each number of views."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a name of the zoo or a file of weights")
    parser.add_argument("--openmocap", type=Path, help="the prepared file; procedural people where not given")
    parser.add_argument("--rigs", type=yaml.safe_load, default={}, help="settings of the rigs, as in a recipe's data.rigs")
    parser.add_argument("--passes", type=int, nargs="+", help="the model's own where not given")
    parser.add_argument("--batches", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=256)
    options = parser.parse_args()
    model = posezoo.load(options.model)
    if not isinstance(model, CVUGCN) or not model.hp.context:
        raise InputError(f"{options.model} is not trained on rigs; expected a model such as cvugcn.mocap.")
    for passes in options.passes or [model.hp.passes]:
        model.hp["passes"] = passes
        found = score(model, options.openmocap, options.rigs, options.batches, options.batch_size)
        for rigs in ("", *sorted(name.removesuffix("mpjpe") for name in found if name.endswith("/mpjpe"))):
            print(f"{passes} passes, {rigs.rstrip('/').replace('_', ' ') or 'all rigs'}: ", end="")
            print(f"{found[f'{rigs}mpjpe_triangulated']:.1f} -> {found[f'{rigs}mpjpe']:.1f} mm", flush=True)


if __name__ == "__main__":
    main()
