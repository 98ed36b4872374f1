"""Write files whole or not at all."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from posezoo.errors import PoseZooError, SaveError
from posezoo.files.reading import PathLike, reason

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
    """Say why a file could not be written, and what to do; None where neither disk nor permissions are to blame."""
    return _SAVE_REASONS.get(error.errno or 0)


@contextmanager
def atomic_write(path: PathLike, called: PathLike | None = None) -> Iterator[Path]:
    """Give a temporary path beside ``path``, with its extension, that becomes ``path`` when the block ends well.

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
