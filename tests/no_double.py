"""Simulate a device without float64, as Apple's MPS is, on any machine: the CPU computes, and the device is ``meta``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only

from posezoo.geometry import double

DEVICE = torch.device("meta")
"""Of the types of devices that torch knows, the one that every build can name and whose tensors hold nothing."""
_REFUSAL = "Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64."
_ops = torch.ops.aten
_MIXED = (_ops.copy_, _ops.index, _ops.index_put_, _ops.index_put, _ops._has_compatible_shallow_copy_type)
"""Operations that take tensors of several devices: indices may lie on the CPU."""


class _OnDevice(Tensor):
    """Represent a tensor that says it lies on the device and holds its values on the CPU."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> _OnDevice:
        if held.dtype == torch.float64:
            raise TypeError(_REFUSAL)
        shape = held.shape, held.stride(), held.storage_offset()
        made = Tensor._make_wrapper_subclass(cls, *shape, dtype=held.dtype, device=DEVICE)
        made.held = held
        return made

    def __repr__(self, *, tensor_contents: object = None) -> str:
        return f"on {DEVICE}: {self.held!r}"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _compute(func, args, kwargs or {})


def _compute(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Compute on the CPU; what comes out lies on the device where an input does, or where it is sent there."""
    if func.overloadpacket is _ops.to:  # in inference mode torch leaves it whole
        with _Operations():
            return func.decompose(*args, **kwargs)
    given = [value for value in tree_flatten((args, kwargs))[0] if isinstance(value, Tensor)]
    wanted = kwargs.get("device")
    inside = [isinstance(value, _OnDevice) for value in given]
    there = any(inside) if wanted is None else torch.device(wanted) == DEVICE
    assert all(held or value.device != DEVICE for value, held in zip(given, inside, strict=True)), f"{func}: no values"
    elsewhere = any(value.ndim for value, held in zip(given, inside, strict=True) if not held)
    if any(inside) and elsewhere and func.overloadpacket not in _MIXED:
        raise RuntimeError(f"{func}: expected all tensors to be on the same device, found cpu and {DEVICE}")
    if there and wanted is not None:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    inner_args, inner = tree_map_only(_OnDevice, lambda value: value.held, (args, kwargs))
    result = func(*inner_args, **inner)
    if not there:
        return result
    known = {id(value.held): value for value in given if isinstance(value, _OnDevice)}  # changed in place
    return tree_map_only(Tensor, lambda value: known[id(value)] if id(value) in known else _OnDevice(value), result)


class _Operations(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _compute(func, args, kwargs or {})


class _Constructors(TorchFunctionMode):
    """Make tensors out of lists on the CPU and move them, because the operations above never see such calls."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func in (torch.tensor, torch.as_tensor) and str(kwargs.get("device")) == str(DEVICE):
            return func(*args, **{**kwargs, "device": "cpu"}).to(DEVICE)
        if func is Tensor.new_tensor and isinstance(args[0], _OnDevice):
            return torch.tensor(args[1], dtype=kwargs.get("dtype", args[0].dtype)).to(DEVICE)
        if func in (Tensor.__getitem__, Tensor.__setitem__) and isinstance(args[0], _OnDevice):
            place = args[1] if isinstance(args[1], tuple) else (args[1],)
            place = tuple(torch.tensor(index) if isinstance(index, list) else index for index in place)
            args = args[0], place, *args[2:]
        return func(*args, **kwargs)


@contextmanager
def device_without_double() -> Iterator[torch.device]:
    """Make the device usable inside the block: modules, metrics and tensors are moved to it by ``to``."""
    double.WITHOUT_DOUBLE.add(DEVICE.type)
    try:
        with _Constructors(), _Operations():
            yield DEVICE
    finally:
        double.WITHOUT_DOUBLE.discard(DEVICE.type)
