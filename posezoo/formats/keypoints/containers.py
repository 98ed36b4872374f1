"""Load the content of a file, whose container is found by its first bytes and then by its extension."""

from __future__ import annotations

import csv
import json
import os
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from posezoo.errors import CorruptFileError, InputError, PoseZooError
from posezoo.files.arrays import load_npy, load_npz, load_pickle
from posezoo.files.hdf5 import hard_child, open_hdf5, read_attributes, read_dataset
from posezoo.files.matlab import load_mat
from posezoo.files.reading import check_file, check_size, load_json, read_bytes, reading
from posezoo.files.xml import load_xml
from posezoo.formats.keypoints.folders import list_folder
from posezoo.formats.keypoints.foreign import foreign
from posezoo.formats.keypoints.pickled import as_json
from posezoo.formats.keypoints.table_rows import FRAMES, IMAGES, PERSONS, VIDEOS, key_of


@dataclass(frozen=True)
class Content:
    """Content of a file.

    Attributes:
        kind: ``npz npy json hdf5 pickle mat csv xml txt``, ``folder`` (of JSON files) or ``txt folder``.
        value: a mapping of arrays, an array, a JSON value (of JSON lines, the list of them), the rows of a table, the root
            element of XML, None for a text, or the files of a folder.
        path: where it came from.
    """

    kind: str
    value: Any
    path: Path

    def keys(self) -> set[str]:
        """Return the names in the mapping; none where it is something else."""
        return set(self.value) if isinstance(self.value, Mapping) else set()


class _Hdf5(Mapping[str, object]):
    """The root attributes and top-level datasets of an HDF5 file, each read when it is asked for."""

    def __init__(self, path: Path, transposed: bool = False) -> None:
        self.path, self.transposed = path, transposed
        with open_hdf5(path) as file:
            self.attributes = read_attributes(file)
            self.datasets = [name for name in file if isinstance(name, str) and hasattr(hard_child(file, name), "shape")]

    def __getitem__(self, key: str) -> object:
        if key not in self.datasets:
            return self.attributes[key]
        with open_hdf5(self.path) as file:
            values = read_dataset(file, key)
            if values.dtype.kind in "OS":
                # One by one, because an array of texts reserves the longest text's size for each.
                texts = [entry.decode("utf-8") if isinstance(entry, bytes) else str(entry) for entry in values.flat]
                longest = max(map(len, texts), default=0)
                check_size(4 * longest * len(texts), self.path)
                values = np.asarray(texts, dtype=str).reshape(values.shape)
        # MATLAB writes its arrays with the axes reversed.
        return values.T if self.transposed else values

    def __iter__(self) -> Iterator[str]:
        return iter([*self.datasets, *(name for name in self.attributes if name not in self.datasets)])

    def __len__(self) -> int:
        return len(set(self.datasets) | set(self.attributes))


# Archives of other programs that begin as NumPy's do: a member's name, the kind of file, and what to do.
_ARCHIVES = {
    "xl/workbook.xml": "is a spreadsheet; save it as CSV there, and give that",
    "content.xml": "is a document of LibreOffice; save it as CSV there, and give that",
    "data.pkl": "is a PyTorch file, a model's weights or tensors; save the keypoints with numpy.save, and give that",
}


def _load_npz(path: Path) -> dict[str, object]:
    """Read the arrays of an archive; raise InputError where another program wrote it."""
    try:
        return load_npz(path)
    except CorruptFileError:
        names: list[str] = []
        with suppress(PoseZooError), reading(path, "an archive"), zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        for inside, what in _ARCHIVES.items():
            if any(name == inside or name.endswith(f"/{inside}") for name in names):
                raise InputError(f"{path} {what}.") from None
        if names and not any(name.endswith(".npy") for name in names):
            found = f"an archive of other files ({names[0][:60]}, ...)"
            raise InputError(f"{path} is {found}; unpack it and give those.") from None
        raise


def _load_json(path: Path) -> object:
    """Read a JSON value, or a list of the values of a file of JSON lines."""
    try:
        return _parsed_texts(load_json(path))
    except CorruptFileError as error:
        cause = error.__cause__
        if not isinstance(cause, json.JSONDecodeError) or cause.msg != "Extra data":
            raise
    values = []
    for number, line in enumerate(read_bytes(path, "JSON").decode("utf-8-sig").splitlines(), start=1):
        if line.strip():
            with reading(f"{path}, line {number},", "JSON lines"):
                values.append(json.loads(line))
    return _parsed_texts(values)


def _parsed_texts(value: object) -> object:
    """Return what texts of JSON inside JSON say, which ``json.dump`` makes of Ultralytics' ``to_json()``."""
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) and text.lstrip()[:1] in ("{", "[") for text in texts):
        return value
    try:
        parsed = [json.loads(str(text)) for text in texts]
    except (ValueError, RecursionError):
        return value
    return parsed if isinstance(value, list) else parsed[0]


def _load_csv(path: Path) -> list[list[str]]:
    """Read the rows of a table whose cells are parted by comma, semicolon, tab, bar or spaces; blank lines are dropped.

    Excel's line ``sep=;`` is taken for what it is. Where commas do not part the cells, they are decimal points.
    """
    data = read_bytes(path, "CSV")
    with reading(path, "CSV"):
        lines = decode(data).lstrip("\ufeff").splitlines()
        header = next((line for line in lines if line.strip()), "")
        if header.lower().startswith("sep=") and len(header.strip()) <= 5:
            lines = lines[lines.index(header) + 1 :]
            header = next((line for line in lines if line.strip()), "")
        delimiter = max(",;\t|", key=header.count)
        if delimiter not in header and len(header.split()) > 1:
            delimiter, lines = " ", [" ".join(line.split()) for line in lines]
        # A row of empty cells is a row, an empty line is none.
        rows = [row for row in csv.reader(lines, delimiter=delimiter) if len(row) > 1 or any(map(str.strip, row))]
        if delimiter != ",":
            rows = [[_DECIMAL_COMMA.sub(r"\1.\2", cell) for cell in row] for row in rows]
    if not rows:
        raise CorruptFileError(f"{path} holds blank lines only; expected a header and rows.")
    return rows


_DECIMAL_COMMA = re.compile(r"^(\s*-?\d*),(\d+\s*)$")


def decode(data: bytes) -> str:
    """Return the text of a file: UTF-8, the UTF-16 of Excel's "Unicode text", else Windows' western encoding."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252")


# Kinds of files by their first bytes. MATLAB 7.3 is HDF5 after a block of text.
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
    ".slp": "hdf5",
    ".jsonl": "json",
    ".ndjson": "json",
    ".xml": "xml",
    ".txt": "txt",
}
_LOADERS: dict[str, Callable[[Path], object]] = {
    "npz": _load_npz,
    "npy": load_npy,
    "json": _load_json,
    "hdf5": _Hdf5,
    "mat73": lambda path: _Hdf5(path, transposed=True),
    "mat": load_mat,
    "pickle": lambda path: as_json(load_pickle(path)),
    "csv": _load_csv,
    "xml": load_xml,
    "txt": lambda path: None,
}


def _records(rows: list[list[str]]) -> list[dict[str, object]] | None:
    """Return the rows of a table whose cells hold lists or objects as text, as objects; None of other tables.

    Ultralytics' ``to_csv()`` and pandas write such. Columns that say the frame, the person, the picture or the recording
    get the names that JSON has for these.
    """
    header, *body = rows
    nested = [index for index, cell in enumerate(body[0]) if cell.lstrip()[:1] in ("[", "{")] if body else []
    if not any(header[index].strip().lower().startswith("keypoint") for index in nested if index < len(header)):
        return None
    names = [next((to for known, to in _COLUMNS if key_of(name) in known), name.strip()) for name in header]
    records = []
    for row in body:
        if len(row) != len(header):
            return None
        record: dict[str, object] = {}
        for index, (name, cell) in enumerate(zip(names, row, strict=True)):
            text = cell.replace("'", '"').replace("(", "[").replace(")", "]").replace("None", "null")
            try:
                record[name] = json.loads(text.replace("nan", "NaN")) if cell.strip() else None
            except ValueError:
                if index in nested and cell.strip():
                    return None
                record[name] = cell
        records.append(record)
    return records


_COLUMNS = ((FRAMES, "frame"), (PERSONS, "track_id"), (IMAGES, "file_name"), (VIDEOS, "video"))


def load_content(path: Path) -> Content:
    """Open a file or folder of keypoints; a folder's only file where that is no frame, such as COCO's results.

    Raises:
        MissingFileError: no such path.
        InputError: a container of another kind.
        CorruptFileError: empty, truncated or altered.
    """
    if os.path.isdir(path):
        with reading(path, "keypoints"):
            kind, files = list_folder(path, _EXTENSIONS)
        if kind == "folder" and len(files) == 1:
            return load_content(files[0])
        return Content(kind, files, path)
    head = read_head(path)
    if (other := foreign(path, head)) is not None:
        raise InputError(other)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    kind = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), "")
    kind = kind or _EXTENSIONS.get(path.suffix.lower(), "")
    if kind in ("", "txt") and text[:1] in (b"{", b"["):
        kind = "json"
    if kind in ("", "txt") and text.startswith((b"<?xml", b"<annotations")):
        kind = "xml"
    if not kind:
        begins = head[:20].decode("ascii", "replace").splitlines()[0]
        raise InputError(
            f"{path} is of no known kind (it begins with {begins!r}); expected keypoints, in a file whose ending says "
            "how it is written, such as .json, .csv or .npz: rename it, or see posezoo data schema."
        )
    value = _LOADERS[kind](path)
    if kind == "csv" and isinstance(value, list) and (records := _records(value)) is not None:
        kind, value = "json", records
    if kind == "npy" and isinstance(objects := as_json(value), list):
        kind, value = "pickle", objects
    return Content("mat" if kind == "mat73" else kind, value, path)


def read_head(path: Path) -> bytes:
    """Return the first bytes of a file; an empty one is corrupt."""
    check_file(path, "keypoints")
    with reading(path, "keypoints"), open(path, "rb") as stream:
        head = stream.read(64)
    if not head:
        raise CorruptFileError(f"{path} is empty (0 bytes); expected keypoints.")
    return head
