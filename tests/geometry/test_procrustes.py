"""Test similarity Procrustes against SciPy and an SVD per pose, also where the solution is not unique."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
import torch
from scipy.spatial import procrustes as scipy_procrustes
from scipy.spatial.transform import Rotation

from posezoo.errors import InputError
from posezoo.geometry.procrustes import procrustes, procrustes_align

module = importlib.import_module("posezoo.geometry.procrustes")

BODY_MM = torch.tensor([150.0, 500.0, 80.0])
MIRROR = torch.tensor([-1.0, 1.0, 1.0])


def umeyama(source: np.ndarray, target: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Return one pose by SVD, written from Umeyama 1991, Eqs. 40-42."""
    source_mean, target_mean = source.mean(0), target.mean(0)
    u, singular, vt = np.linalg.svd((target - target_mean).T @ (source - source_mean))
    sign = np.array([1.0, 1.0, np.linalg.det(u) * np.linalg.det(vt)])
    rotation = u @ np.diag(sign) @ vt
    extent = ((source - source_mean) ** 2).sum()
    scale = (singular * sign).sum() / extent if extent > 0 else 1.0
    return scale, rotation, target_mean - scale * rotation @ source_mean


def align_one_by_one(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return (N, J, 3) poses in a loop."""
    out = []
    for x, y in zip(source.double().numpy(), target.double().numpy(), strict=True):
        scale, rotation, shift = umeyama(x, y)
        out.append(scale * x @ rotation.T + shift)
    return torch.from_numpy(np.stack(out))


def bodies(count: int, noise: float = 60.0, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    """Return predictions and targets as different as a lifter's, each prediction in a frame and a scale of its own."""
    target = torch.randn(count, 17, 3, dtype=torch.float64) * BODY_MM
    turns = torch.from_numpy(Rotation.random(count, 0).as_matrix())
    pred = (target + noise * torch.randn_like(target)) @ turns * torch.rand(count, 1, 1, dtype=torch.float64).add(0.1)
    return (pred + 300 * torch.randn(count, 1, 3, dtype=torch.float64)).to(dtype), target.to(dtype)


@pytest.mark.parametrize("noise", [0.0, 60.0, 1000.0])
def test_equals_the_svd_of_each_pose(noise: float) -> None:
    pred, target = bodies(300, noise)
    torch.testing.assert_close(procrustes_align(pred, target), align_one_by_one(pred, target), rtol=0, atol=1e-7)


def test_transform_brings_source_to_target_and_is_proper() -> None:
    pred, target = bodies(50)
    scale, rotation, shift = procrustes(pred, target)
    moved = scale[:, None, None] * pred @ rotation.mT + shift[:, None]
    torch.testing.assert_close(moved, procrustes_align(pred, target), rtol=0, atol=1e-8)
    torch.testing.assert_close(rotation @ rotation.mT, torch.eye(3).double().expand(50, 3, 3), rtol=0, atol=1e-9)
    torch.testing.assert_close(torch.linalg.det(rotation), torch.ones(50).double(), rtol=0, atol=1e-9)
    assert (scale > 0).all()


def test_rotation_equals_scipy_align_vectors() -> None:
    pred, target = bodies(20)
    _, rotation, _ = procrustes(pred, target, scale=False)
    for x, y, found in zip(pred, target, rotation, strict=True):
        expected, _ = Rotation.align_vectors((y - y.mean(0)).numpy(), (x - x.mean(0)).numpy())
        np.testing.assert_allclose(found.numpy(), expected.as_matrix(), atol=1e-8)


def test_residual_equals_scipy_procrustes() -> None:
    # SciPy allows reflections and scales both; near poses need no reflection, and its disparity is over |target|^2.
    pred, target = bodies(20, noise=30.0)
    residual = (procrustes_align(pred, target) - target).square().sum((1, 2))
    for x, y, found in zip(pred, target, residual, strict=True):
        _, _, disparity = scipy_procrustes(y.numpy(), x.numpy())
        assert found.item() / (y - y.mean(0)).square().sum().item() == pytest.approx(disparity, rel=1e-9)


def test_float32_is_exact_to_a_micrometre_on_a_body() -> None:
    for noise in (50.0, 150.0):
        pred, target = bodies(20_000, noise, torch.float32)
        error = (procrustes_align(pred, target) - target).norm(dim=-1)
        exact = (procrustes_align(pred.double(), target.double()) - target.double()).norm(dim=-1)
        assert (error - exact).abs().max() < 1e-3
        assert (error - exact).mean(1).abs().max() < 1e-4


@pytest.mark.parametrize("kind", ["mirrored", "unrelated", "needle", "flat"])
def test_float32_is_exact_where_it_is_hard(kind: str) -> None:
    target = (torch.randn(4000, 17, 3) * BODY_MM).float()
    pred = target + 40 * torch.randn(4000, 17, 3)
    if kind == "mirrored":
        pred = pred * MIRROR
    elif kind == "unrelated":
        pred = torch.randn(4000, 17, 3) * BODY_MM
    elif kind == "needle":
        pred, target = (pose * torch.tensor([0.02, 1.0, 0.1]) for pose in (pred, target))
    else:
        pred = pred * torch.tensor([1.0, 1.0, 0.0])
    error = (procrustes_align(pred, target) - target).norm(dim=-1)
    exact = (procrustes_align(pred.double(), target.double()) - target.double()).norm(dim=-1)
    assert (error - exact).abs().max() < 2e-3


def test_five_metres_from_the_camera() -> None:
    pred, target = bodies(2000, dtype=torch.float32)
    pred, target = pred + torch.tensor([800.0, -400.0, 5000.0]), target + torch.tensor([-2000.0, 300.0, 5000.0])
    error = (procrustes_align(pred, target) - target).norm(dim=-1)
    exact = (procrustes_align(pred.double(), target.double()) - target.double()).norm(dim=-1)
    assert (error - exact).abs().max() < 2e-3  # A coordinate of 5000 mm has a spacing of 5e-4.


def degenerate_poses() -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Return pairs whose best rotation is not unique, or nearly so."""
    body = torch.randn(8, 17, 3) * BODY_MM
    line = torch.randn(8, 17, 1) * torch.randn(8, 1, 3) * 300
    ball = torch.cat([torch.eye(3), -torch.eye(3)]).expand(8, 6, 3) * 300  # All singular values equal.
    point = torch.randn(8, 1, 3).expand(8, 17, 3) * 5000
    return {
        "collinear source": (line, body),
        "collinear target": (body, line),
        "collinear both": (line, line.roll(1, 0)),
        "identical": (body, body.clone()),
        "identical joints in the source": (point, body),
        "identical joints in the target": (body, point),
        "all zero": (torch.zeros(8, 17, 3), torch.zeros(8, 17, 3)),
        "zero source": (torch.zeros(8, 17, 3), body),
        "mirrored": (body * MIRROR, body),
        "mirrored ball": (ball * MIRROR, ball),
        "point-mirrored ball": (-ball + 1e-4 * torch.randn(8, 6, 3), ball),
        "one joint": (body[:, :1], body[:, 1:2]),
        "two joints": (body[:, :2], body[:, 2:4]),
        "three joints": (body[:, :3], body[:, 3:6]),
    }


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", list(degenerate_poses()))
def test_degenerate_poses_are_aligned_as_well_as_can_be(name: str, dtype: torch.dtype) -> None:
    pred, target = (pose.to(dtype) for pose in degenerate_poses()[name])
    aligned = procrustes_align(pred, target)
    scale, rotation, shift = procrustes(pred, target)
    for values in (aligned, scale, rotation, shift):
        assert torch.isfinite(values).all()
    torch.testing.assert_close(torch.linalg.det(rotation), torch.ones(8, dtype=dtype), rtol=0, atol=1e-4)
    # Several rotations may be equally good, but the least squares they reach are one number.
    found = (aligned.double() - target.double()).square().sum((1, 2)).sqrt()
    best = (align_one_by_one(pred, target) - target.double()).square().sum((1, 2)).sqrt()
    torch.testing.assert_close(found, best, rtol=1e-5, atol=5e-3 if dtype == torch.float32 else 1e-6)


def test_source_without_extent_gets_scale_one() -> None:
    scale, rotation, shift = procrustes(torch.full((4, 17, 3), 5000.1), torch.randn(4, 17, 3))
    assert scale.tolist() == [1.0] * 4
    torch.testing.assert_close(rotation, torch.eye(3).expand(4, 3, 3))
    assert torch.isfinite(shift).all()


def test_a_mirror_image_is_not_aligned() -> None:
    _, target = bodies(50)
    assert (procrustes_align(target * MIRROR, target) - target).norm(dim=-1).mean() > 20
    torch.testing.assert_close(procrustes_align(target.clone(), target), target)


def test_rigid_leaves_the_size_alone() -> None:
    pred, target = bodies(10)
    scale, rotation, _ = procrustes(pred, target, scale=False)
    assert scale.tolist() == [1.0] * 10
    aligned = procrustes_align(pred, target, scale=False)
    assert torch.allclose(torch.cdist(aligned, aligned), torch.cdist(pred, pred), atol=1e-4)
    torch.testing.assert_close(rotation, procrustes(pred, target)[1])


@pytest.mark.parametrize("lead", [(), (1,), (2, 3), (0,), (2, 0)])
def test_any_leading_shape_and_inputs_stay_as_they_are(lead: tuple[int, ...]) -> None:
    pred, target = torch.randn(*lead, 5, 3), torch.randn(*lead, 5, 3)
    before = pred.clone(), target.clone()
    scale, rotation, shift = procrustes(pred, target)
    assert (scale.shape, rotation.shape, shift.shape) == (lead, (*lead, 3, 3), (*lead, 3))
    assert procrustes_align(pred, target).shape == pred.shape
    assert torch.equal(pred, before[0])
    assert torch.equal(target, before[1])


def test_mask_fits_on_the_joints_that_take_part() -> None:
    pred, target = bodies(30, dtype=torch.float32)
    mask = torch.rand(30, 17) < 0.6
    mask[:, :4] = True
    mask[0] = False
    mask[1] = torch.arange(17) > 12  # The first joint is left out, and what is there instead is far away.
    pred[1, :13] = 1e6
    pred[~mask], target[~mask] = float("nan"), float("inf")
    pred, target = pred + 5000, target + 5000
    aligned = procrustes_align(pred, target, mask=mask)
    assert torch.equal(aligned.isnan().any(-1), ~mask)
    for row in range(1, 30):
        joints = mask[row]
        expected = align_one_by_one(pred[None, row, joints], target[None, row, joints])[0].float()
        torch.testing.assert_close(aligned[row, joints], expected, rtol=0, atol=3e-3)


def test_slices_and_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pred, target = bodies(3000, dtype=torch.float32)
    expected = procrustes_align(pred, target)
    threads = torch.get_num_threads()
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            monkeypatch.setattr(module, "CPU_SLICE", 700)
            torch.testing.assert_close(procrustes_align(pred, target), expected, rtol=0, atol=1e-3)
            assert torch.get_num_threads() == count
            with torch.inference_mode():
                torch.testing.assert_close(procrustes_align(pred * 1, target * 1), expected, rtol=0, atol=1e-3)
            pred_with_nan = pred.clone()
            pred_with_nan[2500, 3] = float("nan")
            with pytest.raises(InputError, match=r"pred .*NaN.* 1 of 3000 poses.*\(2500,\)"):
                procrustes_align(pred_with_nan, target)
            assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("scale", [True, False])
def test_gradient(scale: bool) -> None:
    pred, target = bodies(3)
    pred, target = (pred[:, :6] / 100).requires_grad_(), (target[:, :6] / 100).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, y: procrustes_align(x, y, scale=scale), (pred, target), fast_mode=True)
    assert torch.autograd.gradcheck(
        lambda x, y: procrustes(x, y, scale=scale)[0 if scale else 1 :], (pred, target), fast_mode=True
    )


def test_gradient_of_a_mirrored_pose() -> None:
    pred, target = bodies(3)
    pred = (pred[:, :6] / 100 * MIRROR).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: procrustes_align(x, target[:, :6] / 100), (pred,), fast_mode=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradient_is_finite_where_the_rotation_is_not_unique(dtype: torch.dtype) -> None:
    for name, (pred, target) in degenerate_poses().items():
        pred = pred.to(dtype).requires_grad_()
        procrustes_align(pred, target.to(dtype)).square().sum().backward()
        assert pred.grad is not None
        assert torch.isfinite(pred.grad).all(), name


def test_numpy_arrays_of_any_layout() -> None:
    pred, target = bodies(6, dtype=torch.float32)
    expected = procrustes_align(pred, target)
    frozen = target.numpy().copy()
    frozen.flags.writeable = False
    for source in (
        pred.numpy(),
        np.asfortranarray(pred.numpy()),
        pred.numpy()[::-1].copy()[::-1],
        pred.numpy().astype(">f4"),
    ):
        torch.testing.assert_close(procrustes_align(source, frozen), expected)
    assert procrustes_align(pred.numpy().astype(np.float64), frozen).dtype == torch.float64
    assert procrustes_align(pred.half(), target.half()).dtype == torch.float32
    assert procrustes_align(np.arange(15).reshape(5, 3), np.arange(15).reshape(5, 3)).dtype == torch.float32


@pytest.mark.parametrize(
    ("pred", "target", "message"),
    [
        (torch.zeros(2, 17, 3), torch.zeros(3, 17, 3), r"pred has shape \(2, 17, 3\) and target \(3, 17, 3\)"),
        (torch.zeros(2, 51), torch.zeros(2, 51), r"poses have shape \(2, 51\); expected \(..., J, 3\)"),
        (torch.zeros(2, 17, 2), torch.zeros(2, 17, 2), r"expected \(..., J, 3\)"),
        (torch.zeros(2, 0, 3), torch.zeros(2, 0, 3), r"expected \(..., J, 3\)"),
        (torch.zeros(3), torch.zeros(3), r"expected \(..., J, 3\)"),
        (torch.full((2, 5, 3), float("inf")), torch.zeros(2, 5, 3), "pred holds NaN or infinite values in 2 of 2 poses"),
        (torch.zeros(1, 5, 3), torch.full((1, 5, 3), float("nan")), "target holds NaN"),
        (torch.randn(1, 5, 3) * 1e30, torch.randn(1, 5, 3) * 1e30, "overflow"),
        (torch.zeros(2, 5, 3, dtype=torch.complex64), torch.zeros(2, 5, 3), "complex"),
        (np.full((2, 5, 3), "x"), torch.zeros(2, 5, 3), "cannot be read as numbers"),
    ],
)
def test_bad_poses(pred: torch.Tensor, target: torch.Tensor, message: str) -> None:
    with pytest.raises(InputError, match=message):
        procrustes_align(pred, target)


def test_bad_masks_and_names() -> None:
    pose = torch.randn(2, 5, 3)
    for mask in (torch.ones(2, 4, dtype=torch.bool), torch.ones(2, 5), torch.ones(5, dtype=torch.bool)):
        with pytest.raises(InputError, match="mask is torch"):
            procrustes_align(pose, pose, mask=mask)
    with pytest.raises(InputError, match="source has shape"):
        procrustes(pose, pose[:1])
    with pytest.raises(InputError, match="source holds NaN"):
        procrustes(pose * float("nan"), pose)
