"""Test each loss of SVMA against values computed by hand, and the invariances that the paper implies."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from posezoo.geometry import rotation_about
from posezoo.papers.svma import losses
from posezoo.skeletons import get_skeleton

H36M = get_skeleton("h36m17")


def upright_person() -> torch.Tensor:
    """Return a person who faces the camera: x right, y down, z away; the left side is on the image's right."""
    places = {
        "pelvis": (0, 0, 0), "spine": (0, -2, 0), "thorax": (0, -4, 0), "nose": (0, -5, -1), "head_top": (0, -6, 0),
        "left_shoulder": (1, -4, 0), "left_elbow": (2, -3, 0), "left_wrist": (2, -2, -1),
        "left_hip": (0.5, 0, 0), "left_knee": (0.5, 3, 0), "left_ankle": (0.5, 6, 0.5),
    }  # fmt: skip
    for joint, (x, y, z) in list(places.items()):
        if joint.startswith("left_"):
            places[joint.replace("left_", "right_")] = (-x, y, z)
    return torch.tensor([places[joint] for joint in H36M.joints], dtype=torch.float64)[None]


def test_consistency_3d_by_hand():
    first = torch.zeros(2, 17, 3, dtype=torch.float64)
    second = first.clone()
    second[0, 3] = torch.tensor([3.0, 0.0, 4.0])  # 2-norm 5 in one sample, 0 in the other
    assert losses.consistency_3d(first, second).item() == pytest.approx(5 / 17 / 2, abs=1e-6)


def test_consistency_3d_is_invariant_to_a_common_rotation():
    first, second = torch.randn(2, 3, 17, 3, dtype=torch.float64)
    turn = rotation_about("x", torch.tensor(0.7, dtype=torch.float64))
    torch.testing.assert_close(losses.consistency_3d(first @ turn.T, second @ turn.T), losses.consistency_3d(first, second))


def test_camera_equality_by_hand():
    first = torch.zeros(1, 2, 3)
    second = torch.tensor([[[1.0, -2.0, 0.0], [0.0, 3.0, 0.0]]])
    assert losses.camera_equality(first, second).item() == pytest.approx(1.0)


def test_multi_angle_against_a_loop():
    generator = np.random.default_rng(0)
    first, second = generator.normal(size=(5, 2, 17, 2)), generator.normal(size=(4, 2, 17, 2))
    expected = 0.0
    for poses in (first, second):
        for i in range(len(poses)):
            for j in range(i + 1, len(poses)):
                expected += np.mean([np.linalg.norm(poses[i][b] - poses[j][b]) for b in range(2)]) / (len(poses) * 17)
    found = losses.multi_angle(list(torch.from_numpy(first)), list(torch.from_numpy(second)))
    assert found.item() == pytest.approx(expected, rel=1e-9)


def test_multi_angle_vanishes_where_all_reprojections_agree_and_ignores_their_order():
    pose = torch.randn(3, 17, 2, dtype=torch.float64)
    assert losses.multi_angle([pose] * 5, [pose + 1] * 4).item() == pytest.approx(0, abs=1e-5)
    others = list(torch.randn(5, 3, 17, 2, dtype=torch.float64))
    torch.testing.assert_close(losses.multi_angle(others, []), losses.multi_angle(others[::-1], []))


def test_critic_difference_is_rotated_minus_real():
    assert losses.critic_difference(torch.tensor([1.0, 3.0]), torch.tensor([4.0, 6.0])).item() == -3


def test_gradient_penalty_of_a_linear_critic_is_known():
    # The gradient of a linear critic is its weight vector everywhere: here of norm 3, so the penalty is (3 - 1)^2.
    weight = torch.zeros(17, 2)
    weight[4, 1] = 3.0
    real, fake = torch.randn(2, 8, 17, 2)
    penalty = losses.gradient_penalty(lambda x: (x * weight).sum((1, 2)), real, fake, torch.rand(8, 1, 1))
    assert penalty.item() == pytest.approx(4.0, rel=1e-5)


def test_gradient_penalty_against_finite_differences():
    torch.manual_seed(1)
    network = torch.nn.Sequential(torch.nn.Linear(34, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1)).double()

    def critic(x: torch.Tensor) -> torch.Tensor:
        return network(x.flatten(1))[:, 0]

    real, fake, mix = torch.randn(2, 17, 2).double(), torch.randn(2, 17, 2).double(), torch.rand(2, 1, 1).double()
    between, step = mix * real + (1 - mix) * fake, 1e-6
    expected = 0.0
    for sample in between:
        gradient = torch.zeros(17, 2).double()
        for index in np.ndindex(17, 2):
            nudge = torch.zeros(17, 2).double()
            nudge[index] = step
            gradient[index] = (critic((sample + nudge)[None]) - critic((sample - nudge)[None]))[0].item() / (2 * step)
        expected += (gradient.norm().item() - 1) ** 2 / 2
    assert losses.gradient_penalty(critic, real, fake, mix).item() == pytest.approx(expected, rel=1e-5)


def test_camera_scale_is_zero_for_scaled_rotations_and_known_otherwise():
    turn = rotation_about("y", torch.tensor([0.4, 1.9]))[:, :2]
    assert losses.camera_scale(0.37 * turn).item() == pytest.approx(0, abs=1e-5)
    # K K^T = diag(1, 0): 2 / 1 * diag(1, 0) - I = diag(1, -1), of Frobenius norm sqrt(2).
    camera = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]])
    assert losses.camera_scale(camera).item() == pytest.approx(math.sqrt(2), rel=1e-6)


def test_bone_symmetry_by_hand_and_under_mirroring():
    pose = upright_person()
    assert losses.bone_symmetry(pose, H36M).item() == pytest.approx(0, abs=1e-12)
    pose[0, H36M.index("left_ankle"), 1] += 0.5
    left, right = math.hypot(3.5, 0.5), math.hypot(3.0, 0.5)
    assert losses.bone_symmetry(pose, H36M).item() == pytest.approx((left - right) ** 2 / len(H36M.bone_pairs), rel=1e-9)
    mirrored = pose[:, list(H36M.mirror)] * torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(losses.bone_symmetry(mirrored, H36M), losses.bone_symmetry(pose, H36M))


@pytest.mark.parametrize("azimuth", [0.0, 0.6, 2.0, 4.5])
def test_facing_angle_allows_people_from_any_side_and_forbids_inverted_depth(azimuth):
    pose = upright_person() @ rotation_about("y", torch.tensor(azimuth, dtype=torch.float64)).T
    assert losses.facing_angle(pose, H36M).item() == pytest.approx(0, abs=1e-9)
    inverted = pose * torch.tensor([1.0, 1.0, -1.0])
    # Neck to nose is (0, -1, -1), shoulders (2, 0, 0): the sine is 2 / (sqrt(2) * 2).
    assert losses.facing_angle(inverted, H36M).item() == pytest.approx(1 / math.sqrt(2), rel=1e-6)


def test_every_loss_gives_finite_gradients_at_its_minimum():
    pose = upright_person().float().requires_grad_(True)
    camera = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]).requires_grad_(True)
    total = (
        losses.consistency_3d(pose, pose.detach())
        + losses.multi_angle([pose[..., :2], pose[..., :2].detach()], [])
        + losses.camera_scale(camera)
        + losses.bone_symmetry(pose, H36M)
        + losses.facing_angle(pose, H36M)
    )
    total.backward()
    assert torch.isfinite(pose.grad).all()
    assert torch.isfinite(camera.grad).all()
