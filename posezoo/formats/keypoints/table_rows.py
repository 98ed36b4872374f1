"""Find the frame, person, recording and time of each row of a table, in columns of any known name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np
from jaxtyping import Float

from posezoo.files.endings import VIDEO_ENDINGS
from posezoo.formats.keypoints.frame_names import frames_of

# Columns are compared without case, spaces and signs: `Frame #`, `frame_no`, `FrameNo`.
FRAMES = (
    "frame", "frameid", "framenumber", "frameindex", "frameidx", "frameno", "framenum", "framenr", "frames", "nframe",
    "imageid", "imgid", "imageindex",
)  # fmt: skip
IMAGES = (
    "image", "imagename", "imagepath", "imagefile", "imagefilename", "img", "imgname", "imgpath", "imgfile", "file",
    "filename", "filepath", "path", "picture", "photo", "framename", "framepath", "framefile",
)  # fmt: skip
VIDEOS = (
    "video", "videoname", "videoid", "videofile", "videopath", "vid", "vidid", "clip", "clipname", "clipid", "sequence",
    "seq", "seqname", "recording", "trial",
)  # fmt: skip
PERSONS = (
    "person", "personid", "track", "trackid", "trackingid", "individual", "subject", "subjectid", "objectid", "objid",
    "pid", "player", "playerid", "actor", "human", "humanid", "identity",
)  # fmt: skip
# Other columns that may identify a person, if their values repeat from frame to frame.
_PERHAPS_PERSONS = ("id", "obj", "name")
# The index of a pandas table: rows that were dropped leave gaps in it.
_INDICES = ("", "unnamed0", "index")
_TIME = re.compile(r"(?:time|timestamp|t|ts|timecode)?(?:in)?(?P<unit>s|sec|secs|seconds?|ms|msec|milliseconds?|us)?")
_SECONDS = {"s": 1.0, "m": 1e-3, "u": 1e-6}
# Bounds on the seconds between two frames; other values have another unit.
_STEPS = (0.004, 0.9)


def key_of(column: str) -> str:
    """Return a column's name in the form in which names are compared.

    Example:
        >>> [key_of(name) for name in ("Frame #", "person_id", "Time (s)", "Unnamed: 0")]
        ['frame', 'personid', 'times', 'unnamed0']
    """
    return re.sub(r"[^a-z0-9]", "", column.lower())


def is_about(column: str) -> bool:
    """Return whether a column holds the frame, the picture, the recording, the person or the time of its row."""
    key = key_of(column)
    return key in (*FRAMES, *IMAGES, *VIDEOS, *PERSONS) or is_time(column)


def is_person(column: str) -> bool:
    """Return whether a column has a name of people or recordings, which are the same in many frames."""
    return key_of(column) in (*PERSONS, *VIDEOS)


def is_time(column: str) -> bool:
    """Return whether a column has a name of times."""
    key = key_of(column)
    return bool(key) and _TIME.fullmatch(key) is not None and key not in ("s", "us")


def find(columns: Sequence[str], wanted: tuple[str, ...]) -> int | None:
    """Return the place of the first of the wanted names, best first."""
    keys = [key_of(column) for column in columns]
    return next((keys.index(name) for name in wanted if name in keys), None)


def whole_numbers(cells: Sequence[str]) -> np.ndarray | None:
    """Return (N,) whole numbers of text, None where a cell is none."""
    try:
        values = np.asarray(cells, dtype=np.float64)
    except ValueError:
        return None
    whole = np.isfinite(values).all() and (values == np.floor(values)).all() and (np.abs(values) < 2**31).all()
    return values.astype(np.int64) if whole else None


def index_of(columns: Sequence[str], cells: np.ndarray) -> np.ndarray | None:
    """Return the numbers of a pandas index that rises from row to row, None where there is none."""
    place = find(columns, _INDICES)
    values = None if place is None else whole_numbers(cells[:, place].tolist())
    return values if values is not None and (np.diff(values) > 0).all() and (values >= 0).all() else None


def perhaps_persons(columns: Sequence[str], cells: np.ndarray, frames: np.ndarray) -> list[str] | None:
    """Return the values of ``id`` and similar columns where they repeat over frames, and never within one; else None."""
    place = find(columns, _PERHAPS_PERSONS)
    if place is None:
        return None
    names = [name.strip() for name in cells[:, place].tolist()]
    if len(set(names)) * 2 > len(names) or len({*zip(names, frames.tolist(), strict=True)}) < len(names):
        return None
    return names


def are_files(names: Sequence[str]) -> bool:
    """Return whether every cell is the name of a file with an ending of letters."""
    return all(re.fullmatch(r"\.[a-z]\w{1,4}", PurePosixPath(name.strip()).suffix.lower()) for name in names)


def pictures(names: Sequence[str]) -> tuple[list[str], np.ndarray] | None:
    """Return recordings and frame numbers of the names of pictures; None where the names are those of videos.

    The number in a name is the frame; where a name has none, its place among the names. What stands before the number, or
    the folder where there are several, is the recording.

    Example:
        >>> pictures(["a/walk_07.jpg", "a/walk_07.jpg", "a/walk_09.jpg"])
        (['walk', 'walk', 'walk'], array([7, 7, 9]))
        >>> pictures(["walk.mp4", "walk.mp4"])
    """
    paths = [PurePosixPath(name.strip().replace("\\", "/")) for name in names]
    endings = {path.suffix.lower() for path in paths}
    if endings & {*VIDEO_ENDINGS} or (endings == {""} and len(set(paths)) == 1 < len(paths)):
        return None
    found = frames_of([path.stem for path in paths])
    folders = [path.parent.as_posix() for path in paths]
    several = len(set(folders)) > 1
    if all(number is not None for _, number in found):
        recordings = [folder if several else video for folder, (video, _) in zip(folders, found, strict=True)]
        return recordings, np.asarray([number or 0 for _, number in found])
    order = {path: place for place, path in enumerate(dict.fromkeys(paths))}
    return [folder if several else "" for folder in folders], np.asarray([order[path] for path in paths])


def seconds(column: str, cells: Sequence[str]) -> Float[np.ndarray, " N"] | None:
    """Return the times of a column in seconds; None where its unit cannot be told, or it holds no times.

    Where the name does not say the unit, the step between frames does: seconds, else milliseconds.

    Example:
        >>> seconds("timestamp", ["0", "33", "67"]), seconds("t", ["0", "0.1", "0.2"]), seconds("Time (ms)", ["0", "1000"])
        (array([0.   , 0.033, 0.067]), array([0. , 0.1, 0.2]), array([0., 1.]))
        >>> seconds("time", ["00:01", "00:02"]), seconds("t", ["0", "1", "2"])
        (None, None)
    """
    try:
        values = np.asarray(cells, dtype=np.float64)
    except ValueError:
        return None
    match = _TIME.fullmatch(key_of(column))
    if match is None or not np.isfinite(values).all():
        return None
    if match["unit"]:
        return values * _SECONDS[match["unit"][0]]
    steps = np.diff(np.unique(values))
    step = float(np.median(steps)) if len(steps) else 0.0
    return next((values * unit for unit in (1.0, 1e-3) if _STEPS[0] <= step * unit < _STEPS[1]), None)


def common_part(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return names without what all of them begin or end with, up to a sign (``PoseLandmark.``, ``_pos``).

    Example:
        >>> common_part(("kp_nose_coord", "kp_left_hip_coord"))
        ('nose', 'left_hip')
    """
    for _ in range(2):
        head = re.match(r".*?[\s_.:/|-]", names[0])
        if head and all(name.startswith(head[0]) and len(name) > len(head[0]) for name in names):
            names = tuple(name[len(head[0]) :] for name in names)
        tail = re.search(r"[\s_.:/|-][^\s_.:/|-]+$", names[0])
        if tail and all(name.endswith(tail[0]) and len(name) > len(tail[0]) for name in names):
            names = tuple(name[: -len(tail[0])] for name in names)
    return names
