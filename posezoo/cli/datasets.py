"""Find the dataset that a command scores on, from its options."""

from __future__ import annotations

import argparse
from pathlib import Path

from posezoo.errors import InputError


def file_of(options: argparse.Namespace) -> Path | None:
    """Return the dataset's file, by its path or by its folder.

    Raises:
        InputError: both are given.
    """
    if options.data_dir is None:
        return options.path
    if options.path is not None:
        raise InputError("--path and --data-dir both say where the data are; give one.")
    return options.data_dir / f"{options.data}.h5"


def views_of(options: argparse.Namespace) -> dict[str, tuple[int, ...]]:
    """Return the loader's ``views``; Human3.6M's third protocol trains on three cameras and tests on the fourth.

    Raises:
        InputError: a protocol of another dataset, or cameras beside the protocol's own.
    """
    if options.protocol is not None and options.data != "h36m":
        raise InputError(f"--protocol is for Human3.6M (--data h36m), not for {options.data}.")
    if options.protocol != 3:
        return {} if options.views is None else {"views": tuple(options.views)}
    if options.views is not None:
        raise InputError("--protocol 3 says which cameras; leave --views out.")
    return {"views": (0, 1, 2) if options.split == "train" else (3,)}
