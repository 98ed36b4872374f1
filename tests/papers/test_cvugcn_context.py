"""Test what a clip says of its frames against values by hand, and models that solve any number of views together."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import posezoo
from posezoo.errors import InputError
from posezoo.geometry import h36m_cameras
from posezoo.papers.cvugcn import CVUGCN
from posezoo.papers.cvugcn.context import CHANNELS, NEIGHBOURS, describe, disagreement
from posezoo.papers.cvugcn.networks import CrossViewNetwork, SharedFusion
from posezoo.papers.cvugcn.rig import Rig
from posezoo.skeletons import get_skeleton

H36M = get_skeleton("h36m17")
CAMERAS = h36m_cameras("S9")
RIG = Rig.of_cameras(CAMERAS)
STEPS = len(NEIGHBOURS)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def standing(frames: int = 7) -> torch.Tensor:
    """Return the same person in every frame, (1, T, J, 3) mm, alike on both sides."""
    pose = torch.randn(17, 3) * torch.tensor([150.0, 150.0, 400.0])
    pose = (pose + pose[list(H36M.mirror)] * torch.tensor([-1.0, 1.0, 1.0])) / 2 + torch.tensor([0.0, 0.0, 1000.0])
    return pose.expand(1, frames, -1, -1).clone()


def seen(world: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return poses in each camera's frame and their keypoints."""
    pose = RIG.to_cameras(world.flatten(0, 1))
    return pose[None], RIG.project(pose)[None]


def parts(features: torch.Tensor) -> dict[str, torch.Tensor]:
    sizes = {"bias": 2, "noise": 1, "moved": 3 * STEPS, "exists": STEPS, "bones": 3, "deviation": 3, "tilt": 2}
    return dict(zip(sizes, features.split(list(sizes.values()), -1), strict=True))


def test_keypoints_off_by_pixels_disagree_by_millimetres():
    pose, keypoints = seen(standing())
    assert float(disagreement(pose, keypoints, RIG).abs().max()) < 0.05
    off = disagreement(pose, keypoints + torch.tensor([3.0, -4.0]), RIG)
    expected = torch.tensor([3.0, -4.0]) * pose[..., 2:] / RIG.focal[:, None]
    torch.testing.assert_close(off, expected, atol=0.05, rtol=1e-3)
    keypoints[0, 2, 1, 5] = math.nan
    assert disagreement(pose, keypoints, RIG)[0, 2, 1, 5].tolist() == [0, 0]


def test_a_still_person_seen_exactly_has_nothing_to_say():
    world = standing()
    found = describe(world, *seen(world), RIG, H36M)
    assert found.features.shape == (1, 7, 4, 17, CHANNELS)
    assert found.noise_mm.tolist() == pytest.approx([0.05], abs=0.02)
    part = parts(found.features)
    assert float(part["bias"].abs().max()) < 0.01
    assert not part["moved"].any()
    assert float(part["bones"][..., :2].abs().max()) < 1e-3


def test_a_bone_twice_as_long_for_a_frame_is_seen_there():
    world = standing()
    elbow, wrist = H36M.index("left_elbow"), H36M.index("left_wrist")
    world[0, 3, wrist] += world[0, 3, wrist] - world[0, 3, elbow]
    bones = parts(describe(world, *seen(world), RIG, H36M).features)["bones"]
    assert float(bones[0, 3, 0, wrist, 0]) == pytest.approx(3 * math.log(2), rel=1e-3)
    assert float(bones[0, 2, 0, wrist, 0]) == pytest.approx(0, abs=1e-3)
    length = float((world[0, 0, wrist] - world[0, 0, elbow]).norm())
    assert float(bones[0, 0, 0, wrist, 2]) == pytest.approx(length / 400, rel=1e-3)


def test_neighbouring_frames_are_those_whose_numbers_follow():
    world = standing() + 10.0 * torch.arange(7)[None, :, None, None] * torch.tensor([1.0, 0.0, 0.0])
    pose, keypoints = seen(world)
    part = parts(describe(world, pose, keypoints, RIG, H36M).features)
    assert part["exists"][0, 0, 0, 0].tolist() == [float(step > 0) for step in NEIGHBOURS]
    assert part["exists"][0, 3, 0, 0].tolist() == [float(abs(step) < 4) for step in NEIGHBOURS]
    moved = part["moved"][0, 3, 0, 0].view(STEPS, 3)
    one = NEIGHBOURS.index(1)
    expected = ((pose[0, 4, 0, 0] - pose[0, 3, 0, 0]) / 30).asinh()
    torch.testing.assert_close(moved[one], expected, atol=1e-4, rtol=1e-4)
    assert float(expected.norm()) == pytest.approx(10 / 30, rel=0.02)  # 10 mm, in a unit of 30
    gap = parts(describe(world, pose, keypoints, RIG, H36M, torch.tensor([0, 1, 2, 3, 9, 10, 11])).features)
    assert gap["exists"][0, 3, 0, 0].tolist() == [float(step in (-2, -1)) for step in NEIGHBOURS]
    assert not gap["moved"][0, 3, 0, 0].view(STEPS, 3)[one].any()


def test_certainty_is_the_inverse_of_the_information_of_the_reprojection():
    """Compare the covariance of a point, for errors of one px of two cameras, with derivatives of the projection."""
    point = torch.tensor([0.0, 0.0, 1000.0])
    world = point.expand(1, 1, 17, 3).clone()
    rig = Rig(RIG.K[:, :2], *_looking(point))
    pose = rig.to_cameras(world[0])
    features = parts(describe(world, pose[None], rig.project(pose)[None], rig, H36M).features)
    jacobian = torch.autograd.functional.jacobian(
        lambda x: rig.project(rig.to_cameras(x.view(1, 1, 3))).flatten(), point.requires_grad_()
    )
    # The same focal length in x and y stands for the two of the calibration, which differ by less than 0.1 %.
    covariance = np.linalg.inv((jacobian.T @ jacobian).double().detach().numpy())
    for view in range(2):
        turned = rig.R[0, view].double().numpy() @ covariance @ rig.R[0, view].double().numpy().T
        deviation = np.sqrt(np.diag(turned))
        np.testing.assert_allclose(features["deviation"][0, 0, view, 0], np.log(deviation / 4), atol=0.01)
        tilt = turned[2, :2] / (deviation[2] * deviation[:2])
        np.testing.assert_allclose(features["tilt"][0, 0, view, 0], tilt, atol=0.02)


def _looking(point: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    from posezoo.geometry import look_at

    centers = torch.tensor([[3000.0, 500.0, 1400.0], [-1000.0, 4000.0, 1800.0]])
    R, t = look_at(centers, point.expand(2, 3))
    return R[None], t[None]


def test_shared_fusion_is_the_views_own_and_the_mean_of_the_others():
    layer = SharedFusion(3)
    features = torch.randn(5, 2, 4, 3)
    fused = layer(features)
    expected = layer.own(features[:, :, 1]) + features[:, :, [0, 2, 3]].mean(2) @ layer.others.weight.T
    torch.testing.assert_close(fused[:, :, 1], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("views", [2, 3, 5])
def test_any_number_of_views_in_any_order(views):
    network = CrossViewNetwork(H36M, 4, 8, 2, spatial=True, cross_view=True, fusion=True, any_views=True).eval()
    features, order = torch.randn(3, views, 17, 4), torch.randperm(views)
    shift = network(features)
    assert shift.shape == (3, views, 17, 3)
    assert float(shift.detach().abs().max()) > 0
    torch.testing.assert_close(network(features[:, order]), shift[:, order], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("views", [2, 4])
def test_what_is_seen_exactly_stays_and_the_order_of_cameras_does_not_matter(views):
    """Check that exact keypoints keep the triangulated pose, because shifts are in units of the clip's noise."""
    model = posezoo.load("cvugcn.mocap")
    world = standing(4).numpy()[0].astype(np.float64)
    keypoints = np.stack([camera.project(torch.from_numpy(world)).numpy() for camera in CAMERAS[:views]])
    found = model.predict_views(keypoints, CAMERAS[:views]).world_mm
    assert np.abs(found - world).max() < 2.0
    off = keypoints + np.random.default_rng(0).normal(scale=4, size=keypoints.shape)
    one, other = (model.predict_views(off[rows], [CAMERAS[row] for row in rows]).world_mm for rows in _orders(views))
    np.testing.assert_allclose(one, other, atol=0.5)
    assert np.abs(one - world).max() > 5.0


def test_later_passes_begin_with_the_mean_of_those_before_and_all_are_averaged():
    poses = []
    world = standing(4)
    _, keypoints = seen(world)
    keypoints = keypoints + 5 * torch.randn_like(keypoints)
    for passes in (1, 2, 3):
        torch.manual_seed(1)
        model = CVUGCN(width=8, residual=True, any_views=True, context=True, passes=passes).eval()
        with torch.no_grad():
            start, pose = model.refine_clips(world, keypoints, RIG)
            poses.append(pose)
    torch.testing.assert_close(start, RIG.to_cameras(world.flatten(0, 1))[None])
    with torch.no_grad():
        noise = model._refine_once(world, keypoints, RIG, None, None, None)[2]
        for done in (1, 2):
            begun = RIG.to_world(poses[done - 1].flatten(0, 1)).mean(1)[None]
            again = model._refine_once(begun, keypoints, RIG, None, None, None, first_noise_mm=noise)[1]
            torch.testing.assert_close(poses[done], (done * poses[done - 1] + again) / (done + 1), atol=1e-2, rtol=0)
            assert float((again - poses[done - 1]).abs().max()) > 0.1
    with pytest.raises(InputError, match="passes"):
        CVUGCN(width=8, passes=2)


def _orders(views: int) -> tuple[list[int], list[int]]:
    rows = list(range(views))
    return rows, rows[::-1]
