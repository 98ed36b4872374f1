"""Refuse options that no command can follow, before torch is imported."""

from __future__ import annotations

import os
from pathlib import Path

from posezoo.errors import InputError
from posezoo.files.reading import not_there
from posezoo.registry import is_path, resolve


def check_name(name: str) -> None:
    """Refuse a name that belongs to no model.

    Raises:
        UnknownNameError: the name is in no index and is not the path of a file.
    """
    if not is_path(name):
        resolve(name)


def check_input(path: Path) -> None:
    """Refuse a path that does not exist.

    Raises:
        MissingFileError: nothing is there.
    """
    if not os.path.exists(path):  # also raised for an impossible name
        raise not_there(path)


def check_output(option: str, path: Path | None, endings: tuple[str, ...]) -> None:
    """Refuse a place that cannot be written, before any work is done.

    Args:
        option: the command-line option that named the path.
        path: the path; nothing is checked where it was not given.
        endings: the file endings that the command can write, in lower case.

    Raises:
        InputError: the path has another ending, is a folder, or lies in no folder.
    """
    if path is None:
        return
    if path.suffix.lower() not in endings:
        raise InputError(f"{option} {path}: expected a name that ends in {' or '.join(endings)}.")
    if path.is_dir() or not path.parent.is_dir():
        raise InputError(f"{option} {path}: " + ("is a folder." if path.is_dir() else f"there is no folder {path.parent}."))
