"""Files at the door: read without trust, write all or nothing.

Every low-level failure (a missing file, a truncated archive, a flipped bit, a full disk) leaves here as one
sentence of :mod:`posezoo.errors`. Nothing that is read is executed: pickles go through :mod:`posezoo.data.pickles`.
"""

from __future__ import annotations

import errno
import io
import math
import os
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from posezoo.data.hdf5 import create_hdf5, dataset_shape, open_hdf5, read_attributes, read_dataset
from posezoo.data.pickles import restricted_unpickle
from posezoo.data.reading import (
    MAX_RATIO,
    PathLike,
    check_size,
    load_json,
    progress,
    read_bytes,
    reading,
    reason,
    sha256,
)
from posezoo.errors import CorruptFileError, PoseZooError, SaveError

__all__ = [
    "PathLike",
    "atomic_write",
    "create_hdf5",
    "dataset_shape",
    "load_json",
    "load_npy",
    "load_npz",
    "load_pickle",
    "open_hdf5",
    "progress",
    "read_attributes",
    "read_bytes",
    "read_dataset",
    "reading",
    "restricted_unpickle",
    "save_reason",
    "sha256",
]

# NumPy reads headers of at most 10,000 characters.
_NPY_HEADER = 2**14
_SAVE_REASONS = {
    errno.ENOSPC: "the disk is full; free some space or write elsewhere",
    errno.EDQUOT: "the disk quota is used up; free some space or write elsewhere",
    errno.EACCES: "permission is denied; write to a folder of your own",
    errno.EPERM: "permission is denied; write to a folder of your own",
    errno.EROFS: "the file system is read-only; write elsewhere",
    errno.ENOENT: "its folder does not exist; create it first",
    errno.ENOTDIR: "its folder does not exist; create it first",
    errno.EISDIR: "it is a folder; name a file",
    errno.EFBIG: "files may not grow so large here; raise the limit (ulimit -f) or write elsewhere",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


def save_reason(error: OSError) -> str | None:
    """Why a file could not be written, and what to do; None where that does not lie with the disk or its permissions."""
    return _SAVE_REASONS.get(error.errno or 0)


@contextmanager
def atomic_write(path: PathLike, called: PathLike | None = None) -> Iterator[Path]:
    """A temporary path beside ``path``, with its extension, that becomes ``path`` when the block ends well.

    After any failure, an interrupt included, the temporary file is gone and what stood at ``path`` stands still.

    Args:
        path: the file.
        called: what errors call it, where it is a part of something that the user named.

    Raises:
        SaveError: full disk, no permission, missing folder, read-only file system.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "result.txt"
        >>> with atomic_write(target) as temporary:
        ...     _ = temporary.write_text("done")
        >>> target.read_text(), len(list(target.parent.iterdir()))
        ('done', 1)
    """
    path = Path(path)
    temporary = path.parent / f".{uuid.uuid4().hex[:12]}{path.suffix}"
    try:
        if not path.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, "no such folder")
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a folder")
        yield temporary
        with open(temporary, "rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except PoseZooError:
        raise
    except (OSError, RuntimeError) as error:
        # HDF5 hides the errno of a failed write in the text of its own error.
        full = "no space left" in str(error).lower()
        if isinstance(error, RuntimeError) and not full:
            raise
        number = errno.ENOSPC if full else getattr(error, "errno", None)
        raise SaveError(f"{called or path} was not written: {_SAVE_REASONS.get(number or 0, reason(error))}.") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def load_npy(path: PathLike) -> Any:
    """The array of a ``.npy`` file, as :func:`load_npz` gives its arrays. Raises as :func:`read_bytes`."""
    data = read_bytes(path, "an NPY array")
    with reading(path, "an NPY array"):
        return _parse_npy(bytearray(data), str(path))


def load_npz(path: PathLike) -> dict[str, Any]:
    """The arrays of an ``.npz`` archive by name, every checksum verified.

    Pickled object arrays, as the field's files have them, are read without executing anything; one without
    dimensions comes as the object inside: ``load_npz("data_2d_h36m_gt.npz")["positions_2d"]["S1"]``.

    Raises:
        MissingFileError: no such file.
        CorruptFileError: truncated, altered, not an archive, an array larger than the file can hold, or a
            pickle with more than NumPy arrays and plain containers.
    """
    arrays: dict[str, Any] = {}
    with reading(path, "an NPZ archive"):
        if os.stat(path).st_size == 0:
            raise CorruptFileError(f"{path} is empty (0 bytes); expected an NPZ archive.")
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            check_size(sum(info.file_size for info in members), path)
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
    """What a pickle holds: NumPy arrays and plain containers; anything else is refused, never executed.

    Raises as :func:`read_bytes`.
    """
    data = read_bytes(path, "a pickle")
    with reading(path, "a pickle"):
        return restricted_unpickle(io.BytesIO(data), str(path))


def _parse_npy(data: bytearray, where: str) -> Any:
    """One array in NPY format, its declared shape checked against the bytes there before any memory is taken."""
    stream = io.BytesIO(data[:_NPY_HEADER])
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    else:
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
    if dtype.hasobject:
        return restricted_unpickle(io.BytesIO(memoryview(data)[stream.tell() :]), where)
    count, offset = math.prod(shape), stream.tell()
    if count * dtype.itemsize != len(data) - offset:
        raise CorruptFileError(
            f"{where} declares shape {shape} of {dtype}, {count * dtype.itemsize} bytes, but holds {len(data) - offset}; "
            "it is truncated or altered: get it again."
        )
    if not count:
        return np.zeros(shape, dtype)
    return np.frombuffer(data, dtype, count, offset).reshape(shape, order="F" if fortran else "C")
