"""Test bodies of points: they follow the pose, keep their own bones, and are drawn where their joints are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from posezoo.data.described import describe
from posezoo.data.pictures import load_pictures
from posezoo.data.pictures.crops import Crops
from posezoo.data.pictures.resident import ResidentCrops
from posezoo.data.rendered_bodies import rendered_bodies
from posezoo.errors import CorruptFileError, InputError, UnknownNameError
from posezoo.geometry import bone_lengths
from posezoo.skeletons import get_skeleton
from posezoo.synthetic.bodies import PARTS, SPICE, Bodies, load_bodies, save_bodies
from posezoo.synthetic.capsules import SKELETON
from posezoo.synthetic.drawing import DRAWS, draw_bodies, joints_of, splat
from posezoo.synthetic.preparing import part_of, prepare_bodies
from posezoo.synthetic.turning import about, swing, turned, unit

J = {name: index for index, name in enumerate(SKELETON.joints)}
STANDING = {
    "pelvis": (0, 0, 900), "spine": (0, 0, 1100), "thorax": (0, 0, 1400), "nose": (0, -90, 1560), "head_top": (0, 0, 1700),
    "hip": (100, 0, 900), "knee": (110, -10, 480), "ankle": (115, 20, 60), "shoulder": (180, 0, 1350),
    "elbow": (330, 0, 1130), "wrist": (400, -150, 960),
}  # fmt: skip
# From and to where the points of a part lie, and how far away.
SEGMENTS = {
    "pelvis": ("hip", "hip", 90), "belly": ("pelvis", "spine", 110), "chest": ("spine", "thorax", 120),
    "neck": ("thorax", "nose", 50), "head": ("nose", "head_top", 90), "upper_arm": ("shoulder", "elbow", 45),
    "forearm": ("elbow", "wrist", 35), "hand": ("wrist", "wrist", 40), "thigh": ("hip", "knee", 70),
    "shin": ("knee", "ankle", 50), "foot": ("ankle", "ankle", 60),
}  # fmt: skip


@pytest.fixture(scope="module")
def bodies() -> Bodies:
    """Return two people, one a fifth larger, of balls and sticks; every point is carried by one part."""
    rng = np.random.default_rng(0)
    joints = np.zeros((17, 3))
    for name, place in STANDING.items():
        for sign, joint in ((1, f"left_{name}"), (-1, f"right_{name}"), (1, name)):
            if joint in J:
                joints[J[joint]] = np.array(place) * [sign, 1, 1]
    points, normals, weights = [], [], []
    for number, part in enumerate(PARTS):
        side, _, name = part.partition("_")
        start, end, radius = SEGMENTS[name if name in SEGMENTS else part]
        ends = [joints[J[joint if joint in J else f"{side if side in ('left', 'right') else s}_{joint}"]]
                for joint, s in ((start, "left"), (end, "right"))]  # fmt: skip
        way = rng.normal(size=(120, 3))
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        points.append(ends[0] + rng.random((120, 1)) * (ends[1] - ends[0]) + radius * way)
        normals.append(way)
        weights.append(np.eye(len(PARTS))[[number] * 120])
    one, all_joints = np.concatenate(points), np.stack([joints, 1.2 * joints])
    arrays = (np.stack([one, 1.2 * one]), np.concatenate(normals), np.concatenate(weights), all_joints)
    return Bodies(*(torch.from_numpy(values).float() for values in arrays))


def poses(count: int, seed: int = 0) -> torch.Tensor:
    people = load_pictures("rendered_wild", "test", side=64, count=count, seed=seed)
    return torch.from_numpy(people.poses.pose_3d)


def test_in_its_own_pose_a_body_is_as_it_rests(bodies):
    rest = bodies.joints
    joints, affine = bodies.wrap(rest, rest, torch.zeros(2, SPICE))
    feet = [PARTS.index(f"{side}_foot") for side in ("left", "right")]  # a foot is turned by 0.15 for shoes
    torch.testing.assert_close(joints, rest, atol=0.1, rtol=0)
    points, normals = bodies.surface(bodies.points, affine)
    others = ~torch.isin(bodies.part, torch.tensor(feet))
    torch.testing.assert_close(points[:, others], bodies.points[:, others], atol=0.5, rtol=0)
    torch.testing.assert_close(normals[:, others], bodies.normals[None, others].expand(2, -1, 3), atol=1e-3, rtol=0)


def test_bones_point_as_the_pose_and_are_as_long_as_the_body_s(bodies):
    pose = poses(12)
    rest = bodies.joints[torch.arange(12) % 2]
    joints, affine = bodies.wrap(rest, pose, torch.rand(12, SPICE) * 2 - 1)
    torch.testing.assert_close(joints[:, J["pelvis"]], pose[:, J["pelvis"]])
    for start, end in (("elbow", "wrist"), ("shoulder", "elbow"), ("hip", "knee"), ("knee", "ankle")):
        for side in ("left", "right"):
            ends = J[f"{side}_{start}"], J[f"{side}_{end}"]
            ways = [unit(of[:, ends[1]] - of[:, ends[0]]) for of in (joints, pose)]
            assert (ways[0] * ways[1]).sum(1).min() > 0.999
    limbs = [index for index, bone in enumerate(SKELETON.bones) if "nose" not in [SKELETON.joints[end] for end in bone]]
    limbs = [index for index in limbs if "head_top" not in [SKELETON.joints[end] for end in SKELETON.bones[index]]]
    torch.testing.assert_close(
        bone_lengths(joints, SKELETON)[:, limbs], bone_lengths(rest, SKELETON)[:, limbs], rtol=1e-3, atol=0.5
    )
    turns = affine.unflatten(-1, (3, 4))[..., :3]
    torch.testing.assert_close(turns @ turns.mT, torch.eye(3).expand(12, 17, 3, 3), atol=1e-3, rtol=0)
    assert (torch.linalg.det(turns) > 0.99).all()
    # Points of a forearm stay around it.
    forearm = bodies.part == PARTS.index("left_forearm")
    points = bodies.surface(bodies.points[torch.arange(12) % 2], affine)[0][:, forearm]
    middle = (joints[:, J["left_elbow"]] + joints[:, J["left_wrist"]]) / 2
    assert (points.mean(1) - middle).norm(dim=1).max() < 60


def test_a_turned_pose_turns_the_body(bodies):
    pose, spice = poses(4), torch.rand(4, SPICE)
    rest = bodies.joints[[0, 1, 0, 1]]
    turn = about(torch.tensor([1.0, 2.0, -1.0]).expand(4, 3), torch.tensor([0.3, 1.0, 2.0, 3.0]))
    first = bodies.wrap(rest, pose, spice)[0]
    second = bodies.wrap(rest, torch.einsum("bij,bkj->bki", turn, pose), spice)[0]
    torch.testing.assert_close(second, torch.einsum("bij,bkj->bki", turn, first), atol=2.0, rtol=0)


def test_swings_and_knees():
    generator = torch.Generator().manual_seed(0)
    start, end = torch.randn(2, 50, 3, generator=generator)
    torch.testing.assert_close(turned(swing(start, end), unit(start)), unit(end), atol=1e-4, rtol=1e-3)
    quarter = about(torch.tensor([0.0, 0.0, 1.0]), torch.tensor(torch.pi / 2))
    torch.testing.assert_close(turned(quarter, torch.tensor([1.0, 0.0, 0.0])), torch.tensor([0.0, 1.0, 0.0]))


def test_the_nearest_point_is_seen():
    """Compare with a loop over points in order of depth, drawn from the farthest on."""
    generator = torch.Generator().manual_seed(1)
    points = torch.rand(2, 60, 3, generator=generator) * torch.tensor([2.0, 2.0, 3.0]) + torch.tensor([-1.0, -1.0, 2.0])
    facing = torch.rand(2, 60, generator=generator) < 0.8
    camera = torch.tensor([[[20.0, 0, 15.5], [0, 20.0, 15.5], [0, 0, 1]]]).expand(2, 3, 3)
    seen = splat(points, facing, camera, 32)
    for row in range(2):
        expected = np.full((32, 32), -1)
        for number in sorted(range(60), key=lambda n: -float(points[row, n, 2])):
            x, y, z = points[row, number].tolist()
            left, top = round(20 * x / z + 15.5 - 0.5), round(20 * y / z + 15.5 - 0.5)
            if facing[row, number] and 0 <= left < 31 and 0 <= top < 31:
                expected[top : top + 2, left : left + 2] = number
        found = torch.where(seen.hit[row], seen.point[row], -1).view(32, 32)
        np.testing.assert_array_equal(found.numpy(), expected)


def test_pictures_show_people_at_their_joints(bodies, tmp_path):
    """Check that two pictures that differ in the person alone differ around the joints, and that joints are the labels."""
    file = save_bodies(bodies, tmp_path / "bodies.h5")
    assert describe(file) == {"bodies": f"2 of {bodies.points.shape[1]:,} points"}
    people = rendered_bodies("train", bodies=file, side=96, count=12)
    for number in range(12):
        picture = people.read(number)
        assert picture.shape == (96, 96, 3)
        drawn = people.picture
        far = drawn.poses[[number]] + torch.tensor([0.0, 0.0, -1e6])  # behind the camera: the clutter alone
        empty = draw_bodies(drawn.bodies, far, drawn.intrinsics[[number]], drawn.draws[[number]], 96)[0].numpy()
        person = np.abs(picture.astype(int) - empty).sum(2) > 0
        assert 0.01 < person.mean() < 0.6
        for joint in ("left_knee", "right_knee", "left_elbow", "right_elbow", "spine"):
            x, y = people.poses.keypoints_2d[number, J[joint]].round().astype(int)
            assert person[max(0, y - 3) : y + 4, max(0, x - 3) : x + 4].any(), joint
    np.testing.assert_array_equal(rendered_bodies("train", bodies=file, side=96, count=12).read(5), people.read(5))
    assert not np.array_equal(rendered_bodies("train", bodies=file, side=96, count=12, seed=1).read(5), people.read(5))
    # A batch gives the pictures that are drawn one by one.
    together = people.picture.batch(np.arange(12)).numpy()
    assert all(np.array_equal(together[number], people.read(number)) for number in range(12))
    joints = joints_of(load_bodies(file), people.picture.poses, people.picture.draws)
    np.testing.assert_allclose(people.poses.pose_3d, joints, atol=1e-3)
    assert people.picture.draws.shape == (12, DRAWS)


def test_resident_bodies_are_drawn_as_large_as_they_are_wanted(bodies, tmp_path):
    people = rendered_bodies("val", bodies=save_bodies(bodies, tmp_path / "bodies.h5"), side=64, count=5)
    crops = ResidentCrops([Crops(people, get_skeleton("mpii16"), 128, labels=True)], "cpu")
    batch = crops.batch(torch.arange(5))
    assert batch["picture"].shape == (5, 3, 128, 128)
    zoom = 128 / people.side_px[0]
    np.testing.assert_allclose(batch["head_px"], people.head_px * zoom, rtol=1e-4)
    hip = get_skeleton("mpii16").index("left_hip")
    expected = (people.poses.keypoints_2d[:, J["left_hip"]] - 31.5) * zoom + 63.5
    np.testing.assert_allclose(batch["keypoints_2d"][:, hip], expected, atol=1e-2)


def test_what_is_wrong(bodies, tmp_path):
    file = save_bodies(bodies, tmp_path / "bodies.h5")
    with pytest.raises(UnknownNameError, match="'dev'"):
        rendered_bodies("dev", bodies=file)
    with pytest.raises(InputError, match="count 0"):
        rendered_bodies("train", bodies=file, count=0)
    with pytest.raises(InputError, match="0 shapes"):
        prepare_bodies(tmp_path / "none.h5", shapes=0)
    with pytest.raises(InputError, match=r"tail\.L"):
        part_of("tail.L")
    assert part_of("lowerarm02.R") == "right_forearm"
    assert part_of("shoulder01.L") == "chest"
    broken = Bodies(bodies.points * float("nan"), bodies.normals, bodies.weights, bodies.joints)
    with pytest.raises(CorruptFileError, match="NaN"):
        load_bodies(save_bodies(broken, file))


@pytest.mark.slow
def test_anny_s_joints_lie_within_its_surface(tmp_path):
    pytest.importorskip("anny", reason="needs posezoo[bodies]")
    whole = load_bodies(prepare_bodies(tmp_path / "bodies.h5", shapes=3, points=3000))
    for points, joints in zip(whole.points, whole.joints, strict=True):
        assert 1000 < float(points[:, 2].max() - points[:, 2].min()) < 2600
        for joint in ("left_knee", "right_elbow", "left_shoulder", "pelvis", "spine"):
            way = points - joints[J[joint]]
            near = way.norm(dim=1) < 250
            # Seen from within, the surface is all around: in every direction there is a point that looks the same way.
            ways = unit(way[near])
            axes = torch.cat([torch.eye(3), -torch.eye(3)])[:, None]
            assert ((ways * axes).sum(-1).amax(1) > 0.7).sum() >= 4
            # Normals look outwards. Further off lie other limbs, which look this way: the trunk beside a child's elbow.
            own = way.norm(dim=1) < 150
            assert float((unit(way[own]) * whole.normals[own]).sum(1).mean()) > 0.3
    assert (whole.joints[:, J["left_hip"], 0] > 0).all()
    torch.testing.assert_close(whole.weights.sum(1), torch.ones(len(whole.weights)), atol=1e-2, rtol=0)
