"""Files at the door: read without trust, write all or nothing.

Every low-level failure (a missing file, a truncated archive, a flipped bit, a full disk) leaves here as one
sentence of :mod:`posezoo.errors`. Nothing that is read is executed: pickles go through :mod:`posezoo.data.pickles`.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import math
import os
import time
import uuid
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np

from posezoo.data.pickles import restricted_unpickle
from posezoo.errors import CorruptFileError, InputError, MissingFileError, PoseZooError, SaveError

PathLike = str | os.PathLike[str]
Item = TypeVar("Item")

# No file of the field comes near; what claims more is damaged, or made to exhaust the memory.
MAX_BYTES = 8 * 2**30
# Deflate cannot shrink anything further than this.
_MAX_RATIO = 1032

# Global heaps of HDF5 files up to this size are checked: a moment's work.
_SCANNED_BYTES = 2**26
_HEAP = b"GCOL\x01\0\0\0"
_HDF5 = b"\x89HDF\r\n\x1a\n"

_SAVE_REASONS = {
    errno.ENOSPC: "the disk is full; free some space or write elsewhere",
    errno.EDQUOT: "the disk quota is used up; free some space or write elsewhere",
    errno.EACCES: "permission is denied; write to a folder of your own",
    errno.EPERM: "permission is denied; write to a folder of your own",
    errno.EROFS: "the file system is read-only; write elsewhere",
    errno.ENOENT: "its folder does not exist; create it first",
    errno.ENOTDIR: "its folder does not exist; create it first",
    errno.EISDIR: "it is a folder; name a file",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


@contextmanager
def atomic_write(path: PathLike) -> Iterator[Path]:
    """A temporary path beside ``path``, with its extension, that becomes ``path`` when the block ends well.

    After any failure, an interrupt included, the temporary file is gone and what stood at ``path`` stands still.

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
        raise SaveError(f"{path} was not written: {_SAVE_REASONS.get(number or 0, _reason(error))}.") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def reading(path: PathLike, what: str) -> Iterator[None]:
    """Turn whatever goes wrong inside into one sentence about ``path``, which should hold ``what`` ("JSON").

    Raises:
        MissingFileError: the file is not there.
        InputError: it is a folder, or may not be read.
        CorruptFileError: anything else.
    """
    try:
        yield
    except PoseZooError:
        raise
    except FileNotFoundError as error:
        raise MissingFileError(f"{path} is not there; check the path.") from error
    except IsADirectoryError as error:
        raise InputError(f"{path} is a folder; expected a file with {what}.") from error
    except PermissionError as error:
        raise InputError(f"{path} may not be read: permission is denied.") from error
    except Exception as error:
        raise CorruptFileError(
            f"{path} cannot be read as {what} ({_reason(error)}); "
            "it is truncated, altered or of another format: get it again."
        ) from error


def _reason(error: BaseException) -> str:
    """The first line of an error, short enough for a sentence."""
    lines = str(error).strip().splitlines()
    text = lines[0].rstrip(".") if lines else type(error).__name__
    return text if len(text) <= 120 else text[:117] + "..."


def read_bytes(path: PathLike, what: str) -> bytes:
    """The whole file; raises as :func:`reading`, and CorruptFileError where it is empty or absurdly large."""
    with reading(path, what):
        size = os.stat(path).st_size
        _check_size(size, path)
        data = Path(path).read_bytes()
    if not data:
        raise CorruptFileError(f"{path} is empty (0 bytes); expected {what}.")
    return data


def load_json(path: PathLike) -> Any:
    """What a JSON file holds. Raises as :func:`read_bytes`."""
    data = read_bytes(path, "JSON")
    with reading(path, "JSON"):
        return json.loads(data.decode("utf-8-sig"))


def load_npy(path: PathLike) -> Any:
    """The array of a ``.npy`` file, as :func:`load_npz` gives its arrays. Raises as :func:`read_bytes`."""
    data = read_bytes(path, "an NPY array")
    with reading(path, "an NPY array"):
        return _parse_npy(data, str(path))


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
            _check_size(sum(info.file_size for info in members), path)
            for info in members:
                where = f"{path}, array {info.filename[:-4]!r}"
                if info.file_size > _MAX_RATIO * info.compress_size + 1024:
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


def _parse_npy(data: bytes | bytearray, where: str) -> Any:
    """One array in NPY format, its declared shape checked against the bytes there before any memory is taken."""
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    else:
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
    if dtype.hasobject:
        return restricted_unpickle(stream, where)
    count, offset = math.prod(shape), stream.tell()
    if count * dtype.itemsize != len(data) - offset:
        raise CorruptFileError(
            f"{where} declares shape {shape} of {dtype}, {count * dtype.itemsize} bytes, but holds {len(data) - offset}; "
            "it is truncated or altered: get it again."
        )
    if not count:
        return np.zeros(shape, dtype)
    return np.frombuffer(data, dtype, count, offset).reshape(shape, order="F" if fortran else "C")


def _check_size(size: int, path: PathLike) -> None:
    if size > MAX_BYTES:
        raise CorruptFileError(f"{path} holds {size / 2**30:.0f} GiB; at most {MAX_BYTES // 2**30} GiB are read: split it.")


@contextmanager
def open_hdf5(path: PathLike) -> Iterator[h5py.File]:
    """An HDF5 file, open for reading; failures inside the block are reported as of this file.

    Raises as :func:`reading`.
    """
    with reading(path, "HDF5"):
        if os.stat(path).st_size == 0:
            raise CorruptFileError(f"{path} is empty (0 bytes); expected HDF5.")
        _check_heaps(path)
        with h5py.File(path, "r", locking="best-effort") as file:
            yield file


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
        place, end = heap + 16, heap + int.from_bytes(data[heap + 8 : heap + 16], "little")
        while place + 16 <= end <= len(data):
            index = int.from_bytes(data[place : place + 2], "little")
            length = int.from_bytes(data[place + 8 : place + 16], "little")
            # Index 0 is the free rest, whose size includes its header.
            step = length if index == 0 else 16 + -(-length // 8) * 8
            if step <= 0 or place + step > end:
                raise CorruptFileError(f"{path} has a damaged heap at byte {place}; it is altered: get it again.")
            place += step
        address = (heap - base).to_bytes(8, "little")
        place = data.find(address)
        while place >= 4:
            length, index = (int.from_bytes(data[at : at + 4], "little") for at in (place - 4, place + 8))
            if length > len(data) and 0 < index < 2**16:
                raise CorruptFileError(
                    f"{path} claims a text of {length} bytes at byte {place}; it is altered: get it again."
                )
            place = data.find(address, place + 1)
        heap = data.find(_HEAP, heap + 8)


def read_dataset(group: h5py.Group, key: str, shape: Sequence[int | None] | None = None) -> np.ndarray:
    """One dataset of an open HDF5 file, as an array.

    Args:
        group: the open file, or a group in it.
        key: the dataset's name.
        shape: expected shape, None for any size: ``(None, 16, 2)``.

    Raises:
        CorruptFileError: no such dataset, a wrong shape, more data declared than the file holds, or data that
            would be fetched from other files.
    """
    path = group.file.filename
    link = group.get(key, getlink=True) if key in group else None
    dataset = None if link is None or isinstance(link, h5py.ExternalLink) else group[key]
    if not isinstance(dataset, h5py.Dataset):
        raise CorruptFileError(f"{path} has no dataset {key!r}; it holds: {', '.join(sorted(group)) or 'nothing'}.")
    if shape is not None and (
        len(shape) != dataset.ndim or any(want not in (None, size) for want, size in zip(shape, dataset.shape, strict=True))
    ):
        wanted = tuple("N" if size is None else size for size in shape)
        raise CorruptFileError(f"{path}, {key!r} has shape {dataset.shape}; expected {wanted}.".replace("'N'", "N"))
    if dataset.is_virtual or dataset.external:
        raise CorruptFileError(f"{path}, {key!r} lies in other files; copy the data into one file (h5repack).")
    if not _is_plain(dataset.dtype):
        raise CorruptFileError(f"{path}, {key!r} is of type {dataset.dtype}; expected numbers or text.")
    stored = dataset.id.get_storage_size()
    if dataset.nbytes > min(MAX_BYTES, _MAX_RATIO * stored + 1024) or stored > os.stat(path).st_size:
        raise CorruptFileError(
            f"{path}, {key!r} declares shape {dataset.shape} but {stored} bytes are stored: get it again."
        )
    return np.asarray(dataset[()])


def read_attributes(group: h5py.Group) -> dict[str, Any]:
    """The attributes of a group that are numbers or text.

    Raises:
        CorruptFileError: one declares more values than the file can hold.
    """
    found: dict[str, Any] = {}
    for name in group.attrs:
        attribute = group.attrs.get_id(name)
        if _is_plain(attribute.dtype):
            if math.prod(attribute.shape) * attribute.dtype.itemsize > os.stat(group.file.filename).st_size:
                raise CorruptFileError(
                    f"{group.file.filename}, attribute {name!r} has shape {attribute.shape}: get it again."
                )
            found[name] = group.attrs[name]
    return found


def _is_plain(dtype: np.dtype) -> bool:
    """Numbers or text; h5py crashes on sequences of varying length whose type has been damaged."""
    return dtype.kind in "biufSU" or (dtype.kind == "O" and h5py.check_string_dtype(dtype) is not None)


def sha256(path: PathLike) -> str:
    """The SHA-256 of a file, in hexadecimal. Raises as :func:`reading`."""
    digest = hashlib.sha256()
    with reading(path, "data"), open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def progress(items: Sequence[Item], label: str, patience: float = 2.0) -> Iterable[Item]:
    """The items, with a progress bar on the terminal once it has taken ``patience`` seconds."""
    start, bar, task = time.monotonic(), None, None
    try:
        for done, item in enumerate(items):
            if bar is None and time.monotonic() - start > patience:
                from rich.console import Console
                from rich.progress import Progress

                bar = Progress(console=Console(stderr=True), transient=True)
                bar.start()
                task = bar.add_task(label, total=len(items))
            if bar is not None and task is not None:
                bar.update(task, completed=done)
            yield item
    finally:
        if bar is not None:
            bar.stop()
