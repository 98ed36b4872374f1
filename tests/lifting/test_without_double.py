"""Test that nothing puts float64 on a device that lacks it (Apple's GPUs), and that results are the CPU's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import posezoo
from posezoo.data import load_dataset
from posezoo.geometry import Camera, h36m_cameras, procrustes, procrustes_align, triangulate
from posezoo.geometry.double import has_double
from posezoo.metrics import functional
from posezoo.metrics.report import LiftingMetrics
from posezoo.skeletons import get_skeleton
from tests.no_double import device_without_double

WALK = load_dataset("procedural")[:12]
CAMERAS = h36m_cameras("S1")[:3]


def seen() -> np.ndarray:
    """Return the walkers as three cameras see them, (V, T, J, 2) px."""
    world = torch.from_numpy(WALK.pose_3d).double() - WALK.pose_3d[0, 0] + torch.tensor([0.0, 0.0, 900.0])
    turned = world[..., [0, 2, 1]] * torch.tensor([1.0, 1.0, -1.0]) + torch.tensor([0.0, 0.0, 1800.0])  # z up
    return torch.stack([camera.project(turned) for camera in CAMERAS]).numpy()


def test_the_device_refuses_float64():
    with device_without_double() as device:
        assert float((torch.ones(3).to(device) + 1).sum()) == 6
        with pytest.raises(TypeError, match="float64"):
            torch.ones(3).to(device).double()
        with pytest.raises(RuntimeError, match="same device"):
            torch.ones(3).to(device) + torch.ones(3)


class _Refusing(TorchDispatchMode):
    """Refuse float64, as the drivers of some GPUs do."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and result.dtype == torch.float64:
            raise TypeError("float64 is not supported")
        return result


def test_devices_of_unknown_types_are_asked():
    assert has_double(torch.device("meta"))
    with _Refusing():
        assert not has_double(torch.device("meta"))
        assert has_double(torch.device("cpu"))
    assert not has_double(torch.device("mps"))


@pytest.mark.parametrize("name", ["svma", "geoselfsup", "georep", "martinez"])
def test_lifters(name):
    model, keypoints = posezoo.load(name), WALK.keypoints_2d.copy()
    if model.fills_missing:
        keypoints[:3, 4] = np.nan
    expected = model.predict(keypoints).pose_3d
    own, scores = model.evaluate_2d(torch.from_numpy(WALK.keypoints_2d)), model.evaluate(WALK)
    with device_without_double() as device:
        model.to(device)
        np.testing.assert_allclose(model.predict(keypoints).pose_3d, expected, atol=1e-5)
        given = model.predict(torch.from_numpy(keypoints)).pose_3d
        assert given.device == device
        assert model.evaluate_2d(torch.from_numpy(WALK.keypoints_2d)) == pytest.approx(own, rel=1e-4)
        found = model.evaluate(WALK)
        assert found["p_mpjpe"] == pytest.approx(scores["p_mpjpe"], rel=1e-5)


@pytest.mark.parametrize(("name", "views"), [("cvugcn", 3), ("cvugcn.cmu", 2)])
def test_views(name, views):
    model, keypoints = posezoo.load(name), seen()[:views]
    expected = model.predict_views(keypoints, CAMERAS[:views], skeleton="h36m17")
    with device_without_double() as device:
        found = model.to(device).predict_views(keypoints, CAMERAS[:views], skeleton="h36m17")
    np.testing.assert_allclose(found.world_mm, expected.world_mm, atol=1e-2)
    np.testing.assert_allclose(found.reprojection_px, expected.reprojection_px, atol=1e-2)


def test_pictures():
    model, picture = posezoo.load("hg3d.render_small"), np.random.default_rng(0).integers(0, 255, (128, 128, 3), np.uint8)
    expected = model.predict_image(picture).pose_3d
    with device_without_double() as device:
        np.testing.assert_allclose(model.to(device).predict_image(picture).pose_3d, expected, atol=1e-2)


@pytest.mark.parametrize("name", ["mpjpe", "p_mpjpe", "n_mpjpe", "mpjve", "pck_3d", "auc_3d"])
def test_metrics(name):
    metric = getattr(functional, name)
    pose = torch.from_numpy(WALK.pose_3d)
    other = pose + 30 * torch.randn(pose.shape)
    expected, each = metric(pose, other), metric(pose, other, reduction="none")
    with device_without_double() as device:
        pair = pose.to(device), other.to(device)
        found = metric(*pair)
        assert found.device == device
        torch.testing.assert_close(found.cpu(), expected)
        torch.testing.assert_close(metric(*pair, reduction="none").cpu(), each)


def test_tables_of_metrics_stay_where_float64_is():
    pose = torch.from_numpy(WALK.pose_3d)
    other = pose + 30 * torch.randn(pose.shape)
    metrics = LiftingMetrics("mm", get_skeleton("h36m17"))
    metrics.update(pose, other)
    with device_without_double() as device:
        moved = LiftingMetrics("mm", get_skeleton("h36m17")).to(device)
        moved.update(pose.to(device), other.to(device))
        assert moved.report() == pytest.approx(metrics.report(), rel=1e-6)


def test_geometry():
    pose = torch.from_numpy(WALK.pose_3d)
    other = 2 * pose + 30 * torch.randn(pose.shape)
    mask = torch.rand(pose.shape[:-1]) > 0.1
    pixels, trust = torch.from_numpy(seen()).float().movedim(0, 1), torch.rand(len(WALK), 3, 17)
    expected = procrustes(pose, other), procrustes_align(pose, other, mask=mask)
    points = triangulate(pixels, CAMERAS, trust, details=True)
    with device_without_double() as device:
        turned = procrustes(pose.to(device), other.to(device))
        aligned = procrustes_align(pose.to(device), other.to(device), mask=mask.to(device))
        found = triangulate(pixels.to(device), CAMERAS, trust.to(device), details=True)
        pairs = list(zip((*expected[0], expected[1]), (*turned, aligned), strict=True))
        pairs += [(getattr(points, name), getattr(found, name)) for name in ("points", "used", "reprojection_px")]
        for here, there in pairs:
            assert there.device == device
            torch.testing.assert_close(there.cpu(), here, equal_nan=True)
        moved = CAMERAS[0].to(device=device, dtype=torch.float32)
        assert isinstance(moved, Camera)
        assert moved.K.device == device
