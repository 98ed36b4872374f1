"""Test Hua et al. 2021, Eq. 3-6, against values computed by hand, and their invariances."""

from __future__ import annotations

import pytest
import torch

from posezoo.geometry import h36m_cameras, look_at
from posezoo.papers.cvugcn import losses
from posezoo.papers.cvugcn.rig import Rig
from posezoo.skeletons import Skeleton

BODY = Skeleton("T", ("pelvis", "left_hip", "right_hip"), (-1, 0, 0))


def test_reprojection_by_hand():
    target = torch.zeros(2, 2, 3, 2)
    projected = target.clone()
    projected[0, 0, 1] = torch.tensor([3.0, 4.0])
    projected[1, 1, 2] = torch.tensor([0.0, 1.0])
    assert losses.reprojection(projected, target).item() == pytest.approx((5 + 1) / 2)


def test_symmetry_by_hand():
    pose = torch.zeros(1, 2, 3, 3)
    pose[0, 0, 1, 0], pose[0, 0, 2, 0] = 2.0, -5.0  # lengths 2 and 5
    pose[0, 1, 1, 1], pose[0, 1, 2, 2] = 1.0, 1.0
    assert losses.symmetry(pose, BODY).item() == pytest.approx(3.0)


def test_transformation_by_hand():
    pose, other = torch.zeros(1, 2, 3, 3), torch.zeros(1, 2, 3, 3)
    other[0, 0, 0] = torch.tensor([1.0, 2.0, 2.0])
    other[0, 1, 2] = torch.tensor([0.0, 4.0, 0.0])
    assert losses.transformation(pose, other).item() == pytest.approx(3.0 + 4.0)


def test_bone_direction_by_hand():
    pose, other = torch.zeros(1, 2, 3, 3), torch.zeros(1, 2, 3, 3)
    pose[..., 1, 0], pose[..., 2, 0] = 1.0, -1.0
    other[..., 1, 0], other[..., 2, 0] = 7.0, -2.0  # the same directions
    assert losses.bone_direction(pose, other, BODY).item() == pytest.approx(0.0, abs=1e-6)
    other[0, 0, 1] = torch.tensor([0.0, 1.0, 0.0])  # a right angle
    other[0, 1, 2] = torch.tensor([3.0, 0.0, 0.0])  # the other way round
    assert losses.bone_direction(pose, other, BODY).item() == pytest.approx(1.0 + 2.0)


def turned(angle: float) -> torch.Tensor:
    R, _ = look_at(torch.tensor([angle, 1.0, 0.5]), torch.zeros(3))
    return R


def test_losses_of_bodies_do_not_depend_on_where_the_cameras_stand():
    pose, other = torch.randn(2, 4, 2, 3, 3).unbind(0)
    R, t = turned(0.3), torch.tensor([1.0, -2.0, 3.0])
    moved, others = pose @ R.T + t, other @ R.T + t
    torch.testing.assert_close(losses.symmetry(moved, BODY), losses.symmetry(pose, BODY))
    torch.testing.assert_close(losses.transformation(moved, others), losses.transformation(pose, other))
    torch.testing.assert_close(losses.bone_direction(moved, others, BODY), losses.bone_direction(pose, other, BODY))


def test_left_and_right_may_change_places():
    pose, mirror = torch.randn(4, 2, 3, 3), list(BODY.mirror)
    torch.testing.assert_close(losses.symmetry(pose[:, :, mirror], BODY), losses.symmetry(pose, BODY))


def rig() -> Rig:
    return Rig.of_cameras(h36m_cameras("S9")[:2])


def test_one_world_pose_is_consistent_between_views():
    world = torch.randn(5, 17, 3) * 400 + torch.tensor([0.0, 0.0, 900.0])
    pose = rig().to_cameras(world)
    torch.testing.assert_close(rig().transfer(pose), pose, atol=1e-2, rtol=0)
    torch.testing.assert_close(rig().to_world(pose)[:, 0], world, atol=1e-2, rtol=0)


def test_projection_agrees_with_the_cameras():
    from dataclasses import replace

    world = torch.randn(5, 17, 3) * 400 + torch.tensor([0.0, 0.0, 900.0])
    cameras = [replace(camera, distortion=None) for camera in h36m_cameras("S9")[:2]]
    expected = torch.stack([camera.project(world) for camera in cameras], 1)
    torch.testing.assert_close(rig().project(rig().to_cameras(world)), expected, atol=1e-2, rtol=0)
