"""Write a dataset to one file, part by part, so that a call that was interrupted can be resumed."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Sequence as Many
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from posezoo.data.prepared.contents import (
    CONTENTS,
    FORMAT,
    KIND,
    TABLES,
    checksum,
    from_json,
    is_own,
    read_contents,
    text_of,
    to_json,
)
from posezoo.data.prepared.reading import check_arrays
from posezoo.errors import CorruptFileError, InputError, MissingFileError, SaveError
from posezoo.files.arrays import load_npz
from posezoo.files.hdf5 import create_hdf5, open_hdf5
from posezoo.files.reading import PathLike, sha256
from posezoo.files.writing import atomic_write
from posezoo.poses.posedata import Sequence
from posezoo.skeletons import Skeleton
from posezoo.terminal import progress

_CHUNK = 1024
_LARGEST = 1e6
"""The largest value: a kilometre in mm, and more px than any picture has."""


@dataclass(frozen=True, eq=False)
class Clip:
    """A clip to be written.

    Attributes:
        sequence: what it is.
        pose_3d: (N, J, 3) mm, camera frame; None for a clip that no camera sees yet.
        gt: (N, J, 2) px; None likewise.
        frame: (N,) numbers; 0 to N - 1 where not given.
        more: arrays of N rows by name: detections (N, J, 2) px, other labels (N, J, 3) mm, motion in the world frame.
    """

    sequence: Sequence
    pose_3d: np.ndarray | None = None
    gt: np.ndarray | None = None
    frame: np.ndarray | None = None
    more: Mapping[str, np.ndarray] = field(default_factory=dict)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays to write, by name.

        Raises:
            CorruptFileError: an array holds NaN, or values of more than a kilometre or a million pixels.
        """
        given = {"pose_3d": self.pose_3d, "gt": self.gt, **self.more}
        floats = {name: values for name, values in given.items() if values is not None}
        frame = np.arange(len(next(iter(floats.values())))) if self.frame is None else self.frame
        for name, values in floats.items():
            if not (np.abs(values) <= _LARGEST).all():
                raise CorruptFileError(
                    f"{name} of camera {self.sequence.view} goes to {np.abs(values).max():.3g}; expected mm and px, at most "
                    f"{_LARGEST:g}: get it again."
                )
        return {**{name: np.asarray(values, np.float32) for name, values in floats.items()}, "frame": frame.astype(np.int32)}


@dataclass(frozen=True)
class Part:
    """A part that is read at a time, such as a recording with all its cameras.

    Attributes:
        name: of the group in the file.
        read: gives its clips; a file that is damaged or missing leaves the part out.
    """

    name: str
    read: Callable[[], list[Clip]]


@dataclass(frozen=True)
class Prepared:
    """Result of :func:`write_prepared`.

    Attributes:
        written: False where the file was up to date.
        notes: what was left out, or differs from what was published.
    """

    written: bool
    notes: tuple[str, ...]


def sources_digest(paths: Many[Path], root: Path) -> str:
    """Return the SHA-256 over names and bytes of the sources."""
    digest = hashlib.sha256(f"{KIND} {FORMAT}".encode())
    for path in progress(sorted(paths), "checking the sources"):
        digest.update(f"{path.relative_to(root).as_posix()} {sha256(path)}".encode())
    return digest.hexdigest()


def write_prepared(
    out: PathLike,
    dataset: str,
    skeleton: Skeleton,
    parts: Many[Part],
    digest: str,
    differences: Callable[[dict[str, list[tuple[Sequence, int]]]], list[str]] = lambda found: [],
    *,
    tables: Callable[[], Mapping[str, np.ndarray]] = dict,
    replaces: Callable[[h5py.File], bool] = lambda file: False,
    complete: bool = False,
) -> Prepared:
    """Read the parts and write the file; do nothing where the same sources made the file that is there.

    Each part is kept beside ``out`` until the file is whole: a call that was killed goes on where it was. The same sources
    give the same bytes.

    Args:
        out: the file.
        dataset, skeleton: of all parts.
        parts: in the order of the file.
        digest: of the sources.
        differences: sentences on how the clips (and their numbers of frames), by part, differ from what was published.
        tables: returns arrays that belong to no clip, by name; called only where the file has to be written.
        replaces: whether a file that is there, and is not prepared, may be replaced: one in an older format of the dataset.
        complete: raise where a part cannot be read, rather than leave it out and say so.

    Raises:
        CorruptFileError: no part can be read; with ``complete``, a part cannot be read.
        InputError: something else is there already: no prepared file, or one of another dataset.
        SaveError: the file cannot be written.
    """
    out = Path(out)
    notes = _up_to_date(out, dataset, digest, replaces)
    if notes is not None:
        return Prepared(False, tuple(notes))
    extra = {name: np.asarray(values, np.float32) for name, values in tables().items()}
    folder = out.parent / f".{out.name}.{digest[:12]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SaveError(
            f"{out} cannot be written: a folder for what is read cannot be made beside it ({error.strerror or error}); "
            "write to a folder of your own."
        ) from error
    notes, files = [], {}
    for part in progress(parts, f"reading {dataset}"):
        path = folder / f"{part.name.replace('/', '~')}.npz"
        if not _whole(path):
            try:
                _save(path, part.read(), out)
            except (CorruptFileError, MissingFileError, InputError) as error:
                if complete:
                    shutil.rmtree(folder)
                if complete or isinstance(error, InputError):
                    raise
                notes.append(f"{part.name} is left out: {error}")
                warnings.warn(notes[-1], stacklevel=2)
                continue
        files[part.name] = path
    if not files:
        shutil.rmtree(folder)
        raise CorruptFileError(f"none of {len(parts)} recordings of {dataset} can be read; first: {notes[0]}")
    found: dict[str, list[tuple[Sequence, int]]] = {}
    entries = []
    # Written inside the folder, which is removed with whatever a killed call leaves.
    with atomic_write(folder / "whole.h5", called=out) as temporary, create_hdf5(temporary) as file:
        for name, path in progress(list(files.items()), f"writing {out.name}"):
            found[name] = []
            for number, (sequence, arrays) in enumerate(_load(path)):
                found[name].append((sequence, len(arrays["frame"])))
                group = file.create_group(f"{name}/{number}")
                sums = {key: _write_array(group, key, values) for key, values in arrays.items()}
                entries.append({"group": f"{name}/{number}", "sequence": to_json(sequence), "sha256": sums})
        notes += differences(found)
        content: dict[str, object] = {"dataset": dataset, "skeleton": skeleton.name, "digest": digest, "notes": notes}
        content["clips"] = entries
        if extra:
            group = file.create_group(TABLES)
            content[TABLES] = {name: _write_array(group, name, values) for name, values in extra.items()}
        text = json.dumps(content).encode()
        file.create_dataset(CONTENTS, data=np.frombuffer(text, np.uint8), compression="gzip", track_times=False)
        file.attrs.update({"format": FORMAT, "kind": np.bytes_(KIND), "sha256": np.bytes_(checksum(text))})
    with atomic_write(out) as temporary:
        os.replace(folder / "whole.h5", temporary)
    for unfinished in out.parent.glob(f".{glob.escape(out.name)}.{'[0-9a-f]' * 12}"):  # also those of other sources
        shutil.rmtree(unfinished, ignore_errors=True)
    return Prepared(True, tuple(notes))


def _up_to_date(out: Path, dataset: str, digest: str, replaces: Callable[[h5py.File], bool]) -> list[str] | None:
    """Return the notes of the file that is there; None where there is none, or it has to be made again.

    Raises:
        InputError: something else, which must not be lost.
    """
    if not out.exists():
        return None
    own = False
    try:
        with open_hdf5(out) as file:
            own = is_own(file)
            if replaces(file):
                return None
            if not own:
                raise InputError(f"{out} is there already and no prepared dataset; choose another name.")
            stored = read_contents(file)
            if stored["dataset"] != dataset:
                raise InputError(f"{out} holds {stored['dataset']}; choose another name for {dataset}.")
            if stored["digest"] != digest:
                return None
            check_arrays(file, stored)
            return stored["notes"]
    except CorruptFileError as error:
        if own:  # altered, or of an older format
            return None
        raise InputError(f"{out} is there already and no whole file; remove it, or choose another name ({error})") from error


def _write_array(group: h5py.Group, key: str, values: np.ndarray) -> str:
    """Write an array and return its SHA-256."""
    chunks = (min(len(values), _CHUNK), *values.shape[1:]) if len(values) else None
    group.create_dataset(key, data=values, chunks=chunks, compression="gzip", shuffle=True, track_times=False)
    return checksum(np.ascontiguousarray(values).tobytes()).decode()


def _save(path: Path, clips: list[Clip], out: Path) -> None:
    arrays = {f"{number}/{key}": values for number, clip in enumerate(clips) for key, values in clip.arrays().items()}
    sequences = np.array([to_json(clip.sequence) for clip in clips])
    with atomic_write(path, called=out) as temporary, temporary.open("wb") as file:
        np.savez(file, sequences=sequences, **arrays)  # type: ignore[arg-type]


def _load(path: Path) -> Iterator[tuple[Sequence, dict[str, np.ndarray]]]:
    content = load_npz(path)
    for number, text in enumerate(content["sequences"]):
        own = {key.split("/", 1)[1]: values for key, values in content.items() if key.startswith(f"{number}/")}
        yield from_json(text_of(text)), own


def _whole(path: Path) -> bool:
    """Return whether a part was read by an earlier call."""
    try:
        return path.is_file() and bool(load_npz(path))
    except CorruptFileError:
        return False
