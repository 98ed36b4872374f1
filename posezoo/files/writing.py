"""Write files whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from posezoo.errors import PoseZooError, SaveError
from posezoo.files.reading import PathLike, reason

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

# The ending of a folder's name whose lock is held.
_MARK = ".writing"
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
    """Return why a file could not be written and what to do; None where neither disk nor permissions are the reason."""
    return _SAVE_REASONS.get(error.errno or 0)


@contextmanager
def atomic_write(path: PathLike, called: PathLike | None = None) -> Iterator[Path]:
    """Yield a temporary path beside ``path``, with its extension, that becomes ``path`` when the block succeeds.

    After any failure, an interrupt included, the temporary file is gone and what stood at ``path`` stands still. What a
    process left that was killed while it wrote the same ``path`` is cleaned up; see :func:`_workplace`.

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
    places = ExitStack()
    try:
        if not path.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, "no such folder")
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a folder")
        temporary = places.enter_context(_workplace(path)) / f"part{path.suffix}"
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
        places.close()


def write_whole(path: PathLike, content: bytes | str) -> Path:
    """Write a file whole or not at all, text as UTF-8; see :func:`atomic_write`.

    Returns:
        ``path``.

    Raises:
        SaveError: full disk, no permission, missing folder, read-only file system.
    """
    with atomic_write(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
    return Path(path)


@contextmanager
def _workplace(path: Path) -> Iterator[Path]:
    """Yield a folder beside ``path`` for the time of writing, and remove the folders of killed writers of ``path``.

    Each writer holds a lock (``flock``) on a file in its folder as long as it lives; the system releases the lock when the
    process ends in any way. So a folder whose lock is free has no writer. A folder gets its final name only after its lock
    is taken, so that no other writer finds it without a lock. Where the system or the disk has no such locks, nothing is
    removed.
    """
    mark = f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]}."
    for found in _left_by_others(path.parent, mark):
        shutil.rmtree(found, ignore_errors=True)
    new = path.parent / f"{mark}{uuid.uuid4().hex[:12]}"
    new.mkdir()
    folder, lock = new, None
    try:
        lock = _locked(new / "lock", create=True)
        folder = new.with_name(f"{new.name}{_MARK}")
        new.rename(folder)
        yield folder
    finally:
        shutil.rmtree(folder if folder.exists() else new, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _left_by_others(parent: Path, mark: str) -> Iterator[Path]:
    """Yield the folders of killed writers; each is locked until the next one is asked for."""
    with suppress(OSError):
        for name in [name for name in os.listdir(parent) if name.startswith(mark) and name.endswith(_MARK)]:
            lock = _locked(parent / name / "lock", create=False)
            if lock is not None:
                try:
                    yield parent / name
                finally:
                    os.close(lock)


def _locked(path: Path, create: bool) -> int | None:
    """Return the open lock file; None where another holds the lock, there is no such file, or there are no locks."""
    if fcntl is None:
        return None
    try:
        lock = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0))
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock
