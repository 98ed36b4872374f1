"""Keypoints in a table: one row a pose, columns ``<joint>_x``, ``<joint>_y`` and, optionally, ``<joint>_confidence``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from posezoo.errors import CorruptFileError, InputError
from posezoo.formats.keypoints.clips import Clips, frame_numbers, group, picture_size
from posezoo.formats.keypoints.containers import Content
from posezoo.formats.keypoints.plain import FORMAT, check_format
from posezoo.skeletons import SKELETONS, Skeleton

SCHEMA = f"""\
PoseZoo keypoints, version 1, as a table (.csv, .tsv): a header, then one row a pose; empty cells are unknown.

  <joint>_x, <joint>_y              pixels, y down, for every joint of a named skeleton, in any order
  <joint>_confidence                optional (also _score, _likelihood, _c), 0 to 1
  frame, person, video              optional: frame number, and who and what it is
  image_width, image_height         optional, pixels
  format                            optional, "{FORMAT}" in every row
"""

_SUFFIXES = {"x": 0, "y": 1, "confidence": 2, "score": 2, "likelihood": 2, "c": 2}


def is_table(content: Content) -> bool:
    """A table whose header names coordinates."""
    return content.kind == "csv" and any(_split(name)[1] == 0 for name in content.value[0])


def read_table(content: Content) -> Clips:
    """The schema above. The joints' names tell the layout; where several have the same names, the file's order does."""
    path, (header, *rows) = content.path, content.value
    names = [name.strip().lower().replace(" ", "_") for name in header]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise InputError(f"{path}: the column {min(repeated)!r} stands there twice; expected each once.")
    if not rows:
        raise InputError(f"{path} holds no poses, only a header.")
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise CorruptFileError(
                f"{path}: row {number} has {len(row)} cells, the header {len(header)}; the file is truncated or altered."
            )
    cells = np.asarray(rows)
    columns: dict[str, dict[int, int]] = {}
    for index, name in enumerate(names):
        joint, axis = _split(name)
        if axis is not None:
            columns.setdefault(joint, {})[axis] = index
    lacking = [joint for joint, axes in columns.items() if not {0, 1} <= set(axes)]
    if lacking:
        raise InputError(f"{path}: {lacking[0]} lacks its x or y column; expected {lacking[0]}_x and {lacking[0]}_y.")
    layout = _layout(tuple(columns), path)
    keypoints = np.full((len(rows), len(layout), 3 if any(2 in axes for axes in columns.values()) else 2), np.nan)
    for row, joint in enumerate(layout.joints):
        for axis, index in columns[joint].items():
            keypoints[:, row, axis] = numbers(cells[:, index], header[index], path)

    def column(name: str, default: str) -> list[str]:
        return cells[:, names.index(name)].tolist() if name in names else [default] * len(rows)

    for stated in set(column("format", FORMAT)):
        check_format(stated.strip(), path)
    sizes = None
    if {"image_width", "image_height"} <= set(names):
        pairs = list(zip(column("image_width", ""), column("image_height", ""), strict=True))
        known = {pair: picture_size(numbers(np.asarray(pair), "image_width", path), path) for pair in set(pairs)}
        sizes = [known[pair] for pair in pairs]
    frame = np.arange(len(rows))
    if "frame" in names:
        frame = frame_numbers(numbers(cells[:, names.index("frame")], "frame", path), len(rows), path)
    sequence, sequences = group(column("video", path.stem), column("person", ""), sizes)
    return Clips(keypoints, sequence, frame, sequences, stated=layout)


def _split(name: str) -> tuple[str, int | None]:
    """``left_hip_x`` -> ("left_hip", 0); no axis for other columns."""
    joint, _, suffix = name.strip().lower().rpartition("_")
    return joint, _SUFFIXES.get(suffix) if joint else None


def numbers(cells: np.ndarray, column: str, path: Path, first: int = 2) -> np.ndarray:
    """Float64 values of text, which stands from row ``first`` of the table on; empty is NaN."""
    cells = np.where(np.char.strip(cells) == "", "nan", cells)
    try:
        return cells.astype(np.float64)
    except ValueError:
        for row, cell in enumerate(cells, start=first):
            try:
                float(cell)
            except ValueError:
                raise InputError(f"{path}: {str(cell)[:30]!r} in column {column!r}, row {row}, is no number.") from None
        raise


def _layout(joints: tuple[str, ...], path: Path) -> Skeleton:
    """The layout with exactly these joints; the columns may stand in another order."""
    fitting = [layout for layout in SKELETONS.values() if set(layout.joints) == set(joints)]
    fitting = [layout for layout in fitting if layout.joints == joints] or fitting
    if fitting:
        return fitting[0]
    near = max(
        SKELETONS.values(), key=lambda layout: len(set(layout.joints) & set(joints)) / len(set(layout.joints) | set(joints))
    )
    absent = [joint for joint in near.joints if joint not in joints]
    extra = [joint for joint in joints if joint not in near.joints]
    what = "; ".join(f"{word} {', '.join(names)}" for word, names in (("lacks", absent), ("has besides", extra)) if names)
    raise InputError(
        f"{path}: its {len(joints)} joints are those of no named skeleton (the nearest is {near.name}: the file {what}); "
        "rename the columns, or add empty ones."
    )
