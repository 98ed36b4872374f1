"""Test which rows of a result are one person's clip."""

import numpy as np
import pytest

from posezoo.data import Prediction, load_dataset
from posezoo.poses.people import people_of, rows_of


@pytest.fixture(scope="module")
def walkers():
    """Return two people's walks of 30 frames, whose rows alternate, the second unknown in five frames."""
    people = load_dataset("procedural", split="test", actions=["walk"], frames_per_clip=30)
    first, second = (people[people.sequence == index] for index in (0, 4))
    poses = np.stack([first.pose_3d, second.pose_3d], 1).reshape(-1, 17, 3)
    seen = np.stack([first.keypoints_2d, second.keypoints_2d], 1).reshape(-1, 17, 2)
    poses[11:21:2] = np.nan
    frames, names = np.repeat(np.arange(30), 2), np.array(["b", "a"] * 30)
    return Prediction(poses, first.skeleton, "mm", keypoints_2d=seen, frame_number=frames, person=names)


def test_people_of_a_clip_are_told_apart_with_and_without_a_rate(walkers):
    for fields in ({}, {"fps": 30.0}):
        here = Prediction(**{**vars(walkers), **fields})
        first, second = people_of(here)
        np.testing.assert_array_equal(first, np.arange(0, 60, 2))  # known in more frames
        np.testing.assert_array_equal(second, np.arange(1, 60, 2))
    second = rows_of(walkers, second)
    assert set(second.person.tolist()) == {"a"}
    np.testing.assert_array_equal(second.pose_3d, walkers.pose_3d[1::2])


def test_frames_come_in_order(walkers):
    order = np.random.default_rng(0).permutation(60)
    first = people_of(rows_of(walkers, order))[0]
    np.testing.assert_array_equal(order[first], np.arange(0, 60, 2))


def test_people_of_pictures_are_not(walkers):
    """Every picture is of another place, and those whom it shows are others."""
    moved = walkers.keypoints_2d + np.random.default_rng(0).uniform(0, 3000, (60, 1, 2))
    pictures = Prediction(**{**vars(walkers), "keypoints_2d": moved})
    assert [len(rows) for rows in people_of(pictures)] == [60]
    pair = rows_of(walkers, np.arange(2))  # two people of one picture
    assert [len(rows) for rows in people_of(pair)] == [2]


def test_data_are_equal_to_themselves_alone(walkers):
    people = load_dataset("procedural", split="test", actions=["walk"], frames_per_clip=3)
    assert people == people
    assert people != people[:]
    assert people in [people[:1], people]
