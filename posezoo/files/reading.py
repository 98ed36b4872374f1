"""Reading without trust: whatever goes wrong becomes one sentence of :mod:`posezoo.errors`."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from posezoo.errors import CorruptFileError, InputError, MissingFileError, PoseZooError

PathLike = str | os.PathLike[str]
# No file of the field comes near; what claims more is damaged, or made to exhaust the memory.
MAX_BYTES = 8 * 2**30
# Deflate cannot shrink anything further than this.
MAX_RATIO = 1032


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
            f"{path} cannot be read as {what} ({reason(error)}); "
            "it is truncated, altered or of another format: get it again."
        ) from error


def reason(error: BaseException) -> str:
    """The first line of an error, short enough for a sentence."""
    lines = str(error).strip().splitlines()
    text = lines[0].rstrip(".") if lines else type(error).__name__
    return text if len(text) <= 120 else text[:117] + "..."


def read_bytes(path: PathLike, what: str) -> bytes:
    """The whole file; raises as :func:`reading`, and CorruptFileError where it is empty or absurdly large."""
    with reading(path, what):
        size = os.stat(path).st_size
        check_size(size, path)
        data = Path(path).read_bytes()
    if not data:
        raise CorruptFileError(f"{path} is empty (0 bytes); expected {what}.")
    return data


def load_json(path: PathLike) -> Any:
    """What a JSON file holds. Raises as :func:`read_bytes`."""
    data = read_bytes(path, "JSON")
    with reading(path, "JSON"):
        return json.loads(data.decode("utf-8-sig"))


def check_size(size: int, path: PathLike) -> None:
    """CorruptFileError where a file of that many bytes is not read."""
    if size > MAX_BYTES:
        raise CorruptFileError(f"{path} holds {size / 2**30:.0f} GiB; at most {MAX_BYTES // 2**30} GiB are read: split it.")


def sha256(path: PathLike) -> str:
    """The SHA-256 of a file, in hexadecimal. Raises as :func:`reading`."""
    digest = hashlib.sha256()
    with reading(path, "data"), open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
