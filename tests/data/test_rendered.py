"""Test rendered people: capsules where geometry says, labels where the people are, the same picture every time."""

from __future__ import annotations

import numpy as np
import pytest

from posezoo.data.rendered import rendered_people
from posezoo.data.synthetic.capsules import PARTS, SKELETON, facing
from posezoo.data.synthetic.scenes import View, studio
from posezoo.data.synthetic.tracing import Capsules, trace
from posezoo.errors import InputError, UnknownNameError

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


@pytest.fixture(scope="module", params=["studio", "wild"])
def domain(request) -> str:
    return request.param


def test_a_picture_is_the_same_whenever_it_is_asked_for(domain):
    many, few = (rendered_people(domain, "val", side=48, count=count) for count in (61, 4))
    first, again = many.read(20), rendered_people(domain, "val", side=48, count=61).read(20)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, many.read(21))
    assert not np.array_equal(first, rendered_people(domain, "val", side=48, count=61, seed=1).read(20))
    np.testing.assert_array_equal(many.read(60), few.read(3))  # a thinner set holds the same pictures
    np.testing.assert_array_equal(many[np.array([7, 20])].read(1), first)


def test_labels_lie_on_the_people(domain):
    """Each joint is inside the body, so the body is in front of it: the ray to it ends before it, or in the limb."""
    people = rendered_people(domain, "test", side=96, count=12)
    shots = people.picture.shots
    from posezoo.data.synthetic.capsules import Outfit, person

    plain = Outfit(*np.zeros((5, 7)), girth=1.0, bare=())
    for row in range(len(people)):
        pose, pixels = people.poses.pose_3d[row], people.poses.keypoints_2d[row]
        assert ((pixels > 0) & (pixels < 95)).all()
        seen = trace(person(pose, plain), shots.intrinsics[row], (96, 96))
        depth = np.full((96, 96), np.inf)
        depth[seen.rows, seen.columns] = seen.point[:, 2]
        for joint, (x, y) in enumerate(pixels.round().astype(int)):
            if SKELETON.joints[joint] not in ("head_top", "right_ankle", "left_ankle"):
                assert depth[y, x] < pose[joint, 2] + 60.0
        np.testing.assert_allclose(np.ptp(pixels, axis=0).max(), 96 / 1.3 / 1.375, rtol=1e-3)
        np.testing.assert_allclose((pixels.min(0) + pixels.max(0)) / 2, people.center[row], atol=0.01)


def test_the_head_has_its_face_in_front():
    """Facing the camera shows skin where the head is, turned away shows hair."""
    pose = np.zeros((17, 3))
    heights = {"pelvis": 0, "spine": 250, "thorax": 500, "nose": 620, "head_top": 760}
    for name, height in heights.items():
        pose[SKELETON.index(name)] = [0, -height, 0]
    for side, sign in (("left", 1), ("right", -1)):  # facing the camera, the left is on the right of the picture
        for name, (x, y) in {
            "hip": (120, 0), "knee": (120, 450), "ankle": (120, 880), "shoulder": (170, -480), "elbow": (240, -220),
            "wrist": (250, 30),
        }.items():  # fmt: skip
            pose[SKELETON.index(f"{side}_{name}")] = [sign * x, y, 0]
    np.testing.assert_allclose(facing(pose), [0, 0, -1], atol=1e-6)
    away = pose * [-1, 1, 1]
    np.testing.assert_allclose(facing(away), [0, 0, 1], atol=1e-6)
    heads = []
    for turned in (pose, away):
        view = View(
            turned + [0, 0, 4000], np.array([[260.0, 0, 64], [0, 260.0, 64], [0, 0, 1]]), np.array([0.0, -1, 0]), 900.0,
            (128, 128),
        )  # fmt: skip
        image = studio(view, np.random.default_rng(0), actor=3).astype(float)
        y = int(64 - 260 * 690 / 4000)
        heads.append(image[y - 1 : y + 2, 63:66].mean((0, 1)))
    assert np.abs(heads[0] - heads[1]).max() > 30
    assert PARTS.index("head") == 7


@pytest.mark.slow
def test_domains_are_apart_and_splits_share_nobody():
    train, test = (rendered_people("wild", split, side=32, count=50) for split in ("train", "test"))
    relative = [people.poses.pose_3d - people.poses.pose_3d[:, :1] for people in (train, test)]
    gaps = np.linalg.norm(relative[0][:, None] - relative[1][None], axis=-1).mean(-1)
    assert gaps.min() > 1.0
    pixels = {
        name: np.stack([rendered_people(name, "train", side=32, count=20).read(i) for i in range(20)]).astype(float)
        for name in ("studio", "wild")
    }
    # A corner pixel changes little from picture to picture in the studio, a lot in the wild.
    spread = {name: images[:, 1, 1].std(0).mean() for name, images in pixels.items()}
    assert spread["studio"] < 10 < 40 < spread["wild"]


def test_what_is_asked_for_wrongly():
    with pytest.raises(UnknownNameError, match="studio"):
        rendered_people("forest")
    with pytest.raises(UnknownNameError, match="val"):
        rendered_people("wild", "dev")
    with pytest.raises(InputError, match="32"):
        rendered_people(side=8)
