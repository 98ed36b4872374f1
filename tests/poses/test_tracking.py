"""Test the pairs that tracking makes, against a plain reference that compares one track with one person at a time."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from posezoo.poses import tracking
from posezoo.poses.tracking import Detections, connect_people


def distance(last, trust, velocity, gap, keypoints, confidence):
    """Return the mean distance of common joints from where a person is expected, over the person's size."""
    both = np.isfinite(keypoints).all(-1) & np.isfinite(last).all(-1)
    weights = np.where(both, confidence * trust, 0.0)
    if weights.sum() <= 0:
        return np.inf
    size = max(float(np.hypot(*np.ptp(last[both], axis=0))), float(np.hypot(*np.ptp(keypoints[both], axis=0))), 1.0)
    away = np.linalg.norm(keypoints[both] - last[both] - velocity * gap, axis=-1)
    return float(np.average(away, weights=weights[both])) / size


def reference(pictures, max_gap, most=0.3):
    """Return the same as ``connect_people``, in any order of the people."""
    tracks = []
    for frame, found in enumerate(pictures):
        going = [track for track in tracks if frame - track["places"][-1][0] <= max_gap]
        people = range(len(found))
        costs = np.array(
            [
                [
                    distance(
                        t["last"], t["trust"], t["v"], frame - t["places"][-1][0], found.keypoints[n], found.confidence[n]
                    )
                    for n in people
                ]
                for t in going
            ]
        ).reshape(len(going), len(found))
        taken = set()
        for row, n in zip(*linear_sum_assignment(np.where(costs <= most, costs, 1000.0)), strict=True):
            if costs[row, n] <= most:
                track = going[row]
                moved = found.keypoints[n] - track["last"]
                step = np.median(moved[np.isfinite(moved).all(-1)], axis=0) / (frame - track["places"][-1][0])
                track["v"] = step if len(track["places"]) == 1 else 0.7 * track["v"] + 0.3 * step
                track["places"].append((frame, int(n)))
                track["last"], track["trust"] = found.keypoints[n], found.confidence[n]
                taken.add(int(n))
        tracks += [
            {"places": [(frame, n)], "last": found.keypoints[n], "trust": found.confidence[n], "v": np.zeros(2)}
            for n in people
            if n not in taken
        ]
    return sorted(track["places"] for track in tracks)


def crowd(seed, frames=12):
    """Return people who walk through each other, of whom joints, and whole people, are not found now and then."""
    chance = np.random.default_rng(seed)
    count, spread = int(chance.integers(1, 8)), chance.choice([60, 300, 1500])
    start = chance.uniform(0, 80, (count, 17, 2)) + chance.uniform(0, spread, (count, 1, 2))
    speed = chance.normal(0, 8, (count, 1, 2))
    for frame in range(frames):
        keypoints = start + speed * frame + chance.normal(0, 3, start.shape)
        keypoints[chance.random((count, 17)) < 0.2] = np.nan
        if chance.random() < 0.1:
            keypoints[0] = np.nan
        there = chance.permutation(count)[: chance.integers(0, count + 1)]
        yield Detections(keypoints[there], chance.uniform(0, 1, (count, 17))[there])


@pytest.mark.parametrize("pairs", [200_000, 3])
def test_people_are_paired_as_by_comparing_each_with_each(monkeypatch, pairs):
    monkeypatch.setattr(tracking, "_PAIRS", pairs)
    for seed in range(25):
        pictures = list(crowd(seed))
        assert sorted(connect_people(pictures, 4)) == reference(pictures, 4), seed


def test_nobody_at_all_and_people_without_joints():
    nobody = Detections(np.zeros((0, 17, 2)), np.zeros((0, 17)))
    unknown = Detections(np.full((1, 17, 2), np.nan), np.ones((1, 17)))
    assert connect_people([nobody, nobody]) == []
    assert sorted(connect_people([unknown, nobody, unknown])) == [[(0, 0)], [(2, 0)]]
