"""Test building blocks: shapes, switches, and values."""

from __future__ import annotations

import pickle

import pytest
import torch
from torch import nn

from posezoo.errors import UnknownNameError
from posezoo.networks import AveragedNetwork, ResidualBlock, ResidualMLP, Standardize, fuse_batch_norm


def test_parameter_count_of_the_published_baseline():
    # Martinez et al.: 32 -> 1024, two blocks of two 1024 x 1024 layers with batch norm, 1024 -> 48.
    network = ResidualMLP(32, 48, 1024, 2)
    layers = 32 * 1024 + 1024 + 4 * (1024 * 1024 + 1024) + 1024 * 48 + 48
    assert sum(p.numel() for p in network.parameters()) == layers + 5 * 2 * 1024


def test_a_block_adds_its_input():
    block = ResidualBlock(8, batch_norm=False)
    for parameter in block.parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(3, 8)
    torch.testing.assert_close(block(x), x)


def test_switches_leave_out_what_they_switch_off():
    kinds = {type(module) for module in ResidualMLP(4, 4, 8, 1, "leaky_relu", batch_norm=False).modules()}
    assert nn.LeakyReLU in kinds
    assert kinds.isdisjoint({nn.BatchNorm1d, nn.Dropout, nn.ReLU})
    with pytest.raises(UnknownNameError, match="activation"):
        ResidualBlock(8, "relux")


def test_the_average_follows_by_its_decay_and_stays_in_eval_mode():
    network = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    average = AveragedNetwork(network, 0.9)
    network[0].weight.data.fill_(0.0)
    average.update_parameters(network)  # the first update copies
    network[0].weight.data.fill_(1.0)
    average.update_parameters(network)
    assert average.module[0].weight.item() == pytest.approx(0.1)
    average.train()
    assert not average.module[1].training
    assert not any(p.requires_grad for p in average.parameters())


def test_an_average_survives_pickling_and_goes_on():
    network = nn.Linear(2, 1)
    average = pickle.loads(pickle.dumps(AveragedNetwork(network, 0.5)))
    average.update_parameters(network)  # the first update takes the weights as they are
    before = average.module.weight.clone()
    with torch.no_grad():
        network.weight += 1
    average.update_parameters(network)
    torch.testing.assert_close(average.module.weight, before + 0.5)


def test_no_average_is_a_copy():
    network = nn.Linear(2, 2)
    average = AveragedNetwork(network, 0.0)
    for _ in range(3):
        network.weight.data.normal_()
        average.update_parameters(network)
    torch.testing.assert_close(average.module.weight, network.weight)


def test_standardize_inverts_and_survives_constant_coordinates():
    samples = torch.randn(500, 4, 3) * 7 + 3
    samples[:, 0] = 5.0
    standardize = Standardize(4, 3)
    standardize.fit(samples)
    standard = standardize(samples)
    torch.testing.assert_close(standard[:, 1:].std(0), torch.ones(3, 3))
    assert (standard[:, 0] == 0).all()
    torch.testing.assert_close(standardize.inverse(standard), samples)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
@pytest.mark.parametrize("parts", [{}, {"lift_in": False}, {"outputs": None}, {"blocks": 0}, {"batch_norm": False}], ids=str)
def test_folded_batch_norm_gives_the_same_outputs(activation, parts):
    sizes = {"inputs": 16, "outputs": 3, "width": 16, "blocks": 2, "dropout": 0.3}
    network = ResidualMLP(**{**sizes, "activation": activation, **parts})
    for _ in range(5):
        network(torch.randn(64, 16) * 3 + 1)  # statistics that are not the initial ones
    network.eval()
    x, added = torch.randn(2, 10, 16)
    with torch.inference_mode():
        fused, given = fuse_batch_norm(network), x.clone()
        torch.testing.assert_close(fused(given), network(x), atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(fused(given, added), network(x, added), atol=1e-5, rtol=1e-5)
    assert torch.equal(given, x), "activations in place must not reach the caller's features"
    kinds = {type(module) for module in fused.modules()}
    assert kinds.isdisjoint({nn.BatchNorm1d, nn.Dropout, ResidualMLP})


def test_a_network_with_layers_of_a_users_own_is_folded_as_it_is():
    class Scaled(nn.Linear):
        def forward(self, features):
            return 2 * super().forward(features)

    network = ResidualMLP(16, 3, 16, 1, batch_norm=False).eval()
    network.blocks[0].first.linear, x = Scaled(16, 16), torch.randn(4, 16)
    torch.testing.assert_close(fuse_batch_norm(network)(x), network(x))
