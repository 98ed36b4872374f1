"""Test the smoothing filters: values computed by hand, and less jitter on moving people."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from posezoo.errors import InputError
from posezoo.video.smoothing import butterworth, one_euro, smooth_track
from posezoo.video.tracking import Track


def test_three_steps_by_hand():
    # 10 fps, cutoff 1 Hz + 0.5 per unit/s, derivative at 1 Hz. a(f) = 1 / (1 + 10 / (2 pi f)); a(1) = 0.385870.
    def a(cutoff):
        return 1 / (1 + 10 / (2 * math.pi * cutoff))

    speed_1 = a(1) * (1.0 - 0.0) * 10  # 3.858696
    first = a(1 + 0.5 * speed_1) * 1.0  # a(2.929348) = 0.647957
    speed_2 = speed_1 + a(1) * ((0.5 - first) * 10 - speed_1)
    second = first + a(1 + 0.5 * abs(speed_2)) * (0.5 - first)
    assert first == pytest.approx(0.647957, abs=1e-6)
    found = one_euro(np.array([0.0, 1.0, 0.5]), fps=10, min_cutoff=1, beta=0.5)
    np.testing.assert_allclose(found, [0.0, first, second], atol=1e-12)


def test_what_is_constant_stays():
    still = np.full((20, 3, 2), 123.456)
    np.testing.assert_allclose(one_euro(still, 30, beta=2), still, atol=1e-12)


def test_without_beta_it_is_an_exponential_filter():
    values = np.random.default_rng(0).normal(size=(50, 4))
    share = 1 / (1 + 30 / (2 * math.pi * 2.0))
    expected = values.copy()
    for row in range(1, 50):
        expected[row] = share * values[row] + (1 - share) * expected[row - 1]
    np.testing.assert_allclose(one_euro(values, 30, min_cutoff=2), expected, atol=1e-12)


def test_lag_falls_with_speed():
    def lag(speed, beta):
        ramp = speed * np.arange(600) / 30.0
        return (ramp - one_euro(ramp, 30, beta=beta))[-1] / speed

    # Of a plain filter it is 1 / (2 pi cutoff) at every speed: an exact property of the exponential filter.
    for speed in (0.1, 10.0):
        assert lag(speed, 0.0) == pytest.approx(1 / (2 * math.pi), rel=1e-6)
    lags = [lag(speed, 1.0) for speed in (0.01, 0.1, 1.0, 10.0)]
    assert all(slow > 1.5 * fast for slow, fast in itertools.pairwise(lags[1:]))
    assert lags[0] > lags[1]


def test_jitter_of_a_person_who_stands_is_mostly_gone():
    generator = np.random.default_rng(0)
    body = generator.uniform(0, 300, (17, 2))
    noisy = body + generator.normal(0, 3, (300, 17, 2))
    smooth = smooth_track(Track(0, noisy, np.ones((300, 17))), fps=30, method="one_euro").keypoints
    assert (smooth[30:] - body).std() < 0.6 * (noisy[30:] - body).std()


def test_people_who_move_lose_jitter_and_come_nearer_to_the_truth():
    generator = np.random.default_rng(0)
    phase, reach = generator.uniform(0, 2 * np.pi, (17, 2)), generator.uniform(0, 30, (17, 2))
    swing = reach * np.sin(2 * np.pi * 0.8 * np.arange(300)[:, None, None] / 30 + phase)
    truth = generator.uniform(0, 300, (17, 2)) + swing
    noisy = truth + generator.normal(0, 4, truth.shape)
    smooth = smooth_track(Track(0, noisy, np.ones((300, 17))), fps=30, method="one_euro").keypoints
    assert (smooth - truth)[30:].std() < 0.85 * (noisy - truth)[30:].std()
    assert np.diff(smooth - truth, axis=0)[30:].std() < 0.5 * np.diff(noisy - truth, axis=0)[30:].std()


@pytest.mark.parametrize("method", ["butterworth", "one_euro"])
def test_near_and_far_people_are_smoothed_alike(method):
    track = np.random.default_rng(0).normal(size=(40, 17, 2)) * 50
    near = smooth_track(Track(0, track * 10, np.ones((40, 17))), fps=30, method=method).keypoints
    far = smooth_track(Track(0, track, np.ones((40, 17))), fps=30, method=method).keypoints
    np.testing.assert_allclose(near, 10 * far, rtol=1e-9)


def test_a_coordinate_begins_anew_after_a_gap():
    values = np.array([0.0, 1.0, np.nan, 5.0, 5.0])
    found = one_euro(values, 10)
    assert np.isnan(found[2])
    np.testing.assert_allclose(found[3:], [5.0, 5.0])
    empty = Track(0, np.full((3, 17, 2), np.nan), np.zeros((3, 17)))
    assert np.isnan(smooth_track(empty, 30).keypoints).all()


@pytest.mark.parametrize("wrong", [{"fps": 0}, {"fps": 30, "min_cutoff": 0}, {"fps": 30, "beta": -1}, {"fps": math.inf}])
def test_settings_that_cannot_be(wrong):
    with pytest.raises(InputError, match="expected positive"):
        one_euro(np.zeros(3), **wrong)


@pytest.mark.parametrize("cutoff", [2.0, 6.0, 10.0])
def test_butterworth_halves_the_power_at_its_cutoff_without_delay(cutoff):
    time = np.arange(1200) / 60
    wave = np.sin(2 * np.pi * cutoff * time)
    middle = slice(300, 900)
    found = butterworth(wave, 60, cutoff)[middle]
    # Least squares onto the wave and a quarter turn of it: gain and phase.
    basis = np.stack([wave, np.cos(2 * np.pi * cutoff * time)])[:, middle]
    in_phase, quarter = np.linalg.lstsq(basis.T, found, rcond=None)[0]
    assert in_phase == pytest.approx(1 / np.sqrt(2), abs=1e-3)
    assert quarter == pytest.approx(0, abs=1e-3)


def test_butterworth_keeps_the_peak_speed_that_one_euro_takes():
    time = np.arange(120) / 60
    reach = 300 / (1 + np.exp(-(time - 1) * 12))  # 300 px in a third of a second
    truth = np.broadcast_to(reach[:, None, None], (120, 17, 2)) + np.linspace(0, 400, 34).reshape(17, 2)
    track = Track(0, truth.copy(), np.ones((120, 17)))

    def peak(keypoints):
        return np.diff(keypoints[:, 0, 0]).max()

    zero_phase, causal = (smooth_track(track, 60, method=method).keypoints for method in ("butterworth", "one_euro"))
    assert abs(peak(zero_phase) / peak(truth) - 1) < 0.02
    assert np.abs(zero_phase - truth).max() < 0.3 * np.abs(causal - truth).max()


def test_butterworth_runs_between_gaps_and_leaves_short_stretches():
    generator = np.random.default_rng(0)
    values = generator.normal(size=100)
    values[40:42], values[50] = np.nan, np.nan
    found = butterworth(values, 60)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(values))
    np.testing.assert_allclose(found[:40], butterworth(values[:40], 60))
    np.testing.assert_array_equal(found[42:50], values[42:50])
    np.testing.assert_array_equal(butterworth(values, 10, cutoff=6), values)


@pytest.mark.parametrize("wrong", [{"fps": 0}, {"fps": math.nan}, {"fps": 30, "cutoff": 0}, {"fps": 30, "order": 3}])
def test_butterworth_settings_that_cannot_be(wrong):
    with pytest.raises(InputError, match="expected positive"):
        butterworth(np.zeros(30), **wrong)


def test_another_filter_is_refused():
    with pytest.raises(InputError, match="butterworth or one_euro"):
        smooth_track(Track(0, np.zeros((3, 17, 2)), np.ones((3, 17))), 30, method="median")
