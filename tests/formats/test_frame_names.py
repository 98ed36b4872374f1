"""Test frames in the names of files and pictures: the number that varies counts, whatever stands around it."""

import json

import numpy as np
import pytest

from posezoo.data import read_keypoints
from posezoo.formats.keypoints.frame_names import frames_of
from tests.formats.keypoint_samples import COCO, openpose, poses, triplets

COUNT = 12
WORDS = np.random.default_rng(0).integers(0, 2**32, COUNT)
# Names of consecutive pictures of one recording as programs write them, and its name.
ONE = {
    "camera last": ("", [f"{i:012d}_cam2_keypoints" for i in range(COUNT)]),
    "walk, camera last": ("walk", [f"walk_{i:04d}_cam0" for i in range(COUNT)]),
    "version last": ("frame", [f"frame{i:04d}_pose_v2" for i in range(COUNT)]),
    "camera first": ("cam2", [f"cam2_{i:03d}" for i in range(COUNT)]),
    "Label Studio": ("frame", [f"{word:08x}-frame_{i:03d}" for i, word in enumerate(WORDS)]),
    "random words": ("", [f"x{word}q_{i:03d}" for i, word in enumerate(WORDS)]),
    "milliseconds": ("", [f"{1_700_000_000_000 + round(i * 1000 / 30)}" for i in range(COUNT)]),
    "nanoseconds": ("", [f"{1_700_000_000_000_000_000 + i * 33_366_667}" for i in range(COUNT)]),
    "milliseconds from 0": ("", [f"{1000 * i // 30}" for i in range(COUNT)]),
    "steps of 33": ("", [f"{33 * i}" for i in range(COUNT)]),
    "seconds": ("t", [f"t{i / 30:.3f}" for i in range(COUNT)]),
    "frame and time": ("", [f"frame_{i}_{1_700_000_000_000 + 33 * i}" for i in range(COUNT)]),
    "date and frame": ("20240115_101501", [f"20240115_101501_{i}" for i in range(COUNT)]),
}


@pytest.mark.parametrize("name", ONE)
def test_one_recording(name):
    video, names = ONE[name]
    found = frames_of(names)
    assert [frame for _, frame in found] == list(range(COUNT))
    assert len({recording for recording, _ in found}) == 1
    assert found[0][0].startswith(video)
    # Several people of a picture, in another order.
    assert frames_of([*names[::-1], *names]) == [*found[::-1], *found]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([f"{i}_cam{c}" for i in (1, 2, 3) for c in (0, 1, 2, 3)], [(f"cam{c}", i) for i in (1, 2, 3) for c in range(4)]),
        ([f"walk_{i}_view{c}" for i in (1, 2) for c in (0, 1)], [(f"walk_view{c}", i) for i in (1, 2) for c in (0, 1)]),
        ([f"S{s}_{i}" for s in range(20) for i in (1, 2)], [(f"S{s}", i) for s in range(20) for i in (1, 2)]),
        (["walk_3", "run_1", "sit_2"], [("walk", 3), ("run", 1), ("sit", 2)]),
        (["walk-7_pose", "walk-8_pose", "run-2_pose"], [("walk", 7), ("walk", 8), ("run", 2)]),
        (["walk_cam0", "walk_cam1"], [("walk_cam", 0), ("walk_cam", 1)]),
        ([f"P{p}_S1_{i}.pose" for p in (1, 2) for i in range(3)], [(f"P{p}_S1", i) for p in (1, 2) for i in range(3)]),
        (["S1_1", "S2_1", "S3_1"], [("S1", 1), ("S2", 1), ("S3", 1)]),
        (["img_5", "img_10", "img_40", "img_45"], [("img", 5), ("img", 10), ("img", 40), ("img", 45)]),
        (["1700000000000", "1700000000034", "1700000000100"], [("", 0), ("", 1), ("", 3)]),
        (["me", "you"], [("me", None), ("you", None)]),
        (["walk_000000000012_keypoints"], [("walk", 12)]),
        ([], []),
    ],
)
def test_several_recordings(names, found):
    assert frames_of(names) == found


def test_numbers_without_end():
    assert len(frames_of(["9" * 9000, "8" * 9000, "7"])) == 3


@pytest.mark.parametrize("step", [1, 5, 10, 16, 30, 60, 100])
def test_every_so_many_frames_are_frames(step):
    assert [frame for _, frame in frames_of([f"{step * i:06d}" for i in range(30)])] == [step * i for i in range(30)]


@pytest.mark.parametrize("name", ONE)
def test_a_folder_of_openpose_is_one_recording(tmp_path, name):
    keypoints, confidence = poses(COUNT, 25)
    for stem, pose, trust in zip(ONE[name][1], keypoints, confidence, strict=True):
        (tmp_path / f"{stem}.json").write_text(json.dumps(openpose(pose[None], trust[None])))
    data = read_keypoints(tmp_path, "body25")
    assert len(data.sequences) == 1
    order = np.argsort(data.frame)
    assert data.frame[order].tolist() == list(range(COUNT))
    np.testing.assert_allclose(data.keypoints_2d[order], keypoints, rtol=1e-6)


def test_names_that_begin_with_a_dot_are_no_frames(tmp_path):
    """macOS writes such beside every file on other file systems."""
    keypoints, confidence = poses(4, 25)
    for folder in (tmp_path / "json", tmp_path / "inner" / "json"):
        folder.mkdir(parents=True)
        for number, (pose, trust) in enumerate(zip(keypoints, confidence, strict=True)):
            (folder / f"{number}.json").write_text(json.dumps(openpose(pose[None], trust[None])))
            (folder / f"._{number}.json").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X")
    (tmp_path / "inner" / ".cache").mkdir()
    (tmp_path / "inner" / ".cache" / "a.json").write_text("{}")
    for folder in (tmp_path / "json", tmp_path / "inner"):
        np.testing.assert_allclose(read_keypoints(folder, "body25").keypoints_2d, keypoints, rtol=1e-6)


def test_pictures_of_tables_lists_and_tasks(tmp_path):
    """Read Label Studio's names of pictures in the formats that hold names."""
    keypoints, confidence = poses(COUNT)
    names = [f"{name}.jpg" for name in ONE["Label Studio"][1]]
    flat = triplets(keypoints, confidence)
    entries = [{"image_id": name, "keypoints": pose} for name, pose in zip(names, flat, strict=True)]
    (tmp_path / "alphapose.json").write_text(json.dumps(entries))
    rows = [",".join(["image", *(f"{joint}_{axis}" for joint in COCO for axis in "xy")])]
    rows += [",".join([name, *map(str, pose.reshape(-1))]) for name, pose in zip(names, keypoints, strict=True)]
    (tmp_path / "table.csv").write_text("\n".join(rows))
    tasks = [
        {
            "data": {"img": f"/data/upload/1/{name}"},
            "annotations": [{"result": [
                {"original_width": 1000, "original_height": 1000, "value": {
                    "x": float(x) / 10, "y": float(y) / 10, "keypointlabels": [joint]}}
                for joint, (x, y) in zip(COCO, pose, strict=True)
            ]}],
        }
        for name, pose in zip(names, keypoints, strict=True)
    ]  # fmt: skip
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))
    for file in ("alphapose.json", "table.csv", "tasks.json"):
        data = read_keypoints(tmp_path / file)
        assert len(data.sequences) == 1
        assert data.frame.tolist() == list(range(COUNT))
        np.testing.assert_allclose(data.keypoints_2d, keypoints, atol=1e-3)


def test_mediapipe_by_milliseconds(tmp_path):
    points = poses(COUNT, 33, seed=2)[0]
    frames = {str(33 * i): [{"x": float(x), "y": float(y)} for x, y in pose] for i, pose in enumerate(points)}
    (tmp_path / "a.json").write_text(json.dumps(frames))
    assert read_keypoints(tmp_path / "a.json").frame.tolist() == list(range(COUNT))
