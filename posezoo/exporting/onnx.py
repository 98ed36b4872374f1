"""ONNX: what ONNX Runtime and other engines read."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from posezoo.errors import InputError
from posezoo.extras import require
from posezoo.files.reading import reason
from posezoo.lifting.export_graph import BATCH, ExportGraph, Port

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 18
_NEEDED = ("onnx", "onnxruntime")
_TORCH = torch.torch_version.TorchVersion(torch.__version__)
_BY_TORCH_EXPORT = _TORCH >= "2.9"
_NO_DYNAMO: dict[str, Any] = {"dynamo": False} if _TORCH >= "2.5" else {}


def check_onnx() -> None:
    """Raise ``InputError`` where a package that ONNX needs is missing or cannot be imported."""
    for name in (*_NEEDED, *(("onnxscript",) if _BY_TORCH_EXPORT else ())):
        require(name, "ONNX", "'posezoo[export]'")


def to_onnx(graph: ExportGraph, example: tuple[Tensor, ...], metadata: dict[str, Any]) -> bytes:
    """Return the file's content: weights, and the metadata as strings, in JSON where they are no strings."""
    import onnx

    try:
        with _quiet():
            proto = (_exported if _BY_TORCH_EXPORT else _traced)(graph, example)
    except torch.onnx.errors.OnnxExporterError as error:
        said = reason(error.__cause__ or error).partition(". ")[0]
        raise InputError(
            f"{metadata['model']} cannot be written as ONNX ({said}); format='torchscript' takes it."
        ) from error
    for node in proto.graph.node:  # the exporter writes paths of this machine there
        node.ClearField("doc_string")
        del node.metadata_props[:]
    for values, described in ((proto.graph.input, graph.inputs), (proto.graph.output, graph.outputs)):
        for value, port in zip(values, described, strict=True):
            value.doc_string = port.meaning
            for axis, size in zip(value.type.tensor_type.shape.dim, port.shape, strict=True):
                if isinstance(size, int):
                    axis.dim_value = size  # set sizes that the exporter did not know
    proto.doc_string = f"{metadata['model']}, {metadata['paper']}"
    strings = {key: value if isinstance(value, str) else json.dumps(value) for key, value in metadata.items()}
    onnx.helper.set_model_props(proto, strings)
    onnx.checker.check_model(proto)
    return proto.SerializeToString(deterministic=True)


def _exported(graph: ExportGraph, example: tuple[Tensor, ...]) -> ModelProto:
    """Write the graph by ``torch.export``, torch's own default from 2.9 on."""
    batch = torch.export.Dim(BATCH, min=1)
    program = torch.onnx.export(
        graph,
        example,
        input_names=[port.name for port in graph.inputs],
        output_names=[port.name for port in graph.outputs],
        dynamic_shapes=tuple(dict.fromkeys(_open_axes(port), batch) for port in graph.inputs),
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    assert program is not None  # no path was given
    return program.model_proto


def _traced(graph: ExportGraph, example: tuple[Tensor, ...]) -> ModelProto:
    """Write the graph from a trace, for older versions of torch, whose ``torch.export`` follows fewer models."""
    import onnx

    stream: Any = io.BytesIO()  # the exporter takes a stream, although its signature names paths alone
    ports = (*graph.inputs, *graph.outputs)
    torch.onnx.export(
        torch.jit.trace(graph, example, check_trace=False),
        example,
        stream,
        input_names=[port.name for port in graph.inputs],
        output_names=[port.name for port in graph.outputs],
        dynamic_axes={port.name: dict.fromkeys(_open_axes(port), BATCH) for port in ports},
        opset_version=OPSET,
        **_NO_DYNAMO,
    )
    return onnx.load_from_string(stream.getvalue())


def _open_axes(port: Port) -> list[int]:
    return [axis for axis, size in enumerate(port.shape) if size == BATCH]


def run_onnx(data: bytes, graph: ExportGraph, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Run a file by ONNX Runtime on the CPU and return its outputs."""
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    feeds = {port.name: values.numpy() for port, values in zip(graph.inputs, inputs, strict=True)}
    return tuple(torch.from_numpy(values) for values in session.run([port.name for port in graph.outputs], feeds))


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter, which prints and logs what it does to the graph."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(level)
