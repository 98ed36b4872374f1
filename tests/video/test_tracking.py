"""Test tracks: people keep their identity, gaps are filled up to a length, and filled joints are marked."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from posezoo.data import PoseData, Sequence
from posezoo.errors import InputError
from posezoo.skeletons import get_skeleton
from posezoo.video.tracking import Detections, Track, fill_gaps, track_people, tracks_of

COCO = get_skeleton("coco17")


def people(places, confidence=0.9, size=200.0):
    """Return people of one shape at these places (N, 2)."""
    body = np.random.default_rng(0).uniform(0, size, (17, 2))
    places = np.asarray(places, dtype=float).reshape(-1, 2)
    trust = np.broadcast_to(np.asarray(confidence, float).reshape(-1, 1), (len(places), 17))
    return Detections(body + places[:, None], trust.copy())


def middle(track, frame):
    return track.keypoints[frame - track.first_frame].mean(0) - people([[0, 0]]).keypoints[0].mean(0)


def test_people_who_walk_past_each_other_keep_their_tracks():
    left = [[10.0 * t, 0.0] for t in range(60)]
    right = [[600 - 10.0 * t, 5.0] for t in range(60)]
    generator = np.random.default_rng(1)
    pictures = []
    for one, other in zip(left, right, strict=True):
        places = np.array([one, other])[generator.permutation(2)]
        found = people(places, 0.9)
        pictures.append(Detections(found.keypoints + generator.normal(0, 2, found.keypoints.shape), found.confidence))
    tracks = track_people(pictures)
    assert [len(track) for track in tracks] == [60, 60]
    for track in tracks:
        expected = left if abs(middle(track, 0)[0]) < 100 else right
        for frame in (0, 29, 30, 31, 59):
            np.testing.assert_allclose(middle(track, frame), expected[frame], atol=5)


def test_one_frames_pairs_are_those_of_least_cost():
    generator = np.random.default_rng(2)
    for _ in range(10):
        places = np.array([[300.0 * i, 0.0] for i in range(6)])
        moved = places + generator.normal(0, 20, places.shape)
        order = generator.permutation(6)
        tracks = track_people([people(places), people(moved[order])])
        cost = np.linalg.norm(places[:, None] - moved[order][None], axis=-1)
        rows, columns = linear_sum_assignment(cost)
        assert len(tracks) == 6
        found = {tuple(np.round(middle(track, 0))): middle(track, 1) for track in tracks}
        for row, column in zip(rows, columns, strict=True):
            np.testing.assert_allclose(found[tuple(places[row])], moved[order][column], atol=1e-6)


def test_a_track_bridges_a_gap_and_ends_after_a_longer_one():
    def walk(gap):
        return [people([]) if 5 <= t < 5 + gap else people([[3.0 * t, 0.0]]) for t in range(20)]

    (track,) = track_people(walk(4), max_gap=5)
    assert len(track) == 20
    assert track.seen.tolist() == [not 5 <= t < 9 for t in range(20)]
    assert np.isnan(track.keypoints[5:9]).all()
    assert (track.confidence[5:9] == 0).all()
    assert [(t.first_frame, len(t)) for t in track_people(walk(6), max_gap=5)] == [(11, 9), (0, 5)]


def test_who_is_seen_longest_and_best_comes_first():
    sure, unsure, brief = people([[0, 0]], 0.9), people([[900, 0]], 0.4), people([[0, 900]], 1.0)

    def join(*parts):
        return Detections(np.concatenate([p.keypoints for p in parts]), np.concatenate([p.confidence for p in parts]))

    tracks = track_people([join(unsure, sure, brief)] * 2 + [join(unsure, sure)] * 8)
    assert [round(track.presence, 6) for track in tracks] == [9.0, 4.0, 2.0]


def test_far_away_is_another_person_and_nobody_is_no_track():
    assert len(track_people([people([[0, 0]]), people([[500, 0]])])) == 2
    assert track_people([people([]), people([])]) == []
    assert track_people([]) == []


def test_joints_that_are_missing_do_not_break_a_track():
    one, other = people([[0, 0]]), people([[2, 0]])
    one.keypoints[0, :8], other.keypoints[0, 12:] = np.nan, np.nan
    (track,) = track_people([one, other, people([[4, 0]])])
    assert len(track) == 3
    assert np.isnan(track.keypoints[0, :8]).all()
    assert (track.confidence[0, :8] == 0).all()


def line(values):
    """Return a track of one joint whose x has these values."""
    x = np.asarray(values, dtype=float)
    return Track(0, np.stack([x, 2 * x], -1)[:, None], np.where(np.isnan(x), 0.0, 0.8)[:, None])


def test_gaps_are_filled_up_to_a_length_and_marked():
    nan = np.nan
    track = fill_gaps(line([nan, 1, nan, 3, nan, nan, nan, 11, nan]), max_gap=2)
    np.testing.assert_array_equal(track.keypoints[:, 0, 0], [nan, 1, 2, 3, nan, nan, nan, 11, nan])
    np.testing.assert_array_equal(track.keypoints[:, 0, 1], 2 * track.keypoints[:, 0, 0])
    assert track.filled[:, 0].tolist() == [False, False, True, *[False] * 6]
    assert track.confidence[:, 0].tolist() == [0, 0.8, 0, 0.8, 0, 0, 0, 0.8, 0]
    assert track.seen.tolist() == [False, True, False, True, False, False, False, True, False]
    longer = fill_gaps(line([nan, 1, nan, 3, nan, nan, nan, 11, nan]), max_gap=3)
    np.testing.assert_array_equal(longer.keypoints[:, 0, 0], [nan, 1, 2, 3, 5, 7, 9, 11, nan])
    assert not fill_gaps(line([1, nan, 3]), max_gap=0).filled.any()
    with pytest.raises(InputError, match="max_gap is -1"):
        fill_gaps(line([1]), max_gap=-1)


def test_a_track_may_start_earlier():
    track = Track(3, np.ones((2, 17, 2)), np.ones((2, 17))).starting_at(0)
    assert (track.first_frame, len(track)) == (0, 5)
    assert np.isnan(track.keypoints[:3]).all()
    assert track.confidence[:, 0].tolist() == [0, 0, 0, 1, 1]


def data(frames, sequence=None):
    count = len(frames)
    sequence = np.zeros(count, np.int32) if sequence is None else np.asarray(sequence, np.int32)
    clips = tuple(Sequence(subject=f"p{i}", trial="walk") for i in range(int(sequence.max()) + 1))
    keypoints = np.arange(count, dtype=np.float32)[:, None, None] * np.ones((count, 17, 2), np.float32)
    return PoseData(COCO, keypoints, sequence, np.asarray(frames, np.int32), clips)


def test_files_of_keypoints_become_tracks():
    tracks = tracks_of(data([7, 5, 4, 0], [1, 1, 1, 0]))
    assert [(track.first_frame, len(track)) for track in tracks] == [(4, 4), (0, 1)]
    np.testing.assert_array_equal(tracks[0].keypoints[:, 0, 0], [2, 1, np.nan, 0])
    with pytest.raises(InputError, match="two poses in frame 5"):
        tracks_of(data([5, 5]))
    with pytest.raises(InputError, match="is no video"):
        tracks_of(data([5, 500000]))
