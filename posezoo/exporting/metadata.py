"""Describe an exported file in its metadata."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from posezoo.errors import PoseZooError
from posezoo.files.reading import sha256
from posezoo.lifting import ZooModule
from posezoo.lifting.export_graph import ExportGraph, Port
from posezoo.registry import PAPERS, info, list_models, locate
from posezoo.version import __version__

FORMAT = "posezoo-export/1"


def metadata(model: ZooModule, graph: ExportGraph, given: object = None) -> dict[str, object]:
    """Return name, version, layout, unit, frame, inputs and outputs; for published weights also licence and sha256.

    Args:
        model: that was exported.
        graph: what of it was.
        given: the name or path that it was loaded by; None for a model in memory.
    """
    facts: dict[str, object] = {
        "format": FORMAT,
        "posezoo": __version__,
        "model": model.zoo_name,
        "paper": _cited(model),
        "unit": model.unit,
        "frame": graph.frame,
        "skeleton": model.skeleton.name,
        "joints": list(model.skeleton.joints),
        "parents": list(model.skeleton.parents),
        "inputs": [_described(port) for port in graph.inputs],
        "outputs": [_described(port) for port in graph.outputs],
    }
    if graph.source is not None:
        facts |= {
            "keypoints_skeleton": graph.source.name,
            "keypoints_joints": list(graph.source.joints),
            "approximated": graph.approximated,
        }
    if _is_published(model):
        card = info(model.zoo_name)
        return facts | {
            "weights_sha256": card["sha256"], "licence": card["licence"], "training_data": card["training_data"]
        }  # fmt: skip
    if isinstance(given, (str, os.PathLike)) and Path(given).is_file():
        facts["weights_sha256"] = sha256(Path(given))
    return facts


def _cited(model: ZooModule) -> str:
    """Return authors, title, venue and year, as far as they are known; the class's name where nothing is."""
    paper = PAPERS.get(model.paper)
    if paper is None:
        return type(model).__name__
    published = f"{paper.venue} {paper.year or ''}".strip()
    return ": ".join(filter(None, [paper.authors, ", ".join(filter(None, [paper.title, published]))]))


def _described(port: Port) -> dict[str, object]:
    kind = str(port.dtype).removeprefix("torch.")
    return {"name": port.name, "shape": list(port.shape), "type": kind, "meaning": port.meaning}


def _is_published(model: ZooModule) -> bool:
    """Return whether the weights are those of the published model of this name, rather than trained further."""
    from safetensors.torch import load_file

    if model.zoo_name not in list_models():
        return False
    with suppress(PoseZooError):
        published, own = load_file(locate(model.zoo_name)), model.weights()
        return published.keys() == own.keys() and all(own[key].cpu().equal(value) for key, value in published.items())
    return False
