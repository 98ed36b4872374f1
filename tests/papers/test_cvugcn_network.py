"""Test the graph convolution of Hua et al. 2021 against its equation, and the network's switches."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from posezoo.geometry import bone_lengths
from posezoo.networks import fuse_batch_norm
from posezoo.papers.cvugcn.graph import KINDS, BodyGraph, adjacency, pooling
from posezoo.papers.cvugcn.networks import CrossViewNetwork, GraphConvolution
from posezoo.skeletons import get_skeleton, list_skeletons

H36M = get_skeleton("h36m17")


def names(matrix: torch.Tensor, joint: str) -> set[str]:
    return {H36M.joints[i] for i in matrix[H36M.index(joint)].nonzero().flatten().tolist()}


def test_neighbours_of_a_knee_and_of_the_thorax():
    graph = BodyGraph.of(H36M)
    assert names(graph.neighbours("physical"), "left_knee") == {"left_hip", "left_ankle"}
    assert names(graph.neighbours("second_order"), "left_knee") == {"pelvis"}
    assert names(graph.neighbours("symmetric"), "left_knee") == {"right_knee"}
    assert names(graph.neighbours("symmetric"), "thorax") == set()
    shoulders = {"left_shoulder", "right_shoulder"}
    assert names(graph.neighbours("physical"), "thorax") == {"spine", "nose"} | shoulders
    assert names(graph.neighbours("second_order"), "thorax") == {"pelvis", "head_top", "left_elbow", "right_elbow"}


@pytest.mark.parametrize("kind", KINDS[:-1])
def test_no_pair_of_joints_is_of_two_kinds(kind):
    graph = BodyGraph.of(H36M)
    others = sum(graph.neighbours(other) for other in KINDS[:-1] if other not in (kind, "symmetric"))
    if kind != "symmetric":  # hips are siblings as well as mirror images
        assert not (graph.neighbours(kind) * others).any()
    torch.testing.assert_close(graph.neighbours(kind), graph.neighbours(kind).T)


@pytest.mark.parametrize("name", list_skeletons())
def test_pooling_keeps_left_and_right_apart_and_alike(name):
    skeleton = get_skeleton(name)
    graph = BodyGraph.of(skeleton)
    for _ in range(2):
        coarse, clusters = graph.pool()
        assert len(coarse) <= len(graph)
        assert sorted(set(clusters)) == list(range(len(coarse)))
        assert coarse.parents.count(-1) == 1
        for node, cluster in enumerate(clusters):
            assert coarse.mirror[cluster] == clusters[graph.mirror[node]]
            assert (graph.mirror[node] == node) == (coarse.mirror[cluster] == cluster)
        down, up = pooling(clusters, views=2)
        torch.testing.assert_close(down.sum(1), torch.ones(2 * len(coarse)))
        torch.testing.assert_close(down @ up, torch.eye(2 * len(coarse)))
        graph = coarse


def test_h36m_pools_to_eleven_and_six():
    graph, clusters = BodyGraph.of(H36M).pool()
    assert clusters[H36M.index("left_elbow")] == clusters[H36M.index("left_wrist")]
    assert len(graph) == 11
    assert len(graph.pool()[0]) == 6


def test_convolution_is_equation_two():
    """Compare with plain loops in NumPy, where D is the row sums of each sub-matrix."""
    matrices = adjacency(BodyGraph.of(H36M), views=2)
    layer = GraphConvolution(3, 4, matrices)
    H = torch.randn(34, 5, 3)
    graph = BodyGraph.of(H36M)
    expected = np.zeros((34, 5, 4)) + layer.bias.detach().numpy()
    for k, kind in enumerate(KINDS):
        A = np.zeros((34, 34))
        for view in range(2):
            for i in range(17):
                if kind == "view":
                    A[17 * view + i, 17 * (1 - view) + i] = 1
                else:
                    A[17 * view + i, 17 * view : 17 * view + 17] = graph.neighbours(kind)[i].numpy()
        degree = A.sum(1)
        scale = np.array([1 / np.sqrt(d) if d else 0.0 for d in degree])
        for b in range(5):
            expected[:, b] += (np.diag(scale) @ A @ np.diag(scale)) @ H[:, b].numpy() @ layer.weight[k].detach().numpy()
    np.testing.assert_allclose(layer(H).detach().numpy(), expected, atol=1e-5)


def test_no_other_view_is_heard_without_fusion_and_cross_view():
    """Check that each switch alone leaves a way between the views, and that both off leave none."""
    for fusion, cross_view in ((True, False), (False, True), (False, False)):
        network = CrossViewNetwork(H36M, 3, 8, 2, spatial=True, cross_view=cross_view, fusion=fusion).eval()
        features = torch.randn(4, 2, 17, 3)
        changed = features.clone()
        changed[:, 1] += 1.0
        same = torch.allclose(network(features)[:, 0], network(changed)[:, 0], atol=1e-6)
        assert same == (not fusion and not cross_view)


def test_no_other_joint_is_heard_without_spatial_configuration_but_through_the_pools():
    """Check that a joint depends on itself alone at full resolution, while pooling still connects what it pools."""
    network = CrossViewNetwork(H36M, 3, 8, 2, spatial=False, cross_view=True, fusion=True).eval()
    features = torch.randn(4, 2, 17, 3)
    changed = features.clone()
    changed[:, :, H36M.index("left_ankle")] += 1.0
    moved = (network(features) - network(changed)).abs().amax((0, 1, 3)) > 1e-6
    assert {H36M.joints[i] for i in moved.nonzero().flatten().tolist()} == {"left_ankle", "left_knee", "left_hip"}


def test_it_does_not_matter_which_place_in_the_batch_a_pose_has():
    network = CrossViewNetwork(H36M, 3, 8, 2, spatial=True, cross_view=True, fusion=True).eval()
    features, order = torch.randn(6, 2, 17, 3), torch.randperm(6)
    torch.testing.assert_close(network(features)[order], network(features[order]))


def test_batch_norm_folds_away_for_inference():
    network = CrossViewNetwork(H36M, 3, 8, 2, spatial=True, cross_view=True, fusion=True)
    network(torch.randn(64, 2, 17, 3) * 3 + 1)  # statistics that are not those of the start
    network.eval()
    features = torch.randn(5, 2, 17, 3)
    fused = fuse_batch_norm(network)
    assert not any("norm" in name for name, _ in fused.named_modules())
    with torch.inference_mode():
        torch.testing.assert_close(fused(features), network(features), atol=1e-5, rtol=1e-4)


def test_published_size():
    """Check the size of Table 4, about 20 MB."""
    network = CrossViewNetwork(H36M, 6, 256, 2, spatial=True, cross_view=True, fusion=True)
    megabytes = sum(p.numel() for p in network.parameters()) * 4 / 1e6
    assert 18 < megabytes < 23


@pytest.mark.parametrize("name", ["coco17", "common14", "mpii16"])
def test_any_skeleton_will_do(name):
    skeleton = get_skeleton(name)
    network = CrossViewNetwork(skeleton, 3, 8, 2, spatial=True, cross_view=True, fusion=True)
    shift = network(torch.randn(3, 2, len(skeleton), 3))
    assert shift.shape == (3, 2, len(skeleton), 3)
    assert bone_lengths(shift, skeleton).shape[-1] == len(skeleton) - 1
