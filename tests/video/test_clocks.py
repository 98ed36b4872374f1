"""Test how frames of several cameras are matched: by the times that views say, else by their numbers."""

from __future__ import annotations

import numpy as np
import pytest

from posezoo.errors import InputError, PoseZooWarning
from posezoo.geometry import Camera, h36m_cameras
from posezoo.poses.tracking import Track
from posezoo.video.clocks import people_in_time, synchronise
from tests.video.crowd import error_mm, people, tracks

RIG = [Camera(c.K, c.R, c.t, name=c.name) for c in h36m_cameras("S9")[:2]]
FILES = ["a.npz", "b.npz"]


def numbered(count: int, times: np.ndarray | None = None, first: int = 0) -> Track:
    """Return a track whose keypoints are the numbers of its rows."""
    points = np.arange(float(count))[:, None, None] * np.ones((1, 3, 2))
    return Track(first, points, np.ones((count, 3)), time_s=times)


def rows(track: Track) -> dict[int, int]:
    """Return the row that each frame shows."""
    known = np.flatnonzero(np.isfinite(track.keypoints).all((1, 2)))
    return {track.first_frame + int(place): int(track.keypoints[place, 0, 0]) for place in known}


def test_a_view_that_began_later_has_the_numbers_of_the_first():
    found = synchronise([[numbered(50, np.arange(50) / 60)], [numbered(30, np.arange(20, 50) / 60)]], [None] * 2, FILES)
    assert found.moved
    assert rows(found.views[1][0]) == {frame: frame - 20 for frame in range(20, 50)}
    np.testing.assert_allclose(found.timeline.seconds(np.array([0, 49, 51])), np.array([0, 49, 51]) / 60)


@pytest.mark.parametrize("slow", [0, 1])
def test_a_view_of_half_the_rate_has_every_other_frame(slow):
    views = [[numbered(40, 7 + np.arange(40) / 60)], [numbered(20, 7 + np.arange(20) / 30)]]
    views = views[::-1] if slow == 0 else views
    found = synchronise(views, [None] * 2, FILES)
    assert rows(found.views[slow][0]) == {2 * row: row for row in range(20)}
    assert not np.isfinite(found.views[slow][0].keypoints[1::2]).any()
    assert found.timeline.step_s == pytest.approx(1 / 60)


def test_times_of_a_varying_rate_are_matched_with_those_of_an_even_one():
    # Frames at 0 to 9 twelfths of a second, then every half second, beside twelve a second.
    uneven = np.array([*range(10), 15, 21]) / 12
    found = synchronise([[numbered(12, uneven)], [numbered(30)]], [None, 12], FILES)
    assert rows(found.views[1][0])[9] == 9
    assert {rows(found.views[1][0])[frame] for frame in (10, 11)} == {15, 21}
    with pytest.raises(InputError, match=r"b.npz does not say its frames per second"):
        synchronise([[numbered(12, uneven)], [numbered(30)]], [None, None], FILES)


def test_views_without_times_or_with_those_of_their_numbers_stay_as_they_are():
    for first, second in ((None, None), (np.arange(9) / 25, np.arange(9) / 25), (np.arange(9) / 25 + 3, None)):
        found = synchronise([[numbered(9, first)], [numbered(9, second)]], [None] * 2, FILES)
        assert not found.moved
        assert (found.timeline is None) == (first is None)
    with pytest.raises(InputError, match=r"25 frames per second and b.npz 50"):
        synchronise([[numbered(9)], [numbered(9)]], [25, 50], FILES)
    with pytest.raises(InputError, match="are both in seconds"):
        synchronise([[numbered(9, np.arange(9) / 25)], [numbered(9, np.arange(9) * 40.0)]], [None] * 2, FILES)


def test_one_signal_and_two_clocks_are_matched_by_number_with_a_warning():
    world = people(1, frames=60)
    (first,), (second,) = tracks(world, RIG, 0.5)
    even = np.arange(60) / 25

    def timed(track, seconds):
        return Track(0, track.keypoints, track.confidence, time_s=seconds)

    for lag in (0.0, 0.6, 900.0):  # none, fifteen frames, and more than the recording
        views = [[timed(first, even)], [timed(second, even + lag)]]
        if lag:
            with pytest.warns(PoseZooWarning, match="by the numbers of their frames and not by their times"):
                found, _, timeline = people_in_time(views, [None] * 2, FILES, RIG)
        else:
            found, _, timeline = people_in_time(views, [None] * 2, FILES, RIG)
        assert found[0].frames.tolist() == list(range(60))
        assert error_mm(found[0], RIG, world[0]) < 20
        np.testing.assert_allclose(timeline.seconds(np.array([0, 59])), even[[0, 59]])
