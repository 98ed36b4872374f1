"""Test intrinsics fitted to points and pixels, against OpenCV's projection."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from posezoo.errors import InputError
from posezoo.geometry.intrinsics import fit_intrinsics

K = np.array([[700.0, 0, 330], [0, 690.0, 245], [0, 0, 1]])
LENS = np.array([-0.18, 0.11, 0.002, -0.001, 0.0])


def seen(count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    points = np.random.default_rng(0).uniform([-1500, -1000, 3500], [1500, 1000, 5500], (count, 3))
    return points, cv2.projectPoints(points, np.zeros(3), np.zeros(3), K, LENS)[0].reshape(-1, 2)


def test_the_camera_of_exact_pixels_is_found():
    found = fit_intrinsics(*seen())
    np.testing.assert_allclose(found.K, K, atol=1e-3)
    np.testing.assert_allclose(found.distortion, LENS, atol=1e-4)
    assert found.error_px < 1e-4


def test_noise_is_what_is_left_and_points_that_tell_nothing_are_left_out():
    points, pixels = seen(4000)
    noisy = pixels + np.random.default_rng(1).normal(0, 2.0, pixels.shape)
    noisy[:3] = np.nan
    points[3:6, 2] = -1.0
    found = fit_intrinsics(points, noisy)
    assert found.error_px == pytest.approx(2.0 * np.sqrt(2), rel=0.05)
    np.testing.assert_allclose(found.K, K, rtol=0.01, atol=2.0)
    with pytest.raises(InputError, match="3 points in front"):
        fit_intrinsics(points[:9], noisy[:9])
    with pytest.raises(InputError, match="expected"):
        fit_intrinsics(points, noisy[:5])
