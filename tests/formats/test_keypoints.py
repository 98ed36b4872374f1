"""Test ``read_keypoints`` on files that other libraries write in each published layout."""

import json

import h5py
import numpy as np
import pytest

from posezoo.errors import InputError
from posezoo.formats.keypoints import FORMATS, SCHEMA, looks_upside_down, read_keypoints, upside_down_fraction
from posezoo.skeletons import SKELETONS, Skeleton
from tests.formats.keypoint_samples import COCO, SIZE, WRITERS, coco, openpose, poses, triplets


def save_json(path, value):
    path.write_text(json.dumps(value))
    return path


@pytest.mark.parametrize("name", WRITERS)
def test_every_format(tmp_path, name):
    path, skeleton, keypoints, confidence = WRITERS[name](tmp_path)
    data = read_keypoints(path, image_size=SIZE)
    assert data.skeleton is SKELETONS[skeleton]
    assert data.keypoints_2d.dtype == np.float32
    np.testing.assert_array_equal(data.keypoints_2d, keypoints)
    assert (data.confidence is None) == (confidence is None)
    if confidence is not None:
        np.testing.assert_allclose(data.confidence, confidence, atol=1e-7)
    assert data.sequence.dtype == data.frame.dtype == np.int32
    data.keypoints_2d[:] = 0  # the reader's own copy


@pytest.mark.parametrize("name", WRITERS)
def test_the_layout_may_be_given(tmp_path, name):
    path, skeleton, *_ = WRITERS[name](tmp_path)
    assert read_keypoints(path, skeleton, SIZE).skeleton is SKELETONS[skeleton]
    assert read_keypoints(str(path), SKELETONS[skeleton], image_size=SIZE).skeleton is SKELETONS[skeleton]


def test_the_content_tells_the_kind_of_file_whatever_its_name(tmp_path):
    path, _, keypoints, _ = WRITERS["plain_npz"](tmp_path)
    for name in ("a.json", "a.csv", "a", "a.weird"):
        np.testing.assert_array_equal(read_keypoints(path.rename(tmp_path / name)).keypoints_2d, keypoints)
        path = tmp_path / name
    path, _, keypoints, _ = WRITERS["plain_json"](tmp_path)
    np.testing.assert_array_equal(read_keypoints(path.rename(tmp_path / "a.txt")).keypoints_2d, keypoints)


# --- layouts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("joints", [23, 26, 28, 33, 133])
def test_a_joint_count_that_only_one_layout_has(tmp_path, joints):
    np.save(tmp_path / "a.npy", poses(joints=joints)[0])
    data = read_keypoints(tmp_path / "a.npy")
    assert [name for name, layout in SKELETONS.items() if len(layout) == joints] == [data.skeleton.name]


@pytest.mark.parametrize(
    ("joints", "words"),
    [
        (17, "17 joints a pose, as coco17, h36m17, mpi3dhp17, posetrack18 do; name"),
        (14, "aic14, common14, crowdpose14, lsp14"),
        (18, "openpose18, trtpose18"),
        (25, "body25, body25b, ntu25"),
        (21, "as no named skeleton does"),
    ],
)
def test_a_joint_count_that_leaves_it_open(tmp_path, joints, words):
    np.save(tmp_path / "a.npy", poses(joints=joints)[0])
    with pytest.raises(InputError, match=words):
        read_keypoints(tmp_path / "a.npy")


def test_a_layout_with_another_number_of_joints(tmp_path):
    np.save(tmp_path / "a.npy", poses(joints=16)[0])
    with pytest.raises(InputError, match=r"16 joints.*coco17 \(skeleton='coco17'\) has 17"):
        read_keypoints(tmp_path / "a.npy", "coco17")
    np.savez(tmp_path / "a.npz", keypoints=poses(joints=16)[0], skeleton="coco17")
    with pytest.raises(InputError, match="coco17, which the file names, has 17"):
        read_keypoints(tmp_path / "a.npz")


def test_file_and_call_that_disagree(tmp_path):
    np.savez(tmp_path / "a.npz", keypoints=poses()[0], skeleton="coco17")
    with pytest.raises(InputError, match="its skeleton is coco17, which skeleton='h36m17' contradicts"):
        read_keypoints(tmp_path / "a.npz", "h36m17")


def test_the_call_overrides_what_a_format_only_implies(tmp_path):
    """Read Human3.6M's joints in COCO's results format, as MMPose and others write them."""
    path, *_ = WRITERS["coco_results"](tmp_path)
    assert read_keypoints(path, "h36m17").skeleton.name == "h36m17"


def test_a_layout_of_ones_own(tmp_path):
    keypoints, _ = poses(joints=3)
    np.savez(tmp_path / "a.npz", keypoints=keypoints, joints=["hip", "left_knee", "right_knee"], parents=[-1, 0, 0])
    data = read_keypoints(tmp_path / "a.npz")
    assert data.skeleton == Skeleton("custom", ("hip", "left_knee", "right_knee"), (-1, 0, 0))
    assert read_keypoints(tmp_path / "a.npz", data.skeleton).skeleton == data.skeleton


# --- what each format says besides -----------------------------------------------------------------------------------


def test_plain_frames_people_and_sizes(tmp_path):
    keypoints, confidence = poses(6)
    np.savez(
        tmp_path / "clip.npz",
        keypoints=keypoints.reshape(3, 2, 17, 2),
        confidence=confidence.reshape(3, 2, 17),
        skeleton="coco17",
        image_size=(1920, 1080),
        frame=[10, 11, 15],
        person=["anna", "ben"],
        fps=25.0,
    )
    data = read_keypoints(tmp_path / "clip.npz")
    np.testing.assert_array_equal(data.keypoints_2d, keypoints)
    np.testing.assert_array_equal(data.confidence, confidence)
    assert data.frame.tolist() == [10, 10, 11, 11, 15, 15]
    assert data.subject.tolist() == ["anna", "ben"] * 3
    assert {(clip.trial, clip.image_size, clip.fps) for clip in data.sequences} == {("clip", (1920, 1080), 25.0)}
    (_, anna), (_, ben) = data.by_sequence()
    np.testing.assert_array_equal(anna.keypoints_2d, keypoints[::2])
    np.testing.assert_array_equal(ben.frame, [10, 11, 15])


def test_plain_rows_with_videos_and_sizes_of_their_own(tmp_path):
    value = {
        "keypoints": poses(3)[0].tolist(),
        "skeleton": "coco17",
        "image_size": [[10, 20], [30, 40], [10, 20]],
        "video": ["a", "b", "a"],
        "frame": [5, 6, 7],
    }
    data = read_keypoints(save_json(tmp_path / "a.json", value))
    assert [(clip.trial, clip.image_size) for clip in data.sequences] == [("a", (10, 20)), ("b", (30, 40))]
    assert data.sequence.tolist() == [0, 1, 0]


def test_one_pose(tmp_path):
    keypoints, _ = poses(1)
    np.save(tmp_path / "a.npy", keypoints[0])
    np.testing.assert_array_equal(read_keypoints(tmp_path / "a.npy", "coco17").keypoints_2d, keypoints)
    path = save_json(tmp_path / "a.json", keypoints[0].tolist())
    np.testing.assert_array_equal(read_keypoints(path, "coco17").keypoints_2d, keypoints)


def test_videopose3d_clips(tmp_path):
    path, *_ = WRITERS["videopose3d"](tmp_path)
    data = read_keypoints(path)
    assert [(clip.subject, clip.action, clip.view) for clip in data.sequences] == [
        ("S1", "Walking 1", view) for view in range(4)
    ]
    assert [clip.image_size for clip in data.sequences] == [(1000, 1002), (1000, 1000), (1000, 1000), (1000, 1002)]
    assert data.frame.tolist() == [0, 1, 0, 1, 2, 0, 0, 1, 2, 3, 4, 5]


def test_videopose3d_detections_and_own_videos(tmp_path):
    keypoints, _ = poses()
    metadata = {"layout_name": "coco", "num_joints": 17, "video_metadata": {"run.mp4": {"w": 1280, "h": 720, "fps": 30}}}
    np.savez(tmp_path / "data_2d_custom_me.npz", positions_2d={"run.mp4": {"custom": [keypoints]}}, metadata=metadata)
    data = read_keypoints(tmp_path / "data_2d_custom_me.npz")
    assert data.skeleton.name == "coco17"
    assert data.sequences[0].image_size == (1280, 720)
    assert data.sequences[0].fps == 30
    np.savez(tmp_path / "bare.npz", positions_2d={"S1": {"Walking": [keypoints]}})
    with pytest.raises(InputError, match="name the right one"):
        read_keypoints(tmp_path / "bare.npz")


def test_coco_pictures_people_and_crowds(tmp_path):
    keypoints, flags = poses(4)[0], np.full((4, 17), 2)
    flags[0, 3], keypoints[0, 3] = 0, 0
    flags[1, 5] = 1
    value = coco(keypoints, flags)
    value["annotations"].insert(1, {"id": 1, "image_id": 7, "iscrowd": 1, "keypoints": [0] * 51, "num_keypoints": 0})
    value["annotations"].append({"id": 2, "image_id": 8, "bbox": [1, 2, 3, 4]})
    data = read_keypoints(save_json(tmp_path / "a.json", value))
    assert len(data) == 4
    assert data.frame.tolist() == [7, 8, 7, 8]
    assert [data.sequences[index].image_size for index in data.sequence] == [(640, 480), (500, 333)] * 2
    assert data.subject.tolist() == ["0", "0", "1", "1"]
    assert np.isnan(data.keypoints_2d[0, 3]).all()
    assert np.isnan(data.keypoints_2d).sum() == 2
    assert data.confidence[0, 3] == 0
    assert data.confidence.sum() == 4 * 17 - 1


def test_coco_tracks_and_named_pictures(tmp_path):
    entries = [
        {"image_id": name, "track_id": track, "keypoints": flat}
        for flat, name, track in zip(triplets(*poses(3)), ["b.jpg", "a.jpg", "a.jpg"], [4, 4, 9], strict=True)
    ]
    data = read_keypoints(save_json(tmp_path / "a.json", entries))
    assert data.frame.tolist() == [0, 1, 1]
    assert data.subject.tolist() == ["4", "4", "9"]


def test_coco_logits_are_clipped_and_halpe_is_told_by_its_joints(tmp_path):
    keypoints, scores = poses(2, 26)
    scores[0, 0], scores[0, 1] = 7.5, -0.2
    entries = [{"image_id": 1, "keypoints": flat} for flat in triplets(keypoints, scores)]
    data = read_keypoints(save_json(tmp_path / "a.json", entries))
    assert data.skeleton.name == "halpe26"
    assert data.confidence[0, :2].tolist() == pytest.approx([1, 0.001])
    np.testing.assert_array_equal(data.keypoints_2d, keypoints)


def test_openpose_frames_tracks_and_empty_frames(tmp_path):
    keypoints, scores = poses(5, 25)
    keypoints[0, 0], scores[0, 0] = 0, 0
    frames = [keypoints[:2], keypoints[2:2], keypoints[2:3], keypoints[3:]]
    names = ["walk_000000000003", "walk_000000000004", "walk_000000000010", "run_000000000001"]
    start = 0
    for name, frame in zip(names, frames, strict=True):
        value = openpose(frame, scores[start : start + len(frame)])
        if name == "walk_000000000010":
            value["people"][0]["person_id"] = [1]
        save_json(tmp_path / f"{name}_keypoints.json", value)
        start += len(frame)
    data = read_keypoints(tmp_path)
    # Files in the order of their names: run before walk.
    order = [3, 4, 0, 1, 2]
    known = keypoints.copy()
    known[0, 0] = np.nan
    np.testing.assert_array_equal(data.keypoints_2d, known[order])
    assert data.frame.tolist() == [1, 1, 3, 3, 10]
    assert [data.sequences[index].trial for index in data.sequence] == ["run", "run", "walk", "walk", "walk"]
    # In the walk somebody comes near to where the second person was; the run is one picture.
    assert data.subject.tolist() == ["0", "1", "1", "2", "1"]


def test_openpose_people_of_whom_nothing_was_seen(tmp_path):
    keypoints, scores = poses(2, 25)
    keypoints[0], scores[0] = 0, 0
    value = openpose(keypoints, scores)
    value["people"].append({"person_id": [-1], "pose_keypoints_2d": []})
    data = read_keypoints(save_json(tmp_path / "a.json", value))
    np.testing.assert_array_equal(data.keypoints_2d, keypoints[1:])
    assert data.subject.tolist() == ["1"]


def test_a_thousand_openpose_frames(tmp_path):
    value = json.dumps(openpose(*poses(2, 25)))
    for frame in range(1000):
        (tmp_path / f"clip_{frame:012d}_keypoints.json").write_text(value)
    data = read_keypoints(tmp_path)
    assert len(data) == 2000
    assert len(data.sequences) == 2
    assert data.frame[-1] == 999


def test_csv_columns_in_any_order_with_gaps(tmp_path):
    header = [f"{joint}_{axis}" for joint in reversed(COCO) for axis in "yx"] + [
        "Frame",
        "video",
        "image_width",
        "image_height",
    ]
    keypoints, _ = poses(2)
    rows = [[*keypoints[i, ::-1, ::-1].astype(str).ravel().tolist(), 5 + i, "v", 640, 480] for i in range(2)]
    rows[1][0] = ""
    text = "\n".join(";".join(map(str, row)) for row in [header, *rows]) + "\n\n"
    (tmp_path / "a.csv").write_text("\ufeff" + text, encoding="utf-8")
    data = read_keypoints(tmp_path / "a.csv")
    expected = keypoints.copy()
    expected[1, 16] = np.nan
    np.testing.assert_array_equal(data.keypoints_2d, expected)
    assert data.frame.tolist() == [5, 6]
    assert (data.sequences[0].trial, data.sequences[0].image_size) == ("v", (640, 480))
    assert data.confidence is None


def test_csv_that_states_its_format(tmp_path):
    header = ",".join(f"{joint}_{axis}" for joint in COCO for axis in "xy")
    (tmp_path / "a.csv").write_text(f"format,{header}\nposezoo-keypoints/1,{','.join(map(str, range(7, 41)))}\n")
    assert read_keypoints(tmp_path / "a.csv").keypoints_2d.ravel().tolist() == list(range(7, 41))
    assert SCHEMA.count("version 1") == SCHEMA.count("posezoo-keypoints/1") == 2  # arrays, and tables


def test_hourglass_annotations(tmp_path):
    """Read x of 0 as not annotated, and a head at the upper edge (y of 0 or less) as annotated."""
    part = poses(joints=16)[0].astype(float)
    part[0, 0] = 0
    part[1, 9, 1] = 0
    part[2, 9, 1] = -14
    with h5py.File(tmp_path / "valid.h5", "w") as file:
        file["part"] = part
        file["scale"] = np.ones(6)
    data = read_keypoints(tmp_path / "valid.h5")
    assert np.argwhere(np.isnan(data.keypoints_2d[..., 0])).tolist() == [[0, 0]]
    assert data.keypoints_2d[2, 9, 1] == -14
    assert len(data.sequences) == 1  # it does not say whose they are
    codes = np.array([list(f"{row // 2:03d}.jpg".encode()) for row in range(6)], dtype=float)
    with h5py.File(tmp_path / "valid.h5", "a") as file:
        file["imgname"] = codes
        file["person"] = np.arange(6) % 2
    data = read_keypoints(tmp_path / "valid.h5")
    assert [(clip.trial, clip.subject) for clip in data.sequences[:3]] == [
        ("000.jpg", "0"),
        ("000.jpg", "1"),
        ("001.jpg", "0"),
    ]
    assert data.sequence.tolist() == [0, 1, 2, 3, 4, 5]


def test_missing_joints(tmp_path):
    keypoints, confidence = poses()
    keypoints[0, 1], confidence[0, 1] = 0, 0
    keypoints[1, 1] = 0  # Ultralytics keeps the confidence
    confidence[2, 1] = 0  # beside confidences that are not 0
    keypoints[3, 1, 0] = np.nan
    keypoints[4, 9] = keypoints[4, 14]  # a wrist at a knee
    np.savez(tmp_path / "a.npz", keypoints=keypoints, confidence=confidence, skeleton="coco17")
    data = read_keypoints(tmp_path / "a.npz")
    missing = [[0, 1], [1, 1], [2, 1], [3, 1], [4, 9], [4, 14]]
    assert np.argwhere(np.isnan(data.keypoints_2d).all(-1)).tolist() == missing
    assert np.argwhere(data.confidence == 0).tolist() == missing
    np.savez(tmp_path / "b.npz", keypoints=keypoints, skeleton="coco17")
    assert np.argwhere(np.isnan(read_keypoints(tmp_path / "b.npz").keypoints_2d).all(-1)).tolist() == [
        place for place in missing if place != [2, 1]
    ]


def test_a_joint_of_confidence_0_is_missing_wherever_it_is(tmp_path):
    keypoints, confidence = poses()
    confidence[2, 5], keypoints[3, 7] = 0, 0
    np.savez(tmp_path / "a.npz", keypoints=keypoints, confidence=confidence, skeleton="coco17")
    data = read_keypoints(tmp_path / "a.npz")
    assert np.argwhere(np.isnan(data.keypoints_2d).any(-1)).tolist() == [[2, 5], [3, 7]]
    assert "a joint of confidence 0 is unknown, unless all are 0" in SCHEMA


def test_confidences_that_are_all_0_say_nothing(tmp_path):
    keypoints, confidence = poses()
    np.savez(tmp_path / "a.npz", keypoints=keypoints, confidence=confidence * 0, skeleton="coco17")
    data = read_keypoints(tmp_path / "a.npz")
    np.testing.assert_array_equal(data.keypoints_2d, keypoints)
    assert data.confidence is None


def test_null_in_json_is_missing(tmp_path):
    value = poses(2)[0].tolist()
    value[1][3] = [None, None]
    data = read_keypoints(save_json(tmp_path / "a.json", {"keypoints": value, "skeleton": "coco17"}))
    assert np.argwhere(np.isnan(data.keypoints_2d[..., 0])).tolist() == [[1, 3]]


# --- upside down -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SKELETONS)
def test_upside_down_in_every_layout(name):
    layout = SKELETONS[name]
    generator = np.random.default_rng(0)
    keypoints = generator.normal(0, 5, (50, len(layout), 2))
    heights = {"ankle": 300, "knee": 200, "hip": 100, "nose": -100, "head": -120, "eye": -110, "ear": -110, "thorax": -60}
    for part, y in heights.items():
        rows = [index for index, joint in enumerate(layout.joints) if part in joint]
        keypoints[:, rows, 1] += y
    assert upside_down_fraction(keypoints, name) == 0
    keypoints[:20, :, 1] *= -1
    assert upside_down_fraction(keypoints, layout) == 0.4
    assert not looks_upside_down(keypoints, layout)
    assert looks_upside_down(-keypoints, layout)


def test_upside_down_of_a_file_with_missing_joints(tmp_path):
    keypoints, _ = poses(4)
    keypoints[..., 1] = 0
    keypoints[:, 15:, 1] = -100
    keypoints[0, 15:] = np.nan
    keypoints[0, 13:15, 1] = 50  # where the ankles are unknown the knees tell
    keypoints[1] = np.nan
    np.save(tmp_path / "a.npy", keypoints)
    data = read_keypoints(tmp_path / "a.npy", "coco17")
    assert upside_down_fraction(data) == pytest.approx(2 / 3)
    assert looks_upside_down(data)
    assert upside_down_fraction(np.full((2, 17, 2), np.nan), "coco17") == 0


def test_upside_down_needs_a_layout():
    with pytest.raises(InputError, match="layout"):
        looks_upside_down(np.zeros((2, 17, 2)))
    with pytest.raises(InputError, match="16 joints"):
        looks_upside_down(np.zeros((2, 16, 2)), "coco17")


def test_the_schema_names_what_the_reader_takes():
    for word in (
        "keypoints",
        "confidence",
        "skeleton",
        "image_size",
        "frame",
        "person",
        "video",
        "fps",
        "_x",
        "_confidence",
    ):
        assert word in SCHEMA
    assert len({form.name for form in FORMATS}) == len(FORMATS)
