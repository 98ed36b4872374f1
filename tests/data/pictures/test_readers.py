"""Test readers of pictures on files in the published layouts."""

from __future__ import annotations

from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest

from posezoo.cli import main
from posezoo.data.h36m.frames import prepare_h36m_pictures, read_cdf_pose
from posezoo.data.pictures import load_pictures
from posezoo.errors import CorruptFileError, InputError, MissingFileError, SaveError, UnknownNameError
from posezoo.skeletons import get_skeleton
from tests.data.dataset_samples import write_cdf

MPII = get_skeleton("mpii16")


def gray(path: Path, shade: int, size: tuple[int, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((size[1], size[0], 3), shade, np.uint8))


@pytest.fixture
def h36m(tmp_path) -> Path:
    """Write four people as pose-hg-3d's file has them: two of S1, one of S9, one of S11 whose picture is missing."""
    rng = np.random.default_rng(0)
    columns = {
        "subject": [1, 1, 9, 11], "action": [2, 2, 9, 16], "subaction": [1, 1, 2, 1], "camera": [3, 3, 4, 1],
        "id": [1, 6, 201, 1], "istrain": [1, 1, 0, 0],
    }  # fmt: skip
    with h5py.File(tmp_path / "annotSampleTest.h5", "w") as file:
        for key, values in columns.items():
            file[key] = np.array(values)
        file["joint_2d"] = rng.uniform(20, 200, (4, 16, 2))
        file["joint_3d_mono"] = rng.uniform(-800, 800, (4, 16, 3)) + [0, 0, 5000]
        file["bbox"] = np.zeros((4, 4))
    for row, shade in ((0, 40), (1, 80), (2, 120)):
        s, a, t, c, i = (columns[key][row] for key in ("subject", "action", "subaction", "camera", "id"))
        folder = f"s_{s:02d}_act_{a:02d}_subact_{t:02d}_ca_{c:02d}"
        gray(tmp_path / "images" / folder / f"{folder}_{i:06d}.jpg", shade, (224, 224))
    return tmp_path


def test_frames_of_human36m(h36m):
    file = h36m / "annotSampleTest.h5"
    train = load_pictures("h36m", "train", path=file)
    assert [int(train.read(row).mean().round()) for row in range(2)] == [40, 80]
    assert train.poses.subject.tolist() == ["S1", "S1"]
    assert train.poses.action.tolist() == ["Directions"] * 2
    assert train.poses.view.tolist() == [2, 2]
    with h5py.File(file) as given:
        two, three = given["joint_2d"][:2], given["joint_3d_mono"][:2]
    middle = (two[:, MPII.index("left_shoulder")] + two[:, MPII.index("right_shoulder")]) / 2
    np.testing.assert_allclose(train.poses.keypoints_2d[:, MPII.index("thorax")], middle, rtol=1e-5)
    others = [joint for joint in range(16) if joint != MPII.index("thorax")]
    np.testing.assert_allclose(train.poses.pose_3d[:, others], three[:, others], rtol=1e-5)
    assert (train.head_px / 0.75 < np.linalg.norm(three[:, 9] - three[:, 8], axis=1)).all()  # smaller than in mm
    with pytest.warns(UserWarning, match="1 of 2 people are left out"):
        test = load_pictures("h36m", "test", path=file)
    assert test.poses.action.tolist() == ["Sitting"]
    assert test.read(0).mean().round() == 120
    with pytest.raises(CorruptFileError, match="nobody of the val split"):
        load_pictures("h36m", "val", path=file)
    with h5py.File(file, "r+") as annotations:
        annotations["subject"][:] = [8, 8, 9, 11]  # of S8 Directions the second trial validates, and does not train
        annotations["subaction"][:] = [1, 2, 2, 1]
    folder = h36m / "images" / "s_08_act_02_subact_02_ca_03"
    gray(folder / f"{folder.name}_000006.jpg", 200, (224, 224))
    val = load_pictures("h36m", "val", path=file)
    assert (val.poses.subject.tolist(), int(val.read(0).mean().round())) == (["S8"], 200)
    first = h36m / "images" / "s_08_act_02_subact_01_ca_03"
    gray(first / f"{first.name}_000001.jpg", 60, (224, 224))
    assert [clip.trial for clip in load_pictures("h36m", "train", path=file).poses.sequences] == ["1"]


def test_what_is_wrong_with_frames_of_human36m(h36m):
    file = h36m / "annotSampleTest.h5"
    with pytest.raises(MissingFileError, match="no folder"):
        load_pictures("h36m", "test", path=file, images="nowhere")
    with pytest.raises(UnknownNameError, match="train"):
        load_pictures("h36m", "dev", path=file)
    with h5py.File(file, "r+") as given:
        given["action"][0] = 1
    with pytest.raises(CorruptFileError, match="expected 2 to 16"):
        load_pictures("h36m", "test", path=file)
    with h5py.File(file, "r+") as given:
        del given["joint_2d"]
    with pytest.raises(CorruptFileError, match="joint_2d"):
        load_pictures("h36m", "test", path=file)
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(CorruptFileError, match="annotSampleTest"):
        load_pictures("h36m", "test", path=file)


@pytest.fixture
def three_dhp(tmp_path) -> Path:
    """Write TS1 and TS5 of six as MATLAB's version 7.3 does: five frames each, three of them valid."""
    rng = np.random.default_rng(1)
    for name, size in (("TS1", (2048, 2048)), ("TS5", (1920, 1080))):
        (tmp_path / name).mkdir()
        with h5py.File(tmp_path / name / "annot_data.mat", "w") as file:
            file["annot2"] = rng.uniform(300, 900, (5, 1, 17, 2))
            file["annot3"] = rng.uniform(-800, 800, (5, 1, 17, 3)) + [0, 0, 4000]
            file["univ_annot3"] = rng.uniform(-800, 800, (5, 1, 17, 3)) + [0, 0, 4000]
            file["valid_frame"] = np.array([[0, 1, 1, 0, 1]]).T
            file["activity_annotation"] = np.array([[1, 1, 2, 2, 7]]).T.astype(float)
        for frame in (2, 3, 5):
            gray(tmp_path / name / "imageSequence" / f"img_{frame:06d}.jpg", 40 * frame, size)
    return tmp_path


def test_frames_of_mpi_inf_3dhp(three_dhp):
    with pytest.warns(UserWarning, match="TS2, TS3, TS4, TS6 left out"):
        people = load_pictures("mpi_inf_3dhp", "test", path=three_dhp)
    assert len(people) == 6
    assert people.poses.subject.tolist() == ["TS1"] * 3 + ["TS5"] * 3
    assert people.poses.action.tolist() == ["Stand/Walk", "Exercise", "Misc."] * 2
    assert [int(people.read(row).mean().round()) for row in range(6)] == [80, 120, 200] * 2
    with h5py.File(three_dhp / "TS5" / "annot_data.mat") as given:
        np.testing.assert_allclose(people.poses.pose_3d[3:], given["univ_annot3"][[1, 2, 4], 0], rtol=1e-5)
    inside = people.poses.keypoints_2d
    assert (np.abs(inside - people.center[:, None]).max((1, 2)) < people.side_px / 2).all()
    outdoor = load_pictures("mpi_inf_3dhp", "test", path=three_dhp, scene="outdoor")
    assert outdoor.poses.subject.tolist() == ["TS5"] * 3


def test_what_is_wrong_with_frames_of_mpi_inf_3dhp(three_dhp, tmp_path):
    with pytest.raises(UnknownNameError, match="outdoor"):
        load_pictures("mpi_inf_3dhp", "test", path=three_dhp, scene="beach")
    with pytest.raises(MissingFileError, match="TS3"):
        load_pictures("mpi_inf_3dhp", "test", path=three_dhp, scene="studio_no_gs")
    with pytest.raises(InputError, match="no train split"):
        load_pictures("mpi_inf_3dhp", "train", path=three_dhp)
    with h5py.File(three_dhp / "TS1" / "annot_data.mat", "r+") as given:
        given["activity_annotation"][0] = 9
        given["activity_annotation"][1] = 9
    with pytest.raises(CorruptFileError, match="1 to 7"):
        load_pictures("mpi_inf_3dhp", "test", path=three_dhp)


@pytest.fixture
def videos(tmp_path) -> Path:
    """Write a second of one action of S1 and two of S9 under official names, with a dot at the left wrist."""
    rng = np.random.default_rng(2)
    source = tmp_path / "source"
    clips = {1: ["WalkingDog 1.54138969"], 9: ["Sitting.60457274", "Sitting 1.60457274", "SittingDown.60457274"]}
    for subject, stems in clips.items():
        folder = source / f"S{subject}"
        for part in ("Videos", "MyPoseFeatures/D2_Positions", "MyPoseFeatures/D3_Positions_mono"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        for stem in stems:
            two = rng.uniform(60, 140, (11, 32, 2))
            writer = cv2.VideoWriter(str(folder / "Videos" / f"{stem}.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 50, (200, 200))
            for frame in range(12):  # one more than there are joints
                picture = np.zeros((200, 200, 3), np.uint8)
                x, y = two[min(frame, 10), 19].round().astype(int).tolist()
                cv2.circle(picture, (x, y), 4, (255, 255, 255), -1)
                writer.write(picture)
            writer.release()
            three = rng.uniform(-800, 800, (11, 32, 3)) + [0, 0, 5000]
            for kind, values in (("D2_Positions", two), ("D3_Positions_mono", three)):
                write_cdf(folder / "MyPoseFeatures" / kind / f"{stem}.cdf", values.reshape(1, 11, -1).astype(np.float32))
    (source / "S9" / "Videos" / "_ALL.60457274.mp4").write_bytes(b"not looked at")
    return source


def test_frames_from_human36ms_videos(videos, tmp_path, capsys):
    out = tmp_path / "frames"
    assert main(["data", "prepare", "h36m_pictures", "--source", str(videos), "--out", str(out)]) == 0
    assert "annotSampleTest.h5" in capsys.readouterr().out
    train, test = (load_pictures("h36m", split, path=out / "annotSampleTest.h5") for split in ("train", "test"))
    assert (len(train), len(test)) == (3, 9)
    assert train.poses.frame.tolist() == [1, 6, 11]
    assert [(clip.action, clip.trial, clip.view) for clip in test.poses.sequences] == [
        ("Sitting", "1", 3), ("Sitting", "2", 3), ("SittingDown", "1", 3),
    ]  # fmt: skip
    for people in (train, test):
        for row in range(len(people)):
            picture = people.read(row)
            assert picture.shape == (224, 224, 3)
            y, x = np.mgrid[:224, :224]
            bright = picture[..., 0].astype(float) * (picture[..., 0] > 100)
            found = np.array([(x * bright).sum(), (y * bright).sum()]) / bright.sum()
            np.testing.assert_allclose(found, people.poses.keypoints_2d[row, MPII.index("left_wrist")], atol=2.5)
    three = read_cdf_pose(videos / "S1/MyPoseFeatures/D3_Positions_mono/WalkingDog 1.54138969.cdf", 3)
    np.testing.assert_allclose(train.poses.pose_3d[1, MPII.index("right_ankle")], three[5, 3], rtol=1e-5)
    np.testing.assert_allclose(train.poses.pose_3d[1, MPII.index("head_top")], three[5, 15], rtol=1e-5)


def test_cutting_goes_on_where_it_was_and_gives_the_same_bytes(videos, tmp_path):
    out = tmp_path / "frames"
    damaged = videos / "S9/MyPoseFeatures/D2_Positions/Sitting.60457274.cdf"
    good = damaged.read_bytes()
    damaged.write_bytes(good[:200])
    with pytest.warns(UserWarning, match="s_09_act_09_subact_01_ca_04 is left out"):
        prepare_h36m_pictures(videos, out)
    assert len(load_pictures("h36m", "test", path=out / "annotSampleTest.h5")) == 6
    damaged.write_bytes(good)
    before = {path: path.stat().st_mtime_ns for path in (out / "images").rglob("*.jpg")}
    first = prepare_h36m_pictures(videos, out).read_bytes()
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    assert prepare_h36m_pictures(videos, tmp_path / "again").read_bytes() == first
    with pytest.raises(MissingFileError, match="no video"):
        prepare_h36m_pictures(tmp_path / "nowhere", out)
    with pytest.raises(InputError, match="1 or more"):
        prepare_h36m_pictures(videos, out, every=0)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SaveError, match="cannot be made"):
        prepare_h36m_pictures(videos, tmp_path / "file")
    for path in videos.rglob("*.cdf"):
        path.write_bytes(b"nothing")
    with pytest.warns(UserWarning, match="left out"), pytest.raises(CorruptFileError, match="none of 4 clips"):
        prepare_h36m_pictures(videos, tmp_path / "third")
