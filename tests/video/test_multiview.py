"""Test several cameras: frames by number, people by reprojection, cameras in the wrong order, convention or unit."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from posezoo.errors import InputError
from posezoo.geometry import Camera, h36m_cameras, rotation_about
from posezoo.geometry.rig_fit import GOOD, fit_rig, fitting_factor, invert, likely_unit, reprojection_share
from posezoo.poses.tracking import Track
from posezoo.video.multiview import assign_tracks, match_people, observe, people_and_rig
from tests.video.crowd import error_mm, people, tracks

RIG = [Camera(c.K, c.R, c.t, name=c.name) for c in h36m_cameras("S9")]


@pytest.mark.parametrize("views", [2, 4])
def test_people_whom_views_list_in_other_orders_are_told_apart(views):
    world, cameras = people(3), RIG[::2] if views == 2 else RIG
    seen = tracks(world, cameras)
    seen[1] = seen[1][::-1]
    found = match_people(seen, cameras)
    assert len(found) == 3
    assert sorted(int(np.argmin([error_mm(person, cameras, one) for one in world])) for person in found) == [0, 1, 2]
    assert max(min(error_mm(person, cameras, one) for one in world) for person in found) < 40


@pytest.mark.parametrize("seed", [2, 5, 21])
def test_two_people_side_by_side_are_told_apart_where_the_best_pair_is_wrong(seed):
    # Two people in one posture near a common epipolar plane: the pair that fits best by itself joins one of each.
    generator, cameras = np.random.default_rng(seed), RIG[::2]
    world, side = people(1, frames=4, seed=seed), generator.normal(size=3) * [1, 1, 0]
    beside = world + generator.uniform(100, 700) * side / np.linalg.norm(side) + 30 * generator.normal(size=world.shape)
    first, second = tracks(np.concatenate([world, beside]), cameras, generator.uniform(2, 25))
    misfits = np.array([[observe([[one], [other]]).misfit(cameras) for other in second] for one in first])
    assert np.argmin(misfits) in (1, 2)
    found = match_people([first, second[::-1]], cameras)
    for person in found:
        (own,) = (n for n in range(2) if np.array_equal(person.keypoints[0], first[n].keypoints.astype(np.float32)))
        np.testing.assert_array_equal(person.keypoints[1], second[own].keypoints.astype(np.float32))


def test_tracks_are_assigned_as_the_best_of_all_choices():
    generator = np.random.default_rng(0)
    for _ in range(20):
        misfits = generator.uniform(0, 0.3, (2, 3))
        overlapping = np.triu(generator.random((3, 3)) < 0.5, 1)
        overlapping = overlapping | overlapping.T | np.eye(3, dtype=bool)
        best = 3 * 0.15
        for owners in itertools.product([None, 0, 1], repeat=3):
            clash = any(
                owners[a] is not None and owners[a] == owners[b] and overlapping[a, b]
                for a, b in itertools.combinations(range(3), 2)
            )
            costs = [0.15 if who is None else misfits[who, track] for track, who in enumerate(owners)]
            too_far = any(who is not None and misfits[who, track] > 0.15 for track, who in enumerate(owners))
            best = best if clash or too_far else min(best, sum(costs))
        pairs = assign_tracks(misfits, overlapping, 0.15)
        assert sum(misfits[pair] for pair in pairs) + 0.15 * (3 - len(pairs)) == pytest.approx(best)


def test_pieces_of_one_track_stay_with_one_person():
    apart = np.eye(2, dtype=bool)
    assert assign_tracks(np.array([[0.01, 0.02], [0.14, 0.12]]), apart) == [(0, 0), (0, 1)]
    assert assign_tracks(np.array([[0.01, 0.02], [0.14, 0.12]]), ~apart | apart) == [(0, 0), (1, 1)]
    assert assign_tracks(np.full((2, 2), np.inf), apart) == []


def test_somebody_whom_one_view_alone_sees_is_left_out_and_a_third_view_may_join_them():
    world, cameras = people(2), RIG[:3]
    seen = tracks(world, cameras)
    found = match_people([seen[0][:1], seen[1], seen[2]], cameras)
    assert [np.isfinite(person.keypoints).any((1, 2, 3)).sum() for person in found] == [3, 2]
    assert len(match_people([seen[0], seen[1][:1]], cameras[:2])) == 1


def test_frames_are_matched_by_their_numbers():
    world, cameras = people(1), RIG[:2]
    (first,), (second,) = tracks(world, cameras, 0.0)
    late = Track(5, second.keypoints[5:], second.confidence[5:])
    holes = first.keypoints.copy()
    holes[10:12] = np.nan
    person = observe([[Track(0, holes, first.confidence)], [late]])
    assert person.frames.tolist() == [*range(5, 10), *range(12, 20)]
    assert error_mm(person, cameras, world[0]) < 1e-2
    with pytest.raises(InputError, match="no frame is seen by two views"):
        people_and_rig([[first], [Track(100, second.keypoints, second.confidence)]], cameras)


def test_cameras_in_any_other_order_or_inverted_are_found_and_said():
    world = people(1)
    seen = tracks(world, RIG[:3])
    for order in ((0, 1, 2), (1, 2, 0), (0, 2, 1)):  # as given, turned round, exchanged
        given = [RIG[number] for number in order]
        found, fit = people_and_rig(seen, given)
        assert [camera.name for camera in fit.cameras] == [camera.name for camera in RIG[:3]]
        assert bool(fit.changed) == (order != (0, 1, 2))
        assert found[0].misfit(fit.cameras) < GOOD
    found, fit = people_and_rig(seen, [invert(camera) for camera in RIG[:3]])
    assert fit.inverted
    assert "camera-to-world" in fit.changed
    torch.testing.assert_close(fit.cameras[1].t, RIG[1].t)


def test_cameras_that_fit_in_no_way_stay_as_they_are():
    world = people(1)
    seen = tracks(world, RIG[:2])
    turn = rotation_about("z", torch.tensor(0.8, dtype=torch.float64))
    _, fit = people_and_rig(seen, [RIG[0], Camera(RIG[1].K, turn @ RIG[1].R, RIG[1].t)])
    assert not fit.changed
    assert fit.error > GOOD


def test_pixels_of_half_the_size_are_recognised():
    seen = torch.from_numpy(np.stack([view[0].keypoints for view in tracks(people(1), RIG[:3])]))
    assert reprojection_share(seen, RIG[:3]) < GOOD < reprojection_share(seen / 2, RIG[:3])
    assert fitting_factor(seen / 2, RIG[:3]) == 2.0
    assert fitting_factor(seen.flip(1), RIG[:3]) is None


def test_units_by_the_length_of_legs():
    assert likely_unit(880.0) is None
    assert likely_unit(0.88) == "m"
    assert likely_unit(88.0) == "cm"
    assert likely_unit(880_000.0, "m") == "mm"
    assert likely_unit(3000.0) == "unknown"
    assert likely_unit(float("nan")) is None


def test_a_rig_that_fits_is_not_searched():
    calls = []
    fit = fit_rig(RIG, lambda cameras: calls.append(cameras) or 0.01)
    assert len(calls) == 1
    assert not fit.changed
