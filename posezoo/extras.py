"""Import optional packages where they are used."""

from __future__ import annotations

import importlib
from typing import Any

from posezoo.errors import InputError


def require(module: str, purpose: str, install: str, package: str | None = None) -> Any:
    """Import a module of an optional package.

    Args:
        module: the dotted name.
        purpose: what needs the package, as the sentence begins: ``"ONNX"``, ``"MP4 files"``.
        install: what to give to ``pip install``.
        package: the package's name in the message; the module's own where not given.

    Returns:
        the module. Optional packages have no types here, so that this is ``Any``.

    Raises:
        InputError: the package is not installed, or is installed and cannot be imported: another package holds a version
            back that it needs, or a library of the system is missing.

    Example:
        >>> require("json", "this example", "json").__name__
        'json'
    """
    name = package or module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except (ImportError, OSError) as error:
        if isinstance(error, ModuleNotFoundError) and error.name == module.partition(".")[0]:
            raise InputError(f"{purpose} needs {name}, which is not installed; pip install {install} brings it.") from error
        lines = str(error).strip().splitlines()
        raise InputError(
            f"{purpose} needs {name}, which is installed and cannot be imported "
            f"({lines[0] if lines else type(error).__name__}); pip install -U {install} may mend it."
        ) from error
