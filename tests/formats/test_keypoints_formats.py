"""Test what detectors and datasets write beyond the samples of every format: people, frames, sizes, names."""

import json
import warnings

import numpy as np
import pytest
import scipy.io

from posezoo.errors import InputError, PoseZooWarning
from posezoo.formats.keypoints import FORMATS, read_keypoints, read_with_format
from posezoo.formats.keypoints.frame_names import frame_of
from posezoo.formats.keypoints.names import columns_of, joint_name
from posezoo.skeletons import SKELETONS, Skeleton
from tests.files import pandas_files
from tests.formats.detector_samples import SAMPLES
from tests.formats.keypoint_samples import COCO, SIZE, WRITERS, alphapose, kinetics, landmarks, poses, triplets


def save_json(path, value):
    path.write_text(json.dumps(value))
    return path


@pytest.mark.parametrize(
    ("sample", "name"),
    [
        ("mediapipe", "MediaPipe landmarks"),
        ("mediapipe_frames", "MediaPipe landmarks"),
        ("alphapose", "AlphaPose results"),
        ("alphapose_cmu", "AlphaPose frames"),
        ("deeplabcut_fixed", "DeepLabCut tables"),
        ("deeplabcut_table", "DeepLabCut tables"),
        ("deeplabcut_csv", "DeepLabCut tables"),
        ("kinetics", "Kinetics-skeleton"),
        ("lsp", "LSP's joints.mat"),
        ("coco", "COCO annotations"),
        ("openpose", "OpenPose frames"),
    ],
)
def test_the_format_is_told(tmp_path, sample, name):
    form, _ = read_with_format(WRITERS[sample](tmp_path)[0], image_size=SIZE)
    assert form.name == name
    assert form in FORMATS


# --- the picture's size ----------------------------------------------------------------------------------------------


def test_the_size_given_holds_where_the_file_does_not_say(tmp_path):
    np.savez(tmp_path / "a.npz", keypoints=poses(2)[0], skeleton="coco17", image_size=[640, 480])
    with pytest.warns(PoseZooWarning, match=r"640 x 480 px, which counts; image_size=\(10, 20\) says otherwise"):
        assert read_keypoints(tmp_path / "a.npz", image_size=(10, 20)).sequences[0].image_size == (640, 480)
    np.save(tmp_path / "a.npy", poses(2)[0])
    data = read_keypoints(tmp_path / "a.npy", "coco17", (10, 20))
    assert data.sequences[0].image_size == (10, 20)
    np.testing.assert_array_equal(data.keypoints_2d, poses(2)[0])  # pixels stay pixels


@pytest.mark.parametrize("sample", ["mediapipe", "kinetics"])
def test_fractions_need_the_size(tmp_path, sample):
    path, *_ = WRITERS[sample](tmp_path)
    with pytest.raises(InputError, match=r"fractions of the picture .* image_size=\(width, height\)"):
        read_keypoints(path)
    data = read_keypoints(path, image_size=(2 * SIZE[0], SIZE[1]))
    expected = WRITERS[sample](tmp_path)[2] * np.float32([2, 1])
    np.testing.assert_array_equal(data.keypoints_2d, expected)


@pytest.mark.parametrize("size", [(0, 480), (640,), ("a", "b"), (1e9, 3), (np.nan, 3)])
def test_sizes_that_are_none(tmp_path, size):
    path, *_ = WRITERS["mediapipe"](tmp_path)
    with pytest.raises(InputError, match="size"):
        read_keypoints(path, image_size=size)


# --- MediaPipe -------------------------------------------------------------------------------------------------------

KEYPOINTS, VISIBLE = poses(4, 33)
PEOPLE = landmarks(KEYPOINTS, VISIBLE)
ROWS = [[[mark["x"], mark["y"], mark["z"], mark["visibility"]] for mark in person] for person in PEOPLE]
ABOUT = {"image_size": list(SIZE)}
MEDIAPIPE = {
    "frames of an object": ({**ABOUT, "frames": [{"landmarks": person} for person in PEOPLE]}, 4),
    "frames that are lists": ({"metadata": {"width": 1024, "height": 512}, "frames": PEOPLE}, 4),
    "camel case": ([{"poseLandmarks": person, "imageSize": {"width": 1024, "height": 512}} for person in PEOPLE], 4),
    "one frame": ({"pose_landmarks": PEOPLE[0], "image_width": 1024, "image_height": 512}, 1),
    "tasks, one frame": ({**ABOUT, "landmarks": PEOPLE[:2], "worldLandmarks": [[{"x": 0, "y": 0}] * 33] * 2}, 2),
    "tasks, frame by frame": ({**ABOUT, "frames": [{"landmarks": PEOPLE[:2]}, {"landmarks": PEOPLE[2:]}]}, 4),
    "protocol buffers": ({**ABOUT, "frames": [{"pose_landmarks": {"landmark": person}} for person in PEOPLE]}, 4),
    "rows of numbers": ({**ABOUT, "frames": ROWS}, 4),
    "empty frames": ({**ABOUT, "frames": [None, [], {"landmarks": []}, {"pose_landmarks": PEOPLE[0]}]}, 1),
}


@pytest.mark.parametrize("name", MEDIAPIPE)
def test_mediapipe_as_people_dump_it(tmp_path, name):
    value, count = MEDIAPIPE[name]
    data = read_keypoints(save_json(tmp_path / "a.json", value))
    assert data.skeleton.name == "mediapipe33"
    np.testing.assert_array_equal(data.keypoints_2d, KEYPOINTS[:count])
    np.testing.assert_allclose(data.confidence, VISIBLE[:count])
    assert data.sequences[0].image_size == SIZE


def test_mediapipe_people_and_frame_numbers(tmp_path):
    frames = [{"frame_number": 10, "landmarks": PEOPLE[:2]}, {"frame_number": 12, "landmarks": PEOPLE[2:3]}]
    data = read_keypoints(save_json(tmp_path / "a.json", {**ABOUT, "frames": frames}))
    assert data.frame.tolist() == [10, 10, 12]
    assert data.subject.tolist() == ["0", "1", "0"]
    data = read_keypoints(save_json(tmp_path / "a.json", [None, *PEOPLE]), image_size=SIZE)
    assert data.frame.tolist() == [1, 2, 3, 4]


def test_mediapipe_by_hand(tmp_path):
    """Read landmark 11, the left shoulder, at a quarter of the width and half of the height."""
    person = [{"x": 0.1, "y": 0.1, "z": 0, "presence": 0.5} for _ in range(33)]
    for place, mark in enumerate(person):
        mark["x"] += place / 100
    person[11] = {"x": 0.25, "y": 0.5, "z": -0.3, "visibility": 0.75, "presence": 0.9}
    data = read_keypoints(save_json(tmp_path / "a.json", [person]), image_size=(640, 480))
    shoulder = data.skeleton.index("left_shoulder")
    assert data.keypoints_2d[0, shoulder].tolist() == [160, 240]
    assert data.confidence[0, [shoulder, 0]].tolist() == [0.75, 0.5]


@pytest.mark.parametrize("size", [None, (640, 480)])
def test_pixels_are_not_multiplied_by_the_picture(tmp_path, size):
    pixels = np.concatenate([KEYPOINTS[:4, :17, ::-1], np.full((4, 17, 1), 0.9)], -1)  # of MoveNet, (y, x, score)
    np.save(tmp_path / "a.npy", pixels[:, None, None].astype(np.float32))
    with pytest.raises(InputError, match=r"coordinates up to \d+.* fractions of the picture .* save them as an array"):
        read_keypoints(tmp_path / "a.npy", image_size=size)


def test_times_in_milliseconds_are_named(tmp_path):
    keypoints = np.repeat(poses(1)[0], 10, 0)
    np.savez(tmp_path / "a.npz", keypoints=keypoints, skeleton="coco17", time_s=np.arange(10) * 33.3)
    with pytest.warns(PoseZooWarning, match=r"frames are 33\.3 s apart; if these are milliseconds, divide them by 1000"):
        read_keypoints(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", keypoints=keypoints, skeleton="coco17", time_s=np.arange(10) / 30)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_keypoints(tmp_path / "b.npz")


def test_mediapipe_that_is_pixels_already(tmp_path):
    people = [
        [{"x": float(x), "y": float(y), "visibility": 1.0} for x, y in person] for person in KEYPOINTS
    ]  # as MediaPipe's older demos print them
    data = read_keypoints(save_json(tmp_path / "a.json", people))
    np.testing.assert_array_equal(data.keypoints_2d, KEYPOINTS)


# --- AlphaPose -------------------------------------------------------------------------------------------------------


def test_alphapose_tracks_and_pictures(tmp_path):
    entries = alphapose(*poses(4))
    for entry, name, idx in zip(
        entries, ("v_03.jpg", "v_03.jpg", "v_10.jpg", "w_03.jpg"), (2, [[7.0]], 2.0, 2), strict=True
    ):
        entry |= {"image_id": name, "idx": idx}
    data = read_keypoints(save_json(tmp_path / "alphapose-results.json", entries))
    assert data.frame.tolist() == [3, 3, 10, 3]
    assert data.subject.tolist() == ["2", "7", "2", "2"]
    assert [data.sequences[index].trial for index in data.sequence] == ["v", "v", "v", "w"]
    for entry in entries:
        del entry["idx"]
    data = read_keypoints(save_json(tmp_path / "a.json", entries))
    assert data.subject.tolist() == ["0", "1", "0", "0"]


@pytest.mark.parametrize(("joints", "kept", "layout"), [(136, 26, "halpe26"), (133, 17, "coco17")])
def test_alphapose_whole_bodies(tmp_path, joints, kept, layout):
    keypoints, confidence = poses(4, joints)
    data = read_keypoints(save_json(tmp_path / "a.json", alphapose(keypoints, confidence)))
    assert data.skeleton.name == layout
    np.testing.assert_array_equal(data.keypoints_2d, keypoints[:, :kept])
    np.testing.assert_allclose(data.confidence, confidence[:, :kept])


def test_alphapose_open_form_and_a_single_frame(tmp_path):
    keypoints, confidence = poses(2, 18)
    flat = triplets(keypoints, confidence)
    frames = {f"{i}.jpg": {"version": "AlphaPose v0.3", "people": [{"pose_keypoints_2d": flat[i]}]} for i in (0, 1)}
    data = read_keypoints(save_json(tmp_path / "a.json", frames))
    assert data.skeleton.name == "openpose18"
    assert data.frame.tolist() == [0, 1]
    single = {"version": "AlphaPose v0.3", "bodies": [{"joints": pose} for pose in flat]}
    data = read_keypoints(save_json(tmp_path / "17.json", single))
    np.testing.assert_array_equal(data.keypoints_2d, keypoints)
    assert data.frame.tolist() == [17, 17]


# --- DeepLabCut ------------------------------------------------------------------------------------------------------

PARTS = ["nose", "Left_Shoulder", "RHip"]
MINE = Skeleton("mine", ("left_shoulder", "right_hip", "nose"), (-1, 0, 0))


@pytest.mark.parametrize("write", [pandas_files.write_fixed, pandas_files.write_table])
def test_deeplabcut_individuals(tmp_path, write):
    values = np.arange(4 * 18, dtype=float).reshape(4, 18)
    values[:, 2::3] = 0.5
    values[1, 9:] = np.nan  # the second is not there
    entries = pandas_files.columns(PARTS, ["ind1", "ind2"])
    data = read_keypoints(write(tmp_path / "runDLC_resnet50.h5", entries, values, [0, 1, 2, 30], key="tracks"), MINE)
    assert data.skeleton is MINE
    assert data.subject.tolist() == ["ind1", "ind2", "ind1", "ind1", "ind2", "ind1", "ind2"]
    assert data.frame.tolist() == [0, 0, 1, 2, 2, 30, 30]
    assert data.keypoints_2d[0].tolist() == [[3, 4], [6, 7], [0, 1]]
    assert data.keypoints_2d[-1].tolist() == [[66, 67], [69, 70], [63, 64]]
    assert (data.confidence == 0.5).all()
    assert data.sequences[0].trial == "run"


PICTURES = [f"labeled-data/run/img{number:03d}.png" for number in (2, 5, 9)]


@pytest.mark.parametrize("index", [PICTURES, [tuple(name.split("/")) for name in PICTURES]])
@pytest.mark.parametrize("write", [pandas_files.write_fixed, pandas_files.write_table])
def test_deeplabcut_labels_of_pictures(tmp_path, write, index):
    if isinstance(index[0], tuple) and write is pandas_files.write_table:
        pytest.skip("tables hold the levels of an index as columns")
    values = np.arange(18, dtype=float).reshape(3, 6) + 1
    values[1, 2:4] = np.nan
    data = read_keypoints(write(tmp_path / "a.h5", pandas_files.columns(PARTS, likelihood=False), values, index), MINE)
    assert data.frame.tolist() == [2, 5, 9]
    assert data.sequences[0].trial == "run"
    assert data.confidence is None
    assert data.keypoints_2d[0].tolist() == [[3, 4], [5, 6], [1, 2]]
    assert np.isnan(data.keypoints_2d[1, 0]).all()


def test_deeplabcut_csv_of_individuals_and_of_pictures(tmp_path):
    text = (
        "scorer,,,me,me,me,me\nindividuals,,,a,a,b,b\nbodyparts,,,nose,nose,nose,nose\ncoords,,,x,y,x,y\n"
        "labeled-data,run,img03.png,1.5,2.5,,\nlabeled-data,run,img12.png,3,4,5,6\n"
    )
    (tmp_path / "CollectedData_me.csv").write_text(text)
    data = read_keypoints(tmp_path / "CollectedData_me.csv", Skeleton("nose", ("nose",), (-1,)))
    assert data.keypoints_2d[:, 0].tolist() == [[1.5, 2.5], [3, 4], [5, 6]]
    assert data.subject.tolist() == ["a", "a", "b"]
    assert data.frame.tolist() == [3, 12, 12]


def test_a_real_data_frame(tmp_path):
    """Compare with what pandas itself writes, where it is installed."""
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("tables", minversion="3")  # benchmarks/tables, a folder, has no version
    entries = pandas_files.columns(PARTS, ["ind1", "ind2"])
    values = np.random.default_rng(0).uniform(0, 1, (5, 18))
    names = ["scorer", "individuals", "bodyparts", "coords"]
    frame = pandas.DataFrame(values, columns=pandas.MultiIndex.from_tuples(entries, names=names))
    for kind, write in (("fixed", pandas_files.write_fixed), ("table", pandas_files.write_table)):
        frame.to_hdf(tmp_path / "a.h5", key="df_with_missing", format=kind, mode="w")
        theirs = read_keypoints(tmp_path / "a.h5", MINE)
        ours = read_keypoints(write(tmp_path / "b.h5", entries, values, list(range(5))), MINE)
        np.testing.assert_array_equal(theirs.keypoints_2d, ours.keypoints_2d)
        np.testing.assert_array_equal(theirs.confidence, ours.confidence)
        pandas.testing.assert_frame_equal(pandas.read_hdf(tmp_path / "b.h5"), frame, check_names=False)
    frame.to_csv(tmp_path / "a.csv")
    np.testing.assert_allclose(read_keypoints(tmp_path / "a.csv", MINE).keypoints_2d, ours.keypoints_2d, rtol=1e-6)


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "joint"),
    [
        ("left_shoulder", "left_shoulder"),
        ("LShoulder", "left_shoulder"),
        ("L Shoulder", "left_shoulder"),
        ("shoulder_L", "left_shoulder"),
        ("shoulderLeft", "left_shoulder"),
        ("RIGHT-KNEE", "right_knee"),
        ("rknee", "right_knee"),
        ("Knee.r", "right_knee"),
        ("rightknee", "right_knee"),
        ("ankle1", "right_ankle"),
        ("ankle2", "left_ankle"),
        ("Nose", "nose"),
        ("left", "left"),
        ("larynx", "larynx"),
        ("", ""),
    ],
)
def test_joint_names(name, joint):
    assert joint_name(name) == joint


@pytest.mark.parametrize("layout", SKELETONS)
def test_joint_names_of_the_layouts_stay(layout):
    assert [joint_name(joint) for joint in SKELETONS[layout].joints] == list(SKELETONS[layout].joints)


def test_names_find_the_largest_layout_they_fill(tmp_path):
    """Read DeepLabCut's model of people, which has the joints of LSP and calls its neck and head chin and forehead."""
    sides = ("ankle1", "knee1", "hip1", "hip2", "knee2", "ankle2", "wrist1", "elbow1", "shoulder1")
    full_human = (*sides, "shoulder2", "elbow2", "wrist2", "chin", "forehead")
    layout, places = columns_of(full_human, None, tmp_path)
    assert (layout.name, places) == ("lsp14", list(range(14)))
    layout, places = columns_of((*reversed(COCO), "Tail"), None, tmp_path)
    assert (layout.name, places) == ("coco17", list(range(16, -1, -1)))
    mpii = (*(joint for joint in SKELETONS["mpii16"].joints if joint != "upper_neck"), "Neck")
    assert columns_of(mpii, None, tmp_path)[0].name == "mpii16"


H36M_LEGS = ["RightHip", "RightKnee", "RightFoot", "LeftHip", "LeftKnee", "LeftFoot"]
H36M_ARMS = [f"{side}{part}" for side in ("Left", "Right") for part in ("Shoulder", "Elbow", "Wrist")]


@pytest.mark.parametrize("trunk", [
    ("Spine", "Thorax", "Neck", "Head"), ("Spine", "Chest", "Neck", "Head"), ("Spine", "Thorax", "Neck/Nose", "Head"),
    ("Spine", "Thorax", "Nose", "Head"), ("Torso", "Neck", "Nose", "Head"), ("Belly", "Neck", "Head", "HeadTop"),
    ("Spine", "Spine1", "Neck", "Head"),
])  # fmt: skip
def test_17_names_in_the_order_of_human36m(tmp_path, trunk):
    names = ("Hips", *H36M_LEGS, *trunk, *H36M_ARMS)
    for wanted in (None, SKELETONS["h36m17"]):
        assert columns_of(names, wanted, tmp_path) == (SKELETONS["h36m17"], list(range(17)))


def test_names_of_a_neck_in_another_order_are_a_neck(tmp_path):
    names = ("Hips", "Spine", "Thorax", "Neck", "Head", *H36M_LEGS, *H36M_ARMS)
    layout, _ = columns_of(names, None, tmp_path)
    assert {"upper_neck", "head"} <= set(layout.joints)
    layout, _ = columns_of(("Hips", *H36M_LEGS, "Spine", "Thorax", "UpperNeck", "Head", *H36M_ARMS), None, tmp_path)
    assert "upper_neck" in layout.joints


def test_names_that_fill_no_layout(tmp_path):
    with pytest.raises(InputError, match=r"coco17.*missing nose, left_ankle"):
        columns_of(tuple(joint for joint in COCO if joint not in ("nose", "left_ankle")), None, tmp_path)
    with pytest.raises(InputError, match=r"h36m17.*missing pelvis, spine, thorax, head_top"):
        columns_of(COCO, SKELETONS["h36m17"], tmp_path)
    with pytest.raises(InputError, match="LHip and left_hip are the same body part"):
        columns_of(("LHip", "left_hip"), None, tmp_path)


def test_frames_in_names():
    assert [frame_of(name) for name in ("0", "img007", "v_12_keypoints", "clip-3", "a1b", "9" * 13)] == [
        ("", 0),
        ("img", 7),
        ("v", 12),
        ("clip", 3),
        ("a1b", None),
        ("9" * 13, None),
    ]


# --- Kinetics-skeleton and LSP ---------------------------------------------------------------------------------------


def test_kinetics_people_gaps_and_label(tmp_path):
    keypoints, scores = poses(3, 18)
    value = kinetics(keypoints, scores)
    value["data"][0]["skeleton"][0]["pose"][4:6] = [0.0, 0.0]
    value["data"][0]["skeleton"][0]["score"][2] = 0.0
    value["data"][1]["skeleton"] += value["data"][2]["skeleton"]
    value["data"][2] = {"frame_index": 3, "skeleton": []}
    data = read_keypoints(save_json(tmp_path / "a.json", value), image_size=SIZE)
    assert data.frame.tolist() == [1, 2, 2]
    assert data.subject.tolist() == ["0", "0", "1"]
    assert data.action.tolist() == ["abseiling"] * 3
    assert data.sequences[0].fps == 30
    assert np.argwhere(np.isnan(data.keypoints_2d[..., 0])).tolist() == [[0, 2]]
    assert data.confidence[0, 2] == 0
    np.testing.assert_array_equal(data.keypoints_2d[1:], keypoints[1:])


def test_lsp_extended_has_joints_that_were_not_located(tmp_path):
    joints = np.zeros((14, 3, 5))
    joints[:, 0], joints[:, 1] = np.arange(1, 15)[:, None], 101
    joints[:, 2] = 1
    joints[13, :, 2] = (-40, 7, 0)
    scipy.io.savemat(tmp_path / "joints.mat", {"joints": joints})
    data = read_keypoints(tmp_path / "joints.mat")
    assert data.skeleton.name == "lsp14"
    assert data.keypoints_2d[0, :3].tolist() == [[0, 100], [1, 100], [2, 100]]
    assert np.argwhere(np.isnan(data.keypoints_2d[..., 0])).tolist() == [[2, 13]]
    assert data.frame.tolist() == [1, 2, 3, 4, 5]


def test_lsp_hidden_joints_are_located(tmp_path):
    joints = np.arange(3 * 14 * 2, dtype=float).reshape(3, 14, 2) + 11
    joints[2] = np.arange(14)[:, None] % 2
    scipy.io.savemat(tmp_path / "joints.mat", {"joints": joints})
    data = read_keypoints(tmp_path / "joints.mat")
    np.testing.assert_array_equal(data.keypoints_2d, joints[:2].transpose(2, 1, 0) - 1)
    assert (data.confidence == 1).all()


# --- samples ---------------------------------------------------------------------------------------------------------


def test_every_format_has_a_sample(tmp_path):
    """Require a writer of each format in ``keypoint_samples.py`` or ``detector_samples.py``."""
    told: set[str] = set()
    for number, (sample, write) in enumerate((*WRITERS.items(), *SAMPLES.items())):
        folder = tmp_path / f"{number}_{sample}"
        folder.mkdir()
        path, layout, *_ = write(folder)
        told.add(read_with_format(path, layout, SIZE)[0].name)
    refused = {"tables without a header"}  # told apart only to say what is wrong
    lacking = [form.name for form in FORMATS if form.name not in told | refused]
    assert not lacking, f"no sample of {', '.join(lacking)}; write one, so that every test of all formats reads it."


# --- flat lists of numbers -------------------------------------------------------------------------------------------


def test_flat_lists_of_3d_poses_are_refused(tmp_path):
    """Refuse 22 joints of x, y, z about the root, which are as many numbers as 33 of x, y."""
    pose = np.random.default_rng(0).normal(0, 400, (6, 66))
    (tmp_path / "a.json").write_text(json.dumps([{"image_id": i, "keypoints": row.tolist()} for i, row in enumerate(pose)]))
    with pytest.raises(InputError, match="holds 3D poses"):
        read_keypoints(tmp_path / "a.json", "mediapipe33")


@pytest.mark.parametrize("layout", ["coco17", "openpose18", "mediapipe33", "halpe26", "mpii16", "lsp14"])
@pytest.mark.parametrize("third", ["none", "confidence", "logit", "flag"])
def test_flat_lists_of_x_y_and_of_x_y_c(tmp_path, layout, third):
    count = len(SKELETONS[layout])
    keypoints, confidence = poses(6, count)
    confidence = {"logit": 20 * confidence, "flag": np.where(confidence > 0.3, 2, 1)}.get(third, confidence)
    columns = [keypoints] if third == "none" else [keypoints, confidence[..., None]]
    flat = np.concatenate(columns, -1).reshape(6, -1)
    flat[1, : 2 if third == "none" else 3] = 0  # a joint that was not found
    entries = [{"image_id": i, "keypoints": row.astype(float).tolist(), "score": 1.0} for i, row in enumerate(flat)]
    (tmp_path / "a.json").write_text(json.dumps(entries))
    data = read_keypoints(tmp_path / "a.json", layout)
    keypoints[1, 0] = np.nan
    np.testing.assert_allclose(data.keypoints_2d, keypoints, rtol=1e-6)
    assert (data.confidence is None) == (third == "none")
