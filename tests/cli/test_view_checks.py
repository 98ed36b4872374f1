"""Test that a view which does not fit the others is named, with what would make it fit."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.cli.test_predict_views import predict

NOISE_PX = 2.0


@pytest.fixture(scope="module")
def noisy(four):
    """Return what four cameras see of a person, off by as much as a detector is; in mm; and the cameras."""
    pixels, world, cameras = four
    generator = np.random.default_rng(0)
    return [view + generator.normal(0, NOISE_PX, view.shape) for view in pixels], world, cameras


@pytest.mark.parametrize(
    ("views", "wrong", "said"),
    [
        ((0, 1, 2, 3), 1, "cam2 fits nobody .* left out; it would fit multiplied by 2"),
        ((0, 1, 2, 3), 0, "cam1 fits nobody .* left out; it would fit multiplied by 2"),
        ((0, 1, 2), 2, "cam10 fits nobody .* left out; it would fit multiplied by 2"),
    ],
)
def test_a_view_of_half_the_size_is_left_out_and_said(tmp_path, capsys, weights, noisy, views, wrong, said):
    pixels, world, cameras = noisy
    given = [pixels[view] / (2 if view == wrong else 1) for view in views]
    found, out, err = predict(tmp_path, capsys, weights, given, [cameras[view] for view in views])
    assert re.search(said, err)
    assert f"{len(found.pose_3d)} poses in {len(views) - 1} of {len(views)} views" in out
    assert np.nanmean(np.linalg.norm(found.pose_3d - world, axis=-1)) < 25


def test_a_view_of_another_recording_is_left_out_and_said(tmp_path, capsys, weights, noisy):
    pixels, _, cameras = noisy
    given = [view[::-1] + [300, -200] if number == 2 else view for number, view in enumerate(pixels)]
    _, out, err = predict(tmp_path, capsys, weights, given, cameras)
    assert "cam10 fits nobody whom the other views see, and is left out; check that it is of this recording" in err
    assert "in 3 of 4 views" in out


def test_one_of_two_views_that_is_of_half_the_size_is_named(tmp_path, capsys, weights, noisy):
    pixels, _, cameras = noisy
    _, _, err = predict(tmp_path, capsys, weights, [pixels[0], pixels[1] / 2], cameras[:2])
    assert "the views do not fit the cameras" in err
    assert "cam2 would fit multiplied by 2" in err


def test_views_that_fit_are_silent(tmp_path, capsys, weights, noisy):
    pixels, _, cameras = noisy
    for views in ((0, 1, 2, 3), (0, 1), (2, 3), (0, 3)):
        _, out, err = predict(tmp_path, capsys, weights, [pixels[v] for v in views], [cameras[v] for v in views])
        assert err == ""
        assert f"poses in {len(views)} views" in out
