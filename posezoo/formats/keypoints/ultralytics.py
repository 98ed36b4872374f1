"""Ultralytics: ``Results.to_json()``, frame by frame or of a video, and the ``labels`` folder of ``save_txt``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from posezoo.errors import CorruptFileError, InputError
from posezoo.files.reading import read_bytes, reading
from posezoo.formats.keypoints.clips import Clips, looks_normalised
from posezoo.formats.keypoints.containers import Content
from posezoo.formats.keypoints.frame_names import frames_of
from posezoo.formats.keypoints.framing import DETECTIONS, frames_in, some_person
from posezoo.formats.keypoints.people import Frame, Person, gather, identity_of, number_of
from posezoo.skeletons import SKELETONS
from posezoo.terminal import progress

_BOX = 5  # class, then the centre, width and height of the box
_COUNTS = {len(layout) for layout in SKELETONS.values()}


def is_ultralytics_person(value: Mapping[str, object]) -> bool:
    """Return whether an object is one detection: ``keypoints`` as an object of ``x`` and ``y``, or a box without any."""
    points = value.get("keypoints")
    if points is None and {"name", "class", "box"} <= set(value):
        return True
    return isinstance(points, Mapping) and isinstance(points.get("x"), list) and isinstance(points.get("y"), list)


def is_ultralytics(content: Content) -> bool:
    """Return whether the file holds detections with keypoints as ``to_json()`` writes them."""
    return content.kind in ("json", "pickle") and some_person(content.value, is_ultralytics_person)


def parse_ultralytics(value: Mapping[str, Any]) -> Person:
    """Return one detection, without points where it is a box only."""
    points = value.get("keypoints")
    if points is None:
        return Person(None)
    x, y, seen = points["x"], points["y"], points.get("visible", points.get("confidence"))
    # Lists of unequal lengths stay unequal, and are refused where all people are put together.
    joints = [list(pair) for pair in zip(x, y, strict=False)] if len(x) == len(y) else [x, y, []]
    return Person(joints, seen, identity_of(value.get("track_id")), number_of(value))


def read_ultralytics(content: Content) -> Clips:
    """Read detections by frame; ``track_id`` is the person. ``to_json(normalize=True)`` writes fractions of the picture.

    Raises:
        InputError: boxes without keypoints, of a model that finds objects only.
    """
    frames = frames_in(content.value, is_ultralytics_person, parse_ultralytics, content.path, clip=DETECTIONS)
    if any(person.points is None for frame in frames for person in frame.people):
        raise InputError(
            f"{content.path} holds boxes of Ultralytics without keypoints; run a model for poses, such as yolo11n-pose.pt."
        )
    clips = gather(frames, content.path, "Ultralytics", implied=("coco17",))
    clips.normalised = looks_normalised(clips.keypoints)
    return clips


def is_ultralytics_text(content: Content) -> bool:
    """Return whether the file, or the files of the folder, are texts of numbers: one line a person."""
    return content.kind in ("txt", "txt folder")


def read_ultralytics_text(content: Content) -> Clips:
    """Read ``class x y w h``, then ``x y confidence`` (or ``x y``) of every joint, then box confidence and track id.

    All are fractions of the picture. The number in the file's name is ``frame``, what stands before it the video.

    Raises:
        InputError: a line that is no such label, or labels of another task.
    """
    files: list[Path] = content.value if content.kind == "txt folder" else [content.path]
    labels = [(file, _load(file)) for file in progress(files, f"Reading {content.path.name}")]
    widths = {rows.shape[1] for _, rows in labels if len(rows)}
    if not widths:
        raise InputError(f"{content.path} holds no people ({len(files)} files of labels, all empty).")
    if len(widths) > 1:
        raise InputError(
            f"{content.path}: its files have {' and '.join(map(str, sorted(widths)))} numbers a line; expected one."
        )
    joints, columns, track = _columns(np.concatenate([rows for _, rows in labels if len(rows)]), content.path)
    frames = []
    named = frames_of([file.stem for file, _ in labels])
    for order, ((_, values), (video, number)) in enumerate(zip(labels, named, strict=True)):
        points = values[:, _BOX : _BOX + joints * columns].reshape(-1, joints, columns)
        people = [
            Person(pose, identity=None if track is None else f"{row[track]:.0f}")
            for pose, row in zip(points, values, strict=True)
        ]
        frames.append(Frame(tuple(people), order if number is None else number, video))
    return gather(frames, content.path, "Ultralytics", implied=("coco17",), normalised=True)


def _load(file: Path) -> np.ndarray:
    """Read the numbers of a file, (lines, numbers a line); (0, 0) where it is empty: a picture without people."""
    if file.stat().st_size == 0:
        return np.zeros((0, 0))
    with reading(file, "labels"):
        lines = [line.split() for line in read_bytes(file, "labels").decode("utf-8-sig").splitlines() if line.strip()]
        if len({len(line) for line in lines}) > 1:
            raise CorruptFileError(f"{file} has lines of {len(lines[0])} and other numbers; it is truncated or altered.")
        try:
            return np.asarray(lines, dtype=np.float64)
        except ValueError as error:
            raise InputError(
                f"{file} is text, but not labels of Ultralytics (class x y w h, then x y confidence of every joint): "
                f"{str(error)[:60]}."
            ) from error


def _columns(rows: np.ndarray, path: Path) -> tuple[int, int, int | None]:
    """Return how many joints there are, numbers a joint, and which column is the track, if any.

    What follows the joints is nothing, the box's confidence, the track, or both.
    """
    width = rows.shape[1] - _BOX
    fitting = []
    for columns in (3, 2):
        for extra in (0, 1, 2):
            joints, rest = divmod(width - extra, columns)
            if joints < 1 or rest or joints not in _COUNTS:
                continue
            points = rows[:, _BOX : _BOX + joints * columns].reshape(len(rows), joints, columns)
            seen = points[..., 2] if columns == 3 else np.ones(1)
            flags = bool(np.isin(seen, (0, 1, 2)).all())
            if flags or bool(((seen >= 0) & (seen <= 1)).all()):
                fitting.append((joints != 17, extra, joints, columns))
    if not fitting:
        raise InputError(
            f"{path} has {rows.shape[1]} numbers a line; expected those of Ultralytics' poses (of a model such as "
            "yolo11n-pose.pt): class x y w h, then x y confidence of every joint, 56 for COCO's 17."
        )
    _, extra, joints, columns = min(fitting)
    last = rows[:, -1]
    whole = bool((last == np.floor(last)).all()) and bool((last >= 0).all())
    return joints, columns, rows.shape[1] - 1 if extra == 2 or (extra == 1 and whole) else None
