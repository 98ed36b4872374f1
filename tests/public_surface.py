"""Read the public surface from the code: public names, commands with their options, fields of results.

``python tests/public_surface.py`` writes ``public_surface.yaml`` again after an intended change; a test compares the two.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import inspect
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml

FILE = Path(__file__).with_suffix(".yaml")
MODULES = (
    "posezoo",
    "posezoo.data",
    "posezoo.data.pictures",
    "posezoo.geometry",
    "posezoo.metrics",
    "posezoo.metrics.functional",
    "posezoo.skeletons",
    "posezoo.training",
    "posezoo.viz",
)
HEAD = """\
# What users build on. A test compares this file with the code; where a change is meant, write it again:
#     python tests/public_surface.py
# and say in CHANGELOG.md what users have to change.
"""


def surface() -> dict[str, Any]:
    """Return everything that is pinned, in plain types."""
    from posezoo.cli import parser
    from posezoo.lifting import LiftingModule, PictureModule
    from posezoo.papers.cvugcn import CVUGCN
    from posezoo.papers.georep import GeoRep

    methods = {
        "LiftingModule.predict": LiftingModule.predict,
        "PictureModule.predict_image": PictureModule.predict_image,
        "CVUGCN.predict_views": CVUGCN.predict_views,
        "GeoRep.encode": GeoRep.encode,
    }
    return {
        "names": {module: [named(module, name) for name in public(module)] for module in MODULES},
        "methods": [f"{name}({parameters(method)})" for name, method in methods.items()],
        "commands": dict(commands(parser())),
        "results": results(),
    }


def public(module: str) -> list[str]:
    """Return the names of a module."""
    return sorted(importlib.import_module(module).__all__)


def named(module: str, name: str) -> str:
    """Return a name; of a function with what it takes."""
    value = getattr(importlib.import_module(module), name)
    return f"{name}({parameters(value)})" if inspect.isfunction(value) else name


def parameters(function: Any) -> str:
    """Return parameters as ``first, second, *, only_by_name``."""
    shown: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not any(name.startswith("*") for name in shown):
            shown.append("*")
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        if parameter.name != "self":
            shown.append(stars + parameter.name)
    return ", ".join(shown)


def commands(top: argparse.ArgumentParser) -> Iterator[tuple[str, list[str]]]:
    """Return every command with its arguments and options."""
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                own = [each for each in command._actions if not isinstance(each, argparse._HelpAction)]
                plain = [each for each in own if not isinstance(each, argparse._SubParsersAction)]
                if len(plain) == len(own):
                    prog = " ".join([*command.prog.split(" ")[:-1], name])  # an alias has the prog of its command
                    yield prog, [", ".join(each.option_strings) or each.dest for each in plain]
                yield from commands(command)


def results() -> dict[str, list[str]]:
    """Return fields of what predicting gives, in memory and in files."""
    from posezoo.data import Prediction
    from posezoo.poses.multiview import MultiViewPrediction
    from posezoo.skeletons import get_skeleton

    full = Prediction(
        pose_3d=np.zeros((1, 17, 3), np.float32),
        skeleton=get_skeleton("h36m17"),
        unit="mm",
        keypoints_2d=np.zeros((1, 17, 2), np.float32),
        confidence=np.ones((1, 17), np.float32),
        image_size=(2, 2),
        filled=np.zeros((1, 17), bool),
    )
    with tempfile.TemporaryDirectory() as folder:
        with np.load(full.save(Path(folder) / "out.npz"), allow_pickle=False) as archive:
            arrays = sorted(archive.files)
        document = sorted(json.loads(full.save(Path(folder) / "out.json").read_text(encoding="utf-8")))
    return {
        "Prediction": [each.name for each in dataclasses.fields(Prediction)],
        "MultiViewPrediction": [each.name for each in dataclasses.fields(MultiViewPrediction)],
        "predict -o out.npz": arrays,
        "predict -o out.json": document,
    }


if __name__ == "__main__":
    FILE.write_text(HEAD + yaml.safe_dump(surface(), sort_keys=False, width=125), encoding="utf-8")
    print(f"{FILE} written")
