"""Write files whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from posezoo.errors import PoseZooError, SaveError
from posezoo.files.reading import PathLike, reason

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

# The ending of the names of folders in which something is being written.
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
    errno.ENOTEMPTY: "it holds something; name another folder",
    errno.EFBIG: "files may not grow so large here; raise the limit (ulimit -f) or write elsewhere",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


def save_reason(error: OSError) -> str | None:
    """Return why a file could not be written and what to do; None where neither disk nor permissions are the reason."""
    return _SAVE_REASONS.get(error.errno or 0)


def _not_written(path: PathLike, number: int | None, error: BaseException) -> SaveError:
    return SaveError(f"{path} was not written: {_SAVE_REASONS.get(number or 0, reason(error))}.")


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
    # A link stays one: what it points to is replaced.
    path = Path(os.path.realpath(path)) if os.path.islink(path) else Path(path)
    places = ExitStack()
    try:
        if not path.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, "no such folder")
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a folder")
        if path.exists() and not path.is_file():  # a file in the place of /dev/null would break the machine
            raise SaveError(f"{called or path} was not written: a device or a pipe is there; name a file.")
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
        raise _not_written(called or path, number, error) from error
    finally:
        places.close()


def write_folder_whole(path: PathLike, files: Mapping[str, bytes]) -> Path:
    """Write a folder with its files, all of them or none.

    Args:
        path: the folder; new or empty.
        files: the content of each by its name.

    Returns:
        ``path``.

    Raises:
        SaveError: full disk, no permission, missing folder, read-only file system, or ``path`` holds something.
    """
    path = Path(path)
    try:
        with _workplace(path) as place:
            whole = place / "whole"
            whole.mkdir()
            for name, content in files.items():
                with open(whole / name, "wb") as stream:
                    stream.write(content)
                    os.fsync(stream.fileno())
            if path.is_dir():
                path.rmdir()  # Windows renames onto no folder, not even onto an empty one
            os.replace(whole, path)
    except OSError as error:
        raise _not_written(path, error.errno, error) from error
    return path


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
    process ends in any way. So a folder whose lock can be had has no writer, or one that has not taken its lock yet, and
    that one begins again with another folder. Where the system or the disk has no such locks, nothing is removed.
    """
    mark = f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]}."
    for found in _left_by_others(path.parent, mark):
        shutil.rmtree(found, ignore_errors=True)
    folder, lock = path.parent, _TAKEN
    try:
        while lock == _TAKEN:
            folder = path.parent / f"{mark}{uuid.uuid4().hex[:12]}{_MARK}"
            folder.mkdir()
            lock = _lock(folder / "lock")
        yield folder
    finally:
        if folder != path.parent:
            shutil.rmtree(folder, ignore_errors=True)
        if lock >= 0:
            os.close(lock)


def _left_by_others(parent: Path, mark: str) -> Iterator[Path]:
    """Yield the folders of killed writers; each is locked until the next one is asked for."""
    with suppress(OSError):
        for name in [name for name in os.listdir(parent) if name.startswith(mark) and name.endswith(_MARK)]:
            lock = _lock(parent / name / "lock")
            if lock >= 0:
                try:
                    yield parent / name
                finally:
                    os.close(lock)


_TAKEN, _NO_LOCKS = -2, -1


def _lock(path: Path) -> int:
    """Return the open lock file.

    A file is made where there is none: a writer that was killed before it made its own left a folder as well.

    Returns:
        the descriptor; ``_TAKEN`` where another process holds the lock or has removed the file; ``_NO_LOCKS`` where the
        system or the disk has none.
    """
    if fcntl is None:
        return _NO_LOCKS
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT)
    except FileNotFoundError:
        return _TAKEN
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(lock), os.stat(path)):
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    except OSError:
        os.close(lock)
        return _NO_LOCKS
    os.close(lock)
    return _TAKEN
