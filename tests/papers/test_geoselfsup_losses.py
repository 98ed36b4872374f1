"""Test every loss term of Chen, Tyagi et al. 2019 against values computed by hand, and its invariances."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.spatial.transform import Rotation

from posezoo.geometry import mirror
from posezoo.papers.geoselfsup import losses
from posezoo.skeletons import get_skeleton

SKELETON = get_skeleton("common14")


def body(**moved: tuple[float, float, float]) -> torch.Tensor:
    """Return one pose whose limbs are straight down, upper and lower parts 1 long, but for the joints that are moved."""
    places = dict.fromkeys(SKELETON.joints, (0.0, 0.0, 0.0))
    for side, x in (("left", 1.0), ("right", -1.0)):
        for row, joint in enumerate(("shoulder", "elbow", "wrist")):
            places[f"{side}_{joint}"] = (2 * x, float(row), 0.0)
        for row, joint in enumerate(("hip", "knee", "ankle")):
            places[f"{side}_{joint}"] = (x, 3.0 + row, 0.0)
    return torch.tensor([[{**places, **moved}[joint] for joint in SKELETON.joints]])


def test_loop_closure_is_the_sum_of_squares_of_a_pose():
    first, second = torch.zeros(2, 3, 2), torch.zeros(2, 3, 2)
    second[0, 0] = torch.tensor([3.0, 4.0])
    second[1, 2] = torch.tensor([1.0, 0.0])
    assert losses.loop_closure(first, second) == (25 + 1) / 2
    assert losses.loop_closure(second, second) == 0


def test_loop_closure_does_not_depend_on_the_view_or_the_order_of_joints():
    first, second = torch.randn(5, 14, 3), torch.randn(5, 14, 3)
    turn = torch.from_numpy(Rotation.random(random_state=0).as_matrix()).float()
    order = torch.randperm(14)
    expected = losses.loop_closure(first, second)
    torch.testing.assert_close(losses.loop_closure(first @ turn.T, second @ turn.T), expected)
    torch.testing.assert_close(losses.loop_closure(first[:, order], second[:, order]), expected)


def test_discriminator_is_the_binary_cross_entropy_of_equation_5():
    real, fake = torch.tensor([0.0, math.log(3.0)]), torch.tensor([math.log(1 / 3)])
    # D(real) = 1/2, 3/4; D(fake) = 1/4
    by_hand = -(math.log(1 / 2) + math.log(3 / 4)) / 2 - math.log(3 / 4)
    assert losses.discriminator(real, fake).item() == pytest.approx(by_hand, rel=1e-6)
    order = torch.tensor([1, 0])
    torch.testing.assert_close(losses.discriminator(real[order], fake), losses.discriminator(real, fake))


def test_adversarial_loss_as_printed_and_as_advised():
    fake = torch.tensor([math.log(1 / 3)])  # D = 1/4
    assert losses.adversarial(fake).item() == pytest.approx(-math.log(1 / 4), rel=1e-6)
    assert losses.adversarial(fake, saturating=True).item() == pytest.approx(math.log(3 / 4), rel=1e-6)


@pytest.mark.parametrize("saturating", [True, False])
def test_the_lifter_gains_where_the_discriminator_is_fooled(saturating):
    values = [losses.adversarial(torch.tensor([logit]), saturating).item() for logit in (-2.0, 0.0, 2.0)]
    assert values == sorted(values, reverse=True)


def test_gradient_penalty_of_a_linear_critic_is_its_squared_norm():
    weight = torch.randn(4, 2)
    real = torch.randn(6, 4, 2)
    penalty = losses.gradient_penalty(lambda pose: (pose * weight).sum((1, 2)), real)
    torch.testing.assert_close(penalty, weight.square().sum())
    torch.testing.assert_close(losses.gradient_penalty(lambda pose: (pose * weight).sum((1, 2)), real.flip(0)), penalty)


def test_limb_symmetry_by_hand_and_its_invariances():
    pose = body(left_wrist=(2.0, 3.0, 0.0))
    assert losses.limb_symmetry(pose, SKELETON).item() == pytest.approx(math.log(2) ** 2, rel=1e-5)
    assert losses.limb_symmetry(body(), SKELETON) == 0
    torch.testing.assert_close(losses.limb_symmetry(mirror(pose, SKELETON), SKELETON), losses.limb_symmetry(pose, SKELETON))
    torch.testing.assert_close(losses.limb_symmetry(3 * pose, SKELETON), losses.limb_symmetry(pose, SKELETON))


def test_corrections_are_counted_by_their_squares():
    correction = torch.zeros(2, 3, 2)
    correction[0, 1] = torch.tensor([1.0, 2.0])
    assert losses.correction_size(correction) == 2.5


def test_completion_counts_missing_joints_alone():
    target, filled = torch.zeros(1, 3, 2), torch.ones(1, 3, 2)
    filled[0, 2] = torch.tensor([3.0, 4.0])
    present = torch.tensor([[1.0, 0.0, 0.0]])
    assert losses.completion(filled, target, present) == 2 + 25
    assert losses.completion(filled, target, torch.ones(1, 3)) == 0


def test_supervised_is_the_sum_of_squares_of_a_pose_and_turns_with_it():
    pose, label = torch.zeros(2, 2, 3), torch.zeros(2, 2, 3)
    label[0, 1] = torch.tensor([1.0, 2.0, 2.0])
    assert losses.supervised(pose, label) == 4.5
    turn = torch.from_numpy(Rotation.random(random_state=2).as_matrix()).float()
    torch.testing.assert_close(losses.supervised(pose @ turn.T, label @ turn.T), losses.supervised(pose, label))
