"""Score a lifter on a user's keypoints, by metrics that need no 3D label: ``posezoo eval MODEL FILE``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from posezoo.cli.checks import check_input, check_name
from posezoo.cli.finetune_command import print_change
from posezoo.errors import InputError


def evaluate_file(options: argparse.Namespace) -> int:
    """Print the metrics of a model, beside those of the model that it was fine-tuned from, or that ``--beside`` names."""
    import torch

    import posezoo
    from posezoo.lifting import LiftingModule
    from posezoo.training.own_data import read_whole_people

    check_input(options.input)
    other = options.beside or began_with(options.name)
    found: dict[str, dict[str, float]] = {}
    count = left_out = 0
    for name in (options.name, *([other] if other else [])):
        check_name(name)
        model = posezoo.load(name, options.device)
        if not isinstance(model, LiftingModule):
            raise InputError(f"{name} is of kind {model.kind}; keypoints of one file without 3D score lifters alone.")
        size = tuple(options.image_size) if options.image_size else None
        data, left_out = read_whole_people(options.input, options.skeleton, model.skeleton, size)
        count, found[name] = len(data), model.evaluate_2d(torch.from_numpy(data.keypoints_2d))
    if options.json:
        print(json.dumps({"input": str(options.input), "poses": count, "left_out": left_out, "models": found}, indent=2))
        return 0
    title = f"{options.input}: {count} poses, no 3D"
    if other:
        print_change(found[other], found[options.name], title, (other, options.name))
    else:
        print_change(None, found[options.name], title, ("", options.name))
    if left_out:
        print(f"{left_out} people lack a joint and are left out")
    return 0


def began_with(name: str) -> str | None:
    """Return the model that weights were fine-tuned from, where their header names one that exists."""
    from posezoo.registry import describe, is_path, list_models

    if not is_path(name) or not name.endswith(".safetensors") or not Path(name).is_file():
        return None
    start = str(describe(name).get("finetuned_from", ""))
    known = {part for full in list_models() for part in (full, full.partition(".")[0])}
    return start if start in known or (start and Path(start).is_file()) else None
