"""Test OpenMocap: preparation, both formats of the prepared file, splits, bodies, cameras and detection errors."""

from __future__ import annotations

from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch

from posezoo.data import load_dataset, load_openmocap, prepare_openmocap
from posezoo.data.openmocap import (
    FPS,
    body_shape,
    content_digest,
    describe_openmocap,
    read_detector_errors,
    read_motions,
    with_detection_errors,
)
from posezoo.errors import CorruptFileError, InputError, MissingFileError, SaveError, UnknownNameError
from posezoo.geometry import bone_lengths, h36m_cameras, project
from posezoo.skeletons import get_skeleton
from tests.formats.bvh_samples import write_person

H36M = get_skeleton("h36m17")


@pytest.fixture
def source(tmp_path):
    """Write trials 1 (train), 4 (test) and 7 (val) of one subject, 20 frames at 60 fps."""
    folder = tmp_path / "bvh"
    folder.mkdir()
    for trial in (1, 4, 7):
        write_person(folder / f"002_{trial:02d}.bvh", "character_creator", frames=21, turn=10 * trial)
    (folder / "index.csv").write_text(
        '"Subject","Trial #","Motion Description"\n2,1,"walk, slowly"\n2,4,"run/jog"\n2,7,"walk"\n'
    )
    return folder


def test_splits_go_by_trial_and_actions_come_from_the_index(source, tmp_path):
    assert prepare_openmocap(source, tmp_path / "o.h5")
    summary = describe_openmocap(tmp_path / "o.h5")
    # The first of 21 frames is the T pose; the other 20 at 60 fps are 10 at 30 fps.
    for split in ("train", "val", "test"):
        assert summary[split] == {"clips": 1, "frames": 10}
    train, test = load_openmocap(tmp_path / "o.h5", "train"), load_openmocap(tmp_path / "o.h5", "test")
    assert set(train.action) == {"walk"}
    assert set(test.action) == {"run"}
    assert len({name.split("/")[1] for name in train.subject}) == 5
    assert len({name.split("/")[1] for name in test.subject}) == 2
    assert len(train) == 10 * 5 * 4
    assert {clip.fps for clip in train.sequences} == {FPS}


def test_2d_is_the_3d_seen_through_the_distorted_lens(source, tmp_path):
    prepare_openmocap(source, tmp_path / "o.h5")
    for clip, poses in load_openmocap(tmp_path / "o.h5", "test").by_sequence():
        again = project(torch.from_numpy(poses.pose_3d).double(), clip.camera, frame="camera")
        np.testing.assert_allclose(again.numpy(), poses.keypoints_2d, atol=0.01)
        assert clip.camera.name == h36m_cameras("S9")[clip.view].name
        assert (poses.keypoints_2d >= 0).all()
        assert (poses.keypoints_2d < np.array(clip.image_size)).all()


def test_bodies_differ_between_splits_and_are_symmetric():
    shapes = [body_shape("train", i) for i in range(5)] + [body_shape("val", 0)] + [body_shape("test", i) for i in range(2)]
    assert len({tuple(shape) for shape in shapes}) == 8
    for shape in shapes:
        np.testing.assert_array_equal(shape, shape[list(H36M.mirror)])
        assert (shape > 0.6).all()
        assert (shape < 1.4).all()
    np.testing.assert_array_equal(body_shape("test", 1), body_shape("test", 1))


def test_people_keep_their_bones_over_a_clip(source, tmp_path):
    prepare_openmocap(source, tmp_path / "o.h5")
    for _, poses in load_openmocap(tmp_path / "o.h5", "train").by_sequence():
        lengths = bone_lengths(torch.from_numpy(poses.pose_3d), H36M)
        assert float(lengths.std(0).max()) < 0.01


def test_a_prepared_file_is_made_again_only_when_its_sources_change(source, tmp_path):
    out = tmp_path / "o.h5"
    assert prepare_openmocap(source, out)
    first = out.read_bytes()
    assert not prepare_openmocap(source, out)
    assert out.read_bytes() == first
    write_person(source / "002_01.bvh", "character_creator", frames=31)
    assert prepare_openmocap(source, out)
    assert describe_openmocap(out)["train"]["frames"] == 15
    other = tmp_path / "second.h5"
    prepare_openmocap(source, other)
    assert other.read_bytes() == out.read_bytes()  # the same sources, the same bytes


def test_detection_errors_scale_with_the_person_and_follow_the_given_distribution(source, tmp_path):
    prepare_openmocap(source, tmp_path / "o.h5")
    data = load_openmocap(tmp_path / "o.h5", "train")
    residuals = np.zeros((100, 17, 2), dtype=np.float32)
    residuals[:50, 3, 0] = 0.1  # half of the right ankles are off by a tenth of the person's height
    noisy = with_detection_errors(data, residuals, seed=1)
    moved = noisy.keypoints_2d - data.keypoints_2d
    assert (moved[:, [j for j in range(17) if j != 3]] == 0).all()
    share = (moved[:, 3, 0] > 0).mean()
    assert share == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(len(data)))
    standing = data.keypoints_2d[..., 1].max(1) - data.keypoints_2d[..., 1].min(1)
    ratio = (moved[:, 3, 0] / standing)[moved[:, 3, 0] > 0]
    assert np.median(ratio) == pytest.approx(0.1, rel=0.15)
    np.testing.assert_array_equal(noisy.keypoints_2d, with_detection_errors(data, residuals, seed=1).keypoints_2d)
    unseen = replace(data, sequences=tuple(replace(clip, camera=None) for clip in data.sequences))
    with pytest.raises(InputError, match="camera"):
        with_detection_errors(unseen, residuals)


def test_what_is_missing_is_said(source, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingFileError, match=r"no \.bvh"):
        prepare_openmocap(tmp_path / "empty", tmp_path / "o.h5")
    with pytest.raises(MissingFileError, match=r"valid\.h5"):
        prepare_openmocap(source, tmp_path / "o.h5", mpii=tmp_path)
    assert not (tmp_path / "o.h5").exists()
    prepare_openmocap(source, tmp_path / "o.h5")
    with pytest.raises(InputError, match="--mpii"):
        load_openmocap(tmp_path / "o.h5", "test", keypoints="detected")
    with pytest.raises(UnknownNameError, match="split"):
        load_openmocap(tmp_path / "o.h5", "tset")
    with pytest.raises(InputError, match="lives in a file"):
        load_dataset("openmocap")
    with pytest.raises(UnknownNameError, match="openmocap"):
        load_dataset("openmocapp")
    with pytest.raises(InputError, match="no setting noise"):
        load_dataset("openmocap", path=tmp_path / "o.h5", noise=3)
    data = (tmp_path / "o.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(data[: len(data) // 2])
    with pytest.raises(CorruptFileError):
        load_openmocap(tmp_path / "cut.h5", "test")


def test_a_broken_clip_is_named_and_nothing_is_written(source, tmp_path):
    (source / "002_09.bvh").write_text("HIERARCHY\nROOT")
    with pytest.raises(CorruptFileError, match=r"002_09\.bvh"):
        prepare_openmocap(source, tmp_path / "o.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["bvh"]


def test_no_place_to_write_is_said(source, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(SaveError):
        prepare_openmocap(source, tmp_path / "file" / "o.h5")


@pytest.mark.slow
def test_real_recordings_give_the_published_numbers_of_clips(real_data, tmp_path):
    folder = real_data / "bvh" / "cmu"
    prepare_openmocap(folder, tmp_path / "o.h5")
    summary = describe_openmocap(tmp_path / "o.h5")
    names = [tuple(map(int, path.stem.split("_"))) for path in folder.glob("*.bvh")]
    assert summary["test"]["clips"] == sum(trial % 4 == 0 for _, trial in names)
    assert sum(summary[split]["clips"] for split in ("train", "val", "test")) == len(names)
    test = load_openmocap(tmp_path / "o.h5", "test")
    heads, feet = test.keypoints_2d[:, H36M.index("head_top"), 1], test.keypoints_2d[:, H36M.index("left_ankle"), 1]
    assert (heads < feet).mean() > 0.95
    distance = np.linalg.norm(test.pose_3d[:, 0], axis=-1)
    assert 3000 < np.median(distance) < 7000


def test_what_is_no_openmocap_file_is_never_replaced(tmp_path):
    (tmp_path / "a.bvh").write_text("HIERARCHY")
    with h5py.File(tmp_path / "mine.h5", "w") as file:
        file["precious"] = np.arange(5)
    before = (tmp_path / "mine.h5").read_bytes()
    with pytest.raises(InputError, match=r"mine\.h5 is there already"):
        prepare_openmocap(tmp_path, tmp_path / "mine.h5")
    assert (tmp_path / "mine.h5").read_bytes() == before


def write_format_1(path, motions, errors=None):
    """Write the file as PoseZoo 0.1.0 did."""
    with h5py.File(path, "w") as file:
        file.attrs.update({"format": 1, "kind": "openmocap", "digest": "0" * 64, "fps": 30.0, "skeleton": "h36m17"})
        for split, recording, motion in motions:
            data = file.create_dataset(motion.name, data=motion.pose_world_mm, compression="gzip")
            described = {"subject": recording.subject, "trial": recording.trial, "action": recording.action}
            data.attrs.update({**described, "split": split})
        if errors is not None:
            file.create_dataset("_residuals", data=errors, compression="gzip")


@pytest.fixture
def both_formats(source, tmp_path, monkeypatch):
    """Write the same recordings, one of another collection, and detector errors, in today's format and in the first."""
    write_person(source / "dataset-1_walk_old_001.bvh", "character_creator", frames=21)
    errors = np.random.default_rng(0).normal(0, 0.02, (50, 17, 2)).astype(np.float32)
    monkeypatch.setattr("posezoo.data.openmocap.preparing.h36m_residuals", lambda *paths: errors)
    for name in ("valid.h5", "valid_stacked_hourglass.h5"):
        (tmp_path / name).touch()
    new, old = tmp_path / "new.h5", tmp_path / "old.h5"
    prepare_openmocap(source, new, mpii=tmp_path)
    motions = [(split, *found) for split in ("train", "val", "test") for found in read_motions(new, split)]
    write_format_1(old, motions, errors)
    return new, old, errors


def test_a_file_of_the_first_format_gives_the_same_poses(both_formats):
    new, old, errors = both_formats
    assert content_digest(new) == content_digest(old)
    for path in (new, old):
        np.testing.assert_array_equal(read_detector_errors(path), errors)
    described = [{key: value for key, value in describe_openmocap(path).items() if key != "digest"} for path in (new, old)]
    assert described[0] == described[1]
    assert described[0]["test"]["clips"] == 2
    for split in ("train", "val", "test"):
        first, second = (load_openmocap(path, split, keypoints="detected", seed=3) for path in (new, old))
        np.testing.assert_array_equal(first.keypoints_2d, second.keypoints_2d)
        np.testing.assert_array_equal(first.pose_3d, second.pose_3d)
        assert [(c.subject, c.action, c.trial, c.view) for c in first.sequences] == [
            (c.subject, c.action, c.trial, c.view) for c in second.sequences
        ]


def test_the_digest_of_the_contents_changes_with_them(both_formats):
    _, old, _ = both_formats
    before = content_digest(old)
    with h5py.File(old, "a") as file:
        file["002_01"][0, 0, 0] += 0.1
    assert content_digest(old) != before


def test_a_file_of_the_first_format_is_replaced_by_todays(both_formats, source, tmp_path):
    new, old, _ = both_formats
    assert prepare_openmocap(source, old, mpii=tmp_path)
    assert old.read_bytes() == new.read_bytes()


def test_an_altered_motion_and_altered_errors_are_refused(both_formats):
    new, _, _ = both_formats
    with h5py.File(new, "a") as file:
        file["clips/002_01/0/pose_world"][0, 0, 0] += 1
        file["tables/detector_errors"][0, 0, 0] += 1
    with pytest.raises(CorruptFileError, match=r"002_01.*checksum"):
        load_openmocap(new, "train")
    with pytest.raises(CorruptFileError, match=r"detector_errors.*checksum"):
        read_detector_errors(new)


def test_another_dataset_is_refused_by_name(tmp_path):
    with h5py.File(tmp_path / "mine.h5", "w") as file:
        file["keypoints"] = np.zeros((2, 17, 2))
    for read in (load_openmocap, describe_openmocap, content_digest, read_detector_errors):
        with pytest.raises(CorruptFileError, match="no openmocap file"):
            read(tmp_path / "mine.h5")
