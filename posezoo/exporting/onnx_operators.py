"""Operators of ours that torch's exporter does not know, in those of ONNX."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.onnx import symbolic_helper


@symbolic_helper.parse_args("v")
def _transposed(g: Any, values: Any) -> Any:
    rank = symbolic_helper._get_tensor_rank(values)
    assert rank is not None
    return g.op("Transpose", values, perm_i=[*range(rank - 2), rank - 1, rank - 2])


@symbolic_helper.parse_args("v")
def _asinh(g: Any, values: Any) -> Any:
    return g.op("Asinh", values)


@symbolic_helper.parse_args("v", "i", "b")
def _median(g: Any, values: Any, axis: int, keepdim: bool) -> Any:
    """The lower of the two in the middle, as torch has it; of values without NaN."""
    middle = (symbolic_helper._get_tensor_dim_size(values, axis) - 1) // 2
    count = g.op("Constant", value_t=torch.tensor([middle + 1]))
    smallest, where = g.op("TopK", values, count, axis_i=axis, largest_i=0, sorted_i=1, outputs=2)
    last = g.op("Constant", value_t=torch.tensor([middle] if keepdim else middle))
    return tuple(g.op("Gather", each, last, axis_i=axis) for each in (smallest, where))


@symbolic_helper.parse_args("v", "is", "b", "none")
def _nanmean(g: Any, values: Any, axes: list[int], keepdim: bool, dtype: Any) -> Any:
    unknown, over = g.op("IsNaN", values), g.op("Constant", value_t=torch.tensor(axes))
    nothing, one = (g.op("CastLike", g.op("Constant", value_t=torch.tensor(x)), values) for x in (0.0, 1.0))
    total, count = (
        g.op("ReduceSum", g.op("Where", unknown, nothing, each), over, keepdims_i=int(keepdim)) for each in (values, one)
    )
    return g.op("Div", total, count)


@symbolic_helper.parse_args("v")
def _isfinite(g: Any, values: Any) -> Any:
    return g.op("Not", g.op("Or", g.op("IsInf", values), g.op("IsNaN", values)))


# Ours are of booleans; torch's own refuse what they cannot tell to be.
@symbolic_helper.parse_args("v", "v")
def _and(g: Any, one: Any, other: Any) -> Any:
    return g.op("And", one, other)


@symbolic_helper.parse_args("v", "v")
def _or(g: Any, one: Any, other: Any) -> Any:
    return g.op("Or", one, other)


@symbolic_helper.parse_args("v")
def _not(g: Any, values: Any) -> Any:
    return g.op("Not", values)


@symbolic_helper.parse_args("i", "i", "i", "none", "none", "none", "none")
def _triu_indices(g: Any, rows: int, columns: int, offset: int, *_: Any) -> Any:
    return g.op("Constant", value_t=torch.triu_indices(rows, columns, offset))


_OPERATORS: dict[str, Callable[..., Any]] = {
    "aten::mT": _transposed,
    "aten::asinh": _asinh,
    "aten::median": _median,
    "aten::nanmean": _nanmean,
    "aten::triu_indices": _triu_indices,
    "aten::isfinite": _isfinite,
    "aten::__and_": _and,
    "aten::__iand_": _and,
    "aten::__or_": _or,
    "aten::__ior_": _or,
    "aten::bitwise_not": _not,
}


@contextmanager
def operators(opset: int) -> Iterator[None]:
    """Known to the exporter for as long as it is needed."""
    for name, symbolic in _OPERATORS.items():
        torch.onnx.register_custom_op_symbolic(name, symbolic, opset)
    try:
        yield
    finally:
        for name in _OPERATORS:
            torch.onnx.unregister_custom_op_symbolic(name, opset)
