"""Test ``posezoo.video.lift``: everybody in a clip, from a video or from a file of keypoints."""

from __future__ import annotations

import numpy as np
import pytest

import posezoo
from posezoo.data import load_dataset
from posezoo.errors import InputError, MissingFileError
from posezoo.video import lift
from posezoo.video.detectors import RTMLib
from tests.video.samples import FPS, HEIGHT, WIDTH, film, rtmlib_model


@pytest.fixture(scope="module")
def model():
    return posezoo.load("svma")


@pytest.fixture(scope="module")
def walk():
    people = load_dataset("procedural", split="test", actions=["walk"], frames_per_clip=30)
    return people.keypoints_2d[people.sequence == 0]


@pytest.fixture
def two_people(walk, tmp_path):
    """Write a file of two people: ``b`` in frames 5 to 9, ``a`` in frames 0 to 29."""
    path = tmp_path / "two.npz"
    keypoints, frames = np.concatenate([walk[5:10] + 50, walk]), np.concatenate([np.arange(5, 10), np.arange(30)])
    np.savez(path, keypoints=keypoints, skeleton="h36m17", frame=frames, person=np.repeat(["b", "a"], [5, 30]))
    return path


def test_everybody_of_a_file_is_lifted(model, walk, two_people):
    first, second = lift(two_people, model)
    expected = model.predict(walk, "h36m17").pose_3d
    np.testing.assert_allclose(first.pose_3d, expected, atol=1e-4)
    np.testing.assert_allclose(second.pose_3d, expected[5:10], atol=1e-4)
    (alone,) = lift(two_people, model, person=2)
    np.testing.assert_array_equal(alone.pose_3d, second.pose_3d)


def test_a_rate_that_is_given_holds_in_place_of_a_files_times(model, walk, tmp_path):
    path = tmp_path / "timed.npz"
    np.savez(path, keypoints=walk, skeleton="h36m17", time_s=np.arange(30) / 30)
    (stated,), (given,) = lift(path, model), lift(path, model, fps=60)
    np.testing.assert_allclose(stated.time_s, np.arange(30) / 30)
    assert given.fps == 60
    np.testing.assert_allclose(given.time_s, np.arange(30) / 60)


def test_keypoints_are_smoothed_before_they_are_lifted(model, walk, two_people):
    first = lift(two_people, model, smooth="butterworth", fps=50)[0]
    assert first.fps == 50
    assert np.abs(np.diff(first.keypoints_2d, n=2, axis=0)).mean() < np.abs(np.diff(walk, n=2, axis=0)).mean()


def test_a_video_is_lifted_with_its_rate_and_closed_detector(model, tmp_path):
    released = []
    detector = RTMLib(rtmlib_model, lambda: released.append(True))
    (person,) = lift(film(tmp_path / "walk.avi", frames=6, absent=(0,)), model, detector=detector)
    assert (person.fps, person.image_size, person.pose_3d.shape) == (FPS, (WIDTH, HEIGHT), (6, 17, 3))
    assert np.isnan(person.pose_3d[0]).all()
    assert np.isfinite(person.pose_3d[1:]).all()
    assert released == [True]


@pytest.mark.usefixtures("without_type_checks")
def test_arguments_of_another_kind_are_refused(model, two_people):
    with pytest.raises(InputError, match="expected a lifter of single views"):
        lift(two_people, posezoo.load("cvugcn.cmu"))
    for rate in ("30", -25, 0, float("nan"), True):
        with pytest.raises(InputError, match="fps is"):
            lift(two_people, model, fps=rate)


def test_what_cannot_be_done(model, two_people, tmp_path):
    with pytest.raises(InputError, match="person 3 is asked for and the clip holds 2"):
        lift(two_people, model, person=3)
    with pytest.raises(InputError, match="need no detector"):
        lift(two_people, model, detector="rtmlib")
    with pytest.raises(InputError, match="give fps"):
        lift(two_people, model, smooth="butterworth")
    with pytest.raises(MissingFileError):
        lift(tmp_path / "none.mp4", model, detector=RTMLib(rtmlib_model))
    with pytest.raises(InputError, match="its detector says the layout"):
        lift(film(tmp_path / "walk.avi", frames=2), model, detector=RTMLib(rtmlib_model), skeleton="coco17")
