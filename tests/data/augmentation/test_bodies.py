"""Test that augmented poses keep bone lengths, directions, the trunk, and left and right."""

from __future__ import annotations

import math

import pytest
import torch

from posezoo.data.augmentation import Tree, change_body, exchange_limbs, joint_offsets, lean, move_joints, turn_bones
from posezoo.geometry import bone_asymmetry, bone_lengths, rotation_about
from posezoo.skeletons import convert, get_skeleton
from posezoo.synthetic.postures import random_postures

LAYOUTS = [get_skeleton(name) for name in ("h36m17", "mpii16")]


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture(params=LAYOUTS, ids=lambda skeleton: skeleton.name)
def skeleton(request):
    return request.param


def people(skeleton, count=64, seed=0):
    drawn = torch.from_numpy(random_postures(count, seed))
    pose = convert(drawn, "h36m17", skeleton).keypoints.float()
    return pose - pose[:, skeleton.root : skeleton.root + 1]


def directions(pose, skeleton):
    bones = Tree.of(skeleton, pose.device).bones(pose)
    return torch.nn.functional.normalize(bones, dim=-1)


def test_joints_of_bones_are_the_pose(skeleton):
    pose, tree = people(skeleton), Tree.of(skeleton, torch.device("cpu"))
    torch.testing.assert_close(tree.joints(tree.bones(pose)), pose, atol=1e-3, rtol=0)


def test_exchanged_limbs_keep_their_lengths_and_the_trunk_stays(skeleton):
    pose, donor = people(skeleton), people(skeleton, seed=1)
    changed = exchange_limbs(pose, donor, skeleton, 1.0)
    torch.testing.assert_close(bone_lengths(changed, skeleton), bone_lengths(pose, skeleton), rtol=1e-4, atol=1e-2)
    limbs = [skeleton.index(f"{s}_{j}") for s in ("left", "right") for j in ("elbow", "wrist", "knee", "ankle")]
    rest = [joint for joint in range(len(skeleton)) if joint not in limbs]
    torch.testing.assert_close(changed[:, rest], pose[:, rest], atol=1e-2, rtol=0)
    assert float((changed[:, limbs] - pose[:, limbs]).norm(dim=-1).mean()) > 100


def test_limbs_of_a_turned_donor_are_the_same_limbs(skeleton):
    """Take limbs relative to the trunk, so that the donor's place in the world does not matter."""
    pose, donor = people(skeleton), people(skeleton, seed=1)
    turn = rotation_about("z", torch.tensor(1.0)) @ rotation_about("x", torch.tensor(0.7))
    once, again = (exchange_limbs(pose, given, skeleton, 1.0) for given in (donor, donor @ turn.T))
    torch.testing.assert_close(once, again, atol=0.1, rtol=0)


def test_own_limbs_given_back_change_nothing(skeleton):
    pose = people(skeleton)
    torch.testing.assert_close(exchange_limbs(pose, 2 * pose, skeleton, 1.0), pose, atol=0.1, rtol=0)
    torch.testing.assert_close(exchange_limbs(pose, people(skeleton, seed=1), skeleton, 0.0), pose, atol=1e-3, rtol=0)


def test_turned_bones_keep_their_lengths_and_turn_by_the_angle_asked_for(skeleton):
    pose = people(skeleton, 2000)
    changed = turn_bones(pose, skeleton, 0.12)
    torch.testing.assert_close(bone_lengths(changed, skeleton), bone_lengths(pose, skeleton), rtol=1e-4, atol=1e-2)
    cosine = (directions(pose, skeleton) * directions(changed, skeleton)).sum(-1).clamp(-1, 1)
    others = [joint for joint in range(len(skeleton)) if joint != skeleton.root]
    angle = cosine[:, others].acos().square().mean().sqrt()
    # A turn about the bone itself moves nothing: of three directions two count.
    assert float(angle) == pytest.approx(0.12 * math.sqrt(2 / 3), rel=0.03)


def test_hips_and_shoulders_stay_in_line(skeleton):
    pose = people(skeleton)
    changed = turn_bones(pose, skeleton, 0.3)
    for joint in ("hip", "shoulder"):
        ends = [skeleton.index(f"{side}_{joint}") for side in ("left", "right")]
        before, after = ((x[:, ends[0]] - x[:, ends[1]]).norm(dim=-1) for x in (pose, changed))
        torch.testing.assert_close(after, before, rtol=1e-3, atol=0.1)


def test_another_body_keeps_postures_and_symmetry(skeleton):
    pose = people(skeleton, 500)
    changed = change_body(pose, skeleton, segments=0.08, size=0.05)
    moved = [joint for joint in range(len(skeleton)) if joint != skeleton.root]
    torch.testing.assert_close(
        directions(changed, skeleton)[:, moved], directions(pose, skeleton)[:, moved], atol=1e-3, rtol=0
    )
    torch.testing.assert_close(
        bone_asymmetry(changed, skeleton), torch.zeros(500, len(skeleton.bone_pairs)), atol=0.1, rtol=0
    )
    factors = bone_lengths(changed, skeleton) / bone_lengths(pose, skeleton).clamp_min(1e-6)
    assert float(factors.std(0).mean()) == pytest.approx(math.hypot(0.08, 0.05), rel=0.1)
    assert float(factors.mean()) == pytest.approx(1.0, abs=0.02)


def test_offsets_of_joints_are_symmetric_and_as_large_as_asked_for(skeleton):
    offset = joint_offsets(4000, skeleton, 20.0)
    mirrored = offset[:, list(skeleton.mirror)] * torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(offset, mirrored, atol=1e-5, rtol=0)
    central = [joint == skeleton.mirror[joint] for joint in range(len(skeleton))]
    assert float(offset[:, central, 0].abs().max()) == 0
    assert float(offset[:, [not c for c in central]].std()) == pytest.approx(20.0, rel=0.03)
    assert float(offset[:, central, 1:].std()) == pytest.approx(20.0, rel=0.03)


def test_moved_joints_turn_with_the_person_and_keep_symmetric_lengths(skeleton):
    pose = people(skeleton)
    turn = rotation_about("z", torch.tensor(1.0)) @ rotation_about("x", torch.tensor(0.7))
    once, again = [], []
    for result, given in ((once, pose), (again, pose @ turn.T)):
        torch.manual_seed(3)
        result.append(move_joints(given, skeleton, 20.0))
    torch.testing.assert_close(once[0] @ turn.T, again[0], atol=0.1, rtol=0)
    assert float((once[0] - pose)[:, skeleton.root].abs().max()) == 0
    assert 20 < float((once[0] - pose).norm(dim=-1).mean()) < 60
    # A person who stands straight, seen in a mirror, has the same definition of joints.
    standing = (pose[:1] + pose[:1, list(skeleton.mirror)] * torch.tensor([-1.0, 1.0, 1.0])) / 2
    moved = move_joints(standing, skeleton, 20.0)
    torch.testing.assert_close(bone_asymmetry(moved, skeleton), torch.zeros(1, len(skeleton.bone_pairs)), atol=0.1, rtol=0)


def test_leaning_people_are_the_same_people(skeleton):
    pose = people(skeleton)
    leaning = lean(pose, 1.0, 0.8)
    torch.testing.assert_close(torch.cdist(leaning, leaning), torch.cdist(pose, pose), atol=0.5, rtol=1e-3)
    upright = lean(pose, 0.0, 0.8)
    torch.testing.assert_close(upright[..., 2], pose[..., 2], atol=1e-2, rtol=0)
    assert float((leaning[..., 2] - pose[..., 2]).abs().mean()) > 50
