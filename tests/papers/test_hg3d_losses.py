"""Test the losses of Zhou et al. 2017 against values computed by hand and finite differences, and peaks of heatmaps."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from posezoo.errors import UnknownNameError
from posezoo.geometry import mirror
from posezoo.metrics.picture_report import PictureMetrics, moved_to_the_neck, rescaled, torso_px
from posezoo.papers.hg3d import losses
from posezoo.papers.hg3d.peaks import peaks
from posezoo.skeletons import get_skeleton

MPII = get_skeleton("mpii16")
GROUPS = losses.groups_of(MPII)
ONES = [torch.ones(len(bones)) for bones in GROUPS]


def test_the_groups_are_the_paper_s():
    named = [{tuple(MPII.joints[end] for end in bone) for bone in bones} for bones in GROUPS]
    assert [len(bones) for bones in named] == [4, 4, 2, 2]
    assert ("left_elbow", "left_wrist") in named[0]
    assert ("right_hip", "right_knee") in named[1]
    assert named[2] == {("upper_neck", "left_shoulder"), ("upper_neck", "right_shoulder")}
    assert named[3] == {("pelvis", "left_hip"), ("pelvis", "right_hip")}
    by_text = [{tuple(MPII.joints[end] for end in bone) for bone in bones} for bones in losses.groups_of(MPII, "thorax")]
    assert by_text[2] == {("thorax", "left_shoulder"), ("thorax", "right_shoulder")}
    assert by_text[:2] + by_text[3:] == named[:2] + named[3:]
    with pytest.raises(UnknownNameError, match="upper_neck"):
        losses.groups_of(get_skeleton("coco17"))


def test_geometry_by_hand():
    """Compute ratios 1 1 1 2, one arm's lower bone being twice as long, which vary by 3/16; hips 0 and 3, by 9/4."""
    pose = torch.zeros(1, 16, 3)

    def place(joint: str, *at: float) -> None:
        pose[0, MPII.index(joint)] = torch.tensor(at)

    for side, sign, lower in (("left", 1.0, 1.0), ("right", -1.0, 2.0)):
        place(f"{side}_shoulder", sign, 0, 0)
        place(f"{side}_elbow", sign, 1, 0)
        place(f"{side}_wrist", sign, 1, lower)
    place("left_hip", 3, 0, 0)
    place("left_knee", 3, 1, 0)
    place("left_ankle", 3, 2, 0)
    place("right_knee", 0, -1, 0)
    place("right_ankle", 0, -1, 1)
    value = losses.geometry(pose, ONES, GROUPS)
    assert value.item() == pytest.approx(3 / 16 + 9 / 4, abs=1e-5)
    # Over a canonical skeleton whose hip bones are 1 and 3: ratios 0 and 1, by 1/4.
    canonical = [*ONES[:3], torch.tensor([3.0, 1.0])]
    assert losses.geometry(pose, canonical, GROUPS).item() == pytest.approx(3 / 16 + 1 / 4, abs=1e-5)


def test_geometry_does_not_see_what_it_should_not():
    pose, canonical = torch.randn(5, 16, 3), [torch.rand(len(bones)) + 0.5 for bones in GROUPS]
    value = losses.geometry(pose, canonical, GROUPS)
    turn = torch.linalg.qr(torch.randn(3, 3))[0]
    torch.testing.assert_close(losses.geometry(pose @ turn + 7.0, canonical, GROUPS), value, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(losses.geometry(3.0 * pose, canonical, GROUPS), 9.0 * value, rtol=1e-4, atol=1e-5)
    even = [torch.ones_like(lengths) for lengths in canonical]
    torch.testing.assert_close(
        losses.geometry(mirror(pose, MPII), even, GROUPS), losses.geometry(pose, even, GROUPS), rtol=1e-4, atol=1e-5
    )
    moved = pose.clone()
    moved[:, MPII.index("head_top")] += 5.0  # no bone of the trunk or the head takes part
    torch.testing.assert_close(losses.geometry(moved, canonical, GROUPS), value)


def test_geometry_skips_bones_that_are_not_annotated():
    """Check that an arm's other three bones stay equal without the right wrist; one bone alone does not vary."""
    pose, canonical = torch.randn(1, 16, 3), [torch.rand(len(bones)) + 0.5 for bones in GROUPS]
    missing = pose.clone()
    missing[:, MPII.index("right_wrist"), :2] = float("nan")
    arms = [bone for bone in GROUPS[0] if MPII.index("right_wrist") not in bone]
    kept = torch.tensor([length for bone, length in zip(GROUPS[0], canonical[0], strict=True) if bone in arms])
    value = losses.geometry(missing, canonical, GROUPS)
    torch.testing.assert_close(value, losses.geometry(pose, [kept, *canonical[1:]], [arms, *GROUPS[1:]]))
    missing[:, [MPII.index(joint) for joint in MPII.joints if joint != "pelvis"]] = float("nan")
    missing.requires_grad_()
    nothing = losses.geometry(missing, canonical, GROUPS).sum()
    assert nothing.item() == 0
    assert not torch.autograd.grad(nothing, missing)[0].any()


def test_the_gradient_of_geometry_is_that_of_finite_differences():
    generator = torch.Generator().manual_seed(3)
    two = torch.randn(2, 16, 2, dtype=torch.float64, generator=generator)
    depth = torch.randn(2, 16, dtype=torch.float64, generator=generator, requires_grad=True)
    canonical = [torch.rand(len(bones), dtype=torch.float64, generator=generator) + 0.5 for bones in GROUPS]

    def of_depth(depth: torch.Tensor) -> torch.Tensor:
        return losses.geometry(torch.cat([two, depth[..., None]], -1), canonical, GROUPS).sum()

    gradient = torch.autograd.grad(of_depth(depth), depth)[0]
    step = 1e-6
    for row in range(2):
        for joint in range(16):
            change = torch.zeros_like(depth)
            change[row, joint] = step
            with torch.no_grad():
                slope = (of_depth(depth + change) - of_depth(depth - change)) / (2 * step)
            assert gradient[row, joint].item() == pytest.approx(slope.item(), abs=1e-7)
    flat = torch.zeros(1, 16, 3, requires_grad=True)  # all joints in one place
    assert torch.isfinite(torch.autograd.grad(losses.geometry(flat, ONES, GROUPS).sum(), flat)[0]).all()


def test_heatmap_and_depth_losses_are_sums_over_joints_and_means_over_pictures():
    pred, target = torch.zeros(2, 3, 4, 5), torch.zeros(2, 3, 4, 5)
    pred[0, 0, 1, 2], target[1, 2, 3, 4] = 3.0, 2.0
    known = torch.ones(2, 3, dtype=torch.bool)
    assert losses.heatmaps(pred, target, known).item() == (9.0 + 4.0) / 2
    known[1, 2] = False
    assert losses.heatmaps(pred, target, known).item() == 9.0 / 2
    assert losses.depth(torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.zeros(2, 2)).item() == 2.5


def test_gaussians():
    points = torch.tensor([[[3.0, 5.0], [2.4, 6.7], [float("nan"), 1.0]]])
    maps = losses.gaussians(points, 9, sigma=1.5)
    y, x = np.mgrid[:9, :9]
    for joint in (0, 1):
        px, py = points[0, joint].tolist()
        np.testing.assert_allclose(maps[0, joint], np.exp(-((x - px) ** 2 + (y - py) ** 2) / 4.5), atol=1e-6)
    assert maps[0, 2].abs().max() == 0


def test_peaks_find_points_to_a_quarter():
    generator = torch.Generator().manual_seed(0)
    points = 2 + 27 * torch.rand(50, 4, 2, generator=generator)
    found, height = peaks(losses.gaussians(points, 32))
    assert (found - points).abs().max() <= 0.25 + 1e-5
    assert (height > 0.75).all()
    corner = torch.tensor([[[0.0, 31.0]]])
    torch.testing.assert_close(peaks(losses.gaussians(corner, 32))[0], corner)


def test_rescaling_by_hand():
    """Check that bones that add up to 30, and are to add up to 60, double everything about the root."""
    pose = torch.randn(4, 16, 3)
    from posezoo.geometry import bone_lengths

    total = bone_lengths(pose, MPII).sum(1)
    pose = pose * (30 / total)[:, None, None] + torch.tensor([5.0, 6.0, 7.0])
    scaled = rescaled(pose, torch.tensor(60.0), MPII)
    torch.testing.assert_close(scaled, 2 * (pose - pose[:, MPII.root : MPII.root + 1]), rtol=1e-4, atol=1e-4)


def test_hips_move_a_fifth_of_the_way_to_the_neck():
    pose = torch.zeros(1, 16, 3)
    pose[0, MPII.index("upper_neck")] = torch.tensor([0.0, -500.0, 0.0])
    pose[0, MPII.index("left_hip")] = torch.tensor([100.0, 0.0, 0.0])
    pose[0, MPII.index("left_knee")] = torch.tensor([100.0, 400.0, 0.0])
    moved = moved_to_the_neck(pose, 0.2, MPII)[0]
    assert moved[MPII.index("pelvis")].tolist() == [0, 0, 0]  # poses stay about the root, which went up by 100
    assert moved[MPII.index("upper_neck")].tolist() == [0, -400, 0]
    assert moved[MPII.index("left_hip")].tolist() == [100, 0, 0]  # as far as the pelvis, in the same direction
    assert moved[MPII.index("left_knee")].tolist() == [100, 500, 0]


def test_torsos_measure_where_heads_have_no_size():
    """Count joints up to 20 px away for a torso of 100 px, of the 14 that Leeds Sports Pose has and annotates."""
    keypoints = torch.zeros(2, 16, 2)
    keypoints[:, MPII.index("left_shoulder")] = torch.tensor([0.0, -100.0])
    keypoints[:, MPII.index("right_shoulder")] = torch.tensor([0.0, -300.0])  # the other diagonal is longer
    pred = keypoints.clone()
    pred[0, MPII.index("left_wrist"), 0] += 19.0
    pred[0, MPII.index("right_wrist"), 0] += 21.0
    pred[0, MPII.index("pelvis")] += 1000.0  # no joint of Leeds Sports Pose
    keypoints[0, MPII.index("head_top")] = float("nan")
    metrics = PictureMetrics(MPII)
    metrics.update(torch.cat([pred, torch.zeros(2, 16, 1)], -1), keypoints)
    assert metrics.report()["pck_torso"] == pytest.approx(100 * 26 / 27)
    keypoints[1, MPII.index("left_shoulder")] = float("nan")
    assert torso_px(keypoints, MPII).tolist() == [100.0, 300.0]
    keypoints[1, MPII.index("left_hip")] = float("nan")
    assert torch.isnan(torso_px(keypoints, MPII)).tolist() == [False, True]


def test_symmetry_is_measured_limb_by_limb():
    pose = torch.zeros(1, 16, 3)
    pose[0, MPII.index("left_wrist")] = torch.tensor([3.0, 0, 4])  # a lower arm of 5, the other of 0
    pose[0, MPII.index("right_ankle")] = torch.tensor([0.0, 2, 0])
    metrics = PictureMetrics(MPII)
    keypoints = pose[..., :2].clone()
    keypoints[0, :8] = float("nan")
    keypoints[0, 10, 0] = 100.0  # one of eight joints is far off
    metrics.update(pose, keypoints, torch.tensor([10.0]))
    report = metrics.report()
    assert report["symmetry_lower_arm_px"] == 5.0
    assert report["symmetry_lower_leg_px"] == 2.0
    assert report["symmetry_upper_leg_px"] == 0.0
    assert report["symmetry_limbs_px"] == 7 / 4
    assert report["pckh"] == 87.5
    assert "mpjpe" not in report
    metrics.update(pose, keypoints, None, 10 * pose, pose)
    assert metrics.report()["symmetry_lower_arm_mm"] == 50.0
