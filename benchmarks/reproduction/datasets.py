"""Find the files of the datasets that benchmarks use, and which of our datasets stands for which of a paper's."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from posezoo.data.named import DATASETS
from posezoo.data.openmocap import content_digest, is_openmocap
from posezoo.data.pictures import PICTURES
from posezoo.errors import InputError, MissingFileError
from posezoo.files.hdf5 import open_hdf5, read_attributes
from posezoo.files.reading import sha256
from reproduction.tables import BENCHMARKS, read_mapping

WEIGHTS = "weights"
"""The loader of an entry that is no dataset, but weights of another package that training begins from."""


@dataclass(frozen=True)
class Dataset:
    """A dataset of the benchmarks, an entry of ``benchmarks/datasets.yaml``.

    Attributes:
        id, title: its key in that file, and its name in a report.
        loader: its name in :func:`posezoo.data.load_dataset`, or, for pictures, in
            :func:`posezoo.data.pictures.load_pictures`; ``weights`` for those that a recipe's ``initial`` names.
        file: the path of its file or folder below ``--data-dir``; empty where the dataset needs none.
        more: paths of other files that it needs.
        make: the command that makes the file.
        holds: what the files are, where no command makes them.
        splits: the splits that it has.
        instead_of: the paper's datasets that it can stand for.
        pictures: whether it holds people in pictures.
        exact_cameras: whether motion capture was projected through cameras that are known without error.
        evaluate: settings of the model's ``evaluate`` that it needs.
        settings: settings of its loader in tests.
        model, train: settings of models and of their DataModules that its layout or its cameras need.
    """

    id: str
    title: str
    loader: str
    file: str = ""
    more: tuple[str, ...] = ()
    make: str = ""
    holds: str = ""
    splits: tuple[str, ...] = ("train", "val", "test")
    instead_of: Mapping[str, str] = field(default_factory=dict, hash=False)
    pictures: bool = False
    exact_cameras: bool = False
    evaluate: Mapping[str, Any] = field(default_factory=dict, hash=False)
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    model: Mapping[str, Any] = field(default_factory=dict, hash=False)
    train: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def path(self, folder: Path) -> Path | None:
        """Return the dataset's file; None where it needs none.

        Raises:
            InputError: PoseZoo has no reader for the dataset.
            MissingFileError: the file, or another that it needs, is missing; the message says how to make it.
        """
        readers = PICTURES if self.pictures else DATASETS
        if self.loader not in ("keypoints", WEIGHTS, *readers):
            raise InputError(f"posezoo has no reader for {self.title} yet; it reads {', '.join(readers)}.")
        if not self.file:
            return None
        for path in self.files(folder):
            if not path.exists():
                made = f"make it with `{self.make}` and " if self.make else ""
                how = f"put {self.holds} there and " if self.holds else made
                raise MissingFileError(f"{self.title}: {path} is missing; {how}name its folder with --data-dir.")
        return folder / self.file

    def files(self, folder: Path) -> list[Path]:
        """Return every file and folder that the dataset needs, whether it exists or not."""
        return [folder / name for name in (self.file, *self.more) if name]

    def paths(self, folder: Path) -> list[Path]:
        """Return all files of the dataset; empty where it needs none. Raises as :meth:`path`."""
        return [] if self.path(folder) is None else self.files(folder)


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


@cache
def datasets() -> dict[str, Dataset]:
    """Return the datasets by id."""
    return {key: Dataset(key, **_tuples(value)) for key, value in read_mapping(BENCHMARKS / "datasets.yaml").items()}


def measurable() -> list[str]:
    """Return the ids of what can be measured on."""
    return [key for key, dataset in datasets().items() if dataset.loader != WEIGHTS]


@cache
def identity(path: Path) -> str:
    """Return the digest of a dataset's content, which is part of a run's digest.

    Two prepared files with the same content have the same digest. For other files it is the digest that the file holds, or
    the SHA-256 of its bytes; for a folder of pictures, that of names and sizes.
    """
    if path.is_dir():  # pictures: their names and sizes
        files = sorted(entry for entry in path.rglob("*") if entry.is_file())
        listed = "".join(f"{entry.relative_to(path)} {entry.stat().st_size}\n" for entry in files)
        return hashlib.sha256(listed.encode()).hexdigest()
    if path.suffix == ".h5":
        if is_openmocap(path):
            return content_digest(path)
        with open_hdf5(path) as file:
            if digest := read_attributes(file).get("digest"):
                return str(digest)
    return sha256(path)
