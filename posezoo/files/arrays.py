"""Read NumPy arrays and pickles: ``.npy``, ``.npz``, ``.pkl``."""

from __future__ import annotations

import io
import math
import zipfile
from typing import Any

import numpy as np

from posezoo.errors import CorruptFileError
from posezoo.files.pickles import restricted_unpickle
from posezoo.files.reading import MAX_RATIO, PathLike, check_file, check_shape, check_size, read_bytes, reading

# NumPy reads headers of at most 10,000 characters.
_NPY_HEADER = 2**14


def load_npy(path: PathLike) -> Any:
    """Read the array of a ``.npy`` file as :func:`load_npz` reads its arrays. Raises as :func:`read_bytes`."""
    data = read_bytes(path, "an NPY array")
    with reading(path, "an NPY array"):
        return _parse_npy(bytearray(data), str(path))


def load_npz(path: PathLike) -> dict[str, Any]:
    """Read the arrays of an ``.npz`` archive by name and verify every checksum.

    Pickled object arrays, as the field's files have them, are read without executing anything; one without
    dimensions comes as the object inside: ``load_npz("data_2d_h36m_gt.npz")["positions_2d"]["S1"]``.

    Raises:
        MissingFileError: no such file.
        CorruptFileError: truncated, altered, not an archive, an array larger than the file can hold, or a
            pickle with more than NumPy arrays and plain containers.
    """
    arrays: dict[str, object] = {}
    size = check_file(path, "an NPZ archive")
    with reading(path, "an NPZ archive"):
        if size == 0:
            raise CorruptFileError(f"{path} is empty (0 bytes); expected an NPZ archive.")
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            if sum(info.compress_size for info in archive.infolist()) > size:
                raise CorruptFileError(f"{path} has members that overlap, as no program writes them: get it again.")
            check_size(sum(info.file_size for info in members), path, size)
            for info in members:
                where = f"{path}, array {info.filename[:-4]!r}"
                if info.file_size > MAX_RATIO * info.compress_size + 1024:
                    raise CorruptFileError(
                        f"{where}, claims {info.file_size} bytes from {info.compress_size}: get it again."
                    )
                with reading(where, "an NPY array"):
                    arrays[info.filename[:-4]] = _parse_npy(bytearray(archive.read(info)), where)
    if not arrays:
        raise CorruptFileError(f"{path} holds no arrays; expected an NPZ archive as numpy.savez writes it.")
    return arrays


def load_pickle(path: PathLike) -> Any:
    """Read a pickle of NumPy arrays and plain containers; anything else is refused, never executed.

    Raises as :func:`read_bytes`.
    """
    data = read_bytes(path, "a pickle")
    with reading(path, "a pickle"):
        return restricted_unpickle(io.BytesIO(data), str(path))


def _parse_npy(data: bytearray, where: str) -> Any:
    """Return one array in NPY format, its declared shape checked against the bytes there before any memory is taken."""
    stream = io.BytesIO(data[:_NPY_HEADER])
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    else:
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
    if dtype.hasobject:
        return restricted_unpickle(io.BytesIO(memoryview(data)[stream.tell() :]), where)
    check_shape(shape, dtype.itemsize, where, len(data))
    count, offset = math.prod(shape), stream.tell()
    if count * dtype.itemsize != len(data) - offset:
        raise CorruptFileError(
            f"{where} declares shape {shape} of {dtype}, {count * dtype.itemsize} bytes, but holds {len(data) - offset}; "
            "it is truncated or altered: get it again."
        )
    if not count:
        return np.zeros(shape, dtype)
    return np.frombuffer(data, dtype, count, offset).reshape(shape, order="F" if fortran else "C")
