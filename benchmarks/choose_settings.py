"""Choose settings of a model that learns from 2D alone, by validation without labels.

    python benchmarks/choose_settings.py geoselfsup.cmu --data openmocap.h5 --steps 1000 --out runs/choice \
        --try model.penalty=0,0.1 --try model.learning_rate=2e-4,8e-4 --try steps=500,2000

A candidate is the recipe with one setting changed, trained on a short schedule. It then lifts the 2D keypoints of the
validation split, and is scored by what needs no 3D. Where several cameras see one instant, that is how much the poses differ
that it lifts from two of them (:func:`posezoo.lifting.view_disagreement`). Elsewhere it is the mean of how much
left and right differ, how much the lengths of bones and the ratios of limbs differ from pose to pose, and, where the paper
has such a loop, how far a pose is from itself after it was lifted, turned, projected and lifted again
(:func:`posezoo.lifting.evaluate_2d`). Scores are relative to the recipe as it is: 1 is as good, less is better. Labels are
not read. Without a second camera, compare only settings that leave the loss as it is: a loss on symmetry buys a low score
with poses that are wrong. A candidate that is trained already, in a folder of ``--out``, is not trained again.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import posezoo
from posezoo.cli.output import guarded
from posezoo.data import PoseData, load_dataset
from posezoo.errors import InputError
from posezoo.lifting import evaluate_2d
from posezoo.poses.views import synchronised
from posezoo.terminal import without_advertisements
from posezoo.training import read_recipe, train
from posezoo.training.selection import CRITERIA

AS_IT_IS = "as it is"
AGREEMENT = "view_disagreement"
UNLABELLED = ["--trainer.limit_val_batches", "0", "--trainer.limit_test_batches", "0"]
"""Overrides that leave out what is measured with labels."""


def candidates(settings: Sequence[str], steps: int) -> dict[str, dict[str, str]]:
    """Return the settings to change by candidate, the recipe as it is first.

    Args:
        settings: ``model.penalty=0,0.1``: a setting of the recipe, or ``steps``, and values to try.
        steps: of every candidate but those that try others.

    Raises:
        InputError: not of that form.
    """
    found = {AS_IT_IS: {"steps": str(steps)}}
    for text in settings:
        name, _, values = text.partition("=")
        if not all((name, *values.split(","))):
            raise InputError(f"--try {text}; expected SETTING=VALUE,VALUE, such as model.penalty=0,0.1.")
        for value in values.split(","):
            found[f"{name}={value}"] = {"steps": str(steps), name: value}
    return found


def pairs_of(data: PoseData) -> Tensor | None:
    """Return (M, 2) rows of every two cameras that see one instant; None where there are none."""
    try:
        rows, _ = synchronised(data, list(combinations(np.unique(data.view).tolist(), 2)))
    except InputError:  # one camera, or cameras that never look at the same time
        return None
    return torch.from_numpy(rows)


def scores(measured: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return the score of each candidate over that of the recipe as it is.

    It is :data:`AGREEMENT` where that was measured, elsewhere the mean of :data:`CRITERIA`.
    """
    counted = (AGREEMENT,) if AGREEMENT in measured[AS_IT_IS] else CRITERIA
    own = {name: value for name, value in measured[AS_IT_IS].items() if name in counted}
    return {
        candidate: statistics.fmean(metrics[name] / value for name, value in own.items())
        for candidate, metrics in measured.items()
    }


def trained(recipe: str, changes: Mapping[str, str], data: Path | None, folder: Path, seed: int) -> Path:
    """Train a candidate, unless its folder has the weights; return them.

    A recipe whose rate decays over a stated number of steps decays over the candidate's own.
    """
    weights = folder / f"{Path(recipe).name.removesuffix('.yaml')}.safetensors"
    if weights.is_file():
        return weights
    settings = dict(changes)
    steps = settings.pop("steps")
    if "cosine_steps" in read_recipe(recipe)[1].get("model", {}):
        settings.setdefault("model.cosine_steps", steps)
    overrides = [*UNLABELLED, *(["--data.path", str(data)] if data else [])]
    for name, value in settings.items():
        overrides += [f"--{name}", value]
    with without_advertisements():
        return train(recipe, folder, overrides, steps=int(steps), seed=seed, progress=False)


def main(arguments: list[str] | None = None) -> int:
    """Train, score and print every candidate; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", help="of a model that learns from 2D alone, such as geoselfsup.cmu")
    parser.add_argument("--data", type=Path, help="the file of the recipe's dataset, where it needs one")
    parser.add_argument("--steps", type=int, required=True, help="how long each candidate is trained")
    parser.add_argument("--try", dest="settings", action="append", default=[], metavar="SETTING=VALUE,VALUE")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="folder of the candidates' runs")
    options = parser.parse_args(arguments)

    def choose() -> int:
        _, recipe = read_recipe(options.recipe)
        data = load_dataset(recipe["data"]["dataset"], "val", options.data, keypoints="gt")
        keypoints, pairs = torch.from_numpy(data.keypoints_2d), pairs_of(data)
        measured = {}
        for name, changes in candidates(options.settings, options.steps).items():
            weights = trained(options.recipe, changes, options.data, options.out / f"{name} {options.seed}", options.seed)
            measured[name] = evaluate_2d(posezoo.load(weights), keypoints, pairs=pairs)
            print(name, *(f"{key} {value:.4f}" for key, value in measured[name].items()), sep="  ", flush=True)
        found = scores(measured)
        best = min(found, key=found.__getitem__)
        print(*(f"{value:.3f}  {name}{' (best)' * (name == best)}" for name, value in found.items()), sep="\n")
        return 0

    return guarded("choose_settings.py", choose, "interrupted; call it again to go on")


if __name__ == "__main__":
    sys.exit(main())
