"""Test plain arrays: four axes, 3D poses, fractions of the image, and results that are read again."""

import pickle

import numpy as np
import pytest

import posezoo
from posezoo.data import PoseData, Prediction, load_dataset, read_keypoints
from posezoo.errors import InputError
from posezoo.geometry import project
from posezoo.skeletons import get_skeleton

H36M = get_skeleton("h36m17")


@pytest.fixture(scope="module")
def walk():
    """Return one labelled clip of 20 frames."""
    data = load_dataset("procedural", split="test", actions=["walk"], frames_per_clip=20)
    return next(clip for about, clip in data.by_sequence() if about.view == 0)


def test_cameras_or_people_first(tmp_path, walk):
    """Read FreeMoCap's (cameras, frames, joints, 2) and (people, frames, joints, 2) of MHFormer's demo."""
    frames_first = np.stack([walk.keypoints_2d, walk.keypoints_2d + [300, 20]], 1)
    for name, array in {"frames": frames_first, "people": frames_first.swapaxes(0, 1)}.items():
        np.savez(tmp_path / f"{name}.npz", reconstruction=array)
        data = read_keypoints(tmp_path / f"{name}.npz", "h36m17")
        assert data.frame.tolist() == [frame for frame in range(20) for _ in range(2)]
        (_, first), (_, second) = data.by_sequence()
        np.testing.assert_array_equal(first.keypoints_2d, walk.keypoints_2d)
        np.testing.assert_allclose(second.keypoints_2d, walk.keypoints_2d + [300, 20], atol=1e-3)
    np.save(tmp_path / "one.npy", walk.keypoints_2d[None])
    data = read_keypoints(tmp_path / "one.npy", "h36m17")
    assert (len(data.sequences), data.frame.tolist()) == (1, list(range(20)))
    np.savez(tmp_path / "own.npz", keypoints=frames_first.swapaxes(0, 1), skeleton="h36m17")
    assert len(read_keypoints(tmp_path / "own.npz").sequences) == 2


def test_frames_and_people_by_other_names(tmp_path, walk):
    """Two people over the same frames, one after the other: person 2 is seen at the times of person 1."""
    two = np.concatenate([walk.keypoints_2d, walk.keypoints_2d + [300, 20]])
    labels = {"frame_number": np.tile(np.arange(5, 25), 2), "track_id": np.repeat([7, 9], 20)}
    np.savez(tmp_path / "two.npz", keypoints=two, skeleton="h36m17", fps=50.0, frames=40, **labels)
    data = read_keypoints(tmp_path / "two.npz")
    assert data.frame.tolist() == [*range(5, 25)] * 2
    assert [clip.subject for clip, _ in data.by_sequence()] == ["7", "9"]
    np.testing.assert_allclose(data[data.frame == 6].keypoints_2d, two[[1, 21]], atol=1e-3)


def test_people_of_one_picture_stay_people(tmp_path):
    people = np.random.default_rng(0).uniform(0, 900, (1, 6, 17, 2))
    np.save(tmp_path / "a.npy", people)
    assert read_keypoints(tmp_path / "a.npy", "h36m17").frame.tolist() == [0] * 6


@pytest.mark.parametrize("unit", ["mm", "mm from the root", "m from the root", "depth from 0 to 1"])
def test_3d_poses_are_refused(tmp_path, walk, unit):
    pose = walk.pose_3d.astype(np.float64)
    if unit != "mm":
        pose = pose - pose[:, :1]
    if unit == "m from the root":
        pose = pose / 1000
    if unit == "depth from 0 to 1":
        pose = pose / np.ptp(pose[..., 2])
        pose[..., 2] -= pose[..., 2].min()
    np.save(tmp_path / "a.npy", pose)
    with pytest.raises(InputError, match=r"3D poses.*third column.*posezoo\.geometry\.project"):
        read_keypoints(tmp_path / "a.npy", "h36m17")


@pytest.mark.parametrize("scale", [1, 1e-3])
def test_confidences_are_no_depth(tmp_path, walk, scale):
    confidence = np.random.default_rng(0).uniform(0.05, 1, (20, 17, 1))
    np.save(tmp_path / "a.npy", np.concatenate([walk.keypoints_2d * scale, confidence], -1))
    np.testing.assert_allclose(read_keypoints(tmp_path / "a.npy", "h36m17").confidence, confidence[..., 0], atol=1e-6)


def test_fractions_with_a_size_become_pixels(tmp_path, walk):
    np.savez(tmp_path / "a.npz", keypoints=walk.keypoints_2d / [1000, 1002], image_size=(1000, 1002), skeleton="h36m17")
    np.testing.assert_allclose(read_keypoints(tmp_path / "a.npz").keypoints_2d, walk.keypoints_2d, atol=1e-2)
    np.save(tmp_path / "a.npy", walk.keypoints_2d / [1000, 1002])
    data = read_keypoints(tmp_path / "a.npy", "h36m17", (1000, 1002))
    np.testing.assert_allclose(data.keypoints_2d, walk.keypoints_2d, atol=1e-2)


def test_percent_of_a_picture_is_refused(tmp_path, walk):
    percent = 100 * walk.keypoints_2d / [1000, 1002]
    spread = 100 * (percent - percent.min((0, 1))) / np.ptp(percent, axis=(0, 1)) * 0.9 + 3
    np.savez(tmp_path / "a.npz", keypoints=spread, image_size=(1000, 1002), skeleton="h36m17")
    with pytest.raises(InputError, match=r"1000 x 1002: they are percent; multiply x by 10 and y by 10.02"):
        read_keypoints(tmp_path / "a.npz")
    np.save(tmp_path / "a.npy", spread)
    with pytest.raises(InputError, match="percent"):
        read_keypoints(tmp_path / "a.npy", "h36m17", (1000, 1002))
    assert len(read_keypoints(tmp_path / "a.npy", "h36m17")) == len(walk)  # may be pixels
    assert len(read_keypoints(tmp_path / "a.npy", "h36m17", (110, 120))) == len(walk)  # and are, of so small a picture


@pytest.mark.parametrize("ending", ["npz", "json"])
def test_results_are_inputs(tmp_path, walk, ending):
    model = posezoo.load("svma")
    out = model.predict(walk.keypoints_2d, "h36m17", (1000, 1002)).labelled(walk)
    out.save(tmp_path / f"out.{ending}")
    data = read_keypoints(tmp_path / f"out.{ending}")
    np.testing.assert_allclose(data.keypoints_2d, walk.keypoints_2d, atol=1e-4)
    assert data.frame.tolist() == walk.frame.tolist()
    assert {(clip.subject, clip.fps, clip.image_size) for clip in data.sequences} == {("S9", 30.0, (1000, 1002))}
    again = model.predict(data.keypoints_2d, data.skeleton, (1000, 1002))
    np.testing.assert_allclose(again.pose_3d, out.pose_3d, atol=1e-4)
    loaded = Prediction.load(tmp_path / f"out.{ending}")
    assert loaded.frame_number.tolist() == walk.frame.tolist()
    assert loaded.person.tolist() == walk.subject.tolist()
    np.testing.assert_allclose(loaded.time_s, walk.frame / 30)


def test_what_a_model_filled_in_is_unknown_again(tmp_path, walk):
    keypoints = walk.keypoints_2d.copy()
    keypoints[3, 5] = np.nan
    posezoo.load("geoselfsup").predict(keypoints, "h36m17").save(tmp_path / "out.npz")
    read = read_keypoints(tmp_path / "out.npz").keypoints_2d
    assert np.argwhere(np.isnan(read[..., 0])).tolist() == [[3, 5]]


def test_posedata_is_written_and_read(tmp_path, walk):
    times = PoseData(
        walk.skeleton,
        walk.keypoints_2d,
        walk.sequence,
        walk.frame,
        walk.sequences,
        confidence=np.full((20, 17), 0.5, np.float32),
        time_s=np.cumsum(np.linspace(0.02, 0.2, 20)),
    )
    data = read_keypoints(times.save(tmp_path / "walk.npz"))
    np.testing.assert_array_equal(data.keypoints_2d, walk.keypoints_2d)
    np.testing.assert_allclose(data.time_s, times.time_s)
    assert (data.skeleton, data.frame.tolist()) == (H36M, walk.frame.tolist())
    assert {(clip.subject, clip.fps, clip.image_size) for clip in data.sequences} == {
        (clip.subject, clip.fps, clip.image_size) for clip in walk.sequences if clip == walk.sequences[walk.sequence[0]]
    }
    with pytest.raises(InputError, match=r"written to \.npz"):
        times.save(tmp_path / "walk.json")


def test_projected_3d_is_2d(walk):
    """Follow the advice of the error that refuses 3D poses."""
    import torch

    camera = walk.sequences[walk.sequence[0]].camera
    pixels = project(torch.from_numpy(walk.pose_3d).double(), camera, frame="camera")
    np.testing.assert_allclose(pixels.numpy(), walk.keypoints_2d, atol=0.01)


@pytest.mark.parametrize("kind", ["uint8", "int16", "uint16", "int32", "uint32", "float16", "float32"])
@pytest.mark.parametrize("ending", ["npz", "npy", "pkl"])
@pytest.mark.filterwarnings("error")
def test_small_types_of_numbers(tmp_path, walk, kind, ending):
    """Sums of 1,200 frames leave the range of small types, and so do differences of unsigned ones."""
    most = np.iinfo(kind).max if kind == "uint8" else 1000
    keypoints = (np.concatenate([walk.keypoints_2d] * 60) * (most / 1000)).astype(kind)
    if ending == "npz":
        np.savez(tmp_path / "a.npz", keypoints=keypoints, skeleton="h36m17")
    elif ending == "npy":
        np.save(tmp_path / "a.npy", keypoints)
    else:
        (tmp_path / "a.pkl").write_bytes(pickle.dumps(keypoints))
    data = read_keypoints(tmp_path / f"a.{ending}", "h36m17")
    np.testing.assert_array_equal(data.keypoints_2d, keypoints.astype(np.float32))
