"""Read and write HDF5 safely: nothing comes from other files, and nothing is read on which h5py would hang or crash."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from posezoo.errors import CorruptFileError
from posezoo.files.reading import MAX_RATIO, PathLike, check_file, check_shape, max_bytes, reading

# Heaps of texts are checked in files up to this size, which takes a moment.
_SCANNED_BYTES = 2**26
_EXPANDED_TEXTS = 2**26
_HEAP = b"GCOL\x01\0\0\0"
# The bytes before a heap's address that refers to the sources of a virtual dataset, not to a text.
_VIRTUAL = b"\x04\x03"
_HDF5 = b"\x89HDF\r\n\x1a\n"


@contextmanager
def open_hdf5(path: PathLike) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading; failures inside the block are reported as of this file.

    Raises as :func:`reading`.
    """
    size = check_file(path, "HDF5")
    with reading(path, "HDF5"):
        if size == 0:
            raise CorruptFileError(f"{path} is empty (0 bytes); expected HDF5.")
        _check_heaps(path)
        with h5py.File(path, "r", locking="best-effort") as file:
            yield file


def hard_child(group: h5py.Group, key: str) -> h5py.Group | h5py.Dataset | None:
    """Return what a key holds; None where it holds nothing, or a link to another file, which is never followed."""
    here: Any = group
    for part in key.strip("/").split("/"):
        try:
            kind = here.id.links.get_info(part.encode()).type if isinstance(here, h5py.Group) else None
        except (KeyError, RuntimeError):  # h5py raises either
            return None
        if kind != h5py.h5l.TYPE_HARD:
            return None
        here = here[part]
    return here


@contextmanager
def create_hdf5(path: PathLike) -> Iterator[h5py.File]:
    """Open a new HDF5 file for writing.

    Raises:
        OSError: it could not be written, once it is closed.
    """
    with open(path, "w+b", buffering=0) as stream:
        patient = _Patient(stream)
        with h5py.File(patient, "w") as file:
            yield file
    if patient.error is not None:
        raise patient.error


class _Patient:
    """A stream that reports its first failure only when asked: the HDF5 library crashes the process when a write fails.

    After a failure the library reads what it wrote from its own cache.
    """

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.error: OSError | None = None
        self.seek, self.tell, self.readinto, self.read = stream.seek, stream.tell, stream.readinto, stream.read

    def write(self, data: Any) -> int:
        """Write all bytes; after a failure write nothing more, and claim to have written."""
        rest = memoryview(data).cast("B")
        size = len(rest)
        while len(rest) and self.error is None:
            try:
                rest = rest[self.stream.write(rest) :]
            except OSError as error:
                self.error = error
        return size

    def truncate(self, size: int | None = None) -> int:
        """Truncate the stream; after a failure return the size that the library expects."""
        if self.error is None:
            try:
                return self.stream.truncate(size)
            except OSError as error:
                self.error = error
        return size or 0

    def flush(self) -> None:
        """Do nothing, because every write went straight to the stream."""


def _check_heaps(path: PathLike) -> None:
    """Refuse damaged heaps of texts: the HDF5 library loops for ever on some, and takes gigabytes for others.

    A global heap is ``GCOL``, version 1, three zeros and its size; then objects with index, count, padding and size.
    A text is referred to by its length (4 bytes), the heap's address (8) and the object's index (4).
    """
    if os.stat(path).st_size > _SCANNED_BYTES:
        return
    data = Path(path).read_bytes()
    base, heap = max(data.find(_HDF5), 0), data.find(_HEAP)
    while heap >= 0:
        indices = set()
        place, end = heap + 16, heap + int.from_bytes(data[heap + 8 : heap + 16], "little")
        while place + 16 <= end <= len(data):
            index = int.from_bytes(data[place : place + 2], "little")
            length = int.from_bytes(data[place + 8 : place + 16], "little")
            # Index 0 is the free rest, whose size includes its header.
            step = length if index == 0 else 16 + -(-length // 8) * 8
            if step <= 0 or place + step > end:
                raise CorruptFileError(f"{path} has a damaged heap at byte {place}; it is altered: get it again.")
            indices.add(index)
            place += step
        address = (heap - base).to_bytes(8, "little")
        place = data.find(address)
        while place >= 4:
            length, index = (int.from_bytes(data[at : at + 4], "little") for at in (place - 4, place + 8))
            # The same eight bytes may occur by chance. A reference is aligned, and names an object of the heap.
            reference = place % 8 == 4 and index in indices - {0} and data[place - 2 : place] != _VIRTUAL
            if length > len(data) and reference:
                raise CorruptFileError(
                    f"{path} claims a text of {length} bytes at byte {place}; it is altered: get it again."
                )
            place = data.find(address, place + 1)
        heap = data.find(_HEAP, heap + 8)


def read_dataset(
    group: h5py.Group, key: str, shape: Sequence[int | None] | None = None, records: bool = False
) -> np.ndarray:
    """Return one dataset of an open HDF5 file, as an array.

    Args:
        group: the open file, or a group in it.
        key: the dataset's name.
        shape: expected shape, None for any size: ``(None, 16, 2)``.
        records: admit records of numbers and text too, as PyTables' tables have them.

    Raises:
        CorruptFileError: no such dataset, a wrong shape, more data declared than the file holds, or data that
            would be fetched from other files.
    """
    path, dataset = group.file.filename, _dataset(group, key)
    if shape is not None and (
        len(shape) != dataset.ndim or any(want not in (None, size) for want, size in zip(shape, dataset.shape, strict=True))
    ):
        wanted = tuple("N" if size is None else size for size in shape)
        raise CorruptFileError(f"{path}, {key!r} has shape {dataset.shape}; expected {wanted}.".replace("'N'", "N"))
    if dataset.is_virtual or dataset.external:
        raise CorruptFileError(f"{path}, {key!r} lies in other files; copy the data into one file (h5repack).")
    heap = _has_heap(path)
    fields = [dataset.dtype[name].base for name in dataset.dtype.names or ()] if records else []
    if not all(_is_plain(dtype, heap) for dtype in fields or [dataset.dtype]):
        raise CorruptFileError(f"{path}, {key!r} is of type {dataset.dtype}; expected numbers or text.")
    layout = dataset.id.get_create_plist()
    filters = [layout.get_filter(index) for index in range(layout.get_nfilters())]
    lacking = [name.decode("ascii", "replace") for code, _, _, name in filters if not h5py.h5z.filter_avail(code)]
    if lacking:
        raise CorruptFileError(
            f"{path}, {key!r} is compressed by {lacking[0]!r}, which h5py lacks; write it with gzip (pandas: complib zlib)."
        )
    stored = dataset.id.get_storage_size()
    size = os.stat(path).st_size
    if dataset.nbytes > MAX_RATIO * stored + 1024 or stored > size:
        raise CorruptFileError(
            f"{path}, {key!r} declares shape {dataset.shape} but {stored} bytes are stored: get it again."
        )
    check_shape(dataset.shape, dataset.dtype.itemsize, f"{path}, {key!r},", size)
    return _texts(dataset, size) if dataset.dtype.kind == "O" else np.asarray(dataset[()])


def _texts(dataset: h5py.Dataset, size: int) -> np.ndarray:
    """Return texts of varying length, a few at a time: many of them may be one long text of the file, repeated.

    Raises:
        CorruptFileError: they are far longer than the file.
    """
    flat: np.ndarray = np.empty(dataset.size, dtype=object)
    if dataset.ndim != 1:
        if dataset.size * size > max_bytes(size):
            raise CorruptFileError(f"{dataset.file.filename}, {dataset.name!r} holds too many texts; expected one axis.")
        return np.asarray(dataset[()])
    rest, start = max_bytes(size) if size > _SCANNED_BYTES else _EXPANDED_TEXTS + 8 * size, 0
    while start < len(flat):
        # Each is at most as long as the file.
        stop = min(len(flat), start + max(1, min(4096, _EXPANDED_TEXTS // max(size, 1))))
        flat[start:stop] = dataset[start:stop]
        rest -= sum(len(text) for text in flat[start:stop])
        if rest < 0:
            raise CorruptFileError(f"{dataset.file.filename}, {dataset.name!r} repeats its texts without end: get it again.")
        start = stop
    return flat


def dataset_shape(group: h5py.Group, key: str) -> tuple[int, ...]:
    """Return the shape that a dataset declares.

    Raises:
        CorruptFileError: no such dataset.
    """
    return tuple(_dataset(group, key).shape)


def _dataset(group: h5py.Group, key: str) -> h5py.Dataset:
    dataset = hard_child(group, key)
    if not isinstance(dataset, h5py.Dataset) or dataset.shape is None:
        held = ", ".join(sorted(map(str, group))) or "nothing"
        raise CorruptFileError(f"{group.file.filename} has no dataset {key!r}; it holds: {held}.")
    return dataset


def read_attributes(group: h5py.Group | h5py.Dataset) -> dict[str, Any]:
    """Read the attributes of a group or dataset that are numbers or text.

    Raises:
        CorruptFileError: one declares more values than the file can hold.
    """
    found: dict[str, object] = {}
    path = group.file.filename
    heap = _has_heap(path)
    # h5py gives names that are not UTF-8 as bytes.
    for name in filter(lambda name: isinstance(name, str), group.attrs):
        attribute = group.attrs.get_id(name)
        if _is_plain(attribute.dtype, heap) and attribute.shape is not None:  # None: PyTables writes empty texts so
            if math.prod(attribute.shape) * attribute.dtype.itemsize > os.stat(path).st_size:
                raise CorruptFileError(f"{path}, attribute {name!r} declares shape {attribute.shape}: get it again.")
            found[name] = group.attrs[name]
    return found


def _is_plain(dtype: np.dtype, heap: bool) -> bool:
    """Return whether a type is numbers, or text whose heap can be read; h5py crashes on other varying lengths."""
    return dtype.kind in "biufSU" or (dtype.kind == "O" and heap and h5py.check_string_dtype(dtype) is not None)


def _has_heap(path: PathLike) -> bool:
    """Return whether texts of varying length may be read.

    Where the mark of their heap is damaged, the library takes a text's length for gigabytes.
    """
    status = os.stat(path)
    return status.st_size > _SCANNED_BYTES or _holds_heap(str(path), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=8)
def _holds_heap(path: str, size: int, time_ns: int) -> bool:
    """Return whether the file has the mark of a heap.

    Size and time are arguments, so that a file that was written again is read again.
    """
    return _HEAP in Path(path).read_bytes()
