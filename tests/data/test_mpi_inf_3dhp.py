"""Test MPI-INF-3DHP: training and test annotations in one prepared file."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import torch

from posezoo.cli import main
from posezoo.data import load_dataset
from posezoo.data.mpi_inf_3dhp import load_mpi_inf_3dhp, prepare_mpi_inf_3dhp
from posezoo.data.mpi_inf_3dhp.facts import CAMERAS, FRAMES, JOINTS_OF_28, TEST_FRAMES
from posezoo.errors import CorruptFileError, InputError, MissingFileError, UnknownNameError
from posezoo.geometry import project
from posezoo.skeletons import convert, get_skeleton
from tests.data.dataset_samples import MPI_TO_17, write_mpi_test, write_mpi_training


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mpi")
    write_mpi_training(folder / "s", "S1", "Seq1", 6)
    write_mpi_training(folder / "s", "S6", "Seq2", 5, short={4: 3})  # one camera's annotations break off
    write_mpi_training(folder / "s", "S8", "Seq1", 4)
    for name, count in (("TS1", 10), ("TS3", 12), ("TS6", 6)):
        write_mpi_test(folder / "s" / "mpi_inf_3dhp_test_set", name, count)
    assert prepare_mpi_inf_3dhp(folder / "s", folder / "mpi.h5").written
    return folder / "mpi.h5"


def test_training_cameras_and_joints(file):
    train = load_mpi_inf_3dhp(file, "train")
    assert sorted(set(train.view)) == list(CAMERAS) == [0, 1, 2, 4, 5, 6, 7, 8]
    # The shortest camera decides for all, so that moments stay together.
    assert len(train) == 8 * (6 + 3 + 4)
    clip, poses = next((c, p) for c, p in train.by_sequence() if (c.subject, c.view) == ("S1", 5))
    expected = np.arange(6)[:, None] + np.asarray(MPI_TO_17) / 100 + 5
    np.testing.assert_allclose(poses.keypoints_2d, np.stack([expected] * 2, -1), atol=1e-5)
    np.testing.assert_allclose(poses.pose_3d, np.stack([expected] * 3, -1), atol=1e-5)
    np.testing.assert_allclose(
        load_mpi_inf_3dhp(file, "train", views=(5,), universal=True).pose_3d[:6], np.stack([expected / 2] * 3, -1), atol=1e-5
    )
    assert (clip.image_size, clip.fps, clip.camera.K[0, 0]) == ((2048, 2048), 25.0, 1505)
    world = torch.tensor([[100.0, 0.0, 0.0]], dtype=torch.float64)
    cos, sin = np.cos(0.5), np.sin(0.5)
    x, z = 100 * cos + 50, -100 * sin + 3000
    np.testing.assert_allclose(
        project(world, clip.camera).numpy(), [[1505 * x / z + 1024, 1499 * 200 / z + 1020]], rtol=1e-6
    )
    assert set(load_mpi_inf_3dhp(file, "val").subject) == {"S8"}


def test_the_joints_of_28_are_those_of_the_layouts():
    # The same picked by name: MPI's own order of 28, and of 17.
    values = np.arange(28.0)[None, :, None].repeat(2, 2)
    named = convert(values, "mpi3dhp28", "mpi3dhp17").keypoints[0, :, 0]
    picked = values[0, list(JOINTS_OF_28), 0]
    skeleton = get_skeleton("mpi3dhp17")
    same = [joint for joint in skeleton.joints if named[skeleton.index(joint)] == picked[skeleton.index(joint)]]
    assert set(skeleton.joints) - set(same) <= {"thorax", "spine", "nose"}  # whose names differ between layouts
    assert list(JOINTS_OF_28) == MPI_TO_17


def test_the_test_set(file):
    test = load_dataset("mpi_inf_3dhp", "test", file)
    assert len(test) == 6 + 8 + 4
    with h5py.File(file.parent / "s/mpi_inf_3dhp_test_set/TS6/annot_data.mat") as source:
        valid = source["valid_frame"][:, 0] > 0
        two, universal, measured = (source[key][valid][:, 0] for key in ("annot2", "univ_annot3", "annot3"))
    outdoor = load_mpi_inf_3dhp(file, scene="outdoor")
    order = np.argsort(outdoor.frame)
    np.testing.assert_allclose(outdoor.keypoints_2d[order], two, rtol=1e-6)
    np.testing.assert_allclose(outdoor.pose_3d[order], universal, rtol=1e-6)
    np.testing.assert_allclose(load_mpi_inf_3dhp(file, scene="outdoor", universal=False).pose_3d[order], measured, rtol=1e-6)
    assert outdoor.frame[order].tolist() == [1, 2, 4, 5]
    assert {clip.image_size for clip in outdoor.sequences} == {(1920, 1080)}
    assert outdoor.action[order].tolist() == ["Exercise", "Sit on Chair", "On the Floor", "Sports"]
    assert set(load_mpi_inf_3dhp(file, scene="studio_gs").subject) == {"TS1"}


def test_what_is_missing_is_named(file, capsys):
    assert main(["data", "info", str(file)]) == 0
    out = capsys.readouterr().out
    assert "S6/Seq2, camera 0: 3 frames; published are 6,145." in out
    assert "TS2, TS4, TS5 are not there." in out
    assert "S1/Seq2, S2/Seq1" in out


def test_published_counts():
    # Two sequences of eight people, at 25 or 50 frames a second: four minutes each, Mehta et al. 2017.
    assert len(FRAMES) == 16
    assert all(240 < frames / fps < 270 for frames, fps in FRAMES.values())
    assert sum(TEST_FRAMES.values()) == 24888


def test_errors(file, tmp_path):
    with pytest.raises(MissingFileError, match=r"S1/Seq1/annot\.mat"):
        prepare_mpi_inf_3dhp(tmp_path, tmp_path / "out.h5")
    for settings, error in (
        ({"split": "all"}, UnknownNameError), ({"scene": "forest"}, UnknownNameError), ({"views": (0,)}, InputError),
        ({"split": "train", "views": (3,)}, InputError), ({"split": "train", "scene": "outdoor"}, InputError),
    ):  # fmt: skip
        with pytest.raises(error):
            load_mpi_inf_3dhp(file, **settings)
    write_mpi_training(tmp_path / "s", "S1", "Seq1", 3)
    path = tmp_path / "s/S1/Seq1/annot.mat"
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(CorruptFileError, match=r"annot.mat"), pytest.warns(UserWarning, match="left out"):
        prepare_mpi_inf_3dhp(tmp_path / "s", tmp_path / "out.h5")


@pytest.mark.parametrize("name", ["svma", "martinez"])  # without and with a scale of its own
def test_scenes_are_scored_from_the_command_line(file, capsys, name):
    assert main(["eval", name, "--data", "mpi_inf_3dhp", "--path", str(file)]) == 0
    out = capsys.readouterr().out
    assert "by scene" in out
    assert "outdoor" in out
