"""Test cameras against OpenCV, by round trips, and against the published calibration."""

from __future__ import annotations

import inspect

import cv2
import numpy as np
import pytest
import torch

from posezoo.errors import InputError, UnknownNameError
from posezoo.geometry import Camera, h36m_cameras, project, unproject

SUBJECTS = ("S1", "S5", "S6", "S7", "S8", "S9", "S11")


def people(count: int = 200) -> torch.Tensor:
    """Return points within 1.5 m of the world's origin, where people stand in the Human3.6M room."""
    return (torch.rand(count, 3, dtype=torch.float64) - 0.5) * 3000 + torch.tensor([0.0, 0.0, 1000.0], dtype=torch.float64)


@pytest.mark.parametrize("view", range(4))
def test_projection_agrees_with_opencv(view):
    camera, points = h36m_cameras("S9")[view], people()
    rotation, _ = cv2.Rodrigues(camera.R.numpy())
    expected, _ = cv2.projectPoints(points.numpy(), rotation, camera.t.numpy(), camera.K.numpy(), camera.distortion.numpy())
    np.testing.assert_allclose(project(points, camera).numpy(), expected[:, 0], atol=1e-6)


@pytest.mark.parametrize("view", range(4))
def test_undistorted_pixels_agree_with_opencv(view):
    camera = h36m_cameras("S11")[view]
    pixels = project(people(), camera)
    K, distortion = camera.K.numpy(), camera.distortion.numpy()
    expected = cv2.undistortPoints(pixels.numpy()[:, None], K, distortion, P=K)
    np.testing.assert_allclose(camera.undistort(pixels).numpy(), expected[:, 0], atol=0.05)  # OpenCV stops after five steps


def test_pixels_that_no_ray_reaches_through_the_lens_are_nan():
    # r - 0.3 r^3 is at most 0.703, where r is 1.054: this lens shows nothing farther than 703 px from its centre.
    K = torch.diag(torch.tensor([1000.0, 1000.0, 1.0]))
    camera = Camera(K, torch.eye(3), torch.zeros(3), distortion=torch.tensor([-0.3, 0, 0, 0, 0]))
    seen = torch.tensor([[0.0, 0.0], [650.0, 0.0], [0.0, -650.0], [720.0, 0.0], [500.0, 520.0], [5000.0, 10.0]])
    ray = min(root.real for root in np.roots([-0.3, 0, 1, -0.65]) if root.real > 0)
    expected = torch.tensor([[0.0, 0.0], [1000 * ray, 0.0], [0.0, -1000 * ray]])
    for pixels in (seen, seen.double()):
        found = camera.undistort(pixels)
        torch.testing.assert_close(found[:3], expected.to(pixels), rtol=1e-5, atol=1e-3)
        assert torch.isnan(found[3:]).all()
        points = camera.unproject(pixels, torch.full((6,), 2000.0).to(pixels), frame="camera")
        assert torch.isfinite(points[:3]).all()
        assert torch.isnan(points[3:, :2]).all()


@pytest.mark.parametrize("frame", ["world", "camera"])
def test_unproject_inverts_project(frame):
    camera, points = h36m_cameras("S1")[2], people()
    local = camera.world_to_camera(points)
    source = points if frame == "world" else local
    pixels = project(source, camera, frame)
    torch.testing.assert_close(unproject(pixels, local[:, 2], camera, frame), source, atol=1e-6, rtol=0)


def test_world_and_camera_coordinates_round_trip():
    camera, points = h36m_cameras("S5")[0], people()
    torch.testing.assert_close(camera.camera_to_world(camera.world_to_camera(points)), points)
    torch.testing.assert_close(camera.world_to_camera(camera.center), torch.zeros(3, dtype=torch.float64), atol=1e-9, rtol=0)


def test_projection_matrix_is_projection_without_distortion():
    camera, points = h36m_cameras("S7")[1], people(10)
    ideal = Camera(camera.K, camera.R, camera.t)
    homogeneous = torch.cat([points, torch.ones(10, 1, dtype=torch.float64)], 1) @ ideal.projection.T
    torch.testing.assert_close(project(points, ideal), homogeneous[:, :2] / homogeneous[:, 2:])


def test_points_behind_the_camera_are_nan_and_others_are_not():
    camera = Camera(torch.eye(3), torch.eye(3), torch.zeros(3))
    pixels = project(torch.tensor([[0.0, 0.0, -1.0], [0.0, 0.0, 0.0], [1.0, 2.0, 2.0]]), camera)
    assert torch.isnan(pixels[:2]).all()
    assert pixels[2].tolist() == [0.5, 1.0]


def test_gradients_of_projection():
    camera = h36m_cameras("S8")[3]
    points = people(3).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: project(x, camera), points)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_human36m_cameras_are_the_published_ones(subject):
    cameras = h36m_cameras(subject)
    assert [camera.image_size for camera in cameras] == [(1000, 1002), (1000, 1000), (1000, 1000), (1000, 1002)]
    for camera in cameras:
        # All stand about 1.3 to 2 m high, 4 to 6 m from the room's middle, and see it near the image's centre.
        assert 1200 < float(camera.center[2]) < 2000
        assert 4000 < float(camera.center[:2].norm()) < 6500
        middle = project(torch.tensor([0.0, 0.0, 900.0], dtype=torch.float64), camera)
        assert ((middle - 500).abs() < 250).all()


def test_a_published_camera_center():
    # S1's first camera, centre as VideoPose3D's published table gives it.
    center = h36m_cameras("S1")[0].center
    np.testing.assert_allclose(center.numpy(), [1841.10705566, 4955.28466797, 1563.44543457], atol=0.01)


def test_parts_of_a_camera_share_the_widest_of_their_types():
    """Build a camera as people do: K of whole numbers, R of NumPy's doubles, t a list."""
    camera = Camera(np.array([[1000, 0, 500], [0, 1000, 500], [0, 0, 1]]), np.eye(3), [10, 20, 30], [0, 0, 0, 0, 0])
    assert {part.dtype for part in (camera.K, camera.R, camera.t, camera.distortion)} == {torch.float64}
    assert camera.center.tolist() == [-10.0, -20.0, -30.0]
    assert camera.projection[0].tolist() == [1000.0, 0.0, 500.0, 1000.0 * 10 + 500 * 30]


def test_bad_cameras_are_refused():
    with pytest.raises(InputError, match=r"K has shape \(2, 2\)"):
        Camera(torch.eye(2), torch.eye(3), torch.zeros(3))
    with pytest.raises(InputError, match="not a rotation"):
        Camera(torch.eye(3), torch.diag(torch.tensor([1.0, 1.0, -1.0])), torch.zeros(3))
    with pytest.raises(InputError, match="NaN"):
        Camera(torch.eye(3), torch.eye(3), torch.tensor([0.0, float("nan"), 0.0]))
    with pytest.raises(UnknownNameError, match="did you mean"):
        h36m_cameras("S12")
    with pytest.raises(InputError, match="'world' or 'camera'"):
        project(torch.zeros(1, 3), Camera(torch.eye(3), torch.eye(3), torch.zeros(3)), "screen")
    K = torch.tensor([[1000.0, 0, 500], [0, 1000, 500], [0, 0, 1]])
    for other in (K.T, -K, 2 * K):
        with pytest.raises(InputError, match="last row of camera K"):
            Camera(other, torch.eye(3), torch.zeros(3))
    for size in ("large", (1, 2, 3), (-1, 2), (float("nan"), 2), 5):
        with pytest.raises(InputError, match="image_size"):
            Camera(K, torch.eye(3), torch.zeros(3), image_size=size)


def test_what_cannot_be_projected_is_refused():
    """Call without the type checker of the tests, as users do."""
    away, back = inspect.unwrap(project), inspect.unwrap(unproject)
    camera, points = h36m_cameras("S9")[0], torch.zeros(5, 17, 3)
    for values, message in (
        (points.numpy(), "as_tensor"),
        (points[..., :2], r"\(5, 17, 2\)"),
        ([[1, 2, 3]], "of type list"),
    ):
        with pytest.raises(InputError, match=message):
            away(values, camera)
    for other in (None, "S9", h36m_cameras("S9")):
        with pytest.raises(InputError, match=r"expected a posezoo\.geometry\.Camera"):
            away(points, other)
    whole = torch.tensor([[[0, 0, 5000]]])
    torch.testing.assert_close(away(whole, camera, "camera"), away(whole.float(), camera, "camera"))
    for depth in (torch.ones(5, 1), torch.ones(5, 17, 2), 3000.0):
        with pytest.raises(InputError, match="one value a pixel"):
            back(points[..., :2], depth, camera)


def test_whole_numbers_are_coordinates_too():
    camera, points = h36m_cameras("S1")[0], torch.tensor([[100, 200, 900], [-3, 4, 5]])
    for move in (camera.world_to_camera, camera.camera_to_world, camera.project):
        torch.testing.assert_close(move(points), move(points.float()))
    pixels = torch.tensor([[400, 300], [512, 512]])
    torch.testing.assert_close(camera.undistort(pixels), camera.undistort(pixels.float()))
