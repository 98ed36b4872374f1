"""Test the losses of Chen, Lin et al. 2019 against values computed by hand, and their invariances."""

from __future__ import annotations

import pytest
import torch

from posezoo.geometry import random_view
from posezoo.networks import rotate
from posezoo.papers.georep import losses


def test_reconstruction_is_summed_over_pixels_and_averaged_over_poses():
    pred, target = torch.zeros(2, 1, 2, 2), torch.zeros(2, 1, 2, 2)
    target[0, 0, 0] = 1.0  # two pixels of the first pose
    pred[1, 0, 1, 1] = 3.0
    assert losses.reconstruction(pred, target).item() == pytest.approx((2 * 1.0 + 9.0) / 2)


def test_consistency_by_hand():
    one = torch.tensor([[[3.0, 0.0, 0.0], [0.0, 4.0, 0.0]]])  # of length 5
    other = torch.tensor([[[0.0, 0.0, 2.0], [0.0, 0.0, 0.0]]])  # of length 2, at right angles
    assert losses.consistency(one, other, "code").item() == pytest.approx(2.0)
    assert losses.consistency(one, -one, "code").item() == pytest.approx(4.0)


def test_consistency_normalises_every_point_that_equation_3_sums_over():
    one = torch.tensor([[[3.0, 0.0, 0.0], [0.0, 4.0, 0.0]]])
    other = torch.tensor([[[0.0, 0.0, 2.0], [0.0, 0.5, 0.0]]])  # at right angles, and the same direction
    assert losses.consistency(one, other).item() == pytest.approx(2.0)
    assert losses.consistency(one, -one).item() == pytest.approx(2 * 4.0)  # a sum over points
    # In the whole code the short second point hardly counts: (3, 0, 0, 0, 4, 0) / 5 and (0, 0, 2, 0, 0.5, 0) / 4.25^0.5.
    expected = 2 - 2 * (4.0 * 0.5) / (5.0 * 4.25**0.5)
    assert losses.consistency(one, other, "code").item() == pytest.approx(expected)


def test_consistency_sees_neither_scale_nor_a_common_rotation():
    torch.manual_seed(0)
    one, other, rotation = torch.randn(6, 5, 3), torch.randn(6, 5, 3), random_view(6, elevation=0.3)
    value = losses.consistency(one, other)
    assert losses.consistency(one, 3 * one).item() == pytest.approx(0.0, abs=1e-10)
    torch.testing.assert_close(losses.consistency(2 * one, 7 * other), value)
    torch.testing.assert_close(losses.consistency(rotate(one, rotation), rotate(other, rotation)), value)
    assert losses.consistency(rotate(one, rotation), other) > 0.1


def test_gradients_agree_with_finite_differences():
    torch.manual_seed(0)
    one, other = (torch.randn(2, 3, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(losses.consistency, (one, other))
    maps, target = (torch.rand(2, 2, 4, 4, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(losses.reconstruction, (maps, target))
