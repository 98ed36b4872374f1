"""Match the frames of several cameras by their times, where the views say these; else by their numbers."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from posezoo.errors import InputError, PoseZooWarning
from posezoo.geometry import Camera
from posezoo.geometry.rig_fit import GOOD, RigFit
from posezoo.poses.tracking import Track
from posezoo.video.multiview import Observed, people_and_rig

_LONGEST = 100
"""A view spans at most so many frames of the fastest view for each of its own: beyond that its times have another unit."""
_MUCH_BETTER = 0.6


@dataclass(frozen=True)
class Timeline:
    """When the frames of a view were taken.

    Attributes:
        frames: (F,) numbers, rising; two or more.
        times_s: (F,) seconds, rising.
    """

    frames: Int[np.ndarray, " F"]
    times_s: Float[np.ndarray, " F"]

    @property
    def step_s(self) -> float:
        """Seconds from frame to frame."""
        return float(np.median(np.diff(self.times_s) / np.diff(self.frames)))

    @property
    def even(self) -> bool:
        """Whether one rate gives all times, to half a step."""
        lag = self.times_s - self.times_s[0] - self.step_s * (self.frames - self.frames[0])
        return bool(np.abs(lag).max() <= 0.5 * self.step_s)

    def seconds(self, frames: Int[np.ndarray, " T"]) -> Float[np.ndarray, " T"]:
        """Return the times of frames; before the first and after the last the usual step is assumed."""
        return _along(frames.astype(np.float64), self.frames.astype(np.float64), self.times_s, self.step_s)

    def numbers(self, times_s: Float[np.ndarray, " T"]) -> Float[np.ndarray, " T"]:
        """Return the frames of times, with fractions."""
        return _along(times_s, self.times_s, self.frames.astype(np.float64), 1 / self.step_s)


def _along(
    x: Float[np.ndarray, " T"], known: Float[np.ndarray, " F"], values: Float[np.ndarray, " F"], slope: float
) -> Float[np.ndarray, " T"]:
    """Return values between known places by straight lines, and beyond them along a slope."""
    beyond = np.minimum(x - known[0], 0.0) + np.maximum(x - known[-1], 0.0)
    return np.interp(x, known, values) + slope * beyond


@dataclass(frozen=True)
class Synchronised:
    """Tracks of several views in which frames of one number were taken together.

    Attributes:
        views: tracks of each view.
        timeline: when the frames were taken; None where no view says it.
        moved: whether the times gave frames other numbers than the views' own.
    """

    views: list[list[Track]]
    timeline: Timeline | None
    moved: bool = False


def timeline_of(tracks: Sequence[Track]) -> Timeline | None:
    """Return when the frames of a view were taken.

    None where its tracks do not say it, do not agree about it, or hold a single frame.
    """
    if not tracks or any(track.time_s is None for track in tracks):
        return None
    frames = np.concatenate([track.first_frame + np.arange(len(track)) for track in tracks])
    times = np.concatenate([np.asarray(track.time_s, np.float64) for track in tracks])
    distinct, rows = np.unique(frames, return_index=True)
    timeline = Timeline(distinct, times[rows])
    if len(distinct) < 2 or not (np.diff(timeline.times_s) > 0).all():
        return None
    return timeline if np.abs(timeline.seconds(frames) - times).max() <= 0.5 * timeline.step_s else None


def synchronise(
    views: Sequence[Sequence[Track]], rates: Sequence[float | int | None], files: Sequence[Path | str]
) -> Synchronised:
    """Give the frames of all views the numbers of the fastest view's, by the times that the views say.

    A frame of another view gets the number of the nearest frame of that view. Where no view says times, frames of one
    number belong together.

    Args:
        views: tracks of each view.
        rates: frames per second of each view, where they are known.
        files: of each view, for messages.

    Raises:
        InputError: views without times are of different rates, a view says neither times nor rate while another's rate
            varies, or times cannot be of one unit.
    """
    given = [list(view) for view in views]
    own = [timeline_of(view) for view in given]
    stated = [timeline for timeline in own if timeline is not None]
    if not stated:
        _check_rates(rates, files)
        return Synchronised(given, None)
    timelines = []
    for timeline, rate, view, file in zip(own, rates, given, files, strict=True):
        if timeline is None and not rate:
            if all(one.even for one in stated):
                return Synchronised(given, stated[0])
            raise InputError(f"{file} does not say its frames per second, and another view's rate varies; give --fps.")
        timelines.append(timeline or _even_timeline(view, float(rate or 1)))
    least = min(timeline.step_s for timeline in timelines)
    fastest = next(timeline for timeline in timelines if timeline.step_s <= 1.005 * least)  # of views of one rate, the first
    numbered = [
        [_renumbered(track, timeline, fastest, file) for track in view]
        for view, timeline, file in zip(given, timelines, files, strict=True)
    ]
    moved = any(
        after.first_frame != before.first_frame or len(after) != len(before)
        for one, other in zip(numbered, given, strict=True)
        for after, before in zip(one, other, strict=True)
    )
    return Synchronised(numbered, fastest, moved)


def _even_timeline(tracks: Sequence[Track], rate: float) -> Timeline:
    """Return the timeline of a rate, by which frame 0 is at 0 s."""
    ends = np.array([0, 1, *(track.first_frame + len(track) for track in tracks)])
    frames = np.unique(ends)
    return Timeline(frames, frames / rate)


def _check_rates(rates: Sequence[float | int | None], files: Sequence[Path | str]) -> None:
    """Refuse views of different rates whose frames can be matched by their numbers alone."""
    known = {float(rate): file for rate, file in zip(rates, files, strict=True) if rate}
    slow, fast = min(known, default=1.0), max(known, default=1.0)
    if fast > 1.005 * slow:  # 29.97 and 30 are one rate
        raise InputError(
            f"{known[slow]} has {slow:g} frames per second and {known[fast]} {fast:g}; frames of several cameras are "
            f"matched by their numbers: bring both to one rate (ffmpeg -i IN -r {slow:g} OUT)."
        )


def _renumbered(track: Track, timeline: Timeline, fastest: Timeline, file: Path | str) -> Track:
    """Return the track with the numbers of the fastest view's frames, and unknown poses between its own."""
    own = track.first_frame + np.arange(len(track))
    places = fastest.numbers(timeline.seconds(own))
    numbers = np.rint(places).astype(np.int64)
    first, count = int(numbers[0]), int(numbers[-1] - numbers[0]) + 1
    if np.array_equal(numbers, first + np.arange(len(track))):
        return track if first == track.first_frame else replace(track, first_frame=first)
    if count > _LONGEST * len(track):
        raise InputError(
            f"{file} has frames every {timeline.step_s:g} s and another view every {fastest.step_s:g} s; are both in "
            "seconds?"
        )
    # Of frames that fall on one number, the nearest is kept: it is written last.
    order = np.argsort(-np.abs(places - numbers), kind="stable")
    rows = numbers[order] - first
    keypoints = np.full((count, *track.keypoints.shape[1:]), np.nan)
    confidence, filled = np.zeros((count, track.keypoints.shape[1])), np.zeros((count, track.keypoints.shape[1]), bool)
    keypoints[rows], confidence[rows], filled[rows] = track.keypoints[order], track.confidence[order], track.filled[order]
    times = fastest.seconds(first + np.arange(count))
    return replace(track, first_frame=first, keypoints=keypoints, confidence=confidence, filled=filled, time_s=times)


def people_in_time(
    views: Sequence[Sequence[Track]],
    rates: Sequence[float | int | None],
    files: Sequence[Path | str],
    cameras: Sequence[Camera],
    as_given: bool = False,
) -> tuple[list[Observed], RigFit, Timeline | None]:
    """Match people across views by :func:`people_and_rig`, in frames that :func:`synchronise` matches.

    Cameras that one signal triggers may count the same frames by clocks of their own. So where the frames' numbers pair
    them otherwise than their times do, and what is seen fits by the numbers alone, the numbers are taken, with a warning.

    Args:
        views, rates, files: as in :func:`synchronise`.
        cameras: as a file has them.
        as_given: as in :func:`people_and_rig`.

    Returns:
        the people, what was found out about the cameras, and when the frames were taken, where the views say it.

    Raises:
        InputError: as the two raise it.
    """
    together = synchronise(views, rates, files)
    if not together.moved:
        return *people_and_rig(views, cameras, as_given), together.timeline
    by_number = None
    with contextlib.suppress(InputError):  # views may have no number in common
        by_number = people_and_rig(views, cameras, as_given)
    try:
        people, fit = people_and_rig(together.views, cameras, as_given)
    except InputError:
        if by_number is None or by_number[1].error > GOOD:
            raise
    else:
        if by_number is None or by_number[1].error > min(GOOD, _MUCH_BETTER * fit.error):
            return people, fit, together.timeline
    warnings.warn(
        "the views fit each other by the numbers of their frames and not by their times: taken by the numbers; if the "
        "cameras' clocks do not agree, leave the times out.",
        category=PoseZooWarning,
        stacklevel=2,
    )
    return *by_number, timeline_of(views[0])
