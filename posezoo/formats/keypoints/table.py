"""Read keypoints in a table: one row a pose with columns ``<joint>_x``, ``<joint>_y``, or one row a joint."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from posezoo.errors import CorruptFileError, InputError
from posezoo.formats.keypoints import table_rows
from posezoo.formats.keypoints.clips import Clips, frame_numbers, group, looks_normalised, picture_size
from posezoo.formats.keypoints.columns import NO_JOINTS, by_number, joint_column, split_column, unused_names
from posezoo.formats.keypoints.containers import Content
from posezoo.formats.keypoints.frame_names import frames_by_time
from posezoo.formats.keypoints.long_tables import one_row_a_pose
from posezoo.formats.keypoints.mediapipe import refuse_world
from posezoo.formats.keypoints.names import are_joints
from posezoo.formats.keypoints.plain import FORMAT, check_format

SCHEMA = f"""\
PoseZoo keypoints, version 1, as a table (.csv, .tsv): a header, then one row a pose; empty cells are unknown.

  <joint>_x, <joint>_y              pixels, y down, for every joint of a named skeleton, in any order
  <joint>_confidence                optional (also _conf, _score, _likelihood, _visibility, _c, _p, _v), 0 to 1
  frame, person, video              optional: frame number, and who and what it is
  image_width, image_height         optional, pixels
  format                            optional, "{FORMAT}" in every row
"""

# MediaPipe's pose and then its face, as a well-known tutorial writes them: x1, y1, z1, v1 to v501.
_BODY, _BODY_AND_FACE = 33, 33 + 468
# A row of joints; more than any detector of the whole body writes.
_MOST_COLUMNS = 10_000
_UNKNOWN = ("", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "-", "--")


def is_table(content: Content) -> bool:
    """Return whether a table's header names coordinates, or JSON is a list of such rows."""
    rows = _rows(content)
    return rows is not None and (joint_column(rows[0]) is not None or any(split_column(name)[1] == "x" for name in rows[0]))


def is_headerless(content: Content) -> bool:
    """Return whether a table begins with a row of numbers."""
    if content.kind != "csv":
        return False
    try:
        return np.asarray(content.value[0]).astype(np.float64).size > 1
    except ValueError:
        return False


def read_headerless(content: Content) -> Clips:
    """Refuse a table without a header, whose numbers have no meaning."""
    count = len(content.value[0])
    guess = next((f"{count // size} joints of {what}" for size, what in ((2, "x, y"), (3, "x, y, confidence"))
                  if count % size == 0), f"{count} numbers")  # fmt: skip
    raise InputError(
        f"{content.path} has no header: its first row is {count} numbers, perhaps {guess}; put the names into a first row, "
        "such as nose_x,nose_y,left_eye_x,left_eye_y (of another order of columns nothing tells)."
    )


def read_table(content: Content) -> Clips:
    """Read the schema above, or one row a joint (frame, joint, x, y). The joints' names tell the layout.

    Raises:
        InputError: a column stands twice, a joint lacks one of its coordinates, or has a name that no joint has.
        CorruptFileError: rows of other lengths than the header.
    """
    rows = _rows(content)
    assert rows is not None
    path, (header, *body) = content.path, rows
    if len(header) > _MOST_COLUMNS:
        raise InputError(
            f"{path} has {len(header):,} columns; at most {_MOST_COLUMNS:,} are read: drop those of other things."
        )
    names = [name.strip().lower().replace(" ", "_") for name in header]
    if repeated := {name for name, count in Counter(names).items() if name and count > 1}:
        raise InputError(f"{path}: the column {min(repeated)[:100]!r} stands there twice; expected each once.")
    if not body:
        raise InputError(f"{path} holds no poses, only a header.")
    for number, row in enumerate(body, start=2):
        if len(row) != len(header):
            raise CorruptFileError(
                f"{path}: row {number} has {len(row)} cells, the header {len(header)}; the file is truncated or altered."
            )
    cells = _without_blank_rows(np.asarray(body), header)
    if (joint := joint_column(header)) is not None:
        cells, header = one_row_a_pose(cells, header, joint, path)
        names = [name.strip().lower().replace(" ", "_") for name in header]
    columns = _columns(header, path)
    if not are_joints(tuple(columns)) and are_joints(plain := table_rows.common_part(tuple(columns))):
        columns = dict(zip(plain, columns.values(), strict=True))
    joints = by_number(tuple(columns), path)
    if joints is not None and len(joints) == _BODY_AND_FACE:
        joints = joints[:_BODY]
    if joints is None:
        joints = tuple(columns)
        if unused := unused_names(joints):
            raise InputError(
                f"{path} has besides {', '.join(unused)[:80]}, which is no layout's joint; rename or remove the columns."
            )
        named = joints
    else:
        named = ()
    has_confidence = any("c" in axes for axes in columns.values())
    keypoints = np.full((len(cells), len(joints), 3 if has_confidence else 2), np.nan)
    depth = np.full(keypoints.shape[:2], np.nan)
    for place, name in enumerate(joints):
        for axis, index in columns[name].items():
            values = numbers(cells[:, index], header[index], path)
            if axis == "z":
                depth[:, place] = values
            else:
                keypoints[:, place, "xyc".index(axis)] = values
    normalised = len(joints) == 33 and looks_normalised(keypoints[..., :2])
    if normalised:
        refuse_world(keypoints[..., :2], path)
    clips = _labelled(cells, names, keypoints, path)
    clips.names, clips.normalised, clips.depth = named, normalised, None if normalised else depth
    return clips


def _labelled(cells: np.ndarray, names: list[str], keypoints: np.ndarray, path: Path) -> Clips:
    """Return the poses with frame, person, video, size and time."""

    def column(name: str | None, default: str) -> list[str]:
        return cells[:, names.index(name)].tolist() if name in names else [default] * len(cells)

    for stated in set(column("format", FORMAT)):
        check_format(stated.strip(), path)
    sizes = None
    if {"image_width", "image_height"} <= set(names):
        pairs = list(zip(column("image_width", ""), column("image_height", ""), strict=True))
        known = {pair: picture_size(numbers(np.asarray(pair), "image_width", path), path) for pair in set(pairs)}
        sizes = [known[pair] for pair in pairs]
    videos, frame, times, counted = _recordings(cells, names, path)
    who = table_rows.find(names, table_rows.PERSONS)
    # Pandas writes numbers as 1.0 where some are unknown.
    persons = [""] * len(cells) if who is None else [re.sub(r"^(\d+)\.0+$", r"\1", name) for name in cells[:, who].tolist()]
    named = table_rows.perhaps_persons(names, cells, frame) if who is None else None
    persons = named or persons
    identified = who is not None or named is not None or len({*zip(videos, frame.tolist(), strict=True)}) == len(frame)
    if not identified:  # several people a frame, without identities
        seen: dict[tuple[str, int], int] = {}
        for row, key in enumerate(zip(videos, frame.tolist(), strict=True)):
            seen[key] = seen.get(key, -1) + 1
            persons[row] = str(seen[key])
    sequence, sequences = group(videos, persons, sizes)
    return Clips(keypoints, sequence, frame, sequences, identified=identified, time_s=times, counted=counted)


def _recordings(cells: np.ndarray, names: list[str], path: Path) -> tuple[list[str], np.ndarray, np.ndarray | None, bool]:
    """Return the recording and the frame of each row, its seconds where they are known, and whether frames are counted.

    The frame is what a column of numbers says, else the number in the name of a picture, else told by the time or by the
    index that pandas writes; else rows are counted.
    """
    stated, video = table_rows.find(names, table_rows.FRAMES), table_rows.find(names, table_rows.VIDEOS)
    image = table_rows.find(names, table_rows.IMAGES)
    if stated is not None and table_rows.are_files(cells[:, stated].tolist()):
        stated, image = None, stated
    found = None if image is None else table_rows.pictures(cells[:, image].tolist())
    recordings = [""] * len(cells) if found is None else found[0]
    if video is not None:
        recordings = cells[:, video].tolist()
    elif image is not None and found is None:
        recordings = [Path(name.strip().replace("\\", "/")).stem for name in cells[:, image].tolist()]
    column = next((index for index, name in enumerate(names) if table_rows.is_time(name)), None)
    times = None if column is None else table_rows.seconds(names[column], cells[:, column].tolist())
    index = table_rows.index_of(names, cells)
    if stated is not None:
        frame = frame_numbers(numbers(cells[:, stated], names[stated], path), len(cells), path)
    elif found is not None:
        frame = found[1]
    elif times is not None:
        frame = frames_by_time(times)
    else:
        frame = np.arange(len(cells)) if index is None else index
    counted = stated is None and found is None and times is None and index is None
    return [name.strip() or path.stem for name in recordings], frame, times, counted


def _without_blank_rows(cells: np.ndarray, header: list[str]) -> np.ndarray:
    """Drop empty rows; where rows are counted as frames, keep one between others, a frame without people."""
    blank = (np.char.strip(cells) == "").all(1)
    if blank.all() or not blank.any():
        return cells
    last = int(np.flatnonzero(~blank)[-1]) + 1
    if any(table_rows.is_about(name) for name in header) or joint_column(header) is not None:
        return cells[~blank]
    return cells[:last]


def _rows(content: Content) -> list[list[str]] | None:
    """Return the rows of a table, header first; JSON's list of flat objects is one, too."""
    if content.kind == "csv":
        return content.value
    records = content.value if content.kind == "json" and isinstance(content.value, list) else []
    if not records or not isinstance(records[0], Mapping):
        return None
    header = list(records[0])
    if not any(split_column(name)[1] == "x" for name in header) and joint_column(header) is None:
        return None
    flat = all(
        isinstance(record, Mapping)
        and list(record) == header
        and not any(isinstance(v, list | dict) for v in record.values())
        for record in records
    )
    return [header, *([_text(value) for value in record.values()] for record in records)] if flat else None


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _columns(header: list[str], path: Path) -> dict[str, dict[str, int]]:
    """Return the columns of each joint, by axis; what has no coordinates (``instance.score``) is none."""
    columns: dict[str, dict[str, int]] = {}
    for index, name in enumerate(header):
        joint, axis = split_column(name)
        if axis is not None and joint.lower() not in NO_JOINTS:
            columns.setdefault(joint, {})[axis] = index
    columns = {joint: axes for joint, axes in columns.items() if {"x", "y"} & set(axes)}
    lacking = [joint for joint, axes in columns.items() if not {"x", "y"} <= set(axes)]
    if lacking:
        raise InputError(f"{path}: {lacking[0]} lacks its x or y column; expected {lacking[0]}_x and {lacking[0]}_y.")
    return columns


def numbers(cells: np.ndarray, column: str, path: Path, first: int = 2) -> np.ndarray:
    """Return float64 values of text, which stands from row ``first`` of the table on; empty and "NA" are NaN.

    Raises:
        InputError: a cell is no number.
    """
    cells = np.char.strip(cells)
    cells = np.where(np.isin(np.char.lower(cells), _UNKNOWN), "nan", cells)
    try:
        return cells.astype(np.float64)
    except ValueError:
        for row, cell in enumerate(cells, start=first):
            try:
                float(cell)
            except ValueError:
                raise InputError(f"{path}: {str(cell)[:30]!r} in column {column!r}, row {row}, is no number.") from None
        raise
