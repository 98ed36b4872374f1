"""Read pickles safely: rebuild NumPy arrays and plain containers, and refuse everything else without executing it.

A filter on ``find_class`` (docs.python.org/3/library/pickle.html#restricting-globals) is not enough. A flipped byte in a
memo index makes Python's C unpickler allocate tens of gigabytes, and NumPy's own constructors take object pointers from the
raw bytes of a forged dtype. Here the pickle machine, in Python, creates only stand-ins that this file defines; the arrays
are made from their bytes afterwards.
"""

from __future__ import annotations

import io
import math
import pickle
import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from posezoo.errors import CorruptFileError
from posezoo.files.reading import max_bytes

_PLAIN = (str, bytes, int, float, type(None))
_MAX_DEPTH = 64
# Longer ones are no data, and Python refuses to print those of more than 4,300 digits, 14,284 bits.
_INTEGER_BITS = 4096
# Several references may share one part. With every reference copied, the whole may not be much larger than the pickle.
_MAX_UNROLLED = 8
_FREE_NODES, _FREE_BYTES = 2**12, 2**26
# Enough for a hundred frames of a hundred people in each of a thousand videos.
_MOST_NODES = 2**24


def restricted_unpickle(stream: io.BufferedIOBase, where: str) -> Any:
    """Read a pickle of any protocol (Python 2 and NumPy 1 included) from the stream's position on.

    Gives NumPy arrays and scalars of numbers or text, and list, tuple, dict, set, str, bytes and numbers. An array
    of objects without dimensions comes as the object inside.

    Args:
        stream: seekable, open in binary.
        where: names the source in errors.

    Raises:
        CorruptFileError: truncated or altered, or it names anything else; nothing of it has been executed.

    Example:
        >>> restricted_unpickle(io.BytesIO(pickle.dumps({"S1": [np.arange(3)]})), "example")
        {'S1': [array([0, 1, 2])]}
        >>> restricted_unpickle(io.BytesIO(pickle.dumps(print)), "example")
        Traceback (most recent call last):
        ...
        posezoo.errors.CorruptFileError: example names builtins.print, which unpickling would run; refused: only NumPy \
arrays and plain containers are read.
    """
    start = stream.tell()
    size = stream.seek(0, io.SEEK_END) - start
    stream.seek(start)
    try:
        return _Resolver(where, size)(_Unpickler(stream, where).load())
    except CorruptFileError:
        raise
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise CorruptFileError(
            f"{where} is no readable pickle ({reason[:100]}); it is truncated or altered: get it again."
        ) from error


class _Dtype:
    """Stands for ``numpy.dtype`` in a pickle."""

    def __init__(self, spec: object = "", *_: object) -> None:
        if not re.fullmatch(r"[<>|=]?([biuf]\d{1,2}|[SU]\d{1,9}|O[48]?)", str(spec)):
            raise TypeError(f"arrays of dtype {str(spec)[:20]!r} are not read")
        self.spec = str(spec).lstrip("<>|=")
        self.order: Literal["<", ">", "|", "="] = "="

    def __setstate__(self, state: Any) -> None:
        _, order, subarray, names, *_ = state
        if subarray is not None or names is not None or order not in ("<", ">", "|", "="):
            raise TypeError("structured arrays are not read")
        self.order = order

    @property
    def dtype(self) -> np.dtype:
        """The dtype that this object stands for."""
        return np.dtype(object) if self.spec.startswith("O") else np.dtype(self.spec).newbyteorder(self.order)


class _Array:
    """Stands for an array in a pickle: shape, dtype, and bytes or a list of objects."""

    def __init__(self, *_: object) -> None:
        self.state: tuple[tuple[int, ...], np.dtype, bool, object] = ((), np.dtype(bool), False, b"")

    def __setstate__(self, state: Any) -> None:
        *_, shape, dtype, fortran, data = state
        if not isinstance(dtype, _Dtype) or not all(isinstance(size, int) and size >= 0 for size in shape):
            raise TypeError("an array's state is damaged")
        self.state = (tuple(shape), dtype.dtype, fortran, data)

    def array(self) -> np.ndarray:
        """Return the array; one of objects still holds stand-ins."""
        shape, dtype, fortran, data = self.state
        count = math.prod(shape)
        if math.prod(max(size, 1) for size in shape) * max(dtype.itemsize, 1) > max_bytes(_length(data)):
            raise ValueError(f"an array declares shape {shape}, more than is read; set POSEZOO_MAX_BYTES to more")
        if dtype.hasobject:
            if not isinstance(data, list) or len(data) != count:
                raise ValueError(f"an array of {count} objects does not hold as many")
            result = np.empty(count, dtype)
            for index, item in enumerate(data):
                result[index] = item
            return result.reshape(shape)
        raw = data.encode("latin1") if isinstance(data, str) else data
        if not isinstance(raw, bytes | bytearray) or len(raw) != count * dtype.itemsize:
            raise ValueError(f"an array declares shape {shape} of {dtype} but does not hold as much")
        if not count or not dtype.itemsize:
            return np.zeros(shape if not count else (), dtype)
        return np.frombuffer(bytearray(raw), dtype).reshape(shape, order="F" if fortran else "C")


def _length(data: object) -> int:
    return len(data) if isinstance(data, list | str | bytes | bytearray) else 0


class _ArrayType:
    """Stands for the class ``numpy.ndarray``, which a pickle names."""


def _from_buffer(data: object, dtype: object, shape: object, order: object = "C", *_: object) -> _Array:
    """Return the array of a protocol 5 pickle, in place of NumPy's ``_frombuffer``."""
    array = _Array()
    array.__setstate__((1, shape, dtype, order == "F", data))
    return array


def _scalar(dtype: Any, data: Any = b"", *_: Any) -> Any:
    """Return a scalar, in place of NumPy's ``scalar``."""
    array = _Array()
    array.__setstate__((1, (1,), dtype, False, data))
    if array.state[1].hasobject:
        raise TypeError("scalars of objects are not read")
    return array.array()[0]


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """Return bytes, which protocol 2 writes as Latin-1 text, in place of ``codecs.encode``."""
    if encoding not in ("latin1", "latin-1"):
        raise TypeError("bytes are in an unknown encoding")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    """Return empty bytes, which protocol 2 writes as a call of ``bytes``."""
    return b""


def _checked_set(items: Any = ()) -> set[Any]:
    return {_key(item) for item in items}


def _mapping(*args: object) -> dict[Any, Any]:
    """Return an OrderedDict of pairs; of a defaultdict the factory is dropped."""
    pairs = args[0] if args and isinstance(args[0], list) else []
    return OrderedDict((_key(key), value) for key, value in pairs)


def _key(key: object) -> Any:
    """Return a key that hashes quickly: a plain value, or a flat tuple of them. Nested, shared tuples may hash for ever."""
    if not isinstance(key, (*_PLAIN, np.generic)) and not (
        isinstance(key, tuple) and len(key) < 64 and all(isinstance(part, (*_PLAIN, np.generic)) for part in key)
    ):
        raise TypeError(f"a {type(key).__name__} is no key")
    return key


_NUMPY = {
    ("multiarray", "_reconstruct"): _Array,
    ("multiarray", "scalar"): _scalar,
    ("numeric", "_frombuffer"): _from_buffer,
}
_ADMITTED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _ArrayType,
    ("numpy", "dtype"): _Dtype,
    **{(f"numpy.{core}.{module}", name): value for core in ("core", "_core") for (module, name), value in _NUMPY.items()},
    ("collections", "OrderedDict"): _mapping,
    ("collections", "defaultdict"): _mapping,
    ("_codecs", "encode"): _encode,
    **{(module, name): _checked_set for module in ("builtins", "__builtin__") for name in ("set", "frozenset")},
    **{(module, "bytes"): _no_bytes for module in ("builtins", "__builtin__")},
    # Usual factories of a defaultdict.
    **{(module, kind.__name__): kind for module in ("builtins", "__builtin__") for kind in (list, dict, int, float)},
}

_Base: Any = pickle._Unpickler


class _Unpickler(_Base):
    """Python's own pickle machine, limited to :data:`_ADMITTED`, with a bound on the lengths that a pickle claims."""

    def __init__(self, stream: io.BufferedIOBase, where: str) -> None:
        super().__init__(stream, encoding="latin1")
        self.where = where

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ADMITTED:
            raise CorruptFileError(
                f"{self.where} names {module[:40]}.{name[:40]}, which unpickling would run; refused: "
                "only NumPy arrays and plain containers are read."
            )
        return _ADMITTED[module, name]

    def load_build(self) -> None:
        state = self.stack.pop()
        if not isinstance(self.stack[-1], _Array | _Dtype):
            raise TypeError(f"a {type(self.stack[-1]).__name__} with a state is not read")
        self.stack[-1].__setstate__(state)

    def load_bytearray8(self) -> None:
        # Python's own method allocates the length that the pickle claims before it reads.
        self.append(bytearray(self.read(int.from_bytes(self.read(8), "little"))))

    def load_setitem(self) -> None:
        _key(self.stack[-2])
        super().load_setitem()

    def load_setitems(self) -> None:
        for key in self.stack[::2]:
            _key(key)
        super().load_setitems()

    def load_dict(self) -> None:
        for key in self.stack[::2]:
            _key(key)
        super().load_dict()

    def load_additems(self) -> None:
        for item in self.stack:
            _key(item)
        super().load_additems()

    def load_frozenset(self) -> None:
        for item in self.stack:
            _key(item)
        super().load_frozenset()

    dispatch: dict[int, Callable[[Any], None]] = {  # noqa: RUF012
        **_Base.dispatch,
        pickle.BUILD[0]: load_build,
        pickle.BYTEARRAY8[0]: load_bytearray8,
        pickle.SETITEM[0]: load_setitem,
        pickle.SETITEMS[0]: load_setitems,
        pickle.DICT[0]: load_dict,
        pickle.ADDITEMS[0]: load_additems,
        pickle.FROZENSET[0]: load_frozenset,
    }


class _Resolver:
    """Replaces stand-ins by arrays, within a budget of nodes and of bytes."""

    def __init__(self, where: str, size: int) -> None:
        self.where = where
        self.nodes = _FREE_NODES + min(size, _MOST_NODES)
        self.bytes = _FREE_BYTES + _MAX_UNROLLED * size

    def __call__(self, value: object, depth: int = 0) -> Any:
        self.nodes -= 1
        if self.nodes < 0 or self.bytes < 0:
            raise CorruptFileError(f"{self.where} unrolls to far more data than it holds; it is altered: get it again.")
        if depth > _MAX_DEPTH:
            raise CorruptFileError(
                f"{self.where} nests deeper than {_MAX_DEPTH} levels; expected arrays in a few containers."
            )
        if isinstance(value, _Array):
            array = value.array()
            self.bytes -= array.nbytes
            if not array.dtype.hasobject:
                return array
            flat = array.reshape(-1)
            for index, item in enumerate(flat):
                flat[index] = self(item, depth + 1)
            return array if array.ndim else array.item()
        if isinstance(value, dict):
            return {self(key, depth + 1): self(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            kind = next(kind for kind in (list, tuple, set, frozenset) if isinstance(value, kind))
            return kind([self(item, depth + 1) for item in value])
        if isinstance(value, int) and value.bit_length() > _INTEGER_BITS:
            raise CorruptFileError(
                f"{self.where} holds an integer of {value.bit_length()} bits; expected at most {_INTEGER_BITS}."
            )
        if isinstance(value, (*_PLAIN, bytearray, np.generic)):
            return value
        raise TypeError(f"a bare {getattr(value, '__name__', type(value).__name__)} is no data")
