"""Test rotations against SciPy; random views keep people upright."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from posezoo.errors import InputError
from posezoo.geometry import (
    euler_to_matrix,
    look_at,
    matrix_to_euler,
    project,
    random_view,
    rotation_about,
    rotation_between,
    rotation_vector_to_matrix,
    view_rotation,
)
from posezoo.geometry.cameras import Camera


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_elementary_rotations_agree_with_scipy(axis):
    angles = torch.linspace(-4, 4, 17, dtype=torch.float64)
    np.testing.assert_allclose(
        rotation_about(axis, angles), Rotation.from_euler(axis, angles.numpy()[:, None]).as_matrix(), atol=1e-12
    )


@pytest.mark.parametrize("order", ["zyx", "zxy", "xyz", "yzx", "xzy", "yxz"])
def test_euler_angles_are_intrinsic_as_bvh_means_them(order):
    angles = torch.rand(20, 3, dtype=torch.float64) * 6 - 3
    expected = Rotation.from_euler(order.upper(), angles.numpy()).as_matrix()  # capitals: intrinsic, in SciPy
    np.testing.assert_allclose(euler_to_matrix(order, angles), expected, atol=1e-12)


def test_euler_order_needs_an_angle_a_letter():
    with pytest.raises(InputError, match="3 angles"):
        euler_to_matrix("xy", torch.zeros(1, 3))
    with pytest.raises(InputError, match="expected x, y or z"):
        rotation_about("w", torch.zeros(1))


def test_view_by_azimuth_is_the_papers_matrix():
    theta = torch.tensor([0.3], dtype=torch.float64)
    cosine, sine = math.cos(0.3), math.sin(0.3)
    # Deng et al. 2021, Eq. 5 multiplies row vectors from the right: x' = x cos + z sin, z' = -x sin + z cos.
    printed = np.array([[cosine, 0, -sine], [0, 1, 0], [sine, 0, cosine]])
    point = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(view_rotation(theta)[0].numpy() @ point, point @ printed, atol=1e-12)


def test_view_by_gravity_keeps_the_vertical_of_a_pitched_camera():
    pitch = torch.tensor([0.2, 0.2], dtype=torch.float64)
    azimuth = torch.tensor([0.7, 2.9], dtype=torch.float64)
    # A camera that looks down by 0.2 rad sees the world's up direction tilted toward itself.
    center = torch.tensor([0.0, -math.cos(0.2), math.sin(0.2)], dtype=torch.float64)
    R, _ = look_at(center, torch.zeros(3, dtype=torch.float64))
    up = R @ torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    turned = view_rotation(azimuth, pitch, pitch) @ up
    np.testing.assert_allclose(turned.numpy(), up.expand(2, 3).numpy(), atol=1e-12)


def test_look_at_puts_the_target_in_the_middle_and_the_horizon_level():
    center, target = torch.tensor([3.0, -4.0, 2.0], dtype=torch.float64), torch.tensor([0.5, 0.2, 1.0], dtype=torch.float64)
    R, t = look_at(center, target)
    camera = Camera(torch.tensor([[1000.0, 0, 500], [0, 1000, 500], [0, 0, 1]], dtype=torch.float64), R, t)
    np.testing.assert_allclose(project(target, camera), [500, 500], atol=1e-9)
    np.testing.assert_allclose(camera.center, center, atol=1e-12)
    above = project(target + torch.tensor([0.0, 0, 0.1], dtype=torch.float64), camera)
    assert above[1] < 500  # y down: what is higher lies further up
    assert above[0] == pytest.approx(500, abs=1e-9)


def test_look_at_refuses_the_vertical():
    with pytest.raises(InputError, match="vertical"):
        look_at(torch.tensor([0.0, 0.0, 5.0]), torch.zeros(3))


def test_random_views_turn_about_the_vertical_of_the_camera_or_of_gravity():
    down = torch.tensor([0.0, 1.0, 0.0])
    rotation = random_view(200)
    torch.testing.assert_close(rotation @ down, down.expand(200, 3), atol=1e-6, rtol=0)
    tilted = torch.tensor([0.0, math.cos(0.3), math.sin(0.3)])  # what is down for a camera pitched down by 0.3
    rotation = random_view(200, pitch=0.3)
    torch.testing.assert_close(rotation @ tilted, tilted.expand(200, 3), atol=1e-6, rtol=0)
    azimuths = torch.atan2(rotation[:, 0, 2], rotation[:, 0, 0])
    assert azimuths.std() > 1.5


def test_random_elevations_are_uniform_within_their_bound():
    rotation = random_view(4000, elevation=math.pi / 9)
    down = rotation @ torch.tensor([0.0, 1.0, 0.0])
    elevation = torch.atan2(down[:, 2], down[:, 1])
    assert elevation.abs().max() <= math.pi / 9 + 1e-6
    assert float(elevation.std()) == pytest.approx(math.pi / 9 / math.sqrt(3), rel=0.05)
    torch.testing.assert_close(down[:, 0], torch.zeros(4000), atol=1e-6, rtol=0)


def test_rotation_vectors_agree_with_scipy():
    vectors = torch.randn(20, 3, dtype=torch.float64)
    vectors[0] = 0
    expected = torch.from_numpy(Rotation.from_rotvec(vectors.numpy()).as_matrix())
    torch.testing.assert_close(rotation_vector_to_matrix(vectors), expected)


@pytest.mark.parametrize("order", ["zxy", "xyz", "zyx", "yxz", "xzy", "yzx"])
def test_euler_angles_of_rotations_are_scipys(order):
    matrices = Rotation.random(200, random_state=0)
    expected = matrices.as_euler(order.upper())
    found = matrix_to_euler(order, torch.from_numpy(matrices.as_matrix()))
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-9)
    locked = euler_to_matrix(order, torch.tensor([[0.3, math.pi / 2, 0.4], [0.3, -math.pi / 2, 0.4]], dtype=torch.float64))
    again = matrix_to_euler(order, locked)
    assert (again[:, 2] == 0).all()
    torch.testing.assert_close(euler_to_matrix(order, again), locked, atol=1e-9, rtol=0)
    with pytest.raises(InputError, match="expected x, y and z"):
        matrix_to_euler("zxz", locked)


def test_a_swing_is_the_smallest_turn_between_directions():
    generator = np.random.default_rng(0)
    source, target = generator.normal(size=(2, 100, 3))
    turn = rotation_between(torch.from_numpy(source), torch.from_numpy(target)).numpy()
    unit = target / np.linalg.norm(target, axis=-1, keepdims=True)
    start = source / np.linalg.norm(source, axis=-1, keepdims=True)
    np.testing.assert_allclose((turn @ start[..., None])[..., 0], unit, atol=1e-12)
    np.testing.assert_allclose(Rotation.from_matrix(turn).magnitude(), np.arccos((start * unit).sum(-1)), atol=1e-7)
    for vector in torch.eye(3, dtype=torch.float64):
        about = rotation_between(vector, -vector)
        torch.testing.assert_close(about @ vector, -vector)
        assert float(torch.linalg.det(about)) == pytest.approx(1)
        torch.testing.assert_close(rotation_between(vector, vector), torch.eye(3, dtype=torch.float64))


@pytest.mark.parametrize(("dtype", "near"), [(torch.float32, 1e-5), (torch.float64, 1e-13)])
@pytest.mark.parametrize("apart", [1e-1, 1e-2, 1e-4, 1e-5, 1e-6, 3e-7, 1e-9, 0.0])
def test_a_swing_between_nearly_opposite_directions_arrives(dtype, near, apart):
    generator = torch.Generator().manual_seed(0)
    source = torch.nn.functional.normalize(torch.randn(20_000, 3, generator=generator, dtype=dtype), dim=-1)
    target = apart * torch.randn(20_000, 3, generator=generator, dtype=dtype) - source
    turn = rotation_between(source, target)
    unit = torch.nn.functional.normalize(target, dim=-1)
    torch.testing.assert_close((turn @ source[..., None])[..., 0], unit, atol=near, rtol=0)
    assert float((turn @ turn.mT - torch.eye(3, dtype=dtype)).abs().max()) < near
    angle = Rotation.from_matrix(turn.double().numpy()).magnitude()
    expected = np.arctan2(
        np.linalg.norm(np.cross(source.double(), unit.double()), axis=-1), (source.double() * unit.double()).sum(-1)
    )
    np.testing.assert_allclose(angle, expected, atol=2e-3 if dtype == torch.float32 else 1e-6)


def test_whole_numbers_are_angles_too():
    for order in ("x", "zxy"):
        angles = torch.arange(1, len(order) + 1)
        expected = Rotation.from_euler(order.upper(), angles.numpy()).as_matrix()
        np.testing.assert_allclose(euler_to_matrix(order, angles), expected, atol=1e-6)
    assert torch.equal(rotation_about("z", torch.tensor(1)), rotation_about("z", torch.tensor(1.0)))
