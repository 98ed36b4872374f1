"""Test predictions laid over each other: one layout, one size, never turned."""

from __future__ import annotations

import numpy as np
import pytest

from posezoo.data import Prediction
from posezoo.errors import InputError
from posezoo.skeletons import convert, get_skeleton
from posezoo.viz import overlay
from tests.viz.people import H36M, J, facing_the_camera


def result(pose: np.ndarray, unit: str = "mm", model: str = "m", **more) -> Prediction:
    return Prediction(pose.astype(np.float32), more.pop("skeleton", H36M), unit, model=model, **more)


def test_metric_poses_keep_their_size_and_relative_ones_take_the_truths():
    truth = facing_the_camera(4)
    relative = (truth - truth[:, :1]) * 0.004
    metric = (truth - truth[:, :1]) * 1.1
    clip = overlay(result(relative, "relative", "r"), result(metric, "mm", "m"), truth=result(truth), fps=12.0)
    assert list(clip.poses) == ["r", "m", "ground truth"]
    assert clip.fps == 12.0
    np.testing.assert_allclose(clip.poses["r"], truth - truth[:, :1], atol=0.01)
    np.testing.assert_allclose(clip.poses["m"], metric, atol=0.01)
    np.testing.assert_allclose(clip.poses["ground truth"], truth, atol=0.01)


def test_poses_are_scaled_by_one_factor_never_turned():
    truth = facing_the_camera(4)
    truth = truth - truth[:, :1]
    wrong = truth @ np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])  # turned by 90 degrees
    wrong[2:] *= 0.5
    drawn = overlay(result(wrong * 7, "relative"), truth=result(truth)).poses["m"]
    ratio = drawn[:, 1:] / np.where(np.abs(wrong[:, 1:]) < 1e-9, np.nan, wrong[:, 1:])
    assert np.nanmax(ratio) == pytest.approx(np.nanmin(ratio), rel=1e-4)
    assert np.square(drawn).sum() == pytest.approx(np.square(truth).sum(), rel=1e-4)


def test_other_layouts_come_in_the_first_ones():
    truth = facing_the_camera(2)
    mpii = get_skeleton("mpii16")
    other = convert(truth, "h36m17", "mpii16").keypoints
    clip = overlay(result(truth, model="a"), result(other, model="b", skeleton=mpii))
    assert clip.layout.name == "h36m17"
    for joint in ("left_wrist", "right_ankle", "thorax"):
        np.testing.assert_allclose(clip.poses["b"][:, J[joint]], other[:, mpii.index(joint)], atol=0.01)


def test_keypoints_are_taken_from_whoever_has_them_and_batches_are_flattened():
    pose = facing_the_camera(6).reshape(2, 3, 17, 3)
    seen = result(pose, model="m", keypoints_2d=pose[..., :2], image_size=(640, 480))
    clip = overlay(result(pose), seen, result(pose))
    assert list(clip.poses) == ["m", "m (2)", "m (3)"]
    assert len(clip) == 6
    np.testing.assert_allclose(clip.keypoints_2d, pose.reshape(6, 17, 3)[..., :2])
    assert clip.image_size == (640, 480)
    assert overlay(result(pose)).keypoints_2d is None


def test_the_world_has_its_own_vertical():
    world = "world, as the cameras are calibrated"
    assert overlay(result(facing_the_camera(), frame=world)).up.tolist() == [0.0, 0.0, 1.0]
    assert overlay(result(facing_the_camera())).up.tolist() == [0.0, -1.0, 0.0]


def test_results_that_say_their_frames_are_laid_over_each_other_by_them():
    pose = facing_the_camera(6)
    early = result(pose[:5], model="a", frame_number=np.arange(10, 15))
    late = result(pose[[5, 3, 2]], model="b", frame_number=np.array([15, 13, 12]), keypoints_2d=pose[[5, 3, 2], :, :2])
    clip = overlay(early, late)
    np.testing.assert_allclose(clip.poses["a"], pose[2:4], atol=0.01)
    np.testing.assert_allclose(clip.poses["b"], pose[2:4], atol=0.01)
    np.testing.assert_allclose(clip.keypoints_2d, pose[2:4, :, :2], atol=0.01)
    with pytest.raises(InputError, match="a of frames 10 to 14, b of frames 110 to 114: no frame in common"):
        overlay(early, result(pose[:5], model="b", frame_number=np.arange(110, 115)))
    with pytest.raises(InputError, match="some twice"):
        overlay(early, result(pose[:5], model="b", frame_number=np.array([10, 10, 11, 12, 13])))


def test_rows_of_the_same_keypoints_belong_together_however_frames_are_counted():
    pose = facing_the_camera(4)
    one, other = (
        result(pose, model=model, frame_number=first + np.arange(4), keypoints_2d=pose[..., :2])
        for model, first in (("a", 0), ("b", 1))
    )
    assert len(overlay(one, other)) == 4
    assert len(overlay(one, result(pose))) == 4  # one of them says nothing


def test_what_does_not_belong_together_is_refused():
    pose = facing_the_camera(3)
    with pytest.raises(InputError, match="at least one"):
        overlay()
    with pytest.raises(InputError, match=r"m \(2\) has 2 poses and m has 3"):
        overlay(result(pose), result(pose[:2]))
    with pytest.raises(InputError, match="ground truth is in the world frame"):
        overlay(result(pose), truth=result(pose, frame="world"))
    with pytest.raises(InputError, match="1 names for 2"):
        overlay(result(pose), result(pose), names=["a"])
