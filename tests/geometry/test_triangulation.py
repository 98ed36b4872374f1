"""Test triangulation against OpenCV and a NumPy SVD, and on geometry without a solution."""

from __future__ import annotations

import inspect
import math

import cv2
import numpy as np
import pytest
import torch

from posezoo.errors import InputError
from posezoo.geometry import Camera, Triangulation, h36m_cameras, look_at, triangulate

ROOM = torch.tensor([0.0, 0.0, 1000.0], dtype=torch.float64)


def points(count: int = 300, seed: int = 0) -> torch.Tensor:
    """Return points where people stand in the Human3.6M room, mm."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(count, 3, dtype=torch.float64, generator=generator) - 0.5) * 2000 + ROOM


def ideal(subject: str = "S9", views: int = 4) -> list[Camera]:
    """Return cameras without distortion."""
    return [Camera(c.K, c.R, c.t) for c in h36m_cameras(subject)[:views]]


def seen(world: torch.Tensor, cameras: list[Camera], noise_px: float = 0.0, seed: int = 1) -> torch.Tensor:
    pixels = torch.stack([camera.project(world) for camera in cameras])
    generator = torch.Generator().manual_seed(seed)
    return pixels + noise_px * torch.randn(pixels.shape, dtype=torch.float64, generator=generator)


def matrices(cameras: list[Camera]) -> torch.Tensor:
    return torch.stack([camera.projection for camera in cameras])


def svd_triangulation(pixels: np.ndarray, projections: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the textbook solution: the last right singular vector of the stacked rows, joint by joint."""
    result = []
    for joint in range(pixels.shape[1]):
        rows = []
        for view, P in enumerate(projections):
            for axis in range(2):
                rows.append(weights[view, joint] * (pixels[view, joint, axis] * P[2] - P[axis]))
        vector = np.linalg.svd(np.stack(rows))[2][-1]
        result.append(vector[:3] / vector[3])
    return np.stack(result)


def opencv(pixels: torch.Tensor, projections: torch.Tensor) -> np.ndarray:
    first, second = (view.numpy().T.copy() for view in pixels)
    homogeneous = cv2.triangulatePoints(projections[0].numpy(), projections[1].numpy(), first, second)
    return (homogeneous[:3] / homogeneous[3]).T


def assert_same_estimate(found: torch.Tensor, expected: np.ndarray) -> None:
    """Assert equality to a millionth of a millimetre for points within some metres, to a share of the distance beyond."""
    difference = np.linalg.norm(found.numpy() - expected, axis=1)
    assert (difference <= 1e-6 * np.maximum(1.0, np.linalg.norm(expected, axis=1) / 10_000)).all()


@pytest.mark.parametrize("pair", [(0, 1), (0, 2), (1, 3), (2, 3)])
def test_two_views_agree_with_opencv(pair):
    cameras = [ideal()[i] for i in pair]
    world = points()
    pixels, projections = seen(world, cameras), matrices(cameras)
    found = triangulate(pixels, projections)
    np.testing.assert_allclose(found.numpy(), opencv(pixels, projections), rtol=0, atol=1e-6)
    torch.testing.assert_close(found, world, rtol=0, atol=1e-6)


@pytest.mark.parametrize("noise_px", [0.1, 5.0, 30.0, 100.0])
def test_noisy_views_agree_with_opencv(noise_px):
    cameras = ideal(views=2)
    pixels, projections = seen(points(3000), cameras, noise_px=noise_px), matrices(cameras)
    found = triangulate(pixels, projections)
    ahead = torch.isfinite(found).all(1)  # some are behind a camera once keypoints are off by 100 px
    assert ahead.float().mean() > 0.9
    assert_same_estimate(found[ahead], opencv(pixels[:, ahead], projections))


def test_four_weighted_views_agree_with_the_textbook():
    cameras, world = ideal(), points(60)
    pixels, projections = seen(world, cameras, noise_px=3.0), matrices(cameras)
    weights = torch.rand(4, 60, dtype=torch.float64, generator=torch.Generator().manual_seed(3)) + 0.1
    expected = svd_triangulation(pixels.numpy(), projections.numpy(), weights.numpy())
    assert_same_estimate(triangulate(pixels, projections, weights), expected)


def test_cameras_of_each_element_and_batches_give_the_same_as_one_by_one():
    world = points(40).view(5, 8, 3)
    subjects = ("S1", "S5", "S6", "S7", "S8")
    pixels = torch.stack([seen(p, ideal(s)) for p, s in zip(world, subjects, strict=True)])
    projections = torch.stack([matrices(ideal(s)) for s in subjects])
    torch.testing.assert_close(triangulate(pixels, projections), world, rtol=0, atol=1e-6)
    together = torch.stack([seen(p, ideal("S9")) for p in world])
    torch.testing.assert_close(triangulate(together, matrices(ideal("S9"))), world, rtol=0, atol=1e-6)
    assert triangulate(together[:0], matrices(ideal("S9"))).shape == (0, 8, 3)


def test_more_joints_than_are_handled_at_a_time():
    cameras, world = ideal(views=2), points(40_000)
    pixels = seen(world, cameras)
    torch.testing.assert_close(triangulate(pixels, matrices(cameras)), world, rtol=0, atol=1e-6)
    each = pixels.unflatten(1, (10_000, 4)).movedim(0, 1)
    projections = matrices(cameras).expand(10_000, 2, 3, 4)
    torch.testing.assert_close(triangulate(each, projections).flatten(0, 1), world, rtol=0, atol=1e-6)


def test_distortion_is_taken_out_first():
    cameras, world = h36m_cameras("S11"), points(50)
    pixels = torch.stack([camera.project(world) for camera in cameras])
    torch.testing.assert_close(triangulate(pixels, cameras), world, rtol=0, atol=1e-3)
    assert (triangulate(pixels, matrices(list(cameras))) - world).norm(dim=1).mean() > 1


def test_a_view_moves_with_the_world():
    """Check that turning and shifting world and cameras together turns and shifts the points."""
    cameras, world = ideal(), points(30)
    R, t = look_at(torch.tensor([300.0, -200.0, 500.0]).double(), torch.tensor([0.0, 100.0, 0.0]).double())
    moved = [Camera(c.K, c.R @ R.T, c.t - c.R @ R.T @ t) for c in cameras]
    torch.testing.assert_close(triangulate(seen(world, cameras), matrices(moved)), world @ R.T + t, rtol=0, atol=1e-6)


def test_scale_and_sign_of_a_projection_do_not_matter():
    cameras, world = ideal(), points(30)
    scale = torch.tensor([1.0, -2.0, 0.01, -1.0], dtype=torch.float64)[:, None, None]
    torch.testing.assert_close(triangulate(seen(world, cameras), matrices(cameras) * scale), world, rtol=0, atol=1e-6)


@pytest.mark.parametrize("hide", ["nan", "confidence"])
def test_a_joint_that_one_view_sees_is_nan_and_counted(hide):
    cameras, world = ideal(views=2), points(10)
    pixels, confidence = seen(world, cameras), torch.ones(2, 10, dtype=torch.float64)
    if hide == "nan":
        pixels[1, [2, 5]] = math.nan
    else:
        confidence[1, [2, 5]] = 0
    found = triangulate(pixels, matrices(cameras), confidence, details=True)
    assert torch.isnan(found.points).any(-1).nonzero().flatten().tolist() == [2, 5]
    assert found.undefined == 2
    assert found.views.tolist() == [2, 2, 0, 2, 2, 0, 2, 2, 2, 2]
    keep = found.views > 0
    torch.testing.assert_close(found.points[keep], world[keep], rtol=0, atol=1e-6)


def test_parallel_rays_give_nan():
    """Give NaN for a point at infinity, which two cameras side by side see at the same pixel."""
    K = torch.tensor([[1000.0, 0, 500], [0, 1000, 500], [0, 0, 1]], dtype=torch.float64)
    cameras = [Camera(K, torch.eye(3).double(), torch.tensor([x, 0.0, 0.0]).double()) for x in (0.0, -500.0)]
    pixels = torch.tensor([[500.0, 500.0], [510.0, 480.0]], dtype=torch.float64).expand(2, 2, 2).clone()
    pixels[1, 1] += 0.5  # nearly parallel: half a pixel apart
    found = triangulate(pixels, matrices(cameras), details=True)
    assert torch.isnan(found.points).all()
    assert found.undefined == 2


def test_cameras_in_one_place_give_nan():
    one = ideal()[0]
    other = Camera(one.K, *look_at(one.center, ROOM + 100))
    world = points(20)
    for second in (one, other):
        pixels = seen(world, [one, second], noise_px=1.0)
        assert torch.isnan(triangulate(pixels, matrices([one, second]))).all()


def test_a_point_behind_a_camera_is_nan():
    camera, other = ideal(views=2)
    behind = camera.center - 1000 * camera.R[2] + torch.tensor([5.0, 3.0, 1.0])
    homogeneous = torch.cat([behind, torch.ones(1, dtype=torch.float64)])
    pixels = torch.stack([(c.projection @ homogeneous)[:2] / (c.projection @ homogeneous)[2] for c in (camera, other)])
    found = triangulate(pixels[:, None], matrices([camera, other]), details=True)
    assert torch.isnan(found.points).all()
    assert found.undefined == 1


def test_outlier_views_are_dropped():
    cameras, world = ideal(), points(50)
    pixels = seen(world, cameras)
    wrong = torch.arange(50) % 4
    pixels[wrong, torch.arange(50)] += 80.0
    plain = triangulate(pixels, matrices(cameras))
    robust = triangulate(pixels, matrices(cameras), max_reprojection_px=10.0, details=True)
    assert (plain - world).norm(dim=-1).mean() > 20
    torch.testing.assert_close(robust.points, world, rtol=0, atol=1e-6)
    assert torch.equal(~robust.used, torch.nn.functional.one_hot(wrong, 4).T.bool())
    assert (robust.reprojection_px[~robust.used] > 50).all()
    assert (robust.reprojection_px[robust.used] < 1e-6).all()


def test_two_views_that_disagree_give_no_robust_point():
    cameras, world = ideal(views=2), points(10)
    pixels = seen(world, cameras)
    pixels[0, 3, 1] += 200.0
    found = triangulate(pixels, matrices(cameras), max_reprojection_px=10.0, details=True)
    assert found.views.tolist() == [0 if joint == 3 else 2 for joint in range(10)]


def test_views_of_one_weight_may_come_in_any_order():
    cameras, pixels = ideal(), seen(points(20), ideal(), noise_px=4.0)
    order = [2, 0, 3, 1]
    for limit in (None, 6.0):
        one = triangulate(pixels, matrices(cameras), max_reprojection_px=limit)
        other = triangulate(pixels[order], matrices(cameras)[order], max_reprojection_px=limit)
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6, equal_nan=True)


def test_gradients_agree_with_finite_differences():
    cameras = ideal(views=3)
    pixels = seen(points(4), cameras, noise_px=2.0).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda p: triangulate(p, matrices(cameras)), pixels, eps=1e-3, atol=1e-3, rtol=1e-3)


def test_single_precision_comes_back_as_it_went_in():
    cameras, world = ideal(), points(20)
    found = triangulate(seen(world, cameras).float(), matrices(cameras).float(), details=True)
    assert isinstance(found, Triangulation)
    assert found.points.dtype == torch.float32
    assert (found.points - world).abs().max() < 0.5


def test_shapes_that_do_not_fit_are_refused():
    pixels, projections = seen(points(5), ideal()), matrices(ideal())
    with pytest.raises(InputError, match="4 views and 3 cameras"):
        triangulate(pixels, projections[:3])
    with pytest.raises(InputError, match="two or more"):
        triangulate(pixels[:1], projections[:1])
    with pytest.raises(InputError, match=r"expected \(\.\.\., V, 3, 4\)"):
        triangulate(pixels, projections[..., :3])
    with pytest.raises(InputError, match="confidence has shape"):
        triangulate(pixels, projections, torch.ones(5, dtype=torch.float64))


def test_arrays_of_numpy_are_refused_in_a_sentence():
    """Call without the type checker of the tests, as users do."""
    plain = inspect.unwrap(triangulate)
    with pytest.raises(InputError, match=r"ndarray; expected a tensor: torch.as_tensor"):
        plain(np.zeros((2, 17, 2)), np.zeros((2, 3, 4)))
    for projections in (None, ["left", "right"], ideal()[0]):
        with pytest.raises(InputError, match="or V cameras"):
            plain(torch.zeros(2, 17, 2), projections)
