"""Test predictions: their description, and that a saved one is read back unchanged."""

import errno
import json
import os
import random

import numpy as np
import pytest
import torch

from posezoo.errors import CorruptFileError, InputError, MissingFileError, PoseZooError, SaveError
from posezoo.files import writing
from posezoo.poses.prediction import CAMERA_FRAME, Prediction
from posezoo.skeletons import Skeleton, get_skeleton

H36M = get_skeleton("h36m17")


def prediction(shape=(5,), **changes):
    generator = np.random.default_rng(0)
    pose = generator.normal(size=(*shape, 17, 3)).astype(np.float32)
    pose[..., 9, :] = np.nan
    fields = {
        "pose_3d": pose,
        "skeleton": H36M,
        "unit": "relative",
        "keypoints_2d": generator.uniform(0, 900, (*shape, 17, 2)).astype(np.float32),
        "confidence": generator.uniform(0, 1, (*shape, 17)).astype(np.float32),
        "image_size": (1920, 1080),
        "model": "svma.cmu",
        "approximated": {"pelvis": "0.5*left_hip +0.5*right_hip"},
        "missing": ("nose",),
        "notes": ("ünusual",),
        **changes,
    }
    return Prediction(**fields)


def same(one, other):
    for name in ("pose_3d", "keypoints_2d", "confidence"):
        a, b = getattr(one, name), getattr(other, name)
        assert (a is None) == (b is None)
        if a is not None:
            assert a.dtype == b.dtype == np.float32
            np.testing.assert_array_equal(a, b)
    for name in ("skeleton", "unit", "frame", "image_size", "model", "approximated", "missing", "notes"):
        assert getattr(one, name) == getattr(other, name)


@pytest.mark.parametrize("extension", ["npz", "json", "NPZ"])
@pytest.mark.parametrize("shape", [(5,), (), (2, 3), (0,)])
def test_round_trip(tmp_path, extension, shape):
    made = prediction(shape)
    path = made.save(tmp_path / f"a.{extension}")
    assert os.listdir(tmp_path) == [f"a.{extension}"]
    same(Prediction.load(path), made)


@pytest.mark.parametrize("extension", ["npz", "json"])
def test_round_trip_of_the_least(tmp_path, extension):
    own = Skeleton("mine", ("hip", "knee"), (-1, 0))
    made = Prediction(np.ones((1, 2, 3), np.float32), own, "mm")
    same(Prediction.load(made.save(tmp_path / f"a.{extension}")), made)


def test_npz_is_plain_numpy_and_says_what_it_is(tmp_path):
    made = prediction()
    with np.load(made.save(tmp_path / "a.npz"), allow_pickle=False) as archive:
        saved = {name: archive[name] for name in archive.files}
    np.testing.assert_array_equal(saved["pose_3d"], made.pose_3d)
    assert saved["joints"].tolist() == list(H36M.joints)
    assert saved["parents"].tolist() == list(H36M.parents)
    assert (str(saved["skeleton"]), str(saved["unit"]), str(saved["frame"])) == ("h36m17", "relative", CAMERA_FRAME)
    assert (str(saved["model"]), str(saved["format"])) == ("svma.cmu", "posezoo-prediction/1")


def test_json_is_strict_and_says_what_it_is(tmp_path):
    text = prediction().save(tmp_path / "a.json").read_text()

    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    saved = json.loads(text, parse_constant=refuse)
    assert np.shape(saved["pose_3d"]) == (5, 17, 3)
    assert saved["pose_3d"][0][9] == [None] * 3
    assert saved["joints"] == list(H36M.joints)
    assert (saved["unit"], saved["frame"], saved["image_size"]) == ("relative", CAMERA_FRAME, [1920, 1080])


def test_tensors_stay_tensors_until_asked():
    pose = torch.ones(2, 17, 3, requires_grad=True)
    made = Prediction(pose, H36M, "mm", keypoints_2d=torch.zeros(2, 17, 2))
    assert made.pose_3d is pose
    assert isinstance(made.numpy().pose_3d, np.ndarray)
    assert isinstance(made.numpy().keypoints_2d, np.ndarray)
    assert made.numpy().confidence is None
    assert repr(made) == f"Prediction(pose_3d (2, 17, 3) float32 in mm, h36m17, {CAMERA_FRAME})"


def test_tensors_are_saved(tmp_path):
    made = Prediction(torch.ones(2, 17, 3, requires_grad=True), H36M, "mm")
    same(Prediction.load(made.save(tmp_path / "a.npz")), made.numpy())


def test_repr_is_one_line():
    text = repr(prediction())
    assert "\n" not in text
    for word in ("(5, 17, 3)", "relative", "h36m17", "svma.cmu", "nose"):
        assert word in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"unit": "metres"}, "'metres'; expected mm or relative"),
        ({"pose_3d": np.zeros((5, 16, 3))}, r"pose_3d has shape \(5, 16, 3\); expected \(5, 17, 3\)"),
        ({"keypoints_2d": np.zeros((4, 17, 2))}, "keypoints_2d has shape"),
        ({"confidence": np.zeros((5, 17, 1))}, "confidence has shape"),
    ],
)
def test_what_does_not_belong_together(changes, words):
    with pytest.raises(InputError, match=words):
        prediction(**changes)


def test_other_extensions(tmp_path):
    with pytest.raises(InputError, match=r"ends in '.txt'; results are written to .npz or .json"):
        prediction().save(tmp_path / "a.txt")
    with pytest.raises(InputError, match=r"ends in ''"):
        Prediction.load(tmp_path / "a")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("extension", ["npz", "json"])
def test_a_full_disk_leaves_the_old_result(tmp_path, extension, monkeypatch):
    path = prediction().save(tmp_path / f"a.{extension}")
    before = path.read_bytes()

    def fsync(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writing.os, "fsync", fsync)
    with pytest.raises(SaveError, match="disk is full"):
        prediction((7,)).save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]
    with pytest.raises(SaveError, match="create it first"):
        prediction().save(tmp_path / "no" / f"a.{extension}")


def test_files_that_are_no_prediction(tmp_path):
    with pytest.raises(MissingFileError):
        Prediction.load(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", pose_3d=np.zeros((1, 17, 3)))
    with pytest.raises(InputError, match="expected 'posezoo-prediction/1'"):
        Prediction.load(tmp_path / "a.npz")
    for value in ([], {"format": "posezoo-prediction/2"}):
        (tmp_path / "a.json").write_text(json.dumps(value))
        with pytest.raises(InputError, match="expected 'posezoo-prediction/1'"):
            Prediction.load(tmp_path / "a.json")
    (tmp_path / "a.json").write_text(json.dumps({"format": "posezoo-prediction/1", "pose_3d": [[1]]}))
    with pytest.raises(CorruptFileError, match="damaged prediction"):
        Prediction.load(tmp_path / "a.json")


@pytest.mark.parametrize("extension", ["npz", "json"])
def test_damaged_files_are_read_or_refused(tmp_path, extension):
    path = prediction((2,)).save(tmp_path / f"a.{extension}")
    whole, dice, refusals = path.read_bytes(), random.Random(0), 0
    for _ in range(200):
        data = bytearray(whole[: dice.randrange(1, len(whole))] if dice.random() < 0.3 else whole)
        for _ in range(dice.choice((1, 2, 8))):
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        path.write_bytes(data)
        try:
            Prediction.load(path)
        except PoseZooError:
            refusals += 1
    assert refusals > 100


def test_a_number_that_no_array_holds_is_a_damaged_file(tmp_path):
    path = Prediction(np.zeros((2, 17, 3), np.float32), get_skeleton("h36m17"), "mm").save(tmp_path / "p.json")
    value = json.loads(path.read_text())
    path.write_text(json.dumps({**value, "frame_number": [0, 2**70]}))
    with pytest.raises(CorruptFileError, match="damaged prediction"):
        Prediction.load(path)


@pytest.mark.parametrize("extension", ["npz", "json"])
@pytest.mark.parametrize(
    "stated", [{}, {"fps": 30.0, "time_s": np.array([2, 3, 7]) / 30}, {"time_s": np.array([0.1, 0.2, 0.9])}]
)
def test_a_rate_gives_the_times_of_numbered_frames(tmp_path, extension, stated):
    made = prediction((3,), frame_number=np.array([2, 3, 7]), **stated)
    found = Prediction.load(made.save(tmp_path / f"a.{extension}", fps=60))
    assert found.fps == 60
    np.testing.assert_allclose(found.time_s, [2 / 60, 3 / 60, 7 / 60])
    kept = Prediction.load(made.save(tmp_path / f"b.{extension}"))
    assert kept.fps == made.fps
    assert made.time_s is None or (kept.time_s == made.time_s).all()


def test_a_rate_without_frame_numbers_counts_rows_where_there_are_times(tmp_path):
    found = Prediction.load(prediction((3,), fps=30.0, time_s=np.arange(3) / 30).save(tmp_path / "a.npz", fps=60))
    np.testing.assert_allclose(found.time_s, [0, 1 / 60, 2 / 60])
    assert Prediction.load(prediction((3,)).save(tmp_path / "b.npz", fps=60)).time_s is None
    with pytest.raises(InputError, match="expected a positive number"):
        prediction((3,)).save(tmp_path / "c.npz", fps=0)
