"""ONNX: what ONNX Runtime and other engines read."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

import torch
from torch import Tensor

from posezoo.errors import InputError
from posezoo.extras import require
from posezoo.lifting.export_graph import BATCH, ExportGraph

OPSET = 18
_NEEDED = ("onnx", "onnxruntime")


def check_onnx() -> None:
    """Raise ``InputError`` where a package that ONNX needs is missing or cannot be imported."""
    for name in _NEEDED:
        require(name, "ONNX", "'posezoo[export]'")


def to_onnx(graph: ExportGraph, example: tuple[Tensor, ...], metadata: dict[str, Any]) -> bytes:
    """Return the file's content: weights, and the metadata as strings, in JSON where they are no strings."""
    import onnx

    ports = (*graph.inputs, *graph.outputs)
    stream: Any = io.BytesIO()  # the exporter takes a stream, although its signature names paths alone
    # From a trace, as TorchScript is: in a second, with any torch that PoseZoo takes. By torch.export, where svma and
    # martinez were seen to come out the same, it takes seven times as long and more.
    traced = torch.jit.trace(graph, example, check_trace=False)
    try:
        with _quiet():
            torch.onnx.export(
                traced,
                example,
                stream,
                input_names=[port.name for port in graph.inputs],
                output_names=[port.name for port in graph.outputs],
                dynamic_axes={p.name: {axis: BATCH for axis, size in enumerate(p.shape) if size == BATCH} for p in ports},
                opset_version=OPSET,
                **_BY_TRACING,
            )
    except torch.onnx.errors.OnnxExporterError as error:
        reason = str(error).strip().partition(". ")[0]
        raise InputError(
            f"{metadata['model']} cannot be written as ONNX ({reason}); --format torchscript takes it."
        ) from error
    proto = onnx.load_from_string(stream.getvalue())
    for node in proto.graph.node:  # the exporter writes paths of this machine there
        node.ClearField("doc_string")
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


def run_onnx(data: bytes, graph: ExportGraph, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Run a file by ONNX Runtime on the CPU and return its outputs."""
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    feeds = {port.name: values.numpy() for port, values in zip(graph.inputs, inputs, strict=True)}
    return tuple(torch.from_numpy(values) for values in session.run([port.name for port in graph.outputs], feeds))


# Newer versions of torch need this argument.
_BY_TRACING: dict[str, Any] = {"dynamo": False} if torch.__version__ >= torch.torch_version.TorchVersion("2.5") else {}


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter, which prints and logs what it does to the graph."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(level)
