"""HumanEva-I from VideoPose3D's archives."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from posezoo.cli import main
from posezoo.data import load_dataset
from posezoo.data.humaneva import load_humaneva, prepare_humaneva
from posezoo.errors import CorruptFileError, InputError, MissingFileError, UnknownNameError
from posezoo.files.arrays import load_npz
from tests.data.dataset_samples import write_humaneva


@pytest.fixture
def file(tmp_path):
    done = prepare_humaneva(write_humaneva(tmp_path / "s"), tmp_path / "humaneva.h5")
    assert done.written
    assert not done.notes
    return tmp_path / "humaneva.h5"


def test_poses_are_seen_by_the_published_cameras(file):
    test = load_dataset("humaneva", "test", file)
    assert len(test) == 3 * 3 * 3 * 5
    assert test.skeleton.name == "humaneva15"
    assert {clip.action for clip in test.sequences} == {"Walking", "Jog", "Box"}
    source = load_npz(file.parent / "s/data_3d_humaneva15.npz")["positions_3d"]
    two = load_npz(file.parent / "s/data_2d_humaneva15_gt.npz")["positions_2d"]
    clip, poses = next((c, p) for c, p in test.by_sequence() if (c.subject, c.action, c.view) == ("Validate/S2", "Jog", 1))
    # Camera C2 of S2 stands at (0.92, -3.88, 1.50) m; the quaternion (w, x, y, z) takes its frame to the world's.
    turn = Rotation.from_quat([-0.7476588, -0.0954617, 0.0959808, 0.6501393])
    world = source["Validate/S2"]["Jog 1 chunk1"].astype(np.float64) * 1000 - [923.574, -3877.9243, 1504.5518]
    np.testing.assert_allclose(poses.pose_3d, turn.inv().apply(world.reshape(-1, 3)).reshape(world.shape), atol=0.01)
    np.testing.assert_allclose(poses.keypoints_2d, two["Validate/S2"]["Jog 1 chunk1"][1][:5])  # one frame too many
    assert (poses.pose_3d[..., 2] > 0).all()
    assert (clip.image_size, clip.fps, clip.trial) == ((640, 480), 60.0, "1 chunk1")


def test_labels_that_have_to_be_made_up_are_said(file, capsys):
    arguments = ["eval", "flat", "--data", "humaneva", "--path", str(file), "--json"]
    assert main([*arguments, "--joints", "16"]) == 0
    assert "humaneva15 has no spine: labels of them are made up" in capsys.readouterr().err
    for joints in ([], ["--joints", "14"]):
        assert main([*arguments, *joints]) == 0
        assert "made up" not in capsys.readouterr().err


def test_splits_views_and_actions(file):
    assert {clip.subject.split("/")[0] for clip in load_humaneva(file, "train").sequences} == {"Train"}
    assert {clip.action for clip in load_humaneva(file, "val").sequences} == {"Jog"}
    few = load_humaneva(file, views=(2,), actions=("Walking",))
    assert len(few) == 3 * 5
    for settings, error in (
        ({"split": "x"}, UnknownNameError), ({"views": (3,)}, InputError), ({"actions": ("Fly",)}, InputError),
        ({"keypoints": "detected"}, InputError),
    ):  # fmt: skip
        with pytest.raises(error):
            load_humaneva(file, **settings)


def test_errors(tmp_path):
    with pytest.raises(MissingFileError, match=r"data_3d_humaneva15\.npz"):
        prepare_humaneva(tmp_path, tmp_path / "out.h5")
    write_humaneva(tmp_path)
    np.savez(tmp_path / "data_2d_humaneva15_gt.npz", positions_2d={"Train/S1": {"Jog 1 chunk1": [np.zeros((5, 15, 2))]}})
    with pytest.raises(CorruptFileError, match="none of"), pytest.warns(UserWarning, match="left out"):
        prepare_humaneva(tmp_path, tmp_path / "out.h5")
