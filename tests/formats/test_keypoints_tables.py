"""Tables of keypoints as people write them: names, separators, numbers, one row a pose or one row a joint."""

import csv
import json

import numpy as np
import pytest

from posezoo.errors import InputError
from posezoo.formats.keypoints import read_keypoints
from posezoo.formats.keypoints.columns import split_column
from posezoo.skeletons import get_skeleton
from tests.formats.walkers import SIZE, walker

COCO = get_skeleton("coco17").joints
# OpenPose's names, in its order.
BODY25 = [
    *("Nose", "Neck", "RShoulder", "RElbow", "RWrist", "LShoulder", "LElbow", "LWrist", "MidHip", "RHip", "RKnee", "RAnkle"),
    *("LHip", "LKnee", "LAnkle", "REye", "LEye", "REar", "LEar", "LBigToe", "LSmallToe", "LHeel"),
    *("RBigToe", "RSmallToe", "RHeel"),
]
POINTS = walker("coco17")


def short(joint):
    """``LShoulder``."""
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
