"""Test kinematics and normalisation: values computed by hand, and properties."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.spatial.transform import Rotation

from posezoo.errors import InputError
from posezoo.geometry import (
    bone_asymmetry,
    bone_lengths,
    center_and_scale,
    forward_kinematics,
    lift_to_3d,
    limb_ratios,
    mirror,
    rotation_about,
    scale_bones,
)
from posezoo.geometry.normalization import toward_rays
from posezoo.skeletons import Skeleton, get_skeleton

H36M = get_skeleton("h36m17")


def test_forward_kinematics_of_a_bent_arm():
    # Shoulder turned by 90 degrees about z, elbow by another 90: the forearm points backwards.
    quarter = torch.tensor(math.pi / 2, dtype=torch.float64)
    turn, none = rotation_about("z", quarter), torch.eye(3, dtype=torch.float64)
    offsets = torch.tensor([[0.0, 0, 0], [1, 0, 0], [1, 0, 0]], dtype=torch.float64)
    positions, rotations = forward_kinematics(torch.stack([turn, turn, none])[None], offsets, (-1, 0, 1))
    torch.testing.assert_close(positions[0], torch.tensor([[0.0, 0, 0], [0, 1, 0], [-1, 1, 0]], dtype=torch.float64))
    torch.testing.assert_close(rotations[0, 2], turn @ turn)


def test_bone_lengths_by_hand():
    pose = torch.zeros(17, 3)
    pose[1] = torch.tensor([3.0, 4.0, 0.0])
    lengths = bone_lengths(pose, H36M)
    assert lengths[H36M.bones.index((0, 1))] == 5
    assert lengths[H36M.bones.index((1, 2))] == 5  # the knee stayed at the origin
    assert lengths.sum() == 10


def test_scaled_bones_have_the_lengths_asked_for_and_their_directions():
    pose, factors = torch.randn(5, 17, 3, dtype=torch.float64), torch.rand(17, dtype=torch.float64) + 0.5
    scaled = scale_bones(pose, factors, H36M)
    expected = bone_lengths(pose, H36M) * factors[[child for _, child in H36M.bones]]
    torch.testing.assert_close(bone_lengths(scaled, H36M), expected)
    torch.testing.assert_close(scaled[:, 0], pose[:, 0])
    before, after = pose[:, 2] - pose[:, 1], scaled[:, 2] - scaled[:, 1]
    torch.testing.assert_close(torch.cosine_similarity(before, after), torch.ones(5, dtype=torch.float64))


def test_normalisation_centres_the_root_scales_and_inverts():
    points = torch.randn(6, 17, 2, dtype=torch.float64) * 200 + 500
    normalised, root, scale = center_and_scale(points, 0, 0.1)
    torch.testing.assert_close(normalised[:, 0], torch.zeros(6, 2, dtype=torch.float64))
    torch.testing.assert_close(normalised[:, 1:].norm(dim=-1).mean(1), torch.full((6,), 0.1, dtype=torch.float64))
    torch.testing.assert_close(normalised * scale + root, points)
    again = center_and_scale(points * 3 + 17, 0, 0.1)[0]
    torch.testing.assert_close(again, normalised)


def test_normalising_a_single_point_gives_no_nan():
    assert torch.isfinite(center_and_scale(torch.full((2, 17, 2), 7.0), 0)[0]).all()


def test_lifted_points_lie_on_their_rays():
    keypoints, depth = torch.randn(4, 17, 2), torch.rand(4, 17) * 5 + 8
    points = lift_to_3d(keypoints, depth)
    torch.testing.assert_close(points[..., :2] / points[..., 2:], keypoints)
    torch.testing.assert_close(points[..., 2], depth)
    assert (lift_to_3d(keypoints, depth - 100)[..., 2] == 1).all()


def test_bone_asymmetry_is_left_minus_right_and_turns_with_the_mirror():
    pose = torch.randn(4, 17, 3, dtype=torch.float64)
    gap = bone_asymmetry(pose, H36M)
    for column, ((a, b), (c, d)) in enumerate(H36M.bone_pairs):
        expected = (pose[:, b] - pose[:, a]).norm(dim=-1) - (pose[:, d] - pose[:, c]).norm(dim=-1)
        torch.testing.assert_close(gap[:, column], expected)
    torch.testing.assert_close(bone_asymmetry(mirror(pose, H36M), H36M), -gap)


def test_the_mirror_image_of_a_mirror_image_is_the_pose():
    for dimensions in (2, 3):
        pose = torch.randn(4, 17, dimensions)
        image = mirror(pose, H36M)
        torch.testing.assert_close(image[:, H36M.index("left_wrist"), 0], -pose[:, H36M.index("right_wrist"), 0])
        torch.testing.assert_close(image[:, H36M.index("left_wrist"), 1:], pose[:, H36M.index("right_wrist"), 1:])
        assert torch.equal(mirror(image, H36M), pose)


def test_limb_ratios_by_hand_and_under_rotation_scale_and_mirroring():
    skeleton = get_skeleton("common14")
    pose = torch.randn(1, 14, 3)
    place = {name: torch.randn(3) for name in ("left_shoulder", "right_shoulder", "left_hip", "right_hip")}
    lengths = {"left_arm": (1, 2), "right_arm": (3, 3), "left_leg": (2, 2), "right_leg": (1, 4)}
    for limb, (upper, lower) in lengths.items():
        side, kind = limb.split("_")
        first, middle, last = ("shoulder", "elbow", "wrist") if kind == "arm" else ("hip", "knee", "ankle")
        pose[0, skeleton.index(f"{side}_{first}")] = start = place[f"{side}_{first}"]
        pose[0, skeleton.index(f"{side}_{middle}")] = bend = start + torch.tensor([0.0, upper, 0.0])
        pose[0, skeleton.index(f"{side}_{last}")] = bend + torch.tensor([0.0, 0.0, lower])
    # left arm 1 / 2, right arm 1 / 1, left leg 1 / 1, right leg 1 / 4
    torch.testing.assert_close(limb_ratios(pose, skeleton), torch.tensor([[0.5, 1.0, 1.0, 0.25]]))
    turn = torch.from_numpy(Rotation.random(random_state=1).as_matrix()).float()
    torch.testing.assert_close(limb_ratios(7 * pose @ turn.T, skeleton), limb_ratios(pose, skeleton))
    mirrored = limb_ratios(mirror(pose, skeleton), skeleton)
    torch.testing.assert_close(mirrored, torch.tensor([[1.0, 0.5, 0.25, 1.0]]))


def test_limb_ratios_need_limbs():
    with pytest.raises(InputError, match="left_ankle"):
        limb_ratios(torch.zeros(1, 1, 3), Skeleton("point", ("pelvis",), (-1,)))


def test_a_pose_that_is_seen_from_its_distance_stays_on_its_rays():
    torch.manual_seed(0)
    pose = torch.randn(20, 17, 3, dtype=torch.float64)
    pose = pose - pose[:, :1]
    pose = pose / pose.norm(dim=-1).mean(1)[:, None, None]
    seen = 700 * pose[..., :2] / (pose[..., 2:] + 10) + 500
    torch.testing.assert_close(toward_rays(pose, seen, 0, 1.0), pose)
    wrong = pose * torch.tensor([1.0, 1.1, 1.0]) + 3
    moved = toward_rays(wrong, seen, 0, 1.0)
    torch.testing.assert_close(moved[..., 2], wrong[..., 2])
    depth = (moved[..., 2:] - 3) / (moved - 3 + (wrong - moved)).norm(dim=-1).mean(1)[:, None, None]
    ray = (moved[..., :2] - 3) / (1 + depth / 10)
    scale = (ray * (seen - 500)).sum((1, 2)) / (seen - 500).square().sum((1, 2))
    torch.testing.assert_close(ray, scale[:, None, None] * (seen - 500))
    torch.testing.assert_close(toward_rays(wrong, seen, 0, 0.25), wrong + (moved - wrong) / 4)
    torch.testing.assert_close(toward_rays(5 * wrong, 3 * seen - 8, 0, 1.0), 5 * moved)
