"""Test videos of variable frame rate: every frame keeps the time that its container gives."""

from __future__ import annotations

import csv
import json

import cv2
import numpy as np
import pytest

import posezoo
from posezoo.cli import main
from posezoo.data import Prediction, read_keypoints
from posezoo.data.pictures.clock import Clock, clock_of
from posezoo.errors import InputError
from posezoo.formats.bvh import read_bvh
from posezoo.video import lift
from posezoo.video.detectors import RTMLib, read_video
from posezoo.video.smoothing import METHODS, smooth_track
from posezoo.video.tracking import Track, fill_gaps, tracks_of
from tests.video.samples import FPS, film, film_of_variable_rate, rtmlib_model

# Nine steps of 1/12 s, then three of 6/12 s.
STEPS = [1] * 9 + [6] * 3 + [1]
TIMES = np.concatenate([[0], np.cumsum(STEPS)[:-1]]) / FPS


@pytest.fixture(scope="module")
def model():
    return posezoo.load("svma")


@pytest.fixture
def clip(tmp_path):
    return film_of_variable_rate(tmp_path / "phone.mp4", STEPS, absent=(0, 4, 5))


def test_the_sample_is_what_it_claims(clip):
    capture, stamps = cv2.VideoCapture(str(clip)), []
    while capture.read()[0]:
        stamps.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
    np.testing.assert_allclose(stamps, TIMES, atol=1e-3)


@pytest.mark.parametrize(
    ("stamps", "stated", "fps"),
    [
        (np.arange(90) / 30, 30, 30),
        (np.round(np.arange(90) / 30, 3), 30, 30),  # Matroska rounds to milliseconds
        (5 + np.arange(90) * 1001 / 30000, 30, 30),  # 29.97, called 30
        (np.arange(90) / 30, 1000, 30),  # a browser's recording states its clock
        (np.arange(90) / 30, None, 30),
        (np.zeros(90), 25, 25),  # no times in the container
        ([np.nan] * 90, None, None),  # pictures
        ([0.0], 25, 25),
    ],
)
def test_even_times_are_a_rate(stamps, stated, fps):
    clock = clock_of(stamps, stated)
    assert clock.times_s is None
    assert clock.fps == (None if fps is None else pytest.approx(fps))


def test_one_dropped_frame_of_many_is_no_even_rate():
    stamps = np.delete(np.arange(900) / 30, 7)
    clock = clock_of(stamps, 30)
    assert clock.fps is None
    np.testing.assert_array_equal(clock.times_s, stamps)


def test_times_that_do_not_rise_are_not_believed():
    with pytest.warns(UserWarning, match=r"times of the frames in x.avi do not rise; 25 frames"):
        assert clock_of([0, 0.1, 0.1, 0.2], 25, "x.avi") == Clock(25)


def test_people_keep_the_times_of_their_frames(clip):
    data = read_video(clip, RTMLib(rtmlib_model))
    assert data.sequences[0].fps is None
    np.testing.assert_allclose(data.time_s, TIMES[data.frame], atol=1e-3)
    assert data.frame.tolist() == [1, 2, 3, 6, 7, 8, 9, 10, 11, 12]
    again = read_keypoints(data.save(clip.with_suffix(".npz")))
    np.testing.assert_array_equal(again.time_s, data.time_s)
    constant = read_video(clip, RTMLib(rtmlib_model), fps=12)
    assert (constant.time_s, constant.sequences[0].fps) == (None, 12)


def test_a_prediction_keeps_them_and_gaps_are_gaps(model, clip):
    (person,) = lift(clip, model, detector=RTMLib(rtmlib_model), max_gap=0)
    assert person.fps is None
    np.testing.assert_allclose(person.time_s, TIMES, atol=1e-3)  # of the frames without anybody too
    assert np.flatnonzero(np.isnan(person.pose_3d).any((1, 2))).tolist() == [0, 4, 5]
    npz, text = person.save(clip.with_suffix(".npz")), person.save(clip.with_suffix(".json"))
    np.testing.assert_array_equal(Prediction.load(npz).time_s, person.time_s)
    np.testing.assert_allclose(json.loads(text.read_text())["time_s"], TIMES, atol=1e-3)
    rows = list(csv.DictReader(person.save(clip.with_suffix(".csv")).read_text().splitlines()))
    np.testing.assert_allclose([float(row["time_s"]) for row in rows], TIMES, atol=1e-3)
    assert [int(row["frame"]) for row in rows] == list(range(13))


def test_exports_of_one_rate_say_what_they_do(model, clip):
    (person,) = lift(clip, model, detector=RTMLib(rtmlib_model))
    with pytest.warns(UserWarning, match=r"varies \(2 to 12 a second\); TRC states one, 12: its column Time"):
        rows = person.save(clip.with_suffix(".trc")).read_text().splitlines()[6:]
    np.testing.assert_allclose([float(row.split("\t")[1]) for row in rows], TIMES, atol=1e-3)
    with pytest.warns(UserWarning, match="BVH states one, 12: each pose stands from its time"):
        motion = read_bvh(person.save(clip.with_suffix(".bvh")))
    assert motion.fps == pytest.approx(12, rel=1e-3)
    assert len(motion.pose_world_mm) == round(TIMES[-1] * 12) + 1


def test_gaps_are_interpolated_in_time():
    points = np.array([0.0, np.nan, 10.0])[:, None, None] * np.ones((3, 1, 2))
    track = Track(0, points, np.array([[1.0], [0.0], [1.0]]), time_s=np.array([0.0, 0.2, 1.0]))
    np.testing.assert_allclose(fill_gaps(track).keypoints[1], 2.0)


@pytest.mark.parametrize("method", METHODS)
def test_smoothing_goes_by_times(method):
    """Check that dropping frames changes little, and that taking the rest for an even rate changes more."""
    even = np.arange(240) / 60
    path = 100 * np.sin(2 * np.pi * 0.5 * even)[:, None, None] * np.ones((1, 2, 2)) + np.array([[0, 0], [300, 300]])
    whole = smooth_track(Track(0, path, np.ones((240, 2))), 60, method=method).keypoints
    kept = np.sort(np.random.default_rng(0).choice(240, 160, replace=False))
    dropped = Track(0, path[kept], np.ones((160, 2)), time_s=even[kept])
    by_times = np.abs(smooth_track(dropped, method=method).keypoints - whole[kept])[10:-10].mean()
    assert by_times < 0.5
    if method == "one_euro":  # which lags, by an amount that the rate decides
        assert by_times < 0.5 * np.abs(smooth_track(dropped, 40, method=method).keypoints - whole[kept])[10:-10].mean()
    with pytest.raises(InputError, match="give fps"):
        smooth_track(Track(0, path, np.ones((240, 2))), method=method)


def test_a_file_of_keypoints_with_times_needs_no_rate(model, clip, tmp_path):
    data = read_video(clip, RTMLib(rtmlib_model))
    (person,) = lift(data.save(tmp_path / "k.npz"), model, smooth="butterworth", max_gap=0)
    np.testing.assert_allclose(person.time_s[[0, -1]], TIMES[[1, 12]], atol=1e-3)
    out = tmp_path / "o.trc"
    assert main(["predict", "svma", str(tmp_path / "k.npz"), "-o", str(out), "--smooth"]) == 0
    assert float(out.read_text().splitlines()[-1].split("\t")[1]) == pytest.approx(TIMES[-1], abs=1e-3)


def test_times_of_a_file_that_do_not_rise_are_left_out(clip, tmp_path):
    data = read_video(clip, RTMLib(rtmlib_model))
    np.savez(
        tmp_path / "k.npz", keypoints=data.keypoints_2d, skeleton="coco17", frame=data.frame, time_s=np.zeros(len(data))
    )
    with pytest.warns(UserWarning, match="do not rise from frame to frame"):
        (track,) = tracks_of(read_keypoints(tmp_path / "k.npz"))
    assert track.time_s is None


def test_pictures_of_a_video_keep_the_times(clip, tmp_path):
    out = tmp_path / "o.npz"
    assert main(["predict", "hg3d.render_small", str(clip), "-o", str(out)]) == 0
    result = Prediction.load(out)
    np.testing.assert_allclose(result.time_s, TIMES, atol=1e-3)
    assert (result.fps, result.frame_number.tolist()) == (None, list(range(13)))
    assert main(["predict", "hg3d.render_small", str(film(tmp_path / "even.avi", frames=3)), "-o", str(out)]) == 0
    assert (Prediction.load(out).fps, Prediction.load(out).time_s) == (FPS, None)
