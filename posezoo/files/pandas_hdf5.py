"""Read data frames that pandas wrote to HDF5 through PyTables, by h5py alone.

Two layouts (pandas, "HDF5 (PyTables)"): `fixed` keeps columns as levels and labels beside blocks of values; `table` is
one table whose columns' names are an attribute, pickled, which goes through :mod:`posezoo.files.pickles`.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from posezoo.errors import CorruptFileError, InputError
from posezoo.files.hdf5 import open_hdf5, read_attributes, read_dataset
from posezoo.files.pickles import restricted_unpickle

# Columns of one file; DeepLabCut has three a body part.
_MAX_BLOCKS = 64

Columns = list[tuple[str, ...]]


def is_frame(path: Path) -> bool:
    """Return whether a group of the file is a data frame."""
    with open_hdf5(path) as file:
        return bool(_groups(file))


def read_frame(path: Path) -> tuple[Columns, np.ndarray, list[object]]:
    """Read the names of the columns (a tuple of levels each), the values (N, columns) and the index of each row.

    Raises:
        CorruptFileError: parts are missing, do not belong together, or are pickles of more than plain names.
        InputError: several data frames.
    """
    with open_hdf5(path) as file:
        groups = _groups(file)
        if len(groups) != 1:
            raise InputError(f"{path} holds {len(groups)} data frames ({', '.join(groups)[:80]}); expected one.")
        (key, kind), *_ = groups.items()
        columns, blocks, index = (_fixed if kind == "frame" else _table)(file[key], path)
    values = np.concatenate(blocks, axis=1)
    if values.shape != (len(index), len(columns)):
        raise CorruptFileError(
            f"{path}: {len(index)} rows and {len(columns)} columns are named, {values.shape} values held."
        )
    return columns, values, index


def _groups(file: h5py.File) -> dict[str, str]:
    """Return the name and pandas' type of every data frame."""
    found = {}
    for name in filter(lambda name: isinstance(name, str), file):
        link = file.get(name, getlink=True)
        group = file.get(name) if isinstance(link, h5py.HardLink) else None
        if isinstance(group, h5py.Group):
            kind = _text(read_attributes(group).get("pandas_type", b""))
            if kind in ("frame", "frame_table"):
                found[name] = kind
    return found


def _fixed(group: h5py.Group, path: Path) -> tuple[Columns, list[np.ndarray], list[object]]:
    attributes = read_attributes(group)
    count = int(attributes["nblocks"])
    if not 0 < count <= _MAX_BLOCKS:
        raise CorruptFileError(f"{path} declares {count} blocks of values; expected 1 to {_MAX_BLOCKS}.")
    columns: Columns = []
    blocks = []
    for block in range(count):
        columns += _axis(group, f"block{block}_items", attributes, path)
        values = _numbers(read_dataset(group, f"block{block}_values", (None, None)), path)
        turned = read_attributes(group[f"block{block}_values"]).get("transposed", 0)
        blocks.append(values if turned else values.T)
    index = _axis(group, "axis1", attributes, path)
    return columns, blocks, ["/".join(entry) for entry in index]


def _axis(group: h5py.Group, name: str, attributes: dict[str, Any], path: Path) -> Columns:
    """Return the entries of an axis: plain ones, or levels and the labels that point into them."""
    if _text(attributes.get(f"{name}_variety", b"regular")) != "multi":
        return [(_text(entry),) for entry in read_dataset(group, name, (None,)).tolist()]
    count = int(attributes[f"{name}_nlevels"])
    if not 0 < count <= 8:
        raise CorruptFileError(f"{path}: {name} has {count} levels; expected DeepLabCut's 3 or 4.")
    parts = []
    for level in range(count):
        texts = [_text(entry) for entry in read_dataset(group, f"{name}_level{level}", (None,)).tolist()]
        labels = read_dataset(group, f"{name}_label{level}", (None,))
        if labels.dtype.kind not in "iu" or (len(labels) and not -1 <= labels.min() <= labels.max() < len(texts)):
            raise CorruptFileError(f"{path}: the labels of {name} do not point into its {len(texts)} names.")
        parts.append([texts[label] if label >= 0 else "" for label in labels.tolist()])
    return list(zip(*parts, strict=True))


def _table(group: h5py.Group, path: Path) -> tuple[Columns, list[np.ndarray], list[object]]:
    table = read_dataset(group, "table", (None,), records=True)
    fields = table.dtype.names or ()
    names = [name for name in fields if name.startswith("values_block_")]
    if not names or "index" not in fields:
        raise CorruptFileError(f"{path}: its table has the fields {fields}; expected index and values_block_0.")
    attributes = read_attributes(group["table"])
    columns: Columns = []
    for name in names:
        pickled = bytes(attributes[f"{name}_kind"])
        entries = restricted_unpickle(io.BytesIO(pickled), f"{path}, attribute {name}_kind")
        if not isinstance(entries, list) or not all(isinstance(entry, tuple) for entry in entries):
            raise CorruptFileError(
                f"{path}: the columns of {name} are no list of tuples; expected scorer, bodyparts, coords."
            )
        columns += [tuple(_text(level) for level in entry) for entry in entries]
    blocks = [_numbers(table[name].reshape(len(table), -1), path) for name in names]
    return columns, blocks, [_text(entry) for entry in table["index"].tolist()]


def _numbers(values: np.ndarray, path: Path) -> np.ndarray:
    if values.dtype.kind not in "fiu":
        raise InputError(f"{path}: values are of type {values.dtype}; expected numbers.")
    return values.astype(np.float64)


def _text(value: object) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
