"""Test rendered people: labels where the people are, the same picture every time."""

from __future__ import annotations

import numpy as np
import pytest

from posezoo.data.rendered import rendered_people
from posezoo.errors import InputError, UnknownNameError
from posezoo.synthetic.capsules import PARTS, SKELETON, facing
from posezoo.synthetic.scenes import View, studio
from posezoo.synthetic.tracing import trace


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
    """Check that the ray to each joint ends before the joint or in its limb, so that the joint is inside the body."""
    people = rendered_people(domain, "test", side=96, count=12)
    shots = people.picture.shots
    from posezoo.synthetic.capsules import Outfit, person

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
    """Check that a head that faces the camera shows skin, and one turned away shows hair."""
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
    # A corner pixel changes little between pictures of the studio, and much between those of the wild.
    spread = {name: images[:, 1, 1].std(0).mean() for name, images in pixels.items()}
    assert spread["studio"] < 10 < 40 < spread["wild"]


def test_what_is_asked_for_wrongly():
    with pytest.raises(UnknownNameError, match="studio"):
        rendered_people("forest")
    with pytest.raises(UnknownNameError, match="val"):
        rendered_people("wild", "dev")
    with pytest.raises(InputError, match="32"):
        rendered_people(side=8)
