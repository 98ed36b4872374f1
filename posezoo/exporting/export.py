"""``posezoo.export``: trace a model with what ``predict`` does around it, compare, write."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from posezoo.errors import InputError, SaveError, UnknownNameError
from posezoo.exporting.metadata import metadata
from posezoo.exporting.onnx import check_onnx, run_onnx, to_onnx
from posezoo.exporting.torchscript import run_torchscript, to_torchscript
from posezoo.files.writing import write_whole
from posezoo.lifting import ZooModule
from posezoo.lifting.export_graph import ExportGraph, Port
from posezoo.registry import load
from posezoo.skeletons import Skeleton
from posezoo.terminal import progress_console

TOLERANCE = 1e-5
"""The largest deviation of an exported model, relative to the largest value of an output."""
_COUNTS = (1, 8)  # batch sizes other than the traced one


@dataclass(frozen=True)
class _Format:
    """How a format is written and run, and what its files end in, the usual ending first."""

    endings: tuple[str, ...]
    check: Callable[[], None]
    write: Callable[[ExportGraph, tuple[Tensor, ...], dict[str, object]], bytes]
    run: Callable[[bytes, ExportGraph, tuple[Tensor, ...]], tuple[Tensor, ...]]


FORMATS = {
    "onnx": _Format((".onnx",), check_onnx, to_onnx, run_onnx),
    "torchscript": _Format((".pt", ".torchscript"), lambda: None, to_torchscript, run_torchscript),
}


@dataclass(frozen=True)
class Exported:
    """A file that was written.

    Attributes:
        path, format: where, and as what.
        inputs, outputs: names, shapes and meanings, in order.
        metadata: what stands in the file.
        difference: of outputs from the model's own, of the largest value, at batch sizes that were not traced.
    """

    path: Path
    format: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    metadata: dict[str, Any]
    difference: float


def export(
    model: ZooModule | str | Path,
    path: str | Path | None = None,
    format: str | None = None,
    skeleton: str | Skeleton | None = None,
) -> Exported:
    """Write a model as a file that runs without PoseZoo, and gives what ``predict`` gives.

    A missing joint is NaN: points that stand for one, such as (0, 0), are known to ``predict`` alone. Neither knows the file
    a camera: its poses are those of ``predict`` without ``image_size`` and ``camera``. Batches of any size are taken whole;
    large ones need memory in proportion. What a pose that ``predict`` would refuse gives is NaN, in all joints.
    Nothing is written where the file would not give what the model gives.

    Args:
        model: a model in eval mode, a name such as ``svma``, or the path of weights.
        path: where; the model's name and the format's ending where not given.
        format: ``onnx`` (needs ``pip install 'posezoo[export]'``) or ``torchscript``; what ``path`` ends in (``.onnx``,
            ``.pt``, ``.torchscript``) where not given, ONNX without a path.
        skeleton: the layout that keypoints will come in, whose conversion becomes part of the graph; the model's own where
            not given.

    Returns:
        what was written. Names, shapes, units, frame, joints, licence and the weights' sha256 stand in the file: in ONNX as
        metadata, in TorchScript as the extra file ``posezoo.json``.

    Raises:
        UnknownNameError: unknown model, format or skeleton.
        InputError: a model that cannot be exported (cvugcn as ONNX) or is in training mode, an ending of another format, a
            skeleton that lacks joints, or ONNX is not installed.
        SaveError: the file cannot be written, or would give something else than the model.

    Example:
        >>> import tempfile, torch, posezoo
        >>> done = posezoo.export("svma", tempfile.mkdtemp() + "/svma.pt", skeleton="coco17")
        >>> done.inputs[0].name, done.inputs[0].shape, done.outputs[0].shape
        ('keypoints_2d', ('batch', 17, 2), ('batch', 17, 3))
        >>> torch.jit.load(done.path)(500 * torch.rand(5, 17, 2)).shape
        torch.Size([5, 17, 3])
    """
    name = _format_of(path, format)
    kind = FORMATS[name]
    kind.check()
    loaded = model if isinstance(model, ZooModule) else load(model)
    loaded.check_ready()
    path = Path(path) if path is not None else Path(f"{loaded.zoo_name}{kind.endings[0]}")
    graph = loaded.export_graph(skeleton).eval()
    if name in graph.refused:
        raise InputError(f"{loaded.zoo_name} cannot be written as {name}: {graph.refused[name]}.")
    facts = metadata(loaded, graph, None if model is loaded else model)
    with torch.no_grad(), warnings.catch_warnings(), _patience(f"exporting {loaded.zoo_name}"):
        warnings.simplefilter("ignore")  # hide tracers' warnings; the comparison below finds what they warn of
        example = graph.examples()
        graph(*example)  # folds the batch norms before tracing
        data = kind.write(graph, example, facts)
        difference = max(_difference(data, kind, graph, count) for count in _COUNTS)
    if not difference <= TOLERANCE:
        raise SaveError(
            f"{path} was not written: it would differ from {loaded.zoo_name} by {difference:.1e} of the largest value, more "
            f"than {TOLERANCE:.0e}; try the other format."
        )
    write_whole(path, data)
    return Exported(path, name, graph.inputs, graph.outputs, facts, difference)


def _format_of(path: str | Path | None, format: str | None) -> str:
    """Return the format's name; where none is given, that of the path's ending.

    Raises:
        UnknownNameError: unknown format.
        InputError: an ending of none, or of another.
    """
    if format is not None and format not in FORMATS:
        raise UnknownNameError.of("format", format, FORMATS)
    if path is None:
        return format or "onnx"
    ending = Path(path).suffix.lower()
    allowed = FORMATS[format].endings if format else tuple(e for kind in FORMATS.values() for e in kind.endings)
    if ending not in allowed:
        raise InputError(f"{path} ends in {ending or 'nothing'!r}; expected {' or '.join(allowed)}.")
    return format or next(name for name, kind in FORMATS.items() if ending in kind.endings)


def _difference(data: bytes, kind: _Format, graph: ExportGraph, count: int) -> float:
    """Return the largest difference over all outputs; infinite where shapes or the places of NaN differ."""
    inputs = graph.examples(count)
    expected = graph(*inputs)
    expected = expected if isinstance(expected, tuple) else (expected,)
    largest = 0.0
    for found, wanted in zip(kind.run(data, graph, inputs), expected, strict=True):
        if found.shape != wanted.shape or not torch.equal(torch.isnan(found), torch.isnan(wanted)):
            return float("inf")
        size = wanted.nan_to_num().abs().max().clamp_min(torch.finfo(wanted.dtype).tiny)
        largest = max(largest, float((found - wanted).nan_to_num().abs().max() / size))
    return largest


def _patience(label: str) -> AbstractContextManager[object]:
    """Show a line on the terminal while the block runs."""
    return progress_console().status(label)
