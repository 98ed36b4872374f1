"""Test lifting a track: one row a frame, NaN in unknown frames, and marks on interpolated joints."""

from __future__ import annotations

import numpy as np
import pytest

import posezoo
from posezoo.data import load_dataset
from posezoo.errors import InputError
from posezoo.video.lifting import lift_track
from posezoo.video.tracking import Track, fill_gaps


@pytest.fixture(scope="module")
def walk():
    people = load_dataset("procedural", split="test", actions=["walk"], frames_per_clip=12)
    return people.keypoints_2d[people.sequence == 0]


def track(keypoints):
    known = np.isfinite(keypoints).all(-1)
    return Track(0, np.asarray(keypoints, np.float64), np.where(known, 0.9, 0.0))


def test_rows_are_those_of_predict_and_nan_between(walk):
    model = posezoo.load("martinez")
    gappy = walk.copy()
    gappy[2], gappy[5:9], gappy[10, 3] = np.nan, np.nan, np.nan
    result = lift_track(model, fill_gaps(track(gappy), max_gap=2), "h36m17", (1000, 1000), fps=25)
    known = [0, 1, 3, 4, 9, 11]
    np.testing.assert_allclose(result.pose_3d[known], model.predict(walk[known], image_size=(1000, 1000)).pose_3d, atol=1e-3)
    assert np.isnan(result.pose_3d[5:9]).all()
    assert np.isfinite(result.pose_3d[[2, 10]]).all()
    assert (result.fps, result.image_size, len(result)) == (25, (1000, 1000), 12)
    expected = np.zeros((12, 17), bool)
    expected[2], expected[10, 3] = True, True
    np.testing.assert_array_equal(result.filled, expected)
    np.testing.assert_allclose(result.confidence[0], 0.9, atol=1e-6)
    assert (result.confidence[expected] == 0).all()
    assert (result.confidence[5:9] == 0).all()
    assert any("4 of 12 frames" in note for note in result.notes)


def test_a_model_that_fills_in_joints_needs_half_of_them(walk):
    model = posezoo.load("geoselfsup")
    gappy = walk.copy()
    gappy[3, :4], gappy[6, :12] = np.nan, np.nan
    result = lift_track(model, track(gappy), "h36m17")
    assert np.isfinite(result.pose_3d).all((1, 2)).tolist() == [row != 6 for row in range(12)]
    assert result.filled[3].tolist() == [joint < 4 for joint in range(17)]
    assert result.filled.sum() == 4


def test_a_detector_s_placeholder_is_an_unknown_joint(walk):
    lost = walk.copy()
    lost[4, 16] = 0.0
    result = lift_track(posezoo.load("martinez"), track(lost), "h36m17", (1000, 1000))
    assert np.isfinite(result.pose_3d).all((1, 2)).tolist() == [row != 4 for row in range(12)]
    assert any("1 of 12 frames" in note for note in result.notes)
    filled = lift_track(posezoo.load("geoselfsup"), track(lost), "h36m17", (1000, 1000))
    assert np.argwhere(filled.filled).tolist() == [[4, 16]]


def test_a_track_that_is_never_complete(walk):
    gappy = walk.copy()
    gappy[:, 3] = np.nan
    with pytest.raises(InputError, match="at most 16 of 17"):
        lift_track(posezoo.load("martinez"), track(gappy), "h36m17")
