"""Read MATLAB 5 to 7 files without SciPy, whose C reader crashes the process on some damaged ones.

The format is MathWorks' "MAT-File Format", level 5: elements of (type, size, data), arrays being elements of elements.
Version 7.3 is HDF5: see :mod:`posezoo.files.hdf5`.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from posezoo.errors import CorruptFileError
from posezoo.files.reading import PathLike, max_bytes, read_bytes, reading

_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_ENCODINGS = {1: "latin1", 2: "latin1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
_MATRIX, _COMPRESSED = 14, 15
_CELL, _STRUCT, _CHAR = 1, 2, 4
_NUMERIC = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_COMPLEX, _LOGICAL = 0x0800, 0x0200
_MAX_DEPTH = 32


def load_mat(path: PathLike) -> dict[str, Any]:
    """Read the variables of a MATLAB 5 to 7 file.

    Numeric arrays come in MATLAB's shape (two axes or more), texts as str (a list of them for several rows), cells as
    arrays of objects, structures as a dict (an array of them where there are several). Complex, sparse and function
    values, which no dataset of the field uses, come as None.

    Raises:
        MissingFileError: no such file.
        CorruptFileError: empty, truncated, altered, or not of this format.
    """
    data = read_bytes(path, "a MATLAB file")
    with reading(path, "a MATLAB file"):
        order = {b"IM": "<", b"MI": ">"}.get(data[126:128])
        if order is None or struct.unpack(order + "H", data[124:126])[0] != 0x0100:
            raise CorruptFileError(f"{path} is no MATLAB file of version 5 to 7; save it again with -v7 or -v7.3.")
        reader, variables = _Reader(order, max_bytes(len(data))), {}
        for kind, element in reader.elements(memoryview(data)[128:]):
            if kind == _COMPRESSED:
                kind, element = next(reader.elements(reader.inflate(element)))
            if kind == _MATRIX:
                name, value = reader.matrix(element)
                variables[name] = value
    return variables


class _Reader:
    """Reads elements in one byte order; every size is compared with the bytes that are there before memory is taken."""

    def __init__(self, order: str, budget: int) -> None:
        self.order, self.budget = order, budget

    def spend(self, count: int) -> None:
        """Count unpacked bytes, and refuse more than the budget.

        Raises:
            ValueError: more than the budget.
        """
        self.budget -= count
        if self.budget < 0:
            raise ValueError("it unpacks into more bytes than are read; set POSEZOO_MAX_BYTES to more")

    def inflate(self, data: memoryview) -> memoryview:
        """Return a decompressed element, within the budget."""
        inflater = zlib.decompressobj()
        result = inflater.decompress(data, self.budget + 1)
        self.spend(len(result))
        if not inflater.eof:
            raise ValueError("compressed data break off")
        return memoryview(result)

    def elements(self, data: memoryview) -> Iterator[tuple[int, memoryview]]:
        """Yield (type, data) one after the other."""
        place = 0
        while place < len(data):
            if len(data) - place < 8:
                raise ValueError("an element breaks off")
            kind, size = struct.unpack_from(self.order + "II", data, place)
            start = place + 8
            if kind >> 16:  # up to four bytes are stored in place of the size
                kind, size, start = kind & 0xFFFF, kind >> 16, place + 4
                place += 8
            else:
                # Only compressed elements are not padded to eight bytes.
                place = start + (size if kind == _COMPRESSED else -(-size // 8) * 8)
            if start + size > len(data) or (start == place - 4 and size > 4):
                raise ValueError(f"an element of {size} bytes breaks off")
            yield kind, data[start : start + size]

    def matrix(self, data: memoryview, depth: int = 0) -> tuple[str, object]:
        """Return name and value of an array."""
        if not len(data):
            return "", np.zeros((0, 0))
        if depth > _MAX_DEPTH:
            raise ValueError(f"cells nest deeper than {_MAX_DEPTH} levels")
        parts = self.elements(data)
        flags, shape = int(self._numbers(*next(parts))[0]), tuple(self._numbers(*next(parts)).tolist())
        name, kind = bytes(next(parts)[1]).decode("latin1"), flags & 0xFF
        count = math.prod(shape)
        if len(shape) < 2 or min(shape) < 0 or count > 8 * len(data):
            raise ValueError(f"array {name[:40]!r} has shape {shape} in {len(data)} bytes")
        # An empty array keeps the lengths of its other axes.
        self.spend(16 * math.prod(max(length, 1) for length in shape))
        if kind == _CELL:
            return name, _fill(shape, (self.matrix(element, depth + 1)[1] for _, element in parts))
        if kind == _STRUCT:
            return name, self._structures(parts, shape, count, depth)
        if kind == _CHAR:
            return name, self._text(parts, shape)
        if kind not in _NUMERIC or flags & _COMPLEX:
            return name, None
        values = self._numbers(*next(parts)) if count else np.zeros(0)
        # MATLAB stores whole numbers in fewer bytes than the array's own type has.
        array = values.astype(bool if flags & _LOGICAL else _NUMERIC[kind]).reshape(shape, order="F")
        return name, array

    def _numbers(self, kind: int, data: memoryview) -> np.ndarray:
        dtype = np.dtype(self.order + _STORED[kind])
        return np.frombuffer(data, dtype)

    def _structures(self, parts: Iterator[tuple[int, memoryview]], shape: tuple[int, ...], count: int, depth: int) -> object:
        length = int(self._numbers(*next(parts))[0])
        names = bytes(next(parts)[1])
        if length < 1 or len(names) % length:
            raise ValueError("the names of a structure's fields break off")
        fields = [names[i : i + length].split(b"\0")[0].decode("latin1") for i in range(0, len(names), length)]
        records = [
            {field: self.matrix(next(parts)[1], depth + 1)[1] for field in fields} for _ in range(count if fields else 0)
        ]
        return records[0] if len(records) == 1 else _fill(shape, iter(records))

    def _text(self, parts: Iterator[tuple[int, memoryview]], shape: tuple[int, ...]) -> str | list[str]:
        kind, data = next(parts, (1, memoryview(b"")))
        encoding = _ENCODINGS[kind]
        if encoding in ("utf-16", "utf-32"):
            encoding += "-le" if self.order == "<" else "-be"
        text = bytes(data).decode(encoding)
        rows = shape[0]
        return text if rows <= 1 else [text[row::rows] for row in range(rows)]


def _fill(shape: tuple[int, ...], values: Iterator[object]) -> np.ndarray:
    """Return an array of objects, filled in MATLAB's order."""
    result = np.empty(math.prod(shape), dtype=object)
    for index in range(len(result)):
        result[index] = next(values)
    return result.reshape(shape, order="F")
