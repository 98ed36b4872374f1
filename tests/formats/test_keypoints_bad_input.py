"""Test keypoint files that cannot be used: one sentence each, nothing executed, no hang, no partial result."""

import json
import pickle
import random
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from posezoo.errors import CorruptFileError, InputError, MissingFileError, PoseZooError, UnknownNameError
from posezoo.formats.keypoints import read_keypoints
from posezoo.poses.posedata import PoseData
from tests.files import pandas_files
from tests.formats.keypoint_samples import COCO, SIZE, WRITERS, openpose, poses, triplets


def refused(path, error, words, skeleton=None):
    with pytest.raises(error, match=words) as caught:
        read_keypoints(path, skeleton)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message.replace(str(path), Path(path).name)) < 500
    assert str(path) in message or isinstance(caught.value, UnknownNameError)


def save(folder, **arrays):
    np.savez(folder / "a.npz", **arrays)
    return folder / "a.npz"


def save_json(folder, value):
    (folder / "a.json").write_text(value if isinstance(value, str) else json.dumps(value))
    return folder / "a.json"


def changed(value, index, number):
    value = value.astype(float)
    value[index] = number
    return value


def test_missing_and_unknown(tmp_path):
    refused(tmp_path / "a.npz", MissingFileError, "not there")
    refused(tmp_path, MissingFileError, "is a folder without files; expected a file, or a folder of frames")
    (tmp_path / "a.xyz").write_text("hello")
    refused(tmp_path / "a.xyz", InputError, "of no known kind .it begins with 'hello'.; expected keypoints")
    np.save(tmp_path / "a.npy", poses()[0])
    refused(tmp_path / "a.npy", UnknownNameError, "did you mean coco17", "coco71")
    refused(save(tmp_path, keypoints=poses()[0], skeleton="coco71"), UnknownNameError, "a.npz.*did you mean coco17")


@pytest.mark.parametrize("extension", ["npz", "npy", "json", "h5", "pkl", "csv", "mat"])
def test_empty_files_and_other_content(tmp_path, extension):
    path = tmp_path / f"a.{extension}"
    path.write_bytes(b"")
    refused(path, CorruptFileError, "empty")
    path.write_bytes(b"not this at all\n")
    refused(path, PoseZooError, "a\\.")


KEYPOINTS, CONFIDENCE = poses()
ARRAYS = {
    "one coordinate infinite": (changed(KEYPOINTS, (2, 5, 1), np.inf), "the left_shoulder of pose 2 has y = inf"),
    "beyond any picture": (changed(KEYPOINTS, (0, 0, 0), -1e30), "the nose of pose 0 has x = -1e"),
    "too large for float32": (changed(KEYPOINTS, (0, 0, 0), 1e300), "the nose of pose 0 has x = inf"),
    "NaN everywhere": (np.full((3, 17, 2), np.nan), "no joint of any pose is known"),
    "no poses": (np.zeros((0, 17, 2)), "holds no poses"),
    "no joints": (np.zeros((3, 0, 2)), "holds no poses"),
    "3D": (np.random.default_rng(0).normal(0, 300, (4, 17, 3)), r"expected 0 to 1 beside 2D pixels"),
    "percentages": (np.concatenate([KEYPOINTS, 100 * CONFIDENCE[..., None]], -1), "runs from .* to 9"),
    "four columns": (np.zeros((4, 17, 4)), r"shape \(4, 17, 4\)"),
    "flat": (np.zeros((4, 34)), r"shape \(4, 34\)"),
    "one number": (np.array(3.0), r"shape \(\)"),
    "five axes": (np.zeros((2, 2, 2, 17, 2)), "expected"),
    "text": (KEYPOINTS.astype(str), "type <U.*; expected numbers"),
    "complex": (KEYPOINTS.astype(complex), "type complex"),
    "truth values": (KEYPOINTS > 0, "type bool"),
    "ragged": (np.array([[[1.0, 2.0]] * 17, [[1.0, 2.0]] * 16], dtype=object), "unequal lengths"),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_bad_arrays(tmp_path, name):
    values, words = ARRAYS[name]
    refused(save(tmp_path, keypoints=values, skeleton="coco17"), InputError, words)


FIELDS = {
    "confidence of another shape": ({"confidence": CONFIDENCE[:, :5]}, r"shape \(6, 5\); expected \(6, 17\)"),
    "negative confidence": ({"confidence": -CONFIDENCE}, "runs from -"),
    "depths as confidence": ({"confidence": CONFIDENCE - 0.5}, "runs from -0.39.* to .* depths, leave them out"),
    "infinite confidence": ({"confidence": changed(CONFIDENCE, (0, 0), np.inf)}, "to inf"),
    "confidence twice": ({"keypoints": np.ones((6, 17, 3)), "confidence": CONFIDENCE}, "give them once"),
    "too few frame numbers": ({"frame": [1, 2]}, "2 frame numbers for 6 poses"),
    "broken frame numbers": ({"frame": [1, 2, 3, 4, 5, 5.5]}, "whole numbers"),
    "huge frame numbers": ({"frame": [1, 2, 3, 4, 5, 2**40]}, "whole numbers"),
    "too few persons": ({"person": ["a", "b"]}, "person has 2 values for 6 poses"),
    "too few videos": ({"video": ["a", "b"]}, "video has 2 values for 6 poses"),
    "a picture without extent": ({"image_size": [0, 480]}, "expected .width, height. in pixels"),
    "three sizes": ({"image_size": [1, 2, 3]}, r"image_size has shape \(3,\)"),
    "text as size": ({"image_size": ["a", "b"]}, "expected numbers"),
    "no frames a second": ({"fps": 0.0}, "fps"),
    "joints without parents": ({"skeleton": "mine", "joints": list(COCO)}, "no parents"),
    "other joints than the layout named": ({"joints": [*COCO[1:], COCO[0]]}, "not those of coco17"),
    "parents that are no tree": ({"skeleton": "mine", "joints": list(COCO), "parents": [-1] + [5] * 16}, "does not reach"),
    "a newer schema": ({"format": "posezoo-keypoints/2"}, "this PoseZoo reads 'posezoo-keypoints/1'"),
}


@pytest.mark.parametrize("name", FIELDS)
def test_bad_fields(tmp_path, name):
    fields, words = FIELDS[name]
    path = save(tmp_path, **{"keypoints": KEYPOINTS, "skeleton": "coco17", **fields})
    with pytest.raises(InputError, match=words) as caught:
        read_keypoints(path)
    assert "\n" not in str(caught.value)


MARKS = [{"x": 0.5 + place / 100, "y": 0.5, "z": 0, "visibility": 1} for place in range(33)]
FLAT = triplets(KEYPOINTS, CONFIDENCE)
JSON = {
    "truncated": (json.dumps({"keypoints": FLAT})[:-20], CorruptFileError, "get it again"),
    "a number": (3, InputError, "holds 3; expected `keypoints`"),
    "null": (None, InputError, "is empty"),
    "empty object": ({}, InputError, "is empty; expected `keypoints`"),
    "another object": ({"predictions": []}, InputError, "holds predictions; expected `keypoints`"),
    "empty list": ([], InputError, "is empty"),
    "text in a list": (["a"], InputError, "holds a list"),
    "text for numbers": ({"keypoints": [[["1", "2"]] * 17], "skeleton": "coco17"}, InputError, "expected numbers"),
    "text among nulls": ({"keypoints": [[["1", None]] * 17], "skeleton": "coco17"}, InputError, "expected numbers"),
    "objects for numbers": ({"keypoints": {"nose": [1, 2]}}, InputError, "not one array of numbers"),
    "ragged": ({"keypoints": [[[1, 2]] * 17, [[1, 2]] * 16]}, InputError, "unequal lengths"),
    "integers without end": ({"keypoints": [[[10**400, 1]] * 17], "skeleton": "coco17"}, InputError, "expected"),
    "infinity": ('{"skeleton": "coco17", "keypoints": [' + "[[Infinity, 1]]" * 1 + "]}", InputError, "holds 1 joints"),
    "COCO without people": ({"images": [], "annotations": []}, InputError, "without any keypoints"),
    "COCO boxes": ({"annotations": [{"id": 1, "bbox": [1, 2, 3, 4]}]}, InputError, "without any keypoints"),
    "COCO crowds only": ({"annotations": [{"image_id": 1, "keypoints": [0] * 51}]}, InputError, "holds no poses"),
    "COCO ragged": ({"annotations": [{"keypoints": FLAT[0]}, {"keypoints": FLAT[0][:-3]}]}, InputError, "unequal lengths"),
    "COCO cut": ({"annotations": [{"keypoints": FLAT[0][:-1]}]}, InputError, "x, y, v of every joint"),
    "COCO with 20 joints": ([{"image_id": 1, "keypoints": [1.0] * 60}], InputError, "as no named skeleton does"),
    "COCO categories without names": (
        {"annotations": [{"keypoints": [1.0] * 60}], "categories": [{"id": [], "keypoints": ["nose"]}]},
        InputError,
        "as no named skeleton does",
    ),
    "COCO text": ([{"image_id": 1, "keypoints": "none"}], InputError, "expected numbers"),
    "OpenPose without people": ({"version": 1.3, "people": []}, InputError, "holds no people"),
    "OpenPose ragged": (
        {"people": [{"pose_keypoints_2d": [1.0] * 75}, {"pose_keypoints_2d": [1.0] * 54}]},
        InputError,
        "people have 75 and 54 numbers",
    ),
    "OpenPose cut": ({"people": [{"pose_keypoints_2d": [1.0] * 74}]}, InputError, "people have 74"),
    "OpenPose text": ({"people": [{"pose_keypoints_2d": "abc"}]}, InputError, "expected a list"),
    "OpenPose person that is none": ({"people": [3]}, InputError, "expected an object"),
    "OpenPose seen nobody": ({"people": [{"pose_keypoints_2d": [0] * 75}]}, InputError, "holds no people"),
    "MediaPipe hands": ([[{"x": 0.1, "y": 0.2}] * 21], InputError, "has 21 landmarks; expected MediaPipe's 33"),
    "MediaPipe ragged": ([MARKS, MARKS[:-1]], InputError, "frame 1 has 32 landmarks"),
    "MediaPipe without y": ([[*MARKS[:-1], {"x": 1}]], InputError, "frame 0 is .*expected an object with x and y"),
    "MediaPipe text": ([[*MARKS[:-1], {"x": "a", "y": 1}]], InputError, "expected numbers"),
    "MediaPipe landmarks that nest": ([[*MARKS[:-1], {"x": [1], "y": {}}]], InputError, "not one array of numbers"),
    "MediaPipe without a size": ([MARKS], InputError, "not the picture's size; give it in pixels"),
    "MediaPipe with a broken size": ({"image_size": "big", "frames": [MARKS]}, InputError, "image size"),
    "MediaPipe world landmarks": (
        [[{"x": (-1) ** i * 0.3, "y": -0.2} for i in range(33)]],
        InputError,
        "world landmarks are .metres from the hips",
    ),
    "MediaPipe frames of nobody": ({"frames": [None, None]}, InputError, "holds frames; expected `keypoints`"),
    "MediaPipe frame numbers": ([{"frame": 2**40, "landmarks": MARKS}], InputError, "whole numbers"),
    "AlphaPose of nobody": ({"0.jpg": {"version": "AlphaPose v0.3", "bodies": []}}, InputError, "holds no people"),
    "AlphaPose frame that is none": (
        {"0.jpg": {"bodies": [{"joints": [1.0] * 54}]}, "1.jpg": 3},
        InputError,
        "1.jpg is not a",
    ),
    "AlphaPose cut": ([{"image_id": "0.jpg", "keypoints": [1.0] * 50}], InputError, "x, y, v of every joint"),
    "AlphaPose text": ([{"image_id": "0.jpg", "keypoints": "none", "idx": [[]]}], InputError, "expected numbers"),
    "AlphaPose of 20 joints": ([{"image_id": "0.jpg", "keypoints": [0.5] * 60}], InputError, "as no named skeleton does"),
    "Kinetics of nobody": ({"data": [{"frame_index": 1, "skeleton": []}], "label": "a"}, InputError, "holds no people"),
    "Kinetics without poses": ({"data": [{"frame_index": 1, "skeleton": [{"score": []}]}]}, InputError, "lacks `pose`"),
    "Kinetics frame that is none": ({"data": [{"skeleton": []}, 3]}, InputError, "frame 1 is no frame of Kinetics"),
    "Kinetics ragged": (
        {"data": [{"skeleton": [{"pose": [0.5] * 36}, {"pose": [0.5] * 34}]}]},
        InputError,
        "unequal lengths",
    ),
    "Kinetics scores of another length": (
        {"data": [{"skeleton": [{"pose": [100.5] * 36, "score": [0.5] * 17}]}]},
        InputError,
        "one value a joint",
    ),
    "Kinetics odd": ({"data": [{"skeleton": [{"pose": [0.5] * 35}]}]}, InputError, "expected x, y of every joint"),
    "Kinetics that saw nothing": ({"data": [{"skeleton": [{"pose": [0] * 36}]}]}, InputError, "no joint of any pose|size"),
    "OpenPose MPI model": ({"people": [{"pose_keypoints_2d": [0.5] * 63}]}, InputError, "as no named skeleton"),
}


@pytest.mark.parametrize("name", JSON)
def test_bad_json(tmp_path, name):
    value, error, words = JSON[name]
    refused(save_json(tmp_path, value), error, words)


def test_bad_folder_of_frames(tmp_path):
    (tmp_path / "f_000_keypoints.json").write_text(json.dumps(openpose(*poses(1, 25))))
    (tmp_path / "f_001_keypoints.json").write_text(json.dumps(openpose(*poses(1, 25)))[:50])
    with pytest.raises(CorruptFileError, match=r"f_001_keypoints\.json cannot be read"):
        read_keypoints(tmp_path)
    (tmp_path / "f_001_keypoints.json").write_text("[1]")
    with pytest.raises(InputError, match=r"f_001_keypoints.json is not a frame of OpenPose"):
        read_keypoints(tmp_path)


HEADER = ",".join(f"{joint}_{axis}" for joint in COCO for axis in "xy")
ROW = ",".join(["1.5"] * 34)
TABLES = {
    "no header": (f"{ROW}\n{ROW}\n", InputError, "its first row is 34 numbers, perhaps 17 joints of x, y; put the names"),
    "no rows": (f"{HEADER}\n", InputError, "only a header"),
    "blank": ("\n \n\n", CorruptFileError, "blank"),
    "cut": (f"{HEADER}\n{ROW}\n{ROW[:50]}", CorruptFileError, "row 3 has 13 cells, the header 34"),
    "text": (f"{HEADER}\n{ROW[:-3]}abc\n", InputError, "'abc' in column 'right_ankle_y', row 2, is no number"),
    "a joint without y": (f"{HEADER[:-14]}\n{ROW[:-4]}\n", InputError, "right_ankle lacks its x or y"),
    "a column twice": (f"{HEADER},nose_x\n{ROW},3\n", InputError, "'nose_x' stands there twice"),
    "a joint missing": (
        ",".join(HEADER.split(",")[:-2]) + "\n" + ",".join(ROW.split(",")[:-2]),
        InputError,
        "nearest being coco17: missing right_ankle; rename or add",
    ),
    "a joint too many": (
        f"{HEADER},tail_x,tail_y\n{ROW},1,2\n",
        InputError,
        "has besides tail, which is no layout's joint; rename",
    ),
    "frames that are none": (f"frame,{HEADER}\nx,{ROW}\n", InputError, "'x' in column 'frame', row 2"),
    "frames left out": (f"frame,{HEADER}\n,{ROW}\n", InputError, "whole numbers"),
    "infinite": (f"{HEADER}\n{ROW[:-3]}inf\n", InputError, "right_ankle of pose 0 has y = inf"),
    "DeepLabCut without coords": ("scorer,me\nbodyparts,nose\n", InputError, "no header row is `coords`"),
    "DeepLabCut without rows": ("scorer,me,me\nbodyparts,nose,nose\ncoords,x,y\n", InputError, "only a header"),
    "DeepLabCut cut": ("scorer,me,me\nbodyparts,nose,nose\ncoords,x,y\n0,1.5,2\n1,2", CorruptFileError, "row 5 has 2 cells"),
    "DeepLabCut text": (
        "scorer,me,me\nbodyparts,nose,nose\ncoords,x,y\n0,a,2\n",
        InputError,
        "column 'me/nose/x', row 4",
    ),
    "DeepLabCut 3D": ("scorer,me,me\nbodyparts,nose,nose\ncoords,x,z\n0,1,2\n", InputError, "coords are z; expected x, y"),
    "DeepLabCut of a mouse": (
        "scorer,me,me\nbodyparts,Snout,Snout\ncoords,x,y\n0,1,2\n",
        InputError,
        "its 1 body parts .Snout. are not those of a named skeleton.* missing",
    ),
    "DeepLabCut columns twice": (
        "scorer,me,me\nbodyparts,nose,nose\ncoords,x,x\n0,1,2\n",
        InputError,
        "some columns twice",
    ),
    "DeepLabCut no columns": ("scorer\nbodyparts\ncoords\n0\n", InputError, "its columns are not those of DeepLabCut"),
    "a newer schema": (
        f"format,{HEADER}\nposezoo-keypoints/2,{ROW}\n",
        InputError,
        "this PoseZoo reads .posezoo-keypoints/1",
    ),
    "all empty cells": (f"frame,{HEADER}\n1{',' * 34}\n", InputError, "no joint of any pose"),
}


@pytest.mark.parametrize("name", TABLES)
def test_bad_tables(tmp_path, name):
    value, error, words = TABLES[name]
    (tmp_path / "a.csv").write_text(value)
    refused(tmp_path / "a.csv", error, words)


VIDEOPOSE = {
    "no subjects": ({}, "positions_2d is empty"),
    "no dictionary": ([1, 2], "positions_2d is"),
    "no actions": ({"S1": [1]}, "subject S1 is list"),
    "no cameras": ({"S1": {"Walking": 3}}, "S1, Walking is int"),
    "text": ({"S1": {"Walking": ["abc"]}}, "S1, Walking, camera 0 of type"),
    "two axes": ({"S1": {"Walking": [np.zeros((17, 2))]}}, r"S1, Walking, camera 0 has shape \(17, 2\)"),
    "other joints": ({"S1": {"A": [np.ones((3, 17, 2))], "B": [np.ones((3, 16, 2))]}}, "S1, B, camera 0 has shape"),
}


@pytest.mark.parametrize("name", VIDEOPOSE)
def test_bad_videopose3d_archives(tmp_path, name):
    value, words = VIDEOPOSE[name]
    refused(
        save(tmp_path, positions_2d=np.array(value, dtype=object) if isinstance(value, list) else value), InputError, words
    )


def test_bad_hdf5(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("keypoints", (10**9, 17, 2), "f4", chunks=(100, 17, 2))
    refused(tmp_path / "a.h5", CorruptFileError, "declares shape")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["keypoints"] = [[b"a", b"b"]] * 17
    refused(tmp_path / "b.h5", InputError, "expected numbers")
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["keypoints/inside"] = np.ones((3, 17, 2))
    refused(tmp_path / "c.h5", InputError, "is empty at its top; expected `keypoints`")


def test_mat_files_of_other_datasets_say_what_is_read(tmp_path):
    scipy_io = pytest.importorskip("scipy.io")
    scipy_io.savemat(tmp_path / "mpii.mat", {"RELEASE": {"annolist": [1, 2, 3]}})
    refused(tmp_path / "mpii.mat", InputError, "holds RELEASE; expected an array `keypoints`")
    for name, joints in {"other": np.ones((3, 15, 4)), "text": "abc", "empty": np.zeros((3, 14, 0))}.items():
        scipy_io.savemat(tmp_path / f"{name}.mat", {"joints": joints})
        refused(tmp_path / f"{name}.mat", InputError, "expected an array `keypoints`|holds no poses")


class Attack:
    def __reduce__(self):
        return eval, ("open('executed', 'w')",)


def test_pickles_that_would_run_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"keypoints": Attack()}))
    refused(tmp_path / "a.pkl", CorruptFileError, "eval, which unpickling would run; refused")
    np.savez(tmp_path / "a.npz", positions_2d={"S1": Attack()})
    refused(tmp_path / "a.npz", CorruptFileError, "refused")
    assert not (tmp_path / "executed").exists()


FRAME = (pandas_files.columns(COCO), np.ones((4, 51)), [0, 1, 2, 3])


def test_pickled_column_names_that_would_run_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = pandas_files.write_table(tmp_path / "a.h5", *FRAME, kind=pickle.dumps([Attack()], 0))
    refused(path, CorruptFileError, "eval, which unpickling would run; refused")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (pickle.dumps({"a": 1}, 0), "no list of tuples"),
        (pickle.dumps([1, 2], 0), "no list of tuples"),
        (pickle.dumps(FRAME[0][:-1], 0), "4 rows and 50 columns are named"),
        (pickle.dumps(FRAME[0], 0)[:100], "cannot be read|pickle"),
        (b"no pickle", "cannot be read|pickle"),
    ],
)
def test_column_names_that_are_none(tmp_path, kind, words):
    refused(pandas_files.write_table(tmp_path / "a.h5", *FRAME, kind=kind), CorruptFileError, words)


def damage(file, name):
    """Return one thing that is wrong with a data frame, and what is said."""
    group = file["df_with_missing"]
    if name == "labels beyond the names":
        group["block0_items_label1"][0] = 100
    elif name == "no values":
        del group["block0_values"]
    elif name == "no index":
        del group["axis1"]
    elif name == "values elsewhere":
        del group["block0_values"]
        group["block0_values"] = h5py.ExternalLink("other.h5", "a")
    elif name == "too few rows":
        del group["axis1"]
        group["axis1"] = [0, 1]
    elif name == "blocks without end":
        group.attrs["nblocks"] = 2**60
    elif name == "no number of blocks":
        del group.attrs["nblocks"]
    elif name == "levels without end":
        group.attrs["block0_items_nlevels"] = 2**40
    elif name == "text for values":
        del group["block0_values"]
        group["block0_values"] = np.full((4, 51), b"a")
    elif name == "two frames":
        file.copy("df_with_missing", "again")
    elif name == "a link out of the file":
        del file["df_with_missing"]
        file["df_with_missing"] = h5py.ExternalLink("other.h5", "a")


FRAMES = {
    "labels beyond the names": "do not point into its 17 names",
    "no values": "has no dataset 'block0_values'",
    "no index": "has no dataset 'axis1'",
    "values elsewhere": "has no dataset 'block0_values'",
    "too few rows": "2 rows and 51 columns are named",
    "blocks without end": "blocks of values; expected 1 to",
    "no number of blocks": "cannot be read as HDF5",
    "levels without end": "levels; expected",
    "text for values": "expected numbers",
    "two frames": "holds 2 data frames",
    "a link out of the file": "expected `keypoints`",
}


@pytest.mark.parametrize("name", FRAMES)
def test_bad_data_frames(tmp_path, name):
    path = pandas_files.write_fixed(tmp_path / "a.h5", *FRAME)
    with h5py.File(path, "r+") as file:
        damage(file, name)
    refused(path, PoseZooError, FRAMES[name])


def test_a_compression_that_is_not_there_is_said(tmp_path):
    """Refuse filter 32001, Blosc, which PyTables brings and h5py does not."""
    path = pandas_files.write_fixed(tmp_path / "a.h5", *FRAME)
    with h5py.File(path, "r+") as file:
        group = file["df_with_missing"]
        del group["block0_values"]
        layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        layout.set_chunk((4, 51))
        layout.set_filter(32001, h5py.h5z.FLAG_OPTIONAL)
        space = h5py.h5s.create_simple((4, 51))
        h5py.h5d.create(group.id, b"block0_values", h5py.h5t.IEEE_F64LE, space, layout)
    refused(path, CorruptFileError, "is compressed by .*which h5py lacks; write it with gzip")


# --- fuzzing ---------------------------------------------------------------------------------------------------------


def damaged(data, dice, most):
    """Return the bytes cut short, a piece removed, or up to ``most`` of them changed (mostly in the header)."""
    data, kind = bytearray(data), dice.random()
    if kind < 0.25:
        return data[: dice.randrange(len(data))]
    if kind < 0.35:
        start = dice.randrange(len(data))
        del data[start : start + dice.randrange(1, 60)]
        return data
    reach = len(data) if dice.random() < 0.5 else min(len(data), 600)
    for _ in range(min(most, dice.choice((1, 1, 2, 6, 20)))):
        place = dice.randrange(reach)
        data[place] = dice.choice((data[place] ^ (1 << dice.randrange(8)), dice.randrange(256), 0, 255))
    return data


SLOW = {"deeplabcut_fixed", "deeplabcut_table", "mat_73", "plain_hdf5", "hourglass", "martinez"}
"""Kinds in HDF5: two hundred damaged files of one take ten seconds."""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in WRITERS if name != "openpose_folder"],
)
def test_damaged_files_are_read_or_refused(tmp_path, name):
    path, skeleton, *_ = WRITERS[name](tmp_path)
    whole, dice = path.read_bytes(), random.Random(name)
    refusals = 0
    # The HDF5 library runs in this process, and some versions crash on heavy damage.
    most = 2 if whole.find(b"\x89HDF") in (0, 512) else 20
    for _ in range(200):
        path.write_bytes(damaged(whole, dice, most))
        start = time.process_time()
        try:
            data = read_keypoints(path, skeleton, SIZE)
        except PoseZooError as error:
            refusals += 1
            if "\n" in str(error):
                pytest.fail(f"more than one line: {error}")
        else:
            assert isinstance(data, PoseData)
            assert data.skeleton.name == skeleton
            assert not np.isinf(data.keypoints_2d).any()
        assert time.process_time() - start < 5
    assert refusals > 50
    if path.suffix == ".npz":  # its checksums notice nearly everything
        assert refusals > 180
