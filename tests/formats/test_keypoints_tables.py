"""Test tables of keypoints: names, separators, numbers, one row a pose or one row a joint."""

import csv
import json

import numpy as np
import pytest

from posezoo.errors import InputError
from posezoo.formats.keypoints import read_keypoints
from posezoo.formats.keypoints.columns import split_column
from posezoo.skeletons import get_skeleton
from tests.formats.walkers import SIZE, truth_mm, walker

COCO = get_skeleton("coco17").joints
# OpenPose's names, in its order.
BODY25 = [
    *("Nose", "Neck", "RShoulder", "RElbow", "RWrist", "LShoulder", "LElbow", "LWrist", "MidHip", "RHip", "RKnee", "RAnkle"),
    *("LHip", "LKnee", "LAnkle", "REye", "LEye", "REar", "LEar", "LBigToe", "LSmallToe", "LHeel"),
    *("RBigToe", "RSmallToe", "RHeel"),
]
POINTS = walker("coco17")


def short(joint):
    """Return a name in the style of ``LShoulder``."""
    side, _, part = joint.partition("_")
    return f"{side[0].upper()}{part.title()}" if part else joint.title()


def write(path, header, rows, delimiter=","):
    with open(path, "w", newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows([header, *rows])
    return path


def flat(points):
    return points.reshape(len(points), -1).tolist()


HEADERS = {
    "LShoulder_x": [f"{short(joint)}_{axis}" for joint in COCO for axis in "xy"],
    "LShoulderX": [f"{short(joint)}{axis}" for joint in COCO for axis in "XY"],
    "x_nose": [f"{axis}_{joint}" for joint in COCO for axis in "xy"],
    "nose.x": [f"{joint}.{axis}" for joint in COCO for axis in "xy"],
    "nose (x)": [f"{joint} ({axis})" for joint in COCO for axis in "xy"],
    "Left Shoulder X": [f"{joint.replace('_', ' ').title()} {axis}" for joint in COCO for axis in "XY"],
}


@pytest.mark.parametrize("name", HEADERS)
def test_names_of_columns(tmp_path, name):
    data = read_keypoints(write(tmp_path / "a.csv", HEADERS[name], flat(POINTS)))
    assert data.skeleton.name == "coco17"
    np.testing.assert_allclose(data.keypoints_2d, POINTS, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "joint", "axis"),
    [("left_hip_likelihood", "left_hip", "c"), ("nose_p", "nose", "c"), ("v12", "12", "c"), ("z3", "3", "z"),
     ("0_x", "0", "x"), ("frame", "frame", None), ("instance.score", "instance", "c"), ("", "", None)],
)  # fmt: skip
def test_single_columns(name, joint, axis):
    assert split_column(name) == (joint, axis)


@pytest.mark.parametrize("suffix", ["conf", "confidence", "score", "likelihood", "visibility", "v", "p", "prob"])
def test_columns_of_confidence(tmp_path, suffix):
    header = [f"{joint}_{axis}" for joint in COCO for axis in ("x", "y", suffix)]
    rows = flat(np.concatenate([POINTS, np.full((6, 17, 1), 0.75)], -1))
    data = read_keypoints(write(tmp_path / "a.csv", header, rows))
    assert (data.confidence == 0.75).all()


def test_openpose_names_and_mediapipes_own(tmp_path):
    points = walker("body25")
    data = read_keypoints(write(tmp_path / "a.csv", [f"{name}_{axis}" for name in BODY25 for axis in "xy"], flat(points)))
    assert data.skeleton.name == "body25"
    np.testing.assert_allclose(data.keypoints_2d, points, atol=1e-3)
    points = walker("mediapipe33")
    names = [f"MOUTH_{j[:-6].upper()}" if j.endswith("mouth") else j.upper() for j in get_skeleton("mediapipe33").joints]
    path = write(tmp_path / "b.csv", [f"{name}_{axis}" for name in names for axis in "xy"], flat(points / SIZE))
    data = read_keypoints(path, image_size=SIZE)
    assert data.skeleton.name == "mediapipe33"
    np.testing.assert_allclose(data.keypoints_2d, points, atol=1e-3)
    with pytest.raises(InputError, match="fractions of the picture"):
        read_keypoints(path)
    path = write(tmp_path / "c.csv", [f"{name}_{axis}" for name in names for axis in "xy"], flat(points / SIZE - 0.35))
    with pytest.raises(InputError, match="world landmarks are"):
        read_keypoints(path, image_size=SIZE)


def test_joints_by_number(tmp_path):
    for first, word in ((0, "kp"), (1, "keypoint_"), (0, ""), (1, "landmark")):
        header = [f"{word}{first + i}_{axis}" for i in reversed(range(17)) for axis in "xy"]
        path = write(tmp_path / "a.csv", header, flat(POINTS[:, ::-1]))
        np.testing.assert_allclose(read_keypoints(path, "coco17").keypoints_2d, POINTS, atol=1e-3)
        with pytest.raises(InputError, match=r"17 joints a pose, as coco17, .* name the right one"):
            read_keypoints(path)
    with pytest.raises(InputError, match="are numbered 0 to 18; some are left out"):
        read_keypoints(write(tmp_path / "a.csv", ["kp0_x", "kp0_y", "kp18_x", "kp18_y"], [[1, 2, 3, 4]]))


TEXTS = {
    "decimal commas": lambda rows: "\n".join(";".join(row).replace(".", ",") for row in rows),
    "Excel's sep= line": lambda rows: "sep=;\n" + "\n".join(";".join(row) for row in rows),
    "tabs": lambda rows: "\n".join("\t".join(row) for row in rows),
    "an index of pandas": lambda rows: "\n".join(",".join([str(i - 1) if i else "", *row]) for i, row in enumerate(rows)),
    "a byte order mark": lambda rows: "\ufeff" + "\n".join(",".join(row) for row in rows),
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_separators_and_encodings(tmp_path, name, encoding):
    rows = [[f"{joint}_{axis}" for joint in COCO for axis in "xy"], *([str(value) for value in row] for row in flat(POINTS))]
    (tmp_path / "a.csv").write_bytes(TEXTS[name](rows).encode(encoding))
    np.testing.assert_allclose(read_keypoints(tmp_path / "a.csv").keypoints_2d, POINTS, atol=1e-3)


def test_words_for_unknown(tmp_path):
    rows = flat(POINTS)
    for row, word in zip(rows, ("NA", "nan", "N/A", "null", "None", ""), strict=True):
        row[2:4] = [word, word]
    data = read_keypoints(write(tmp_path / "a.csv", HEADERS["nose.x"], rows))
    assert np.isnan(data.keypoints_2d[:, 1]).all()
    assert np.isfinite(np.delete(data.keypoints_2d, 1, 1)).all()


def test_one_row_a_joint(tmp_path):
    people = [walker("coco17", person=person) for person in (0, 1)]
    rows = [
        [i, who, joint, *people[person][i, j], 0.5]
        for i in range(6)
        for person, who in enumerate(("ann", "ben"))
        for j, joint in enumerate(COCO)
    ]
    path = write(tmp_path / "a.csv", ["frame", "person", "joint", "x", "y", "score"], rows)
    data = read_keypoints(path)
    assert (data.skeleton.name, len(data)) == ("coco17", 12)
    for person, who in enumerate(("ann", "ben")):
        np.testing.assert_allclose(data.keypoints_2d[data.subject == who], people[person], atol=1e-3)
    # Without people's names two of them cannot be told.
    rows = [[row[0], *row[2:]] for row in rows]
    with pytest.raises(InputError, match="nose stands twice in frame 0; add a column `person`"):
        read_keypoints(write(tmp_path / "a.csv", ["frame", "joint", "x", "y", "score"], rows))


LACKING = {
    "a wrist in two frames": [(5, 9), (6, 9)],
    "the first joint": [(3, 0), (7, 0), (8, 0)],
    "the last joint": [(3, 16), (7, 16)],
    "many joints": [(3, joint) for joint in range(4, 12)] + [(6, 0), (6, 1), (6, 16), (9, 5), (9, 9)],
    "as many times": [(frame, frame) for frame in range(12)] + [(11, joint) for joint in range(12, 17)],
    "the first joint of the first frame": [(0, 0), (5, 9)],
    "the last joint of the last frame": [(11, 16), (5, 9)],
    "nothing": [],
}


@pytest.mark.parametrize("lacking", LACKING)
@pytest.mark.parametrize("names", ["words", "numbers"])
def test_one_row_a_joint_without_frames(tmp_path, lacking, names):
    """Read rows that lack: the joints of the frames after stay in their frames."""
    points = walker("coco17", frames=12)
    rows = [
        [joint if names == "numbers" else COCO[joint], *points[frame, joint]]
        for frame in range(12)
        for joint in range(17)
        if (frame, joint) not in LACKING[lacking]
    ]
    data = read_keypoints(write(tmp_path / "a.csv", ["joint", "x", "y"], rows), "coco17")
    for frame, joint in LACKING[lacking]:
        points[frame, joint] = np.nan
    assert data.frame.tolist() == list(range(12))
    np.testing.assert_allclose(data.keypoints_2d, points, atol=1e-3)


def test_other_orders_of_rows_without_frames(tmp_path):
    points, generator = walker("coco17", frames=8), np.random.default_rng(0)
    row = {(i, j): [COCO[j], *points[i, j]] for i in range(8) for j in range(17)}
    by_joint = [row[i, j] for j in range(17) for i in range(8)]
    shuffled = [row[i, j] for i in range(8) for j in generator.permutation(17)]
    for rows in (by_joint, shuffled):
        data = read_keypoints(write(tmp_path / "a.csv", ["joint", "x", "y"], rows))
        np.testing.assert_allclose(data.keypoints_2d, points, atol=1e-3)
    for rows in (by_joint, shuffled):
        with pytest.raises(InputError, match="its joints stand there 7 to 8 times, and no column says the frame"):
            read_keypoints(write(tmp_path / "a.csv", ["joint", "x", "y"], rows[:60] + rows[61:]))
    people = [["ann", *entry] for entry in shuffled]
    with pytest.raises(InputError, match="stands twice in ann; add a column `frame`"):
        read_keypoints(write(tmp_path / "a.csv", ["person", "joint", "x", "y"], people))


def test_records_of_json_are_a_table(tmp_path):
    header = HEADERS["LShoulder_x"]
    records = [{"frame": 3 * i, **dict(zip(header, row, strict=True))} for i, row in enumerate(flat(POINTS))]
    (tmp_path / "a.json").write_text(json.dumps(records))
    data = read_keypoints(tmp_path / "a.json")
    assert data.frame.tolist() == [0, 3, 6, 9, 12, 15]
    np.testing.assert_allclose(data.keypoints_2d, POINTS, atol=1e-3)
    (tmp_path / "a.json").write_text("\n".join(map(json.dumps, records)))
    np.testing.assert_allclose(read_keypoints(tmp_path / "a.json").keypoints_2d, POINTS, atol=1e-3)


def test_boxes_and_scores_of_people_are_no_joints(tmp_path):
    header = ["bbox_x", "bbox_y", "instance.score", "time_ms", *HEADERS["nose.x"]]
    data = read_keypoints(write(tmp_path / "a.csv", header, [[1, 2, 0.5, 40 * i, *r] for i, r in enumerate(flat(POINTS))]))
    assert data.skeleton.name == "coco17"
    np.testing.assert_allclose(data.times_s, 0.04 * np.arange(6))


K = {person: walker("coco17", 6, person) for person in (0, 1)}
XY = [f"{joint}_{axis}" for joint in get_skeleton("coco17").joints for axis in "xy"]


def written(path, header, rows, delimiter=","):
    with open(path, "w", newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows([header, *rows])
    return path


@pytest.mark.parametrize(
    "column", ["Frame", "frame_no", "Frame #", "frames", "frameNum", "image_id", "index", "Unnamed: 0", ""]
)
def test_frames_are_read_by_whatever_their_column_is_called(tmp_path, column):
    rows = [[3 * i + 2, *K[0][i].reshape(-1)] for i in range(6)]
    assert read_keypoints(written(tmp_path / "t.csv", [column, *XY], rows)).frame.tolist() == [2, 5, 8, 11, 14, 17]


@pytest.mark.parametrize("column", ["image", "filename", "img_path", "frame"])
def test_the_names_of_pictures_tell_the_frames_of_two_people(tmp_path, column):
    rows = [[f"/data/img_{3 * i + 2:05d}.png", *K[p][i].reshape(-1)] for i in range(6) for p in (i % 2, 1 - i % 2)]
    data = read_keypoints(written(tmp_path / "t.csv", [column, *XY], rows))
    for person, who in enumerate(dict.fromkeys(data.subject)):
        own = data[data.subject == who]
        assert own.frame.tolist() == [2, 5, 8, 11, 14, 17]
        np.testing.assert_allclose(own.keypoints_2d, K[person], atol=1e-3)


def test_the_names_of_videos_part_recordings(tmp_path):
    rows = [[f"take{i // 6}.mp4", i % 6, *K[0][i % 6].reshape(-1)] for i in range(12)]
    data = read_keypoints(written(tmp_path / "t.csv", ["file", "frame", *XY], rows))
    assert [clip.trial for clip in data.sequences] == ["take0", "take1"]


@pytest.mark.parametrize(("column", "unit"), [("time", 1), ("Time (s)", 1), ("timestamp", 1000), ("t_ms", 1000)])
def test_times_tell_frames_where_nothing_else_does(tmp_path, column, unit):
    """Read two people a frame, with one frame lacking."""
    rows = [[i / 10 * unit, *K[p][i].reshape(-1)] for i in (0, 1, 2, 4, 5) for p in (0, 1)]
    data = read_keypoints(written(tmp_path / "t.csv", [column, *XY], rows))
    for who in set(data.subject):
        own = data[data.subject == who]
        assert own.frame.tolist() == [0, 1, 2, 4, 5]
        np.testing.assert_allclose(own.time_s, own.frame / 10)


def test_an_id_is_a_person_where_it_comes_again(tmp_path):
    rows = [[i, p, *K[p - 5][i].reshape(-1)] for i in range(6) for p in (6, 5)]
    data = read_keypoints(written(tmp_path / "t.csv", ["frame", "id", *XY], rows))
    assert {*data.subject} == {"5", "6"}
    rows = [[row, *K[0][row].reshape(-1)] for row in range(6)]
    assert len(read_keypoints(written(tmp_path / "t.csv", ["id", *XY], rows)).sequences) == 1


@pytest.mark.parametrize("name", ["{}_px", "{} (px)", "kp_{}", "Body.{}", "person1_{}"])
def test_what_all_names_share_is_no_joint(tmp_path, name):
    data = read_keypoints(written(tmp_path / "t.csv", [name.format(column) for column in XY], K[0].reshape(6, -1)))
    assert data.skeleton.name == "coco17"
    np.testing.assert_allclose(data.keypoints_2d, K[0], atol=1e-3)


@pytest.mark.parametrize("delimiter", ["|", " ", "\t"])
def test_cells_are_parted_by_other_signs(tmp_path, delimiter):
    data = read_keypoints(written(tmp_path / "t.csv", XY, K[0].reshape(6, -1), delimiter))
    np.testing.assert_allclose(data.keypoints_2d, K[0], atol=1e-3)


def test_a_row_of_empty_cells_is_a_frame_without_anybody(tmp_path):
    rows = [[""] * 34 if i in (3, 5) else list(K[0][i].reshape(-1)) for i in range(6)]
    data = read_keypoints(written(tmp_path / "t.csv", XY, rows))
    assert data.frame[~np.isnan(data.keypoints_2d).any((1, 2))].tolist() == [0, 1, 2, 4]
    assert len(data) == 5  # spreadsheets end in such rows


def test_3d_poses_in_a_table_are_refused_and_depth_beside_pixels_is_not(tmp_path):
    header = [f"{joint}_{axis}" for joint in get_skeleton("h36m17").joints for axis in "xyz"]
    pose = truth_mm().astype(float)
    world = pose @ [[1, 0, 0], [0, 0, -1], [0, 1, 0]] + [5000, 9000, 3000]  # all positive: its bones tell it
    for poses in (pose, (pose - pose[:, :1]) / 1000, world):
        with pytest.raises(InputError, match="holds 3D poses"):
            read_keypoints(written(tmp_path / "t.csv", header, poses.reshape(len(poses), -1)))
    pixels = np.concatenate([walker("h36m17", 12), pose[..., 2:]], -1)
    read = read_keypoints(written(tmp_path / "t.csv", header, pixels.reshape(len(pixels), -1)))
    np.testing.assert_allclose(read.keypoints_2d, pixels[..., :2], atol=1e-3)
    own = [f"{column}_mm" for column in header]
    with pytest.raises(InputError, match="'pelvis_x_mm' are 3D poses"):
        read_keypoints(written(tmp_path / "t.csv", own, pose.reshape(len(pose), -1)))


def test_cells_that_hold_lists_are_read_as_json(tmp_path):
    """Read ``Results.to_csv()`` of Ultralytics, and what pandas writes of lists."""
    box = {"x1": 1.0, "y1": 2.0, "x2": 3.0, "y2": 4.0}
    rows = [[i, "person", 0, 0.9, box, {"x": k[:, 0].tolist(), "y": k[:, 1].tolist(), "visible": [0.9] * 17}]
            for i, k in enumerate(K[0])]  # fmt: skip
    data = read_keypoints(written(tmp_path / "u.csv", ["frame_no", "name", "class", "confidence", "box", "keypoints"], rows))
    np.testing.assert_allclose(data.keypoints_2d, K[0], atol=1e-3)
    assert data.frame.tolist() == list(range(6))
    rows = [[2 * i, p, K[p][i].tolist()] for i in range(6) for p in (1, 0)]
    data = read_keypoints(written(tmp_path / "p.csv", ["frame", "track_id", "keypoints"], rows))
    np.testing.assert_allclose(data[data.subject == "0"].keypoints_2d, K[0], atol=1e-3)
    assert data.frame.max() == 10
