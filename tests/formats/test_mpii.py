"""Test MPII's annotations in the layouts of simple-baselines, of pytorch-pose, and of MPII's own file, written by SciPy."""

from __future__ import annotations

import json

import numpy as np
import pytest
import scipy.io

from posezoo.data.mpii.annotations import read_mpii
from posezoo.errors import CorruptFileError, InputError, MissingFileError
from posezoo.formats.keypoints import read_with_format

JOINTS = np.random.default_rng(0).uniform(50, 400, (3, 16, 2)).round(2)


def same_as_keypoints(path, mpii) -> None:
    """Check that functions that take keypoints take the file too."""
    form, found = read_with_format(path)
    assert (form.name, found.skeleton.name) == ("MPII's annotations", "mpii16")
    np.testing.assert_allclose(found.keypoints_2d, mpii.people.keypoints_2d, rtol=1e-6)
    clips = [[data.sequences[index] for index in data.sequence] for data in (found, mpii.people)]
    assert [(clip.trial, clip.subject) for clip in clips[0]] == [(clip.trial, clip.subject) for clip in clips[1]]


def test_json_of_simple_baselines(tmp_path):
    people = [
        {
            "image": "a.jpg",
            "joints": JOINTS[row].tolist(),
            "joints_vis": [0, *[1] * 15],
            "center": [200.0, 210.0],
            "scale": 1.5,
        }
        for row in (0, 1)
    ]
    (tmp_path / "valid.json").write_text(json.dumps(people))
    mpii = read_mpii(tmp_path / "valid.json")
    np.testing.assert_allclose(mpii.people.keypoints_2d[:, 1:], JOINTS[:2, 1:] - 1, rtol=1e-6)  # MATLAB counts from 1
    assert mpii.center.tolist() == [[199, 209]] * 2
    assert len(read_mpii(tmp_path / "valid.json", split="val")) == 2  # the file is the split
    assert np.isnan(mpii.people.keypoints_2d[:, 0]).all()
    assert mpii.people.confidence[:, :2].tolist() == [[0, 1], [0, 1]]
    assert [(clip.trial, clip.subject) for clip in mpii.people.sequences] == [("a.jpg", "0"), ("a.jpg", "1")]
    assert mpii.height_px.tolist() == [300, 300]
    assert np.isnan(mpii.normalize).all()
    same_as_keypoints(tmp_path / "valid.json", mpii)


def test_json_of_pytorch_pose(tmp_path):
    def person(row: int, validation: float) -> dict:
        joints = np.concatenate([JOINTS[row], np.ones((16, 1))], 1)
        joints[2] = 0
        joints[3, 2] = 0
        return {
            "dataset": "MPI", "isValidation": validation, "img_paths": f"{row}.jpg", "joint_self": joints.tolist(),
            "objpos": [100.0, 120.0], "scale_provided": 2.0,
        }  # fmt: skip

    (tmp_path / "mpii.json").write_text(json.dumps([person(0, 0.0), person(1, 1.0), person(2, 0.0)]))
    train = read_mpii(tmp_path / "mpii.json", split="train")
    assert [clip.trial for clip in train.people.sequences] == ["0.jpg", "2.jpg"]
    assert np.isnan(train.people.keypoints_2d[:, 2]).all()
    assert train.visible[0].tolist() == [True, True, False, False, *[True] * 12]
    np.testing.assert_allclose(train.people.keypoints_2d[1, 3:], JOINTS[2, 3:] - 1, rtol=1e-6)
    assert len(read_mpii(tmp_path / "mpii.json", split="val")) == 1
    assert len(read_mpii(tmp_path / "mpii.json")) == 3
    same_as_keypoints(tmp_path / "mpii.json", read_mpii(tmp_path / "mpii.json"))


def release(**changes) -> dict:
    """Return two pictures: one for training with two people, of whom one has no joints; one for testing, with none."""
    points = [
        {"x": JOINTS[0, joint, 0] + 1, "y": JOINTS[0, joint, 1] + 1, "id": joint, "is_visible": seen}
        for joint, seen in ((0, 1), (9, 0), (15, "1"), (8, np.zeros((0, 0))))
    ]
    whole = {
        "x1": 10.0, "y1": 20.0, "x2": 40.0, "y2": 60.0, "scale": 3.0, "objpos": {"x": 101.0, "y": 201.0},
        "annopoints": {"point": np.array(points, dtype=object)}, **changes,
    }  # fmt: skip
    none = np.zeros((0, 0))
    nobody = {"x1": 0.0, "y1": 0.0, "x2": 5.0, "y2": 5.0, "scale": none, "objpos": none, "annopoints": none}
    annolist = np.array(
        [
            {"image": {"name": "a.jpg"}, "annorect": np.array([nobody, whole], dtype=object)},
            {"image": {"name": "b.jpg"}, "annorect": np.zeros((0, 0))},
        ],
        dtype=object,
    )
    return {"RELEASE": {"annolist": annolist, "img_train": np.array([[1, 0]])}}


def as_structures(value):
    """Return arrays of dictionaries as SciPy writes arrays of structures."""
    if isinstance(value, dict):
        return {key: as_structures(item) for key, item in value.items()}
    if isinstance(value, np.ndarray) and value.dtype == object:
        names = list(value[0])
        array = np.zeros((1, len(value)), dtype=[(name, object) for name in names])
        for row, item in enumerate(value):
            for name in names:
                array[0, row][name] = as_structures(item[name])
        return array
    return value


def test_the_original_file(tmp_path):
    scipy.io.savemat(tmp_path / "mpii.mat", as_structures(release()), do_compression=True)
    mpii = read_mpii(tmp_path / "mpii.mat", split="train")
    assert [(clip.trial, clip.subject) for clip in mpii.people.sequences] == [("a.jpg", "1")]
    found = mpii.people.keypoints_2d[0]
    for joint in (0, 8, 9, 15):
        np.testing.assert_allclose(found[joint], JOINTS[0, joint], rtol=1e-5)  # MATLAB counts from 1
    assert np.isnan(found[[1, 2, 7, 14]]).all()
    assert mpii.center.tolist() == [[100, 200]]
    assert mpii.normalize[0] == pytest.approx(0.6 * 50)
    same_as_keypoints(tmp_path / "mpii.mat", mpii)
    assert mpii.visible[0, [0, 8, 9, 15]].tolist() == [True, False, False, True]
    with pytest.raises(InputError, match="val split"):
        read_mpii(tmp_path / "mpii.mat", split="val")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{}", "a list"), ("[]", "a list"), ("[3]", "a list"), ('[{"a": 1}]', "expected joints"), ("[", "JSON"),
        ('[{"joints": [[1, 2]], "joints_vis": [1], "image": "a", "center": [1, 2], "scale": 1}]', "person 0"),
        ('[{"joints": "x", "joints_vis": [1], "image": "a", "center": [1, 2], "scale": 1}]', "person 0"),
        ('[{"joints": [], "joints_vis": []}]', "person 0"),
    ],
)  # fmt: skip
def test_json_that_is_something_else(tmp_path, content, words):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(CorruptFileError, match=words):
        read_mpii(tmp_path / "a.json")


def test_files_that_are_something_else(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"joints": JOINTS})
    with pytest.raises(CorruptFileError, match="RELEASE"):
        read_mpii(tmp_path / "a.mat")
    scipy.io.savemat(tmp_path / "b.mat", as_structures(release(scale=-1.0)))
    with pytest.raises(CorruptFileError, match="not positive"):
        read_mpii(tmp_path / "b.mat")
    changed = as_structures(release())
    changed["RELEASE"]["annolist"][0, 0]["annorect"][0, 1]["annopoints"]["point"][0, 0]["id"] = 99
    scipy.io.savemat(tmp_path / "c.mat", changed)
    with pytest.raises(CorruptFileError, match=r"c\.mat"):
        read_mpii(tmp_path / "c.mat")
    with pytest.raises(MissingFileError):
        read_mpii(tmp_path / "none.json")
