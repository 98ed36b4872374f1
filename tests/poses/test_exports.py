"""Test BVH, TRC and CSV: read back by our own reader and by the formats' rules, never mirrored."""

from __future__ import annotations

import csv as tables
import os
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from posezoo.data import Prediction, load_dataset, read_bvh
from posezoo.errors import InputError, PoseZooWarning
from posezoo.formats.bvh import parse_bvh
from posezoo.geometry import bone_lengths, h36m_cameras
from posezoo.skeletons import convert, get_skeleton

H36M = get_skeleton("h36m17")


@pytest.fixture(scope="module")
def walk():
    """Return a walk (40, 17, 3) mm, root-relative, camera frame, with bones of constant length."""
    people = load_dataset("procedural", split="test", actions=["walk"], frames_per_clip=40)
    pose = people.pose_3d[people.sequence == 0]
    return (pose - pose[:, :1]).astype(np.float32)


def to_camera(world):
    """Return world coordinates of ``read_bvh`` (z up) as those of a level camera: x right, y down, z forward."""
    return np.stack([world[..., 0], -world[..., 2], world[..., 1]], axis=-1)


def lengths(pose):
    return np.stack([np.linalg.norm(pose[:, child] - pose[:, parent], axis=-1) for parent, child in H36M.bones], axis=1)


def test_bvh_is_read_back_by_our_own_reader(walk, tmp_path):
    path = Prediction(walk, H36M, "mm", fps=25).save(tmp_path / "walk.bvh", floor=False)
    motion = read_bvh(path)
    assert (motion.convention, motion.fps) == ("posezoo", pytest.approx(25, rel=1e-6))
    np.testing.assert_allclose(to_camera(motion.pose_world_mm), walk, atol=0.06)


def test_bvh_has_one_symmetric_body_and_every_bones_direction(walk, tmp_path):
    stretched = walk * np.random.default_rng(0).uniform(0.8, 1.2, (len(walk), 17, 1)).astype(np.float32)
    stretched[:, 0] = 0
    motion = read_bvh(Prediction(stretched, H36M, "mm", fps=30).save(tmp_path / "a.bvh", floor=False))
    found, body = to_camera(motion.pose_world_mm).astype(np.float64), np.median(lengths(stretched), axis=0)
    for left, right in H36M.bone_pairs:
        pair = [H36M.bones.index(left), H36M.bones.index(right)]
        body[pair] = body[pair].mean()
    np.testing.assert_allclose(lengths(found), np.broadcast_to(body, (len(walk), 16)), atol=4e-3)
    for bone, (parent, child) in enumerate(H36M.bones):
        expected = (stretched[:, child] - stretched[:, parent]) / lengths(stretched)[:, [bone]]
        np.testing.assert_allclose((found[:, child] - found[:, parent]) / body[bone], expected, atol=1e-4)


def test_bvh_rests_in_a_t_and_its_curves_do_not_jump(walk, tmp_path):
    turning = Prediction(walk, H36M, "mm", fps=25).save(tmp_path / "a.bvh")
    hierarchy = parse_bvh(turning)
    still = replace(hierarchy, motion=np.zeros_like(hierarchy.motion))
    rest = dict(zip(hierarchy.joints, still.positions()[0][0].numpy(), strict=True))
    assert rest["left_wrist"][0] > 0.4 > -0.4 > rest["right_wrist"][0]  # m, x to the person's left
    assert rest["head_top"][1] > 0.4 > -0.6 > rest["left_ankle"][1]
    assert abs(rest["left_wrist"][1] - rest["left_shoulder"][1]) < 1e-6
    assert np.abs(np.diff(hierarchy.motion, axis=0)).max() < 120


@pytest.mark.parametrize("layout", ["mpii16", "coco17", "body25", "humaneva15", "h36m32"])
def test_bvh_of_every_layout_keeps_its_directions(walk, layout, tmp_path):
    skeleton = get_skeleton(layout)
    generator = np.random.default_rng(1)
    pose = np.nan_to_num(convert(walk[:6], H36M, skeleton).keypoints) + generator.normal(0, 20, (6, len(skeleton), 3))
    hierarchy = parse_bvh(Prediction(pose, skeleton, "mm", fps=30).save(tmp_path / "a.bvh"))
    positions = hierarchy.positions()[0].numpy()
    place = {name: positions[:, i] for i, name in enumerate(hierarchy.joints)}
    for parent, child in skeleton.bones:
        expected = (pose[:, child] - pose[:, parent]) * [1, -1, -1]
        found = place[skeleton.joints[child]] - place[skeleton.joints[parent]]
        expected, found = (v / np.linalg.norm(v, axis=-1, keepdims=True) for v in (expected, found))
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_bvh_holds_what_is_unknown(walk, tmp_path):
    known = walk[:8].copy()
    gappy = known.copy()
    gappy[0], gappy[3:5], gappy[7] = np.nan, np.nan, np.nan
    gappy[5, 13] = np.nan  # a wrist alone
    found = to_camera(read_bvh(Prediction(gappy, H36M, "mm", fps=30).save(tmp_path / "a.bvh", floor=False)).pose_world_mm)
    for row, source in enumerate((1, 1, 2, 2, 2, 5, 6, 6)):
        joints = [joint for joint in range(17) if (row, joint) != (5, 13)]
        np.testing.assert_allclose(found[row, joints], known[source, joints], atol=0.06)
    bone = known[2, 13] - known[2, 12]
    np.testing.assert_allclose(found[5, 13] - found[5, 12], bone, atol=0.06)
    gappy[:, 13] = np.nan
    with pytest.raises(InputError, match="left_wrist is known in no frame"):
        Prediction(gappy, H36M, "mm", fps=30).save(tmp_path / "b.bvh")
    assert os.listdir(tmp_path) == ["a.bvh"]


def read_trc(path):
    """Read by the rules of OpenSim's TRCFileAdapter: tabs, empty cells are NaN, two rows of labels, one blank row."""
    lines = path.read_text().split("\n")
    assert lines[0].split("\t")[:3] == ["PathFileType", "4", "(X/Y/Z)"]
    header = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=True))
    names = [cell for cell in lines[3].split("\t") if cell]
    axes = [cell for cell in lines[4].split("\t") if cell]
    count = int(header["NumMarkers"])
    assert names[:2] == ["Frame#", "Time"]
    assert len(names) == count + 2
    assert axes == [f"{axis}{i + 1}" for i in range(count) for axis in "XYZ"]
    assert lines[5] == ""
    # What follows the last tab is no cell, even where it is empty.
    rows = [line.removesuffix("\t").split("\t") for line in lines[6:-1]]
    assert all(line.endswith("\t") for line in lines[6:-1])
    assert {len(row) for row in rows} == {2 + 3 * count}
    values = np.array([[float(cell or "nan") for cell in row] for row in rows])
    assert values[:, 0].tolist() == list(range(1, int(header["NumFrames"]) + 1))
    return header, names[2:], values[:, 1], values[:, 2:].reshape(len(rows), count, 3)


def test_trc_follows_opensims_rules(walk, tmp_path):
    pose = walk.copy()
    pose[2, 5], pose[4], pose[5, 16] = np.nan, np.nan, np.nan
    header, names, time, places = read_trc(Prediction(pose, H36M, "mm", fps=29.97).save(tmp_path / "walk.trc", floor=False))
    assert list(header) == [
        "DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units", "OrigDataRate", "OrigDataStartFrame", "OrigNumFrames",
    ]  # fmt: skip
    assert (header["Units"], header["NumFrames"], float(header["DataRate"])) == ("mm", "40", 29.97)
    assert names == list(H36M.joints)
    np.testing.assert_allclose(time, np.arange(40) / 29.97, atol=1e-6)
    np.testing.assert_allclose(places, pose * [1, -1, -1], atol=1e-5)


@pytest.mark.parametrize("frame", ["camera", "world"])
def test_exports_are_turned_never_mirrored(frame, walk, tmp_path):
    """Check that up goes to +y, and that a proper rotation fits the original without any residual."""
    pose = walk.astype(np.float64)
    made = Prediction(pose, H36M, "mm", fps=30)
    if frame == "world":
        camera = h36m_cameras("S9")[0]
        pose = pose @ camera.R.numpy().astype(np.float64)  # x_cam = R x_world, so rows times R
        made = Prediction(pose, H36M, "mm", fps=30, frame="world, as the cameras are calibrated")
    _, _, _, places = read_trc(made.save(tmp_path / "a.trc", floor=False))
    left, _, right = np.linalg.svd(pose.reshape(-1, 3).T @ places.reshape(-1, 3))
    turn = left @ right
    assert np.linalg.det(turn) == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(pose @ turn, places, atol=0.01)
    up = [0, 0, 1] if frame == "world" else [0, -1, 0]
    np.testing.assert_allclose(np.array(up) @ turn, [0, 1, 0], atol=1e-6)
    assert (places[:, H36M.index("head_top"), 1] > places[:, H36M.index("left_ankle"), 1] + 500).all()


def test_who_faces_the_camera_has_the_left_hand_at_the_viewers_right(tmp_path):
    facing = np.zeros((1, 17, 3), np.float32)
    facing[0, H36M.index("left_wrist"), 0] = 600  # at the right of the picture
    facing[0, H36M.index("right_wrist"), 0] = -600
    facing[0, H36M.index("head_top"), 1] = -700  # y down
    facing[0, H36M.index("nose"), 2] = -100  # nearer to the camera
    _, names, _, places = read_trc(Prediction(facing, H36M, "mm", fps=30).save(tmp_path / "a.trc", floor=False))
    place = dict(zip(names, places[0].tolist(), strict=True))
    assert place["left_wrist"] == [600, 0, 0]
    assert place["head_top"] == [0, 700, 0]
    assert place["nose"] == [0, 0, 100]  # BVH's and OpenGL's z, toward the viewer


def test_poses_without_scale_become_as_large_as_a_person(walk, tmp_path):
    scale = np.random.default_rng(0).uniform(0.5, 2, (len(walk), 1, 1)).astype(np.float32) / 500
    relative = Prediction(walk * scale, H36M, "relative", fps=30)
    for height, expected in ((None, 1700), (1500, 1500)):
        _, _, _, places = read_trc(relative.save(tmp_path / "a.trc", height_mm=height))
        # One size over the clip, the body's own proportions: a multiple of the walk.
        factor = places[:, 1, 0] / walk[:, 1, 0]
        np.testing.assert_allclose(factor, factor[0], rtol=1e-4)
        along = lengths(places).mean(0)
        bone = {H36M.joints[child]: along[i] for i, (_, child) in enumerate(H36M.bones)}
        legs = sum(bone[f"{side}_{joint}"] for side in ("left", "right") for joint in ("knee", "ankle")) / 2
        trunk = sum(bone[joint] for joint in ("spine", "thorax", "nose", "head_top"))
        assert legs + trunk == pytest.approx(0.961 * expected, rel=1e-4)


def test_csv_names_joints_axes_and_units(walk, tmp_path):
    pose = walk[:3].copy()
    pose[1, 2] = np.nan
    keypoints = np.arange(3 * 17 * 2, dtype=np.float32).reshape(3, 17, 2)
    made = Prediction(pose, H36M, "mm", keypoints_2d=keypoints, confidence=np.full((3, 17), 0.5, np.float32), fps=10)
    with open(made.save(tmp_path / "a.csv"), newline="") as stream:
        rows = list(tables.DictReader(stream))
    assert list(rows[0])[:5] == ["frame", "time_s", "pelvis_x_mm", "pelvis_y_mm", "pelvis_z_mm"]
    assert [row["frame"] for row in rows] == ["0", "1", "2"]
    assert [float(row["time_s"]) for row in rows] == [0, 0.1, 0.2]
    assert rows[1]["right_knee_y_mm"] == ""
    assert float(rows[2]["left_wrist_z_mm"]) == pytest.approx(float(pose[2, 13, 2]), rel=1e-5)
    assert float(rows[2]["left_wrist_v_px"]) == keypoints[2, 13, 1]
    assert float(rows[0]["nose_confidence"]) == 0.5
    bare = Prediction(walk[:1], H36M, "relative").save(tmp_path / "b.csv").read_text().split("\n")[0]
    assert bare.startswith("frame,pelvis_x_relative")
    assert "px" not in bare


def test_what_cannot_be_exported(walk, tmp_path):
    mm, relative = Prediction(walk, H36M, "mm"), Prediction(walk, H36M, "relative", fps=30)
    cases = [
        (mm, "a.bvh", {}, "needs the frames per second"),
        (mm, "a.trc", {"fps": 0}, "expected a positive number"),
        (mm, "a.trc", {"fps": 30, "height_mm": 1800}, "in mm already"),
        (mm, "a.bvh", {"fps": 30, "unit": "inch"}, "expected m or cm or mm"),
        (mm, "a.bvh", {"fps": 30, "up": "x"}, "expected y or z"),
        (mm, "a.bvh", {"fps": 30, "markers": "pose2sim"}, "names in .trc"),
        (mm, "a.trc", {"fps": 30, "level": 20}, "in radians"),
        (replace(mm, frame="world"), "a.trc", {"fps": 30, "level": True}, "whose gravity is known"),
        (mm, "a.json", {"level": True}, "level is for .bvh and .trc"),
        (mm, "a.csv", {"unit": "m"}, "unit is for .bvh and .trc"),
        (relative, "a.bvh", {"height_mm": 1.8}, "expected that of a person"),
        (relative, "a.csv", {"height_mm": 1800}, "keeps the prediction's own unit"),
        (relative, "a.npz", {"height_mm": 1800}, "keeps the prediction as it is"),
        (Prediction(walk[None], H36M, "mm", fps=30), "a.bvh", {}, "holds one clip"),
        (Prediction(walk * np.nan, H36M, "mm", fps=30), "a.trc", {}, "no known joint"),
        (Prediction(walk, get_skeleton("coco17"), "relative", fps=30), "a.trc", {}, "lacks head_top"),
        (Prediction(np.ones((2, 17, 3)), H36M, "relative", fps=30), "a.trc", {}, "all joints in one point"),
    ]
    for made, name, settings, words in cases:
        with pytest.raises(InputError, match=words):
            made.save(tmp_path / name, **settings)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("extension", ["npz", "json"])
def test_the_rate_is_kept(walk, extension, tmp_path):
    made = Prediction(walk, H36M, "mm", fps=25)
    assert Prediction.load(made.save(tmp_path / f"a.{extension}")).fps == 25
    assert Prediction.load(replace(made, fps=None).save(tmp_path / f"b.{extension}")).fps is None
    assert Prediction.load(replace(made, fps=None).save(tmp_path / f"c.{extension}", fps=50)).fps == 50


def leaning(walk, degrees):
    """Return the walk as a camera sees it that looks down by so much."""
    return (walk @ Rotation.from_euler("x", np.radians(degrees)).as_matrix().T).astype(np.float32)


def test_a_motion_is_one_symmetric_body_on_the_floor(walk, tmp_path):
    stretched = walk + np.random.default_rng(0).normal(0, 25, walk.shape).astype(np.float32)
    made = Prediction(stretched, H36M, "relative", fps=30)
    motion = read_bvh(made.save(tmp_path / "a.bvh"))
    found = bone_lengths(torch.from_numpy(motion.pose_world_mm.astype(np.float64)), H36M).numpy()
    np.testing.assert_allclose(found, np.broadcast_to(found[0], found.shape), rtol=1e-4)
    for left, right in H36M.bone_pairs:
        assert found[0, H36M.bones.index(left)] == pytest.approx(found[0, H36M.bones.index(right)], rel=1e-4)
    feet = [H36M.index("left_ankle"), H36M.index("right_ankle")]
    np.testing.assert_allclose(motion.pose_world_mm[:, feet, 2].min(1), 0, atol=0.1)
    _, names, _, places = read_trc(made.save(tmp_path / "a.trc"))
    np.testing.assert_allclose(places[:, [names.index("left_ankle"), names.index("right_ankle")], 1].min(1), 0, atol=0.01)


def test_blender_takes_a_unit_for_a_metre(walk, tmp_path):
    hierarchy = parse_bvh(Prediction(walk, H36M, "relative", fps=30).save(tmp_path / "a.bvh", height_mm=1800))
    positions = hierarchy.positions()[0].numpy()
    assert 1.5 < np.ptp(positions[..., 1]) < 1.9
    for unit, size in (("cm", 100), ("mm", 1000)):
        other = Prediction(walk, H36M, "relative", fps=30).save(tmp_path / f"{unit}.bvh", height_mm=1800, unit=unit)
        np.testing.assert_allclose(parse_bvh(other).positions()[0].numpy(), positions * size, atol=2e-6 * size)
        assert read_bvh(other).pose_world_mm == pytest.approx(read_bvh(tmp_path / "a.bvh").pose_world_mm, abs=0.1)


def test_what_a_tilted_camera_saw_is_levelled(walk, tmp_path):
    straight = Prediction(walk, H36M, "mm", fps=30).save(tmp_path / "straight.trc")
    seen = Prediction(leaning(walk, 25), H36M, "mm", fps=30)
    known = seen.save(tmp_path / "known.trc", level=np.radians(25))
    np.testing.assert_allclose(read_trc(known)[3], read_trc(straight)[3], atol=0.01)
    guessed = read_trc(seen.save(tmp_path / "guessed.trc", level=True))[3]
    thorax, ankles = H36M.index("thorax"), [H36M.index("left_ankle"), H36M.index("right_ankle")]
    spine = guessed[:, thorax] - guessed[:, ankles].mean(1)
    lean = np.degrees(np.arctan2(np.hypot(spine[:, 0], spine[:, 2]), spine[:, 1]))
    assert np.median(lean) < 6


def test_z_can_point_up(walk, tmp_path):
    made = Prediction(walk, H36M, "mm", fps=30)
    y_up, z_up = (read_trc(made.save(tmp_path / f"{up}.trc", up=up))[3] for up in ("y", "z"))
    np.testing.assert_allclose(z_up, np.stack([y_up[..., 0], -y_up[..., 2], y_up[..., 1]], -1), atol=1e-5)


def test_markers_have_the_names_of_pose2sim(walk, tmp_path):
    names = read_trc(Prediction(walk, H36M, "mm", fps=30).save(tmp_path / "a.trc", markers="pose2sim"))[1]
    assert names == [
        "Hip", "RHip", "RKnee", "RAnkle", "LHip", "LKnee", "LAnkle", "spine", "Neck", "Nose", "Head", "LShoulder",
        "LElbow", "LWrist", "RShoulder", "RElbow", "RWrist",
    ]  # fmt: skip
    mpii = Prediction(np.ones((2, 16, 3), np.float32), get_skeleton("mpii16"), "mm", fps=30)
    names = read_trc(mpii.save(tmp_path / "b.trc", markers="pose2sim"))[1]
    assert len(set(names)) == 16


def test_a_world_whose_z_does_not_point_up_is_named(walk, tmp_path):
    upright = np.stack([walk[..., 0], walk[..., 2], -walk[..., 1]], axis=-1)  # right, forward, up
    for pose, words in ((upright, None), (walk, "along -y of the rig's world, whose z")):
        poses = Prediction(pose + 900, H36M, "mm", fps=25, frame="world")
        for ending, kind in ((".trc", "TRC"), (".bvh", "BVH")):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                poses.save(tmp_path / f"a{ending}")
            said = [str(warning.message) for warning in caught if issubclass(warning.category, PoseZooWarning)]
            assert len(said) == (words is not None)
            assert all(words in sentence and kind in sentence for sentence in said)
