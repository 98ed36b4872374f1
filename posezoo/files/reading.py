"""Read files safely; every failure becomes one sentence of :mod:`posezoo.errors`."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from posezoo.errors import CorruptFileError, InputError, MissingFileError, PoseZooError

PathLike = str | os.PathLike[str]
# A file that unpacks into more bytes than this, and into more than so many times its own size, is damaged or malicious.
_DEFAULT_BYTES, _EXPANSION = 2**30, 4
_VARIABLE = "POSEZOO_MAX_BYTES"
# Deflate cannot shrink anything further than this.
MAX_RATIO = 1032


def as_path(path: object) -> Path:
    """Return the path that a user names; what is no path would raise a ``TypeError`` of pathlib.

    Raises:
        InputError: something else than a text or a path.
    """
    if not isinstance(path, str | os.PathLike):
        raise InputError(f"the path is of type {type(path).__name__}; expected the name of a file or folder.")
    return Path(path)


@contextmanager
def reading(path: PathLike, what: str) -> Iterator[None]:
    """Turn every failure in the block into one sentence about ``path``, which should hold ``what`` ("JSON").

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
        raise not_there(path) from error
    except IsADirectoryError as error:
        raise InputError(f"{path} is a folder; expected a file with {what}.") from error
    except PermissionError as error:
        raise InputError(f"{path} may not be read: permission is denied.") from error
    except (MemoryError, RecursionError) as error:
        raise _exhausting(path, error) from error
    except OSError as error:
        if error.errno not in (errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR):
            raise CorruptFileError(
                f"{path} cannot be read as {what} ({error.strerror or reason(error)}); check the disk, or get it again."
            ) from error
        if error.errno == errno.ENOTDIR:
            raise not_there(path) from error
        raise InputError(f"{str(path)[:60]}... cannot be opened: {error.strerror}; check the path.") from error
    except ValueError as error:
        if "null byte" in str(error) or "null character" in str(error):
            raise InputError(f"the name {str(path)[:60]!r} holds a null byte; check the path.") from error
        raise _unreadable(path, what, error) from error
    except Exception as error:
        raise _unreadable(path, what, error) from error


@contextmanager
def affordable(path: PathLike) -> Iterator[None]:
    """Turn exhausted memory and endless nesting into one sentence about ``path``; let other errors pass.

    Raises:
        CorruptFileError: what the file holds cannot be held.
    """
    try:
        yield
    except (MemoryError, RecursionError) as error:
        raise _exhausting(path, error) from error


def _exhausting(path: PathLike, error: BaseException) -> CorruptFileError:
    how = "needs more memory than there is" if isinstance(error, MemoryError) else "nests too deep"
    return CorruptFileError(f"{path} {how}; it is altered, or no file of its kind: get it again, or split it.")


def _unreadable(path: PathLike, what: str, error: Exception) -> CorruptFileError:
    return CorruptFileError(
        f"{path} cannot be read as {what} ({reason(error)}); it is truncated, altered or of another format: get it again."
    )


def not_there(path: PathLike) -> MissingFileError:
    """Return the error for a path where nothing is."""
    address = re.match(r"(https?|s3|gs|ftp|hf):/", str(path))
    return MissingFileError(
        f"{path} is an address; expected a file: download it first, and give its path."
        if address
        else f"{path} is not there; check the path."
    )


def reason(error: BaseException) -> str:
    """Return the first line of an error, short enough for a sentence."""
    lines = str(error).strip().splitlines()
    text = lines[0].rstrip(".") if lines else type(error).__name__
    return text if len(text) <= 120 else text[:117] + "..."


def max_bytes(size: int = 0) -> int:
    """Return how many bytes a file of ``size`` bytes may be unpacked into.

    That is what the environment variable ``POSEZOO_MAX_BYTES`` says; else 1 GiB, or four times the size where that is more.

    Raises:
        InputError: the variable is no positive whole number.
    """
    stated = os.environ.get(_VARIABLE, "").strip()
    if stated and not (stated.isdecimal() and int(stated) > 0):
        raise InputError(f"{_VARIABLE} is {stated[:20]!r}; expected a whole number of bytes.")
    return int(stated) if stated else max(_DEFAULT_BYTES, _EXPANSION * size)


def check_size(claimed: int, path: PathLike, size: int = 0) -> None:
    """Refuse content that would unpack into too many bytes, before memory is taken.

    Raises:
        CorruptFileError: more than :func:`max_bytes` allows.
    """
    limit = max_bytes(size)
    if claimed > limit:
        raise CorruptFileError(
            f"{path} claims {claimed:,} bytes; at most {limit:,} are read: set {_VARIABLE} to more if the file is what you "
            "expect, or split it."
        )


def check_shape(shape: Sequence[int], itemsize: int, path: PathLike, size: int = 0) -> None:
    """Check an array's size as :func:`check_size` does; an axis of length 0 does not make the other axes acceptable."""
    check_size(math.prod(max(int(length), 1) for length in shape) * max(itemsize, 1), path, size)


def check_file(path: PathLike, what: str) -> int:
    """Return the size in bytes of a regular file. Every reader calls this before it opens a file.

    Args:
        path: the file.
        what: what it should hold, for messages.

    Raises:
        MissingFileError: there is no such file.
        InputError: a folder, a device, a FIFO or a socket, a name that is no text or too long, or no permission.
    """
    name = os.fspath(path)
    try:
        name.encode("utf-8") if isinstance(name, str) else name.decode("utf-8")
    except UnicodeError:
        shown = name.encode("utf-8", "backslashreplace").decode() if isinstance(name, str) else repr(name)
        raise InputError(f"the name {shown[-80:]!r} is not UTF-8; rename the file.") from None
    with reading(path, what):
        status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        raise InputError(f"{path} is a folder; expected a file with {what}.")
    if not stat.S_ISREG(status.st_mode):
        kind = "a FIFO" if stat.S_ISFIFO(status.st_mode) else "a socket" if stat.S_ISSOCK(status.st_mode) else "a device"
        raise InputError(f"{path} is {kind}; expected a regular file with {what}: copy its content into one.")
    return status.st_size


def read_bytes(path: PathLike, what: str) -> bytes:
    """Return the whole file; raises as :func:`check_file`, and CorruptFileError where it is empty or absurdly large."""
    size = check_file(path, what)
    check_size(size // _EXPANSION, path)
    with reading(path, what):
        data = Path(path).read_bytes()
    if not data:
        raise CorruptFileError(f"{path} is empty (0 bytes); expected {what}.")
    return data


def load_json(path: PathLike) -> Any:
    """Read a JSON file. Raises as :func:`read_bytes`."""
    data = read_bytes(path, "JSON")
    with reading(path, "JSON"):
        return json.loads(data.decode("utf-8-sig"))


def sha256(path: PathLike) -> str:
    """Return the SHA-256 of a file in hexadecimal. Raises as :func:`reading`."""
    digest = hashlib.sha256()
    check_file(path, "data")
    with reading(path, "data"), open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
