"""Files written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from posezoo.errors import SaveError


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``, with its ending, that becomes ``path`` when the block ends well.

    Raises:
        SaveError: no such folder, no permission, disk full; what was there before is untouched.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "note.txt"
        >>> with whole_file(target) as temporary:
        ...     _ = temporary.write_bytes(b"whole")
        >>> target.read_text(), len(list(target.parent.iterdir()))
        ('whole', 1)
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        if not path.parent.is_dir():
            raise SaveError(f"{path} could not be written (No such file or directory: {path.parent}); choose another place.")
        yield temporary
        os.replace(temporary, path)
    except SaveError:
        raise
    except OSError as error:
        raise SaveError(
            f"{path} could not be written ({error.strerror or error}); choose another place or make room."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def save_bytes(content: bytes, path: str | Path) -> Path:
    """Write a file under a temporary name beside it, then rename it. Raises as :func:`whole_file`."""
    with whole_file(path) as temporary:
        temporary.write_bytes(content)
    return Path(path)
