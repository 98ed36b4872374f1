"""ONNX: what ONNX Runtime and other engines read."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from posezoo.errors import InputError
from posezoo.lifting.export_graph import BATCH, ExportGraph

_NEEDED = ("onnx", "onnxscript", "onnxruntime")


def check_onnx() -> None:
    """Raise ``InputError`` where a package is missing that ONNX needs."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            f"ONNX needs {' and '.join(missing)}, not installed here; pip install 'posezoo[export]' brings what is needed."
        )


def to_onnx(graph: ExportGraph, example: tuple[Tensor, ...], metadata: dict[str, Any]) -> bytes:
    """The file's content: weights, and the metadata as strings, JSON where they are none."""
    import onnx

    batch = torch.export.Dim(BATCH)
    open_axes = tuple({axis: batch for axis, size in enumerate(port.shape) if size == BATCH} for port in graph.inputs)
    with _quiet():
        program = torch.export.export(graph, example, dynamic_shapes=open_axes, strict=False)
        written = torch.onnx.export(
            program,
            dynamo=True,
            input_names=[port.name for port in graph.inputs],
            output_names=[port.name for port in graph.outputs],
        )
    assert written is not None
    proto = written.model_proto
    for node in proto.graph.node:  # where in which file of this machine each came from
        del node.metadata_props[:]
        node.ClearField("doc_string")
    del proto.graph.metadata_props[:]
    for value in proto.graph.value_info:
        del value.metadata_props[:]
    for values, ports in ((proto.graph.input, graph.inputs), (proto.graph.output, graph.outputs)):
        for value, port in zip(values, ports, strict=True):
            del value.metadata_props[:]
            value.doc_string = port.meaning
    proto.doc_string = f"{metadata['model']}, {metadata['paper']}"
    strings = {key: value if isinstance(value, str) else json.dumps(value) for key, value in metadata.items()}
    onnx.helper.set_model_props(proto, strings)
    onnx.checker.check_model(proto)
    return proto.SerializeToString(deterministic=True)


def run_onnx(data: bytes, graph: ExportGraph, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """What a file gives, by ONNX Runtime on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    feeds = {port.name: values.numpy() for port, values in zip(graph.inputs, inputs, strict=True)}
    return tuple(torch.from_numpy(values) for values in session.run([port.name for port in graph.outputs], feeds))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter prints, and logs what it does to the graph."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(level)
