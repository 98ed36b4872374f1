"""From a path to what the file holds: which container it is, by its first bytes and then by its extension."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from posezoo.errors import CorruptFileError, InputError, MissingFileError
from posezoo.files.arrays import load_npy, load_npz, load_pickle
from posezoo.files.hdf5 import open_hdf5, read_attributes, read_dataset
from posezoo.files.matlab import load_mat
from posezoo.files.reading import load_json, read_bytes, reading


@dataclass(frozen=True)
class Content:
    """What a file holds.

    Attributes:
        kind: ``npz npy json hdf5 pickle mat csv`` or ``folder``.
        value: a mapping of arrays, an array, a JSON value, the rows of a table, or the files of a folder.
        path: where it came from.
    """

    kind: str
    value: Any
    path: Path

    def keys(self) -> set[str]:
        """Names in the mapping; none where it is something else."""
        return set(self.value) if isinstance(self.value, Mapping) else set()


class _Hdf5(Mapping[str, Any]):
    """The root attributes and top-level datasets of an HDF5 file, each read when it is asked for."""

    def __init__(self, path: Path, transposed: bool = False) -> None:
        self.path, self.transposed = path, transposed
        with open_hdf5(path) as file:
            self.attributes = read_attributes(file)
            self.datasets = [name for name in file if isinstance(name, str) and hasattr(file.get(name), "shape")]

    def __getitem__(self, key: str) -> Any:
        if key not in self.datasets:
            return self.attributes[key]
        with open_hdf5(self.path) as file:
            values = read_dataset(file, key)
            if values.dtype.kind in "OS":
                values = np.char.decode(values.astype("S"), "utf-8")
        # MATLAB writes its arrays with the axes reversed.
        return values.T if self.transposed else values

    def __iter__(self) -> Iterator[str]:
        return iter([*self.datasets, *(name for name in self.attributes if name not in self.datasets)])

    def __len__(self) -> int:
        return len(set(self.datasets) | set(self.attributes))


def _load_csv(path: Path) -> list[list[str]]:
    """The rows of a table whose cells are parted by comma, semicolon or tab; blank lines are dropped."""
    data = read_bytes(path, "CSV")
    with reading(path, "CSV"):
        lines = data.decode("utf-8-sig").splitlines()
        header = next((line for line in lines if line.strip()), "")
        rows = [row for row in csv.reader(lines, delimiter=max(",;\t", key=header.count)) if any(map(str.strip, row))]
    if not rows:
        raise CorruptFileError(f"{path} holds blank lines only; expected a header and rows.")
    return rows


def _list_folder(path: Path) -> list[Path]:
    files = sorted(entry for entry in path.iterdir() if entry.suffix.lower() == ".json")
    if not files:
        raise MissingFileError(f"{path} is a folder without .json files; expected a file, or OpenPose's folder of frames.")
    return files


# First bytes and what they are. MATLAB 7.3 is HDF5 behind a block of text.
_MAGIC = {
    b"PK\x03\x04": "npz",
    b"PK\x05\x06": "npz",
    b"\x93NUMPY": "npy",
    b"\x89HDF\r\n\x1a\n": "hdf5",
    b"MATLAB 7.3": "mat73",
    b"MATLAB 5.0": "mat",
    b"\x80": "pickle",
}
_EXTENSIONS = {
    ".npz": "npz",
    ".npy": "npy",
    ".json": "json",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".mat": "mat",
    ".pkl": "pickle",
    ".pickle": "pickle",
    ".csv": "csv",
    ".tsv": "csv",
}
_LOADERS: dict[str, Callable[[Path], Any]] = {
    "npz": load_npz,
    "npy": load_npy,
    "json": load_json,
    "hdf5": _Hdf5,
    "mat73": lambda path: _Hdf5(path, transposed=True),
    "mat": load_mat,
    "pickle": load_pickle,
    "csv": _load_csv,
    "folder": _list_folder,
}


def load_content(path: Path) -> Content:
    """Open a file or folder of keypoints.

    Raises:
        MissingFileError: no such path.
        InputError: a container of another kind.
        CorruptFileError: empty, truncated or altered.
    """
    if path.is_dir():
        kind = "folder"
    else:
        head = read_head(path)
        kind = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), "")
        kind = kind or _EXTENSIONS.get(path.suffix.lower(), "")
        if not kind and head.lstrip()[:1] in (b"{", b"["):
            kind = "json"
        if not kind:
            raise InputError(f"{path} is of no known kind; keypoints are read from {', '.join(sorted(_EXTENSIONS))}.")
    return Content("mat" if kind == "mat73" else kind, _LOADERS[kind](path), path)


def read_head(path: Path) -> bytes:
    """The first bytes of a file; an empty one is corrupt."""
    with reading(path, "keypoints"), open(path, "rb") as stream:
        head = stream.read(64)
    if not head:
        raise CorruptFileError(f"{path} is empty (0 bytes); expected keypoints.")
    return head
