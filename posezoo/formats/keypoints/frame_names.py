"""Tell the recording and the frame from the names of files and pictures: the number that varies counts."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

# name_000000000012_keypoints
_FRAME = re.compile(r"(?P<video>.*?)[_-]?(?P<frame>\d{1,12})(_keypoints)?")
_NUMBER = re.compile(r"(\d{1,20})")
_SECONDS = re.compile(r"(?P<before>.*?)[_-]?(?P<seconds>\d+\.\d+)(?P<after>\D*)")
# Label Studio puts such a word before the name of every picture.
_UPLOAD = re.compile(r"[0-9a-f]{8}-(?=.)")
# A number after such a word is no frame where there is another number.
_NO_FRAME = re.compile(
    r"(?:^|[^a-z])(?:cam|camera|view|v|ver|version|p|person|s|sub|subj|subject|a|action|take|trial|clip|video|vid|scene|seq"
    r"|sequence|rec|session)[\s_.-]*$",
    re.IGNORECASE,
)
_IS_FRAME = re.compile(r"(?:frames?|img|image|picture|f)[\s_.-]*$", re.IGNORECASE)
# Numbers of so many names may be milliseconds; the frame rates whose steps are no whole ones, and steps that are even so.
_ENOUGH, _RATES, _STEPS_MS = 8, (24, 30, 60), (17, 33, 34, 41, 42)
# Bounds on the seconds between two frames.
_STEPS_S = (0.004, 0.9)
# The share of a step by which times may deviate from whole steps.
_EVEN = 0.25
_LARGEST = 2**31


def frame_of(name: str) -> tuple[str, int | None]:
    """Return what stands before the number at the end of a single name, and the number; None where there is none.

    Example:
        >>> frame_of("walk_000000000012_keypoints"), frame_of("0"), frame_of("me")
        (('walk', 12), ('', 0), ('me', None))
    """
    match = _FRAME.fullmatch(name)
    if match is None or int(match["frame"]) >= _LARGEST:
        return name.removesuffix("_keypoints"), None
    return match["video"], int(match["frame"])


def frames_of(names: Sequence[str]) -> list[tuple[str, int | None]]:
    """Return the recording and the frame of every name; None where a name says no frame.

    The number that varies from name to name is the frame, the last one where several do. What else differs between names
    tells recordings apart, unless it differs in every name. Times (seconds with decimals, milliseconds, or numbers above
    2**31) are counted as frames.

    Example:
        >>> frames_of(["walk_07_cam2", "walk_08_cam2", "walk_09_cam2"])
        [('walk', 7), ('walk', 8), ('walk', 9)]
        >>> frames_of(["07_cam0", "07_cam1", "08_cam0", "08_cam1"])
        [('cam0', 7), ('cam1', 7), ('cam0', 8), ('cam1', 8)]
        >>> frames_of(["1700000000000", "1700000000033", "1700000000100"])
        [('', 0), ('', 1), ('', 3)]
    """
    distinct = _without_uploads(list(dict.fromkeys(names)))
    if len(set(distinct.values())) == 1:
        return [frame_of(name) for name in names]
    found = _of_seconds(distinct) or _by_shape(distinct)
    if len(found) > 3 and len({video for video, _ in found.values()}) == len(found):
        found = _without_recordings(found)
    return [found[name] for name in names]


def frames_by_time(times: Float[np.ndarray, " N"]) -> np.ndarray:
    """Return the frame of each row by its time: rows of one time are one frame, and missing steps leave gaps.

    Example:
        >>> frames_by_time(np.array([0.0, 0.0, 0.1, 0.4])).tolist()
        [0, 0, 1, 4]
    """
    distinct, place = np.unique(times, return_inverse=True)
    if len(distinct) < 2:
        return place.reshape(-1)
    steps = np.diff(distinct)
    steps = steps / np.sort(steps)[(len(steps) - 1) // 2]
    whole = np.rint(steps)
    if (np.abs(steps - whole) > _EVEN).any() or (whole < 1).any() or whole.max() > 1e6:
        return place.reshape(-1)
    return np.concatenate([[0], np.cumsum(whole)]).astype(np.int64)[place.reshape(-1)]


_Found = dict[str, tuple[str, int | None]]


def _without_uploads(names: list[str]) -> dict[str, str]:
    """Return names without the word that Label Studio puts before each, where all have one of their own."""
    heads = {match[0] for name in names if (match := _UPLOAD.match(name))}
    several = len(names) > 1 and len(heads) == len(names)
    return {name: _UPLOAD.sub("", name, count=1) if several else name for name in names}


def _of_seconds(names: dict[str, str]) -> _Found:
    """Return recordings and frames of names that hold seconds with decimals (``t0.033``); empty where some do not."""
    matches = {name: _SECONDS.fullmatch(plain) for name, plain in names.items()}
    videos: dict[str, dict[str, float]] = {}
    for name, match in matches.items():
        if match is None:
            return {}
        videos.setdefault(match["before"], {})[name] = float(match["seconds"])
    found: _Found = {}
    for video, times in videos.items():
        steps = np.diff(np.unique(list(times.values())))
        if not len(steps) or not _STEPS_S[0] <= float(np.median(steps)) < _STEPS_S[1]:
            return {}
        frames = frames_by_time(np.asarray(list(times.values())))
        found |= {name: (video, int(frame)) for name, frame in zip(times, frames, strict=True)}
    return found


def _by_shape(names: dict[str, str]) -> _Found:
    """Return recordings and frames; names that differ in nothing but their numbers are looked at together."""
    shapes: dict[tuple[str, ...], dict[str, list[str]]] = {}
    for name, plain in names.items():
        parts = _NUMBER.split(plain.removesuffix("_keypoints"))
        shapes.setdefault(tuple(parts[::2]), {})[name] = parts
    alike = len({shape[-1] for shape in shapes}) == 1
    found: _Found = {}
    for shape, listed in shapes.items():
        place = _place_of_frame(shape, list(listed.values()), alike)
        if place is None:
            found |= {name: frame_of(names[name]) for name in listed}
            continue
        videos: dict[str, dict[str, int]] = {}
        several = len({tuple(parts[place + 1 :]) for parts in listed.values()}) > 1
        for name, parts in listed.items():
            rest = [*parts[:place], *(parts[place + 1 :] if several else [])]
            rest[place - 1] = re.sub("[_-]$", "", rest[place - 1])
            videos.setdefault("".join(rest).lstrip("_-"), {})[name] = int(parts[place])
        for video, numbers in videos.items():
            frames = _counted(list(numbers.values()), _IS_FRAME.search(shape[place // 2]) is not None)
            found |= {name: (video, frame) for name, frame in zip(numbers, frames, strict=True)}
    return found


def _place_of_frame(shape: tuple[str, ...], names: list[list[str]], alike: bool) -> int | None:
    """Return which part of names of one shape is the frame: the last number, unless it is the same in all; else None.

    Of a single name, only a number at its end counts, or before an end that is alike in all names.
    """
    columns = {place: {parts[place] for parts in names} for place in range(1, 2 * len(shape) - 1, 2)}
    if not columns or (len(names) == 1 and not alike):
        return None
    varying = [place for place, values in columns.items() if len(values) > 1]
    frames = [place for place in varying if not _NO_FRAME.search(shape[place // 2])] or [max(columns)]
    unique = [place for place in frames if len(columns[place]) == len(names)]
    # Where each of several numbers is another one in every name, one is a time or a random number, and one counts.
    if len(unique) > 1:
        return min(unique, key=lambda place: (_range(columns[place]), -place))
    return unique[0] if unique and 2 * len(columns[frames[-1]]) < len(names) else frames[-1]


def _range(numbers: set[str]) -> int:
    values = [int(number) for number in numbers]
    return max(values) - min(values)


def _counted(numbers: list[int], are_frames: bool) -> list[int]:
    """Return numbers of frames of one recording; of times, the frames that these count."""
    if max(numbers) >= _LARGEST or (not are_frames and _are_milliseconds(np.unique(numbers))):
        return [int(frame) for frame in frames_by_time(np.asarray(numbers, dtype=np.float64))]
    return numbers


def _are_milliseconds(numbers: np.ndarray) -> bool:
    """Return whether numbers rise by the milliseconds of a frame, 33 or 34, rather than by every so many frames."""
    steps = np.diff(numbers)
    if len(numbers) < _ENOUGH:
        return False
    if len(set(steps.tolist())) == 1:
        return int(steps[0]) in _STEPS_MS
    return any(_are_steps(steps, 1000 / rate) for rate in _RATES)


def _are_steps(steps: np.ndarray, period: float) -> bool:
    """Return whether steps are whole periods but for rounding, most of them one."""
    periods = np.rint(steps / period)
    return bool((periods >= 1).all() and (np.abs(steps - periods * period) <= 1).all() and (periods == 1).mean() > 0.5)


def _without_recordings(found: _Found) -> _Found:
    """Return frames of one recording, where what differs in every name is no recording's name: it holds numbers."""
    numbers = [number for _, number in found.values()]
    numbered = sum(_NUMBER.search(video) is not None for video, _ in found.values())
    if None in numbers or len(set(numbers)) < len(numbers) or 2 * numbered <= len(found):
        return found
    return {name: ("", number) for name, (_, number) in found.items()}
