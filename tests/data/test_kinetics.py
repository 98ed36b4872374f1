"""Test gathering Kinetics-skeleton's clips in one file."""

import warnings

import numpy as np
import pytest

from posezoo.cli import main
from posezoo.data import read_keypoints
from posezoo.data.described import describe
from posezoo.data.kinetics import prepare_kinetics
from posezoo.errors import CorruptFileError, InputError, MissingFileError
from tests.data.kinetics_samples import write_clips

WIDTH, HEIGHT = 340, 256


def test_people_of_enough_joints_are_gathered_in_pixels(tmp_path):
    clips = write_clips(tmp_path)
    with pytest.warns(UserWarning, match=r"1 of 4 clips are left out.*torn"):
        count = prepare_kinetics(tmp_path, tmp_path / "kinetics.h5", every=1)
    assert describe(tmp_path / "kinetics.h5") == {"keypoints": "4 people of openpose18"}
    people = read_keypoints(tmp_path / "kinetics.h5")
    assert count == len(people) == 4
    assert people.skeleton.name == "openpose18"
    expected = [clips["a"][1][0], clips["b"][0][0], clips["b"][1][0], clips["b"][2][0]]  # in the order of the names
    for found, one in zip(people.keypoints_2d, expected, strict=True):
        pose, known = np.reshape(one["pose"], (18, 2)), np.array(one["score"]) > 0
        np.testing.assert_allclose(found[known], pose[known] * (WIDTH, HEIGHT), rtol=1e-6)
        assert np.isnan(found[~known]).all()


def test_frames_are_sampled_and_options_checked(tmp_path):
    write_clips(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert prepare_kinetics(tmp_path, tmp_path / "k.h5", every=2) == 3  # of clip b the first and the third frame
        assert prepare_kinetics(tmp_path, tmp_path / "k.h5", every=1, minimum_joints=14) == 3
        with pytest.raises(CorruptFileError, match="holds a person of 14 joints"):
            prepare_kinetics(tmp_path, tmp_path / "k.h5", every=1, minimum_joints=14, minimum_confidence=0.6)
    with pytest.raises(InputError, match="minimum_joints 15"):
        prepare_kinetics(tmp_path, tmp_path / "k.h5", minimum_joints=15)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(MissingFileError, match="no clip of Kinetics-skeleton"):
        prepare_kinetics(tmp_path / "nothing", tmp_path / "k.h5")


def test_the_command_prepares_kinetics(tmp_path, capsys):
    write_clips(tmp_path)
    (tmp_path / "kinetics_train" / "torn.json").unlink()
    out = tmp_path / "kinetics.h5"
    assert main(["data", "prepare", "kinetics", "--source", str(tmp_path), "--out", str(out), "--every", "1"]) == 0
    assert "4 people" in capsys.readouterr().out
