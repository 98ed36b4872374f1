"""Test the camera that is turned towards a person."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from posezoo.data import load_dataset
from posezoo.errors import InputError
from posezoo.geometry import assumed_camera, face_root, h36m_cameras, project
from posezoo.metrics.functional import mpjpe
from posezoo.poses.facing import CENTER_PX, FOCAL_PX, face_roots


def test_turned_keypoints_are_the_turned_pose_in_perspective():
    camera = h36m_cameras("S1")[0]
    torch.manual_seed(0)
    pose = torch.randn(50, 17, 3, dtype=torch.float64) * 300 + torch.tensor([900.0, -500.0, 4500.0], dtype=torch.float64)
    turned, back = face_root(project(pose, camera, frame="camera"), camera, 0)
    seen = pose @ back
    torch.testing.assert_close(seen[:, 0, :2], torch.zeros(50, 2, dtype=torch.float64), atol=1e-3, rtol=0)
    torch.testing.assert_close(turned, seen[..., :2] / seen[..., 2:] * camera.K[0, 0], atol=1e-3, rtol=0)
    torch.testing.assert_close(seen @ back.mT, pose)


def test_a_level_camera_stays_level():
    """Check that what is above the person in the picture is above them in the turned one."""
    camera = assumed_camera((1920, 1080))
    keypoints = torch.tensor([[[1700.0, 540.0], [1700.0, 200.0]]])
    turned, _ = face_root(keypoints, camera, 0)
    assert abs(float(turned[0, 1, 0])) < 1e-3
    assert float(turned[0, 1, 1]) < 0


def test_between_the_hips_is_looked_at_where_there_is_no_pelvis():
    camera = assumed_camera((1000, 1000))
    turned, _ = face_root(torch.tensor([[[700.0, 500.0], [900.0, 500.0]]]), camera, [0, 1])
    assert float(turned[0, 0, 0]) < 0 < float(turned[0, 1, 0])


def test_the_assumed_camera_has_its_field_of_view():
    K = assumed_camera((1080, 1920)).K
    assert math.degrees(2 * math.atan(960 / float(K[0, 0]))) == pytest.approx(50)
    assert K[:2, 2].tolist() == [540, 960]


def test_data_are_turned_with_their_labels():
    data = load_dataset("procedural", "test")[:200]
    faced = face_roots(data)
    pose = torch.from_numpy(faced.pose_3d).double()
    pixels = pose[..., :2] / pose[..., 2:] * FOCAL_PX + CENTER_PX
    np.testing.assert_allclose(faced.keypoints_2d, pixels.numpy(), atol=0.05)
    about = [torch.from_numpy(x.pose_3d - x.pose_3d[:, :1]) for x in (data, faced)]
    torch.testing.assert_close(torch.cdist(about[0], about[0]), torch.cdist(about[1], about[1]), atol=0.5, rtol=1e-3)
    assert float(mpjpe(about[0], about[1])) > 1
    unknown = replace(data, sequences=tuple(replace(clip, camera=None, image_size=None) for clip in data.sequences))
    with pytest.raises(InputError, match="neither camera nor image_size"):
        face_roots(unknown)
