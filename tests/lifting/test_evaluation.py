"""Test the scores of lifters against the functional metrics computed over all poses at once."""

from __future__ import annotations

import inspect
from dataclasses import replace

import numpy as np
import pytest
import torch

from posezoo.errors import InputError
from posezoo.lifting import evaluate, flat_depth
from posezoo.lifting.evaluation import about_the_pelvis
from posezoo.metrics.functional import auc_3d, mpjpe, n_mpjpe, p_mpjpe, pck_3d, symmetry_error
from posezoo.papers.martinez import Martinez
from posezoo.papers.svma import SVMA
from posezoo.skeletons import convert, get_skeleton

PEOPLE = {"split": "test", "actions": ["walk", "squat"], "frames_per_clip": 7}


def labels(data) -> torch.Tensor:
    pose = torch.from_numpy(data.pose_3d)
    return pose - pose[:, :1]


def test_flat_depth_keeps_the_picture_and_has_no_depth(people):
    keypoints = torch.from_numpy(people.keypoints_2d)
    flat = flat_depth(keypoints, 0)
    torch.testing.assert_close(flat[..., :2], keypoints - keypoints[:, :1])
    assert (flat[..., 2] == 0).all()
    assert evaluate(None, people)["p_mpjpe"] == pytest.approx(float(p_mpjpe(flat, labels(people))), rel=1e-5)


@pytest.mark.parametrize("batch_size", [13, 1000])
def test_scores_are_the_metrics_of_all_poses_at_once(people, batch_size):
    model = SVMA(width=32, critic_width=32).eval()
    result = evaluate(model, people, batch_size=batch_size)
    pose, target = model.predict(torch.from_numpy(people.keypoints_2d)).pose_3d, labels(people)
    scale = (pose * target).sum((1, 2), keepdim=True) / (pose * pose).sum((1, 2), keepdim=True)
    expected = {
        "p_mpjpe": p_mpjpe(pose, target),
        "n_mpjpe": n_mpjpe(pose, target, root=0),
        "pck_scaled": 100 * pck_3d(pose * scale, target),
        "auc_scaled": 100 * auc_3d(pose * scale, target),
        "symmetry_error": symmetry_error(pose * scale),
    }
    for name, value in expected.items():
        assert result[name] == pytest.approx(float(value), rel=1e-4), name
    assert result["poses"] == len(people)
    errors = p_mpjpe(pose, target, "none").mean(-1).numpy()
    for action in ("walk", "squat"):
        assert result["per_action"][action] == pytest.approx(errors[people.action == action].mean(), rel=1e-4)
    assert result["p_mpjpe_mean_over_actions"] == pytest.approx(np.mean(list(result["per_action"].values())), rel=1e-5)


@pytest.mark.parametrize("paper", [SVMA, Martinez])
def test_fourteen_joints_are_compared_about_the_middle_of_the_hips(people, paper):
    """Compare by hand about the protocols' root, though the layout's own is the neck; by action, and over actions."""
    model = paper(width=32).eval()
    result = evaluate(model, people, "common14")
    pose = convert(model.predict(people.keypoints_2d).pose_3d, "h36m17", "common14").keypoints.astype(np.float64)
    target = convert(people.pose_3d, "h36m17", "common14").keypoints.astype(np.float64)
    hips = [get_skeleton("common14").index(f"{side}_hip") for side in ("left", "right")]
    pose, target = (values - values[:, hips].mean(1, keepdims=True) for values in (pose, target))
    name = "mpjpe" if paper is Martinez else "n_mpjpe"
    if name == "n_mpjpe":
        pose = pose * (pose * target).sum((1, 2), keepdims=True) / (pose * pose).sum((1, 2), keepdims=True)
    errors = np.linalg.norm(pose - target, axis=-1).mean(-1)
    assert result[name] == pytest.approx(errors.mean(), rel=1e-4)
    by_action = {action: errors[people.action == action].mean() for action in ("walk", "squat")}
    assert result[f"{name}_per_action"] == pytest.approx(by_action, rel=1e-4)
    assert result[f"{name}_mean_over_actions"] == pytest.approx(np.mean(list(by_action.values())), rel=1e-4)


def test_a_model_of_known_unit_has_an_absolute_error(people):
    model = Martinez(width=32, normalization="root").eval()
    result = evaluate(model, people)
    pose = model.predict(torch.from_numpy(people.keypoints_2d)).pose_3d
    pose = pose - pose[:, :1]
    assert result["mpjpe"] == pytest.approx(float(mpjpe(pose, labels(people))), rel=1e-4)
    assert "pck" in result
    assert "pck_scaled" not in result


def test_data_without_labels_cannot_be_scored(people):
    with pytest.raises(InputError, match="needs poses with 3D labels"):
        evaluate(None, replace(people, pose_3d=None))
    with pytest.raises(InputError, match="not of ndarray"):
        inspect.unwrap(evaluate)(None, people.keypoints_2d)


def test_labels_in_metres_are_warned_of(people):
    metres = replace(people, pose_3d=people.pose_3d / 1000)
    with pytest.warns(UserWarning, match=r"legs of the labels are 0\.8\d* mm long"):
        evaluate(None, metres)


@pytest.mark.parametrize("batch_size", [3, 1000])
def test_limb_ratios_are_those_of_all_poses(people, batch_size):
    limbs = evaluate(None, people, batch_size=batch_size)["limb_ratios"]
    pose, skeleton = labels(people).numpy(), people.skeleton

    def length(first: str, second: str) -> np.ndarray:
        return np.linalg.norm(pose[:, skeleton.index(first)] - pose[:, skeleton.index(second)], axis=-1)

    ratios = np.stack([
        length(f"{side}_{chain[0]}", f"{side}_{chain[1]}") / length(f"{side}_{chain[1]}", f"{side}_{chain[2]}")
        for chain in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))
        for side in ("left", "right")
    ])  # fmt: skip
    found = limbs["labels"]
    assert found["spread"] == pytest.approx(ratios.std(1).mean(), rel=1e-4)
    assert found["asymmetry"] == pytest.approx(np.abs(ratios[[0, 2]] - ratios[[1, 3]]).mean(), rel=1e-3, abs=1e-4)
    expected = np.histogram(ratios[2], np.linspace(0, 3, 61))[0] / len(people)
    np.testing.assert_allclose(found["histogram"]["left leg"], expected, atol=1e-4)
    assert all(sum(shares) == pytest.approx(1, abs=1e-3) for shares in limbs["predicted"]["histogram"].values())
    assert limbs["predicted"]["spread"] > found["spread"]  # flat limbs are as long as they look


def test_layouts_without_a_pelvis_are_compared_about_the_hips():
    # A prediction that is right but for a thorax moved by 30 mm: about the hips 13 of 14 joints are right.
    skeleton = get_skeleton("common14")
    pose = torch.randn(1, 14, 3, generator=torch.Generator().manual_seed(0)) * 300
    moved = pose + 1000.0
    moved[:, skeleton.index("thorax"), 0] += 30.0
    error = (about_the_pelvis(moved, skeleton) - about_the_pelvis(pose, skeleton)).norm(dim=-1)[0]
    expected = torch.zeros(14)
    expected[skeleton.index("thorax")] = 30.0
    torch.testing.assert_close(error, expected, atol=1e-3, rtol=0)
    whole = get_skeleton("h36m17")
    about = about_the_pelvis(torch.randn(2, 17, 3), whole)
    assert (about[:, whole.root] == 0).all()


def test_pck_of_fourteen_joints_leaves_out_the_pelvis_that_is_always_right(people):
    whole, counted = evaluate(None, people), evaluate(None, people, pck_joints=14)
    assert counted["p_mpjpe"] == whole["p_mpjpe"]  # other metrics are over all joints
    joints = ["head_top", "thorax"]
    joints += [
        f"{side}_{name}" for side in ("left", "right") for name in ["shoulder", "elbow", "wrist", "hip", "knee", "ankle"]
    ]
    rows = [people.skeleton.index(joint) for joint in joints]
    label = people.pose_3d - people.pose_3d[:, :1]
    flat = np.concatenate([people.keypoints_2d - people.keypoints_2d[:, :1], np.zeros((len(people), 17, 1), np.float32)], -1)
    flat *= ((flat * label).sum((1, 2)) / (flat * flat).sum((1, 2)))[:, None, None]
    near = np.linalg.norm(flat - label, axis=-1)[:, rows] < 150
    assert counted["pck_scaled"] == pytest.approx(100 * near.mean(), abs=0.2)
    assert counted["pck_scaled"] < whole["pck_scaled"]
    with pytest.raises(InputError, match="expected 14"):
        evaluate(None, people, pck_joints=15)
