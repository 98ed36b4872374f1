"""Test packed pictures, Leeds Sports Pose and COCO on files in the published layouts, which the tests write."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
import scipy.io

from posezoo.cli import main
from posezoo.data.coco import coco_pictures
from posezoo.data.described import describe
from posezoo.data.lsp import lsp_pictures
from posezoo.data.pictures import load_pictures
from posezoo.data.pictures.packed import ROOM, pack_pictures, packed_pictures
from posezoo.errors import CorruptFileError, InputError, MissingFileError, UnknownNameError
from tests.data.pictures.dots import centroid, dotted, people


def test_people_come_back_where_they_were(tmp_path):
    whole = people(labels=False)
    file = pack_pictures({"train": whole[:4], "test": whole[4:]}, tmp_path / "packed.h5", side=128, quality=95)
    assert describe(file) == {"train": "4 people", "test": f"{len(whole) - 4} people"}
    train = packed_pictures(file, "train")
    assert (len(train), len(packed_pictures(file, "test"))) == (4, 2)
    for number in range(4):
        picture, points = train.read(number), train.poses.keypoints_2d[number]
        assert picture.shape == (128, 128, 3)
        for side in ("left", "right"):
            wrist = points[whole.poses.skeleton.index(f"{side}_wrist")]
            np.testing.assert_allclose(centroid(picture, wrist), wrist, atol=0.5)
    zoom = 128 / (110 * ROOM)
    np.testing.assert_allclose(train.side_px * zoom**-1, 110, rtol=1e-5)
    np.testing.assert_allclose(train.head_px, 12 * zoom, rtol=1e-5)
    with pytest.raises(UnknownNameError, match="'val'"):
        packed_pictures(file, "val")


def test_a_damaged_pack_is_refused(tmp_path):
    file = pack_pictures({"train": people(labels=False)}, tmp_path / "packed.h5", side=64)
    with h5py.File(file, "r+") as damaged:
        damaged["end"][-1] += 5
    with pytest.raises(CorruptFileError, match="do not fill it"):
        packed_pictures(file, "train")
    with h5py.File(file, "r+") as damaged:
        damaged["end"][-1] -= 5
        damaged["jpeg"][: damaged["end"][0]] = 0
    with pytest.raises(CorruptFileError, match="picture 0"):
        packed_pictures(file, "train").read(0)
    with h5py.File(file, "w") as other:
        other["jpeg"] = [1, 2]
    with pytest.raises(CorruptFileError, match="no packed pictures"):
        packed_pictures(file, "train")
    with pytest.raises(InputError, match="side 8 px"):
        pack_pictures({"train": people()}, file, side=8)


JOINTS = ("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "right_wrist", "right_elbow",
          "right_shoulder", "left_shoulder", "left_elbow", "left_wrist", "neck", "head_top")  # fmt: skip
COUNT = 28


@pytest.fixture
def photographs(tmp_path) -> Path:
    """Write pictures im00001.jpg and so on, with a dot at each person's left wrist, which is joint 11."""
    rng = np.random.default_rng(0)
    joints = rng.uniform([40, 30], [160, 130], (COUNT, 14, 2))
    (tmp_path / "images").mkdir()
    for row in range(COUNT):
        cv2.imwrite(str(tmp_path / "images" / f"im{row + 1:05d}.jpg"), dotted(joints[row, [11]]))
    known = np.ones((COUNT, 14))
    known[:, 4] = 0
    known[3, 1:11] = 0  # too few joints are left of this one
    rows = np.concatenate([joints + 1, known[..., None]], 2)  # MATLAB counts from 1
    scipy.io.savemat(tmp_path / "joints.mat", {"joints": rows.transpose(1, 2, 0)})
    np.save(tmp_path / "joints.npy", np.where(known[..., None] == 0, np.nan, joints))
    return tmp_path


def check_lsp(photographs: Path) -> None:
    joints = np.load(photographs / "joints.npy")
    splits = {split: load_pictures("lsp", split, path=photographs) for split in ("train", "val", "test")}
    assert {split: len(each) for split, each in splits.items()} == {"train": 21, "val": 2, "test": 4}
    np.testing.assert_allclose(splits["test"].poses.keypoints_2d, joints[-4:], atol=1e-3)
    train = splits["train"]
    np.testing.assert_allclose(train.poses.keypoints_2d[3], joints[4], atol=1e-3)  # row 3 has too few joints
    np.testing.assert_allclose(centroid(train.read(3), joints[4, 11]), joints[4, 11], atol=0.3)
    assert np.isnan(train.poses.keypoints_2d[:, 4]).all()
    assert np.isfinite(train.side_px).all()


def test_leeds_sports_pose_as_it_is_downloaded(photographs):
    check_lsp(photographs)
    with pytest.raises(UnknownNameError, match="'dev'"):
        lsp_pictures("dev", photographs)
    (photographs / "joints.mat").unlink()
    with pytest.raises(MissingFileError, match=r"none of joints\.mat, keypoints\.csv"):
        lsp_pictures("train", photographs)


def test_leeds_sports_pose_as_a_table(photographs):
    (photographs / "joints.mat").unlink()
    heads = [f"{joint}_{axis}" for joint in JOINTS for axis in ("x", "y", "visible")]
    rows = [",".join(["image", *heads])]
    for row, joints in enumerate(np.load(photographs / "joints.npy")):
        cells = [",,0" if np.isnan(point).any() else f"{point[0]:.4f},{point[1]:.4f},1" for point in joints]
        rows.append(",".join([f"im{row + 1:05d}.jpg", *cells]))
    (photographs / "keypoints.csv").write_text("\n".join(rows) + "\n")
    check_lsp(photographs)
    (photographs / "keypoints.csv").write_text(rows[0].replace("neck_y", "nack_y") + "\n" + rows[1] + "\n")
    with pytest.raises(CorruptFileError, match="lacks the column neck_y"):
        lsp_pictures("train", photographs)
    (photographs / "keypoints.csv").write_text("\n".join(rows[:3]).replace("jpg,", "jpg,many", 1) + "\n")
    with pytest.raises(InputError, match="no number"):
        lsp_pictures("train", photographs)


def test_prepared_at_the_command_line(photographs, tmp_path, capsys):
    out = tmp_path / "lsp.h5"
    assert main(["data", "prepare", "lsp", "--source", str(photographs), "--out", str(out)]) == 0
    assert str(out) in capsys.readouterr().out
    assert len(load_pictures("lsp", "test", path=out)) == 4
    assert main(["data", "prepare", "lsp", "--out", str(out)]) == 2
    assert "--source is not given" in capsys.readouterr().err


@pytest.fixture
def coco(tmp_path) -> Path:
    """Write forty pictures of each set, one person in each; numbers 0 and 20 of the training set validate."""
    rng = np.random.default_rng(1)
    (tmp_path / "annotations").mkdir()
    for name in ("train2017", "val2017"):
        (tmp_path / name).mkdir()
        images, people_ = [], []
        for number in range(40):
            joints = rng.uniform([40, 30], [160, 130], (17, 2)).round(2)
            file = f"{number:012d}.jpg"
            cv2.imwrite(str(tmp_path / name / file), dotted(joints[[9]]))
            images.append({"id": number, "file_name": file})
            seen = np.full(17, 2)
            seen[[0, 5]] = 0
            if number == 7:
                seen[3:] = 0
            person = {"image_id": number, "iscrowd": int(number == 8)}
            person["keypoints"] = np.concatenate([joints, seen[:, None]], 1).ravel().tolist()
            people_.append(person)
        content = {"images": images, "annotations": people_}
        (tmp_path / "annotations" / f"person_keypoints_{name}.json").write_text(json.dumps(content))
    return tmp_path


def test_coco_as_it_is_downloaded(coco, tmp_path):
    splits = {split: load_pictures("coco", split, path=coco) for split in ("train", "val", "test")}
    assert {split: len(each) for split, each in splits.items()} == {"train": 36, "val": 2, "test": 38}
    train = splits["train"]
    wrist = train.poses.keypoints_2d[4, 9]
    np.testing.assert_allclose(centroid(train.read(4), wrist), wrist, atol=0.3)
    assert np.isnan(train.poses.keypoints_2d[:, [0, 5]]).all()
    assert main(["data", "prepare", "coco_pictures", "--source", str(coco), "--out", str(tmp_path / "coco.h5")]) == 0
    assert len(load_pictures("coco", "test", path=tmp_path / "coco.h5", count=5)) == 5
    path = coco / "annotations" / "person_keypoints_val2017.json"
    path.write_text(json.dumps({"images": [], "annotations": [{"image_id": 3, "keypoints": [1, 2]}]}))
    with pytest.raises(CorruptFileError, match="cannot be read"):
        coco_pictures("test", coco)
    path.write_text(json.dumps({"images": [], "annotations": []}))
    with pytest.raises(InputError, match="nobody of the test split"):
        coco_pictures("test", coco)
    path.unlink()
    with pytest.raises(MissingFileError, match="person_keypoints_val2017"):
        coco_pictures("test", coco)
