"""Test BVH: every naming convention, kinematics computed by hand, real recordings, broken files."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from posezoo.data import read_bvh, read_cameras, read_keypoints
from posezoo.errors import CorruptFileError, InputError, MissingFileError, PoseZooError, UnknownNameError
from posezoo.formats.bvh import bvh_conventions, parse_bvh
from posezoo.skeletons import get_skeleton
from tests.formats.bvh_samples import STANDING, write_person

H36M = get_skeleton("h36m17")


@pytest.mark.parametrize("convention", ["character_creator", "motionbuilder", "3ds_max", "rokoko", "bandai", "posezoo"])
def test_every_convention_is_recognised_and_gives_the_same_person(tmp_path, convention):
    motion = read_bvh(write_person(tmp_path / "clip.bvh", convention))
    assert (motion.convention, motion.pose_world_mm.shape) == (convention, (3, 17, 3))
    assert motion.fps == pytest.approx(60, abs=0.01)
    pose = dict(zip(H36M.joints, motion.pose_world_mm[0], strict=True))
    for joint in ("knee", "ankle", "shoulder", "elbow", "wrist"):
        for side, sign in (("left", 1), ("right", -1)):
            x, up, front = STANDING[joint]
            # World: z up, so BVH's (x, y, z) is (x, -z, y).
            np.testing.assert_allclose(pose[f"{side}_{joint}"], [sign * x, -front, up], atol=0.1)
    np.testing.assert_allclose(pose["pelvis"], [0, 0, 900], atol=0.1)
    assert pose["nose"][2] > pose["thorax"][2] > pose["pelvis"][2]


# --- files as other programs write them ------------------------------------------------------------------------------


def as_z_up(text: str) -> str:
    """Return the same person with z up in the rest pose: every offset (x, y, z) is (x, -z, y)."""
    lines = []
    for line in text.splitlines():
        if line.startswith("OFFSET"):
            x, y, z = map(float, line.split()[1:])
            line = f"OFFSET {x} {-z} {y}"
        lines.append(line)
    return "\n".join(lines)


VARIANTS = {
    "a namespace": lambda text: re.sub(r"(ROOT|JOINT) ", r"\1 mixamorig:", text),
    "a numbered namespace": lambda text: re.sub(r"(ROOT|JOINT) ", r"\1 mixamorig12:", text),
    "another namespace": lambda text: re.sub(r"(ROOT|JOINT) ", r"\1 Model:Body:", text),
    "a byte order mark": lambda text: "\ufeff" + text,
    "small letters": lambda text: text.replace("Xposition", "XPosition").replace("Zrotation", "ZRotation"),
    "z up": as_z_up,
}


@pytest.mark.parametrize("convention", ["motionbuilder", "bandai"])
@pytest.mark.parametrize("name", VARIANTS)
def test_the_same_person_in_other_writing(tmp_path, name, convention):
    path = write_person(tmp_path / "clip.bvh", convention)
    expected = read_bvh(path).pose_world_mm
    path.write_text(VARIANTS[name](path.read_text()), encoding="utf-8")
    motion = read_bvh(path)
    assert motion.convention == convention
    np.testing.assert_allclose(motion.pose_world_mm, expected, atol=0.1)


def test_names_that_are_no_utf8(tmp_path):
    path = write_person(tmp_path / "clip.bvh", "bandai")
    expected = read_bvh(path).pose_world_mm
    path.write_bytes(path.read_bytes().replace(b"ROOT Root", b"ROOT H\xfcfte"))
    np.testing.assert_array_equal(read_bvh(path).pose_world_mm, expected)


def scaled(path: Path, factor: float) -> Path:
    """Return the file with its offsets and positions in another unit."""
    lines = [
        f"OFFSET {' '.join(str(float(word) * factor) for word in line.split()[1:])}" if line.startswith("OFFSET") else line
        for line in path.read_text().splitlines()
    ]
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize("unit_mm", [10.0, 1000.0, 1.0])
def test_other_units_than_the_conventions(tmp_path, unit_mm):
    """Read MotionBuilder's names from files in cm, m and mm."""
    path = write_person(tmp_path / "clip.bvh", "motionbuilder")
    expected = read_bvh(path).pose_world_mm
    found = read_bvh(scaled(path, bvh_conventions()["motionbuilder"]["unit_mm"] / unit_mm))
    np.testing.assert_allclose(found.pose_world_mm, expected, atol=0.1)


def test_without_end_sites_the_crown_is_estimated(tmp_path):
    path = write_person(tmp_path / "clip.bvh", "motionbuilder")
    path.write_text(re.sub(r"End Site\n\{\nOFFSET [^\n]*\n\}\n", "", path.read_text()))
    motion = read_bvh(path)
    head = motion.pose_world_mm[0, H36M.index("head_top")] - [0, 0, STANDING["thorax"][1] + 10]
    np.testing.assert_allclose(head, [0, 0, 2.8 * 56.444], atol=0.1)


def test_one_joint_that_lacks_is_named(tmp_path):
    path = write_person(tmp_path / "clip.bvh", "motionbuilder")
    path.write_text(path.read_text().replace("LeftForeArm", "LeftElbow"))
    with pytest.raises(InputError, match=r"LeftForeArm.*motionbuilder"):
        read_bvh(path)


def test_giants_and_people_who_lie_are_noticed(tmp_path):
    path = scaled(write_person(tmp_path / "clip.bvh", "motionbuilder"), 1.5)
    with pytest.raises(InputError, match=r"1260 mm.*24\d\d mm.*unit_mm=56\.444"):
        read_bvh(path)
    assert read_bvh(path, unit_mm=40).pose_world_mm.shape == (3, 17, 3)
    path = write_person(tmp_path / "lies.bvh", "bandai")
    standing = read_bvh(path).pose_world_mm
    text = path.read_text()
    row = text.splitlines()[-1]
    path.write_text(text.replace(row, "0 0 0 0 0 90 " + " ".join(row.split()[6:])))  # a quarter turn about x
    with pytest.raises(InputError, match="lies along the z axis in nearly all frames"):
        read_bvh(path)
    np.testing.assert_allclose(read_bvh(path, up="z").pose_world_mm[..., 2], standing[..., 2], atol=150)
    assert np.abs(read_bvh(path, up="y").pose_world_mm[..., 2]).max() < 200
    with pytest.raises(InputError, match="up is 'x'"):
        read_bvh(path, up="x")


def test_the_root_turns_the_whole_body_right_handed(tmp_path):
    still = read_bvh(write_person(tmp_path / "a.bvh", "bandai")).pose_world_mm[0]
    turned = read_bvh(write_person(tmp_path / "b.bvh", "bandai", turn=90)).pose_world_mm[0]
    # A quarter turn about BVH's y, the world's z: x -> -z in BVH, which is +y in the world.
    np.testing.assert_allclose(turned[:, 2], still[:, 2], atol=0.1)
    np.testing.assert_allclose(turned[:, 1], still[:, 0], atol=0.1)
    np.testing.assert_allclose(turned[:, 0], -still[:, 1], atol=0.1)


def test_a_fourth_convention_is_a_map(tmp_path):
    path = write_person(tmp_path / "clip.bvh", "bandai")
    text = path.read_text()
    for joint in ("UpperLeg", "LowerLeg", "Foot"):
        text = text.replace(joint, f"Own{joint}")
    path.write_text(text)
    with pytest.raises(InputError, match=r"Foot_L, .*bandai"):
        read_bvh(path)
    own = {
        "pelvis": ["OwnUpperLeg_L", "OwnUpperLeg_R"],
        "spine": "Spine",
        "thorax": "Neck",
        "nose": "Head",
        "head_top": "Head",
    }
    for side, letter in (("left", "L"), ("right", "R")):
        own |= {
            f"{side}_hip": f"OwnUpperLeg_{letter}",
            f"{side}_knee": f"OwnLowerLeg_{letter}",
            f"{side}_ankle": f"OwnFoot_{letter}",
        }
        own |= {
            f"{side}_shoulder": f"UpperArm_{letter}",
            f"{side}_elbow": f"LowerArm_{letter}",
            f"{side}_wrist": f"Hand_{letter}",
        }
    motion = read_bvh(path, joint_map=own, unit_mm=10.0)
    assert motion.pose_world_mm[0, H36M.index("left_wrist"), 0] == pytest.approx(700, abs=0.1)


def test_a_wrong_unit_is_noticed(tmp_path):
    with pytest.raises(InputError, match="a leg of 84 mm"):
        read_bvh(write_person(tmp_path / "clip.bvh", "bandai"), unit_mm=1.0)
    with pytest.raises(UnknownNameError, match="3ds_max"):
        read_bvh(tmp_path / "clip.bvh", convention="3dsmax")


def test_resampling_takes_nearest_frames(tmp_path):
    motion = read_bvh(write_person(tmp_path / "clip.bvh", "bandai", frames=13))
    numbered = motion.pose_world_mm + np.arange(13, dtype=np.float32)[:, None, None] * 1000
    motion = type(motion)(numbered, motion.skeleton, 60.0, motion.name, motion.convention)
    half = motion.resample(30.0, drop_first=1)
    steps = np.rint((half.pose_world_mm[:, 0, 0] - motion.pose_world_mm[0, 0, 0]) / 1000)
    np.testing.assert_array_equal(steps, [1, 3, 5, 7, 9, 11])


@pytest.mark.usefixtures("without_type_checks")
def test_broken_files_are_one_sentence(tmp_path):
    path = write_person(tmp_path / "clip.bvh", "bandai")
    whole = path.read_text()
    with pytest.raises(MissingFileError):
        read_bvh(tmp_path / "none.bvh")
    cases = {
        "empty": "", "text": "not BVH at all\n", "cut header": whole[:200], "cut motion": whole[: len(whole) - 30],
        "words": whole.replace("Frame Time: 0.0166667\n0 ", "Frame Time: 0.0166667\nzero "),
        "nan": whole.replace("Frame Time: 0.0166667\n0 ", "Frame Time: 0.0166667\nnan "),
        "frames": whole.replace("Frames: 3", "Frames: 30"), "braces": whole.replace("}", ""),
    }  # fmt: skip
    for name, text in cases.items():
        (tmp_path / "broken.bvh").write_text(text)
        with pytest.raises(CorruptFileError) as caught:
            read_bvh(tmp_path / "broken.bvh")
        assert "\n" not in str(caught.value), name
    (tmp_path / "broken.bvh").write_bytes(b"\xff\xfe\x00\x01" * 50)
    with pytest.raises(CorruptFileError, match="not text"):
        read_bvh(tmp_path / "broken.bvh")
    for unit in ("cm", -1, 0, float("nan")):
        with pytest.raises(InputError, match="unit_mm is"):
            read_bvh(path, unit_mm=unit)
    with pytest.raises(InputError, match="joint_map lacks pelvis"):
        read_bvh(path, unit_mm=10.0, joint_map={"head_top": "Head"})
    for reader in (read_bvh, read_keypoints, read_cameras):
        for no_path in (None, 3, [path]):
            with pytest.raises(InputError, match="expected the name of a file"):
                reader(no_path)


def test_cut_and_flipped_files_never_end_in_anything_but_our_errors(tmp_path):
    whole = write_person(tmp_path / "clip.bvh", "bandai").read_bytes()
    generator = np.random.default_rng(0)
    for _ in range(200):
        data = bytearray(whole[: generator.integers(len(whole))] if generator.random() < 0.5 else whole)
        for place in generator.integers(max(len(data), 1), size=3):
            if len(data):
                data[place] = int(generator.integers(256))
        (tmp_path / "fuzzed.bvh").write_bytes(bytes(data))
        try:
            pose = read_bvh(tmp_path / "fuzzed.bvh").pose_world_mm
        except PoseZooError:
            continue
        assert np.isfinite(pose).all()


def test_real_recordings_are_people(real_data):
    for folder, convention, fps in (("cmu", "character_creator", 60), ("bandai-1", "bandai", 30)):
        path = sorted((real_data / "bvh" / folder).glob("*.bvh"))[10]
        motion = read_bvh(path)
        assert motion.convention == convention
        assert motion.fps == pytest.approx(fps, abs=0.1)
        hierarchy = parse_bvh(path)
        assert len(motion.pose_world_mm) == len(hierarchy.motion)
        height = motion.pose_world_mm[..., 2]
        assert (height[:, H36M.index("head_top")] > height[:, 0]).mean() > 0.9
        assert 1300 < np.median(height[:, H36M.index("head_top")]) < 2100
