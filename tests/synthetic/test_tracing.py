"""Test the tracing of capsules against the geometry of rays and balls."""

from __future__ import annotations

import numpy as np
import pytest

from posezoo.synthetic.tracing import Capsules, trace

K = np.array([[80.0, 0.0, 31.5], [0.0, 90.0, 23.5], [0.0, 0.0, 1.0]])
SIZE = (64, 48)


def capsules(count: int, seed: int = 0) -> Capsules:
    rng = np.random.default_rng(seed)
    start = rng.uniform([-400, -300, 1500], [400, 300, 2500], (count, 3))
    return Capsules(start, start + rng.normal(0, 200, (count, 3)), rng.uniform(20, 120, count), np.arange(count))


def distance(points: np.ndarray, scene: Capsules) -> np.ndarray:
    """Return (M, N) from each point to each capsule's surface."""
    axis = scene.end - scene.start
    share = np.einsum("mnd,nd->mn", points[:, None] - scene.start, axis) / np.maximum((axis**2).sum(1), 1e-9)
    nearest = scene.start + np.clip(share, 0, 1)[..., None] * axis
    return np.linalg.norm(points[:, None] - nearest, axis=-1) - scene.radius


def test_rays_stop_where_they_first_touch_a_capsule():
    scene = capsules(7)
    seen = trace(scene, K, SIZE)
    assert len(seen.rows) > 300
    rays = np.stack([(seen.columns - K[0, 2]) / K[0, 0], (seen.rows - K[1, 2]) / K[1, 1], np.ones(len(seen.rows))], 1)
    np.testing.assert_allclose(seen.point[:, :2] / seen.point[:, 2:], rays[:, :2], atol=1e-6)
    gap = distance(seen.point, scene)
    np.testing.assert_allclose(gap[np.arange(len(gap)), seen.capsule], 0.0, atol=0.5)
    assert gap.min() > -0.5
    for share in np.linspace(0.3, 0.999, 60):  # nothing in the way
        assert distance(share * seen.point.astype(float), scene).min() > -0.5
    np.testing.assert_allclose(np.linalg.norm(seen.normal, axis=1), 1.0, atol=1e-2)
    assert (np.einsum("md,md->m", seen.normal, seen.point) < 1e-2 * 2500).all()  # surfaces look at the camera


def test_rays_that_show_nothing_pass_every_capsule():
    scene = capsules(7)
    seen = trace(scene, K, SIZE)
    empty = np.ones((SIZE[1], SIZE[0]), bool)
    empty[seen.rows, seen.columns] = False
    rows, columns = np.nonzero(empty)
    rays = np.stack([(columns - K[0, 2]) / K[0, 0], (rows - K[1, 2]) / K[1, 1], np.ones(len(rows))], 1)
    for depth in np.linspace(1000, 3500, 120):
        assert distance(depth * rays, scene).min() > -1.0


def test_a_ball_is_a_capsule_and_what_is_behind_the_camera_is_not_drawn():
    ball = Capsules(np.array([[0.0, 0.0, 1000.0]]), np.array([[0.0, 0.0, 1000.0]]), np.array([100.0]), np.array([0]))
    seen = trace(ball, np.diag([100.0, 100.0, 1.0]) + [[0, 0, 32], [0, 0, 24], [0, 0, 0]], SIZE)
    assert seen.point[(seen.rows == 24) & (seen.columns == 32)][0, 2] == pytest.approx(900.0, abs=0.1)
    # A ball's outline: sin of the half angle is radius over distance.
    edge = 100 * np.tan(np.arcsin(0.1))
    assert len(seen.rows) == pytest.approx(np.pi * edge**2, rel=0.05)
    behind = Capsules(-ball.start, -ball.end, ball.radius, ball.surface)
    assert len(trace(behind, K, SIZE).rows) == 0
