"""DeepLabCut: tables with the columns scorer, (individuals,) bodyparts, coords, as CSV or as pandas writes them to HDF5."""

from __future__ import annotations

from collections.abc import Sequence as Items
from pathlib import Path, PurePosixPath

import numpy as np

from posezoo.errors import CorruptFileError, InputError
from posezoo.files.pandas_hdf5 import is_frame, read_frame
from posezoo.formats.keypoints.clips import Clips, group
from posezoo.formats.keypoints.containers import Content
from posezoo.formats.keypoints.frame_names import frames_of
from posezoo.formats.keypoints.table import numbers

_COORDS = {"x": 0, "y": 1, "likelihood": 2}


def is_deeplabcut(content: Content) -> bool:
    """Return whether this is a table whose header begins with ``scorer`` (or ``bodyparts``), or a data frame in HDF5."""
    if content.kind == "csv":
        return content.value[0][0].strip().lower() in ("scorer", "bodyparts") and len(content.value) > 1
    return content.kind == "hdf5" and is_frame(content.path)


def read_deeplabcut(content: Content) -> Clips:
    """Read a table of DeepLabCut.

    ``frame`` is the row's index, ``trial`` the video, ``subject`` the individual; labelled pictures go by their names.

    Body parts become joints by their names; those that no joint is called are not used.
    """
    columns, values, index = _from_table(content) if content.kind == "csv" else read_frame(content.path)
    return _clips(columns, values, index, content.path)


def _from_table(content: Content) -> tuple[list[tuple[str, ...]], np.ndarray, list[str]]:
    """Return columns (tuples of the header's rows), values (N, columns), and the index of every row."""
    path, rows = content.path, content.value
    heads = [row[0].strip().lower() for row in rows[:4]]
    if "coords" not in heads:
        raise InputError(
            f"{path} begins as DeepLabCut's tables do, but no header row is `coords`; expected x, y, likelihood."
        )
    depth = heads.index("coords") + 1
    header, body = rows[:depth], rows[depth:]
    if not body:
        raise InputError(f"{path} holds no poses, only a header.")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header[0]):
            raise CorruptFileError(
                f"{path}: row {number} has {len(row)} cells, the header {len(header[0])}; the file is truncated or altered."
            )
    # One column of the index, or three: labeled-data, video, picture.
    start = next((place for place, coord in enumerate(header[-1][1:], start=1) if coord.strip()), len(header[-1]))
    columns = [tuple(row[place].strip() for row in header) for place in range(start, len(header[0]))]
    cells = np.asarray(body)
    values = [numbers(cells[:, start + place], "/".join(name), path, depth + 1) for place, name in enumerate(columns)]
    index = ["/".join(row[:start]) for row in body]
    return columns, np.stack(values, 1) if values else np.zeros((len(body), 0)), index


def _clips(columns: list[tuple[str, ...]], values: np.ndarray, index: Items[object], path: Path) -> Clips:
    if any(not 2 <= len(column) <= 4 for column in columns) or len({len(column) for column in columns}) != 1:
        raise InputError(f"{path}: its columns are not those of DeepLabCut: scorer, (individuals,) bodyparts, coords.")
    named = [(column[-3] if len(column) == 4 else "", column[-2], column[-1]) for column in columns]
    unknown = sorted({coord for *_, coord in named} - _COORDS.keys())
    if unknown:
        raise InputError(f"{path}: coords are {', '.join(unknown)[:60]}; expected x, y, likelihood of 2D pixels.")
    scorers = {column[0] for column in columns if len(column) > 2}
    if len(scorers) > 1 or len(set(named)) != len(named):
        raise InputError(f"{path} holds {len(scorers)} scorers, some columns twice; keep one scorer's columns.")
    people = list(dict.fromkeys(person for person, *_ in named))
    if len(people) > 1:  # DeepLabCut's name for the body parts that are no individual's
        people = [person for person in people if person != "single"]
        named = [name if name[0] in people else ("", "", "") for name in named]
    parts = list(dict.fromkeys(part for _, part, coord in named if coord))
    if len(people) * len(parts) > 4 * len(columns):
        raise InputError(
            f"{path}: its {len(people)} individuals do not have the same body parts; expected the same of each."
        )
    poses = np.full((len(values), len(people), len(parts), 3), np.nan)
    for column, (person, part, coord) in enumerate(named):
        if coord:
            poses[:, people.index(person), parts.index(part), _COORDS[coord]] = values[:, column]
    videos, frames = _index(index, path)
    # With several individuals, those that are absent from a frame have no row.
    present = ~np.isnan(poses[..., :2]).all((2, 3)) if len(people) > 1 else np.ones(poses.shape[:2], bool)
    row, person_of = np.nonzero(present)
    sequence, sequences = group([videos[at] for at in row], [people[at] for at in person_of])
    keypoints = poses[present]
    return Clips(
        keypoints=keypoints[..., :2],
        sequence=sequence,
        frame=frames[row],
        sequences=sequences,
        confidence=keypoints[..., 2] if "likelihood" in {coord for *_, coord in named} else None,
        names=tuple(parts),
    )


def _index(index: Items[object], path: Path) -> tuple[list[str], np.ndarray]:
    """Return video and frame number of every row, from numbers or from the paths of pictures."""
    video = path.stem.partition("DLC_")[0] or path.stem
    names = [str(entry) for entry in index]
    if all(name.isdecimal() and int(name) < 2**31 for name in names):
        return [video] * len(names), np.asarray([int(name) for name in names], dtype=np.int64)
    pictures = [PurePosixPath(name.replace("\\", "/")) for name in names]
    found = [number for _, number in frames_of([picture.stem for picture in pictures])]
    frames = [order if number is None else number for order, number in enumerate(found)]
    return [picture.parent.name or video for picture in pictures], np.asarray(frames, dtype=np.int64)
