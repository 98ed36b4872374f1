"""TorchScript: what ``torch.jit.load`` reads, in Python and in C++."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping

import torch
from torch import Tensor

from posezoo.lifting.export_graph import ExportGraph

METADATA = "posezoo.json"
"""Name of the extra file."""


def to_torchscript(graph: ExportGraph, example: tuple[Tensor, ...], metadata: Mapping[str, object]) -> bytes:
    """Return the file's content."""
    traced = torch.jit.trace(graph, example, check_trace=False)
    stream = io.BytesIO()
    torch.jit.save(traced, stream, _extra_files={METADATA: json.dumps(metadata)})
    return stream.getvalue()


def run_torchscript(data: bytes, graph: ExportGraph, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Run a file and return its outputs."""
    outputs = torch.jit.load(io.BytesIO(data))(*inputs)
    return outputs if isinstance(outputs, tuple) else (outputs,)
