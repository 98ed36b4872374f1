"""Test the metric functions against loops over single poses, values computed by hand, and their invariances."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from posezoo.errors import InputError, UnknownNameError
from posezoo.metrics import functional
from posezoo.metrics.functional import auc_3d, mpjpe, mpjve, n_mpjpe, p_mpjpe, pck_3d, pckh, symmetry_error
from posezoo.skeletons import Skeleton, get_skeleton
from tests.metrics.harness import CASES, IDS, Case

POSE_METRICS = [mpjpe, p_mpjpe, n_mpjpe, pck_3d, auc_3d]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_equals_a_loop_over_poses(case: Case) -> None:
    arrays = case.data(40)
    expected = torch.from_numpy(case.one_by_one(arrays).astype(np.float64))
    values = case.functional(*arrays, reduction="none", **case.options)
    assert values.shape == expected.shape
    torch.testing.assert_close(values.double(), expected, rtol=1e-5, atol=1e-3)
    torch.testing.assert_close(case.functional(*arrays, **case.options).double(), expected.mean(), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_numpy_shapes_and_dtypes(case: Case) -> None:
    arrays = case.data(12)
    values = case.functional(*arrays, reduction="none", **case.options)
    from_numpy = case.functional(*(part.numpy() for part in arrays), reduction="none", **case.options)
    assert torch.equal(from_numpy, values)
    assert case.functional(*(part.double() for part in arrays), **case.options).dtype == torch.float64
    nested = [part.reshape(3, 4, *part.shape[1:]) for part in arrays]
    torch.testing.assert_close(case.functional(*nested, reduction="none", **case.options).flatten(0, 1), values)
    single = case.functional(*(part[0] for part in arrays), reduction="none", **case.options)
    torch.testing.assert_close(single, values[0], rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_mask_leaves_joints_out(case: Case) -> None:
    arrays = case.data(12)
    mask = torch.ones(arrays[0].shape[:-1], dtype=torch.bool)
    everything = case.functional(*arrays, reduction="none", mask=mask, **case.options)
    torch.testing.assert_close(everything, case.functional(*arrays, reduction="none", **case.options))
    mask[..., 13] = False  # The left wrist.
    for part in arrays[:2] if case.labelled else arrays:
        part[..., 13, :] = float("nan")
    values = case.functional(*arrays, reduction="none", mask=mask, **case.options)
    assert values.isnan().any()
    torch.testing.assert_close(case.functional(*arrays, mask=mask, **case.options), values[~values.isnan()].mean())
    kept = [joint for joint in range(17) if joint != 13]
    if case.labelled:
        fewer = [part[..., kept, :] if part.ndim > 1 else part for part in arrays]
        expected = case.functional(*fewer, reduction="none", **case.options)
        torch.testing.assert_close(values[..., kept], expected, rtol=1e-5, atol=1e-3)
    with pytest.raises(InputError, match="no joint to average"):
        case.functional(*arrays, mask=torch.zeros_like(mask), **({} if "root" in case.options else case.options))


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_bad_input(case: Case) -> None:
    arrays, options = case.data(4), case.options
    with pytest.raises(InputError, match="reduction is 'sum'; expected 'mean'"):
        case.functional(*arrays, reduction="sum", **options)
    for bad in (float("nan"), float("inf")):
        pred = arrays[0].clone()
        pred[2, ..., 5, 1] = bad
        with pytest.raises(InputError, match=r"pred .*NaN.* of \d+ poses.*\(2,"):
            case.functional(pred, *arrays[1:], **options)
    with pytest.raises(InputError, match=r"shape \(4, .*expected"):
        case.functional(*(part.flatten(1) if part.ndim > 1 else part for part in arrays), **options)
    with pytest.raises(InputError, match="no joint to average"):
        case.functional(*(part[:0] for part in arrays), **options)
    assert case.functional(*(part[:0] for part in arrays), reduction="none", **options).numel() == 0
    if case.labelled:
        with pytest.raises(InputError, match="give both the same shape"):
            case.functional(arrays[0], arrays[1][:3], *arrays[2:], **options)


def test_by_hand() -> None:
    target = torch.zeros(2, 2, 3)
    pred = torch.tensor([[[3.0, 4, 0], [0, 0, 0]], [[0, 0, 12.0], [0, 5, 0]]])
    assert mpjpe(pred, target).item() == 5.5
    assert mpjpe(pred, target, "none").tolist() == [[5.0, 0.0], [12.0, 5.0]]
    assert mpjpe(pred, target, root=1).item() == (5 + 0 + 13 + 0) / 4
    assert mpjve(pred, target).item() == pytest.approx((np.sqrt(9 + 16 + 144) + 5) / 2)
    assert mpjve(pred, target, fps=50).item() == pytest.approx(50 * 9)
    # Scale of least squares: <(1,0,0), (2,0,0)> + <(0,1,0), (0,0,0)> over 2 is 1, leaving 1 and 1.
    assert n_mpjpe(torch.eye(3)[:2], torch.tensor([[2.0, 0, 0], [0, 0, 0]])).item() == 1.0


def test_thresholds() -> None:
    target = torch.zeros(1, 4, 3)
    pred = torch.tensor([[[149.999, 0, 0], [150.0, 0, 0], [0, 2.5, 0], [0, 0, 5.0]]])
    assert pck_3d(pred, target, reduction="none").tolist() == [[1, 0, 1, 1]]
    assert pck_3d(pred, target, threshold=5).item() == 0.25
    # 150 passes no threshold below itself; 2.5 passes 5, 10, .., 150; 5.0 does not pass 5.
    assert (auc_3d(pred, target, reduction="none") * 31).round().tolist() == [[1, 0, 30, 29]]
    assert auc_3d(target, target).item() == pytest.approx(30 / 31)
    assert auc_3d(pred, target, thresholds=[1, 3]).item() == pytest.approx(0.125)
    keypoints = torch.tensor([[[30.0, 0], [30.1, 0]], [[0, 0], [0, 61.0]]])
    assert pckh(keypoints, torch.zeros(2, 2, 2), torch.tensor([60.0, 120.0]), reduction="none").tolist() == [[1, 0], [1, 0]]
    assert pckh(keypoints, torch.zeros(2, 2, 2), 122).item() == 1.0


def test_symmetry() -> None:
    layout = get_skeleton("h36m17")
    pose = torch.randn(5, 17, 3)
    values = symmetry_error(pose, reduction="none")
    assert values.shape == (5, len(layout.bone_pairs))
    torch.testing.assert_close(symmetry_error(pose[:, list(layout.mirror)]), symmetry_error(pose))
    half = pose.clone()
    half[:, list(layout.right)] = pose[:, list(layout.left)] * torch.tensor([-1.0, 1, 1])
    half[:, [0, 7, 8, 9, 10], 0] = 0
    assert symmetry_error(half).item() < 1e-6
    with pytest.raises(InputError, match=r"poses have shape \(5, 16, 3\); h36m17 needs"):
        symmetry_error(pose[:, :16])
    with pytest.raises(InputError, match="no left and right bones"):
        symmetry_error(pose[:, :2], skeleton=Skeleton("stick", ("a", "b"), (-1, 0)))
    with pytest.raises(UnknownNameError, match="h36m17"):
        symmetry_error(pose, skeleton="h36m")


def test_p_mpjpe_sees_shape_only() -> None:
    target = torch.randn(50, 17, 3, dtype=torch.float64) * 300
    pred = target + 50 * torch.randn_like(target)
    expected = p_mpjpe(pred, target, "none")
    turn = torch.from_numpy(Rotation.random(50, 0).as_matrix())
    for moved in (pred @ turn, pred * 0.01, pred + 5000, 3 * pred @ turn - 700):
        torch.testing.assert_close(p_mpjpe(moved, target, "none"), expected, rtol=0, atol=1e-8)
    order = torch.randperm(17)
    torch.testing.assert_close(p_mpjpe(pred[:, order], target[:, order], "none"), expected[:, order], rtol=0, atol=1e-8)
    assert p_mpjpe(target @ turn * 7, target).item() < 1e-9
    mirrored = target * torch.tensor([-1.0, 1, 1])
    assert p_mpjpe(mirrored, target).item() > 50
    # The alignment is least squares, so it betters the sum of squares of any other.
    assert (expected**2).sum() <= (mpjpe(pred, target, "none") ** 2).sum()


def test_invariances_of_the_others() -> None:
    target = torch.randn(20, 17, 3) * 300
    pred = target + 60 * torch.randn_like(target)
    torch.testing.assert_close(n_mpjpe(0.001 * pred, target), n_mpjpe(pred, target))
    shift = torch.randn(20, 1, 3) * 1000
    torch.testing.assert_close(mpjpe(pred + shift, target, root=0), mpjpe(pred, target, root=0), rtol=1e-4, atol=0)
    assert n_mpjpe(torch.zeros_like(pred), target).item() == pytest.approx(target.norm(dim=-1).mean().item(), rel=1e-5)
    torch.testing.assert_close(mpjve(pred + 1000, target), mpjve(pred, target), rtol=1e-4, atol=0)


def test_gradients_reach_the_prediction() -> None:
    target = torch.randn(4, 17, 3)
    for function in (mpjpe, p_mpjpe, n_mpjpe, mpjve):
        for start in (torch.randn(4, 17, 3), target):
            pred = start.clone().requires_grad_()
            function(pred, target).backward()
            assert pred.grad is not None
            assert torch.isfinite(pred.grad).all()
    pred = torch.randn(4, 17, 3, requires_grad=True)
    symmetry_error(pred).backward()
    assert pred.grad is not None
    assert pred.grad.abs().max() > 0


@pytest.mark.usefixtures("without_type_checks")
def test_bad_options() -> None:
    pose, keypoints = torch.randn(4, 17, 3), torch.randn(4, 17, 2)
    for function in (mpjpe, n_mpjpe, mpjve, pck_3d, auc_3d):
        with pytest.raises(InputError, match=r"joint 17.*0\.\.16"):
            function(pose, pose, root=17)
        with pytest.raises(InputError, match=r"joint 'pelvis'.*0\.\.16"):
            function(pose, pose, root="pelvis")
    for fps in (0, -25.0, float("nan"), "50"):
        with pytest.raises(InputError, match="more than 0"):
            mpjve(pose, pose, fps=fps)
    mask = torch.ones(4, 17, dtype=torch.bool)
    mask[1, 0] = False
    with pytest.raises(InputError, match="leaves out the root"):
        mpjpe(pose, pose, root=0, mask=mask)
    with pytest.raises(InputError, match="T >= 2 frames"):
        mpjve(pose[:1], pose[:1])
    with pytest.raises(InputError, match="threshold is 0"):
        pck_3d(pose, pose, threshold=0)
    with pytest.raises(InputError, match="thresholds is empty"):
        auc_3d(pose, pose, thresholds=[])
    with pytest.raises(InputError, match="threshold is -1"):
        pckh(keypoints, keypoints, 60.0, threshold=-1)
    with pytest.raises(InputError, match=r"head_size.*\(3,\).*\(4,\)"):
        pckh(keypoints, keypoints, torch.ones(3))
    with pytest.raises(InputError, match="head_size holds values that are not positive"):
        pckh(keypoints, keypoints, torch.tensor([1.0, 0.0, 1.0, 1.0]))
    with pytest.raises(InputError, match=r"expected \(..., J, 2\)"):
        pckh(pose, pose, 60.0)


@pytest.mark.slow
def test_public_names_and_cheap_import() -> None:
    assert sorted(functional.__all__) == sorted(
        ["mpjpe", "p_mpjpe", "n_mpjpe", "mpjve", "pck_3d", "auc_3d", "pckh", "symmetry_error"]
    )
    code = "import sys, posezoo.metrics.functional; print([m for m in ('torchmetrics', 'scipy') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert shown.stdout.strip() == "[]"


def test_every_metric_is_called_alike():
    pose = torch.randn(3, 17, 3)
    for metric in (mpjpe, p_mpjpe, n_mpjpe, pck_3d, auc_3d, symmetry_error):
        assert metric(pose, pose, "mean").ndim == 0
        assert metric(pose, pose, reduction="none").shape[:1] == (3,)
    torch.testing.assert_close(symmetry_error(pose, pose + 1), symmetry_error(pose))


@pytest.mark.parametrize("away", [0.0, 1000.0, 4000.0])
def test_joints_left_out_do_not_count_for_the_scale_about_a_root(away: float) -> None:
    """Poses of half the size have no error after scaling, wherever they stand and whatever a joint left out says."""
    target = 300 * torch.randn(6, 17, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    place = torch.tensor([0.0, 0.0, away], dtype=torch.float64)
    pred, target = target / 2 + place, target + place
    mask = torch.ones(6, 17, dtype=torch.bool)
    mask[:, 5] = False
    pred[:, 5] = 7e5
    assert n_mpjpe(pred, target, root=0, mask=mask) < 1e-9
    kept = [joint for joint in range(17) if joint != 5]
    pred[:, 9] += 40.0
    expected = n_mpjpe(pred[:, kept], target[:, kept], root=0)
    assert expected > 1
    torch.testing.assert_close(n_mpjpe(pred, target, root=0, mask=mask), expected)
