"""Identify the people in the keypoints of a file, by consistent names, else by where they stand."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from posezoo.poses.posedata import PoseData, Sequence
from posezoo.poses.tracking import Detections, connect_people
from posezoo.terminal import progress

# Pictures whose numbers are sparser than this are not frames of a video.
_LEAST_DENSE = 0.1


def identify(data: PoseData, identified: bool) -> PoseData:
    """Return the poses with one clip for each person of each recording.

    Names are kept where they hold: no person is twice in a frame. Where they do not, or are mere places in a list
    (``identified`` is False), the people of a video are tracked by where they stand, as those that a detector finds, and
    named ``"1"``, ``"2"`` and so on: who is seen longest and best first. Where frame numbers begin anew, so does a
    recording: ``walk``, ``walk (2)``. The people of single pictures keep their places.

    Args:
        data: rows in the order of the file.
        identified: whether the clips' subjects are names of people.
    """
    recordings: dict[Sequence, list[int]] = {}
    for index, clip in enumerate(data.sequences):
        recordings.setdefault(replace(clip, subject=""), []).append(index)
    sequence = np.zeros(len(data), np.int32)
    sequences: list[Sequence] = []
    for recording, clips in recordings.items():
        rows = np.flatnonzero(np.isin(data.sequence, clips))
        for number, part in enumerate(_restarts(data, rows, identified), start=1):
            named = replace(recording, trial=f"{recording.trial} ({number})") if number > 1 else recording
            of_person: dict[str, list[int]] = {}
            for row, person in zip(part.tolist(), _people(data, part, identified), strict=True):
                of_person.setdefault(person, []).append(row)
            for person, its_rows in of_person.items():
                sequence[its_rows] = len(sequences)
                sequences.append(replace(named, subject=person))
    return replace(data, sequence=sequence, sequences=tuple(sequences))


def _restarts(data: PoseData, rows: np.ndarray, identified: bool) -> list[np.ndarray]:
    """Split a recording's rows where frame numbers start again, if this explains a person twice in a frame."""
    frames = data.frame[rows]
    names = data.sequence[rows] if identified else np.zeros(len(rows), np.int32)
    most = max(Counter(zip(names.tolist(), frames.tolist(), strict=True)).values(), default=1)
    begins = np.flatnonzero(np.diff(frames) < 0) + 1
    if most == 1 or not 0 < len(begins) < most:
        return [rows]
    return np.split(rows, begins)


def _people(data: PoseData, rows: np.ndarray, identified: bool) -> list[str]:
    """Return the person of each row."""
    frames = data.frame[rows]
    given = [data.sequences[index].subject for index in data.sequence[rows]]
    per_frame = Counter(frames.tolist())
    twice = max(Counter(zip(given, frames.tolist(), strict=True)).values(), default=1) > 1
    if (identified and not twice) or max(per_frame.values(), default=1) == 1 or len(per_frame) == 1:
        return given if not twice else _places(frames)
    if len(per_frame) < _LEAST_DENSE * (int(frames.max()) - int(frames.min()) + 1):
        return _places(frames)
    return _tracked(data, rows)


def _places(frames: np.ndarray) -> list[str]:
    """Return each row's place among those of its frame."""
    seen: Counter[int] = Counter()
    places = []
    for frame in frames.tolist():
        places.append(str(seen[frame]))
        seen[frame] += 1
    return places


def _tracked(data: PoseData, rows: np.ndarray) -> list[str]:
    """Return people by where they stand."""
    order = rows[np.argsort(data.frame[rows], kind="stable")]
    first = int(data.frame[order[0]])
    of_frame = np.split(order, np.flatnonzero(np.diff(data.frame[order])) + 1)
    by_frame = {int(data.frame[group[0]]) - first: group for group in of_frame}
    known = np.isfinite(data.keypoints_2d).all(-1)
    # A joint without a confidence counts fully, a doubtful one a little.
    trust = known.astype(np.float64) if data.confidence is None else np.where(known, data.confidence + 1e-3, 0.0)
    nobody: np.ndarray = np.empty(0, np.int64)
    groups = [by_frame.get(frame, nobody) for frame in range(max(by_frame) + 1)]
    detections = (
        Detections(data.keypoints_2d[group].astype(np.float64), trust[group])
        for group in progress(groups, "telling people apart")
    )
    found = connect_people(detections)
    if len(found) == len(rows):  # no person was found again, so these are pictures, not a video
        return _places(data.frame[rows])
    people: dict[int, str] = {}
    for number, places in enumerate(found, start=1):
        people |= {int(groups[frame][place]): str(number) for frame, place in places}
    return [people[row] for row in rows.tolist()]
