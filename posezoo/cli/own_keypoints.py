"""Score a lifter on a user's keypoints, by metrics that need no 3D, and against 3D in the same file: ``posezoo eval``."""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from posezoo.cli.checks import check_input, check_name
from posezoo.cli.finetune_command import print_change
from posezoo.cli.truth import MM, check_layout, in_mm, pose_of
from posezoo.errors import InputError, PoseZooWarning

if TYPE_CHECKING:
    from posezoo.data import PoseData
    from posezoo.formats.keypoints.containers import Content
    from posezoo.lifting import LiftingModule

AGAINST_LABELS = ("p_mpjpe", "pck_aligned", "auc_aligned")
"""Metrics against labels. A rotation of the labels does not change them; files do not name the frame of ``pose_3d``."""


def evaluate_file(options: argparse.Namespace) -> int:
    """Print the metrics of a model, beside those of the model that it was fine-tuned from, or that ``--beside`` names."""
    import torch

    import posezoo
    from posezoo.files.reading import affordable
    from posezoo.formats.keypoints import read_content
    from posezoo.formats.keypoints.containers import load_content
    from posezoo.lifting import LiftingModule
    from posezoo.training.own_data import read_whole_people

    check_input(options.input)
    if options.name == "flat":
        raise InputError("flat, the baseline, is scored on datasets alone; name a model, such as geoselfsup.")
    other = options.beside or began_with(options.name)
    names = (options.name, *([other] if other else []))
    for name in names:
        check_name(name)
    size = tuple(options.image_size) if options.image_size else None
    with affordable(options.input):
        content = load_content(options.input)
    people = read_content(content, options.skeleton, size)[1]
    people = replace(people, pose_3d=labels_of(content, people))
    found: dict[str, dict[str, float]] = {}
    against: dict[str, dict[str, float]] = {}
    count = left_out = 0
    for name in names:
        model = posezoo.load(name, options.device, kind=LiftingModule)
        whole = read_whole_people(people, None, model.skeleton, labels=True)
        data, left_out = whole.data, whole.left_out
        count, found[name] = len(data), model.evaluate_2d(torch.from_numpy(data.keypoints_2d))
        against |= _against_labels(model, name, data)
    if options.json:
        about = {"input": str(options.input), "poses": count, "left_out": left_out, "models": found}
        print(json.dumps({**about, **({"against_pose_3d": against} if against else {})}, indent=2))
        return 0
    title = f"{options.input}: {count} poses, what needs no 3D"
    if other:
        print_change(found[other], found[options.name], title, (other, options.name))
    else:
        print_change(None, found[options.name], title, ("", options.name))
    for name, errors in against.items():
        print(
            f"{name} against pose_3d: P-MPJPE {errors['p_mpjpe']:.1f} mm, after alignment PCK@150mm "
            f"{errors['pck_aligned']:.1f} %, AUC {errors['auc_aligned']:.1f} %"
        )
    if left_out:
        print(f"{left_out} people lack a joint and are left out")
    return 0


def labels_of(content: Content, people: PoseData) -> np.ndarray | None:
    """Return the 3D labels of a file of keypoints in mm; None where it has none, or where ``posezoo predict`` wrote it.

    Args:
        content: of the file; ``pose_3d`` (N, J, 3) and ``unit`` are read of ``.npz`` and ``.json``.
        people: the keypoints of the file.

    Raises:
        InputError: another shape or layout than the keypoints', or a unit that is not said or is another.
        CorruptFileError: ``pose_3d`` holds something else than numbers.
    """
    from posezoo.formats.keypoints.plain import PREDICTION, text

    held, path = content.value, content.path
    if content.kind not in ("npz", "json") or not isinstance(held, Mapping):
        return None
    if held.get("pose_3d") is None or text(held.get("format", "")) == PREDICTION:
        return None
    unit, expected = str(held.get("unit")), (*people.keypoints_2d.shape[:-1], 3)
    if unit not in MM:
        raise InputError(f"{path} has pose_3d and does not say its unit; add unit: mm, cm or m, or leave pose_3d out.")
    label = pose_of(held, path)
    if label.shape != expected:
        raise InputError(f"{path}: pose_3d has shape {label.shape}; expected {expected}, as the keypoints.")
    flat = label.reshape(-1, *label.shape[-2:])
    check_layout(flat, people.skeleton, path, "give keypoints in that layout too")
    return in_mm(label, people.skeleton, unit, path)


def _against_labels(model: LiftingModule, name: str, data: PoseData) -> dict[str, dict[str, float]]:
    """Return the errors of a model and of flat depth by name, on poses whose 3D is known; empty without any."""
    from posezoo.lifting import evaluate

    if data.pose_3d is None:
        return {}
    known = np.isfinite(data.pose_3d).all((1, 2))
    if not known.any():
        warnings.warn("no pose of pose_3d is whole; nothing is scored against it.", PoseZooWarning, stacklevel=2)
        return {}
    scores = {name: evaluate(model, data[known]), "flat depth": evaluate(None, data[known])}
    return {who: {metric: score[metric] for metric in AGAINST_LABELS} for who, score in scores.items()}


def began_with(name: str) -> str | None:
    """Return the model that weights were fine-tuned from, where their header names one that exists."""
    from posezoo.registry import describe, is_path, list_models

    if not is_path(name) or not name.endswith(".safetensors") or not Path(name).is_file():
        return None
    start = str(describe(name).get("finetuned_from", ""))
    known = {part for full in list_models() for part in (full, full.partition(".")[0])}
    return start if start in known or (start and Path(start).is_file()) else None
