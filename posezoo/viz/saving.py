"""Files written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from posezoo.errors import SaveError


def save_bytes(content: bytes, path: str | Path) -> Path:
    """Write a file under a temporary name beside it, then rename it.

    Raises:
        SaveError: no such folder, no permission, disk full; what was there before is untouched.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError as error:
        raise SaveError(
            f"{path} could not be written ({error.strerror or error}); choose another place or make room."
        ) from error
    finally:
        if temporary.exists():
            temporary.unlink()
    return path
