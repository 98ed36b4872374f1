"""Test pickles of nested objects with NumPy arrays and numbers: they are read as JSON of the same values is."""

import json
import pickle

import numpy as np
import pytest

from posezoo.data import read_keypoints
from posezoo.errors import InputError
from posezoo.formats.keypoints.pickled import as_json
from tests.formats.keypoint_samples import openpose, poses

KEYPOINTS, CONFIDENCE = poses()
TRIPLETS = np.concatenate([KEYPOINTS, CONFIDENCE[..., None]], -1)
MARKS = np.concatenate([poses(6, 33, seed=2)[0], np.full((6, 33, 2), 0.5, np.float32)], -1)
ROWS = list(enumerate(TRIPLETS))
# What users pickle: JSON's objects with arrays in place of lists.
VALUES = {
    "COCO results": [{"image_id": np.int64(i), "keypoints": pose, "score": np.float32(0.9)} for i, pose in ROWS],
    "COCO results, flat": [{"image_id": i, "keypoints": pose.reshape(-1), "score": 0.9} for i, pose in ROWS],
    "COCO annotations": {
        "images": [{"id": np.int64(i), "width": 1000, "height": 900} for i, _ in ROWS],
        "annotations": [{"image_id": np.int64(i), "category_id": 1, "keypoints": pose.reshape(-1)} for i, pose in ROWS],
    },
    "AlphaPose": [
        {"image_id": f"{i}.jpg", "keypoints": pose.reshape(-1), "score": 0.9, "box": np.zeros(4), "idx": np.array(1)}
        for i, pose in ROWS
    ],
    "MMPose": [
        {"frame_id": i, "instances": [{"keypoints": pose[:, :2], "keypoint_scores": pose[:, 2]}]} for i, pose in ROWS
    ],
    "Ultralytics": [
        [{"name": "person", "class": 0, "box": {}, "keypoints": {"x": p[:, 0], "y": p[:, 1], "visible": p[:, 2]}}]
        for _, p in ROWS
    ],
    "OpenPifPaf": [
        [{"keypoints": pose.reshape(-1), "bbox": np.zeros(4), "score": 0.9, "category_id": 1}] for _, pose in ROWS
    ],
    "MediaPipe": [{"pose_landmarks": marks} for marks in MARKS],
    "tuples": tuple({"image_id": i, "keypoints": pose} for i, pose in ROWS),
    "array of objects": np.array([{"image_id": i, "keypoints": pose} for i, pose in ROWS], object),
}


def as_lists(value):
    """Return a value as json.dump takes it."""
    if isinstance(value, dict):
        return {str(key): as_lists(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [as_lists(entry) for entry in value]
    return as_lists(value.tolist()) if isinstance(value, np.ndarray | np.generic) else value


@pytest.mark.parametrize("name", VALUES)
def test_a_pickle_is_read_as_json_is(tmp_path, name):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(VALUES[name]))
    (tmp_path / "a.json").write_text(json.dumps(as_lists(VALUES[name])))
    found, expected = (read_keypoints(tmp_path / f"a.{ending}") for ending in ("pkl", "json"))
    np.testing.assert_allclose(found.keypoints_2d, MARKS[..., :2] if name == "MediaPipe" else KEYPOINTS, rtol=1e-6)
    np.testing.assert_array_equal(found.keypoints_2d, expected.keypoints_2d)
    np.testing.assert_array_equal(found.frame, expected.frame)
    assert (found.skeleton, found.sequences) == (expected.skeleton, expected.sequences)


def test_an_array_of_objects_as_numpy_saves_it(tmp_path):
    np.save(tmp_path / "a.npy", VALUES["array of objects"])
    np.testing.assert_allclose(read_keypoints(tmp_path / "a.npy").keypoints_2d, KEYPOINTS, rtol=1e-6)


def test_openpose_frames(tmp_path):
    keypoints, confidence = poses(joints=25)
    frame = openpose(keypoints[:1], confidence[:1])
    frame["people"][0]["pose_keypoints_2d"] = np.array(frame["people"][0]["pose_keypoints_2d"])
    for name, value in {"frame": frame, "frames": [frame["people"]] * 6}.items():
        (tmp_path / f"{name}.pkl").write_bytes(pickle.dumps(value))
        np.testing.assert_allclose(read_keypoints(tmp_path / f"{name}.pkl", "body25").keypoints_2d[0], keypoints[0])


def test_arrays_of_people_by_picture_are_refused_in_a_sentence(tmp_path):
    """Refuse the outputs of torchvision's models, whose keypoints are (people, joints, 3)."""
    value = [{"boxes": np.zeros((2, 4)), "keypoints": TRIPLETS[:2], "scores": np.ones(2)} for _ in range(6)]
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(value))
    with pytest.raises(InputError, match=r"keypoints of a person are \(2, 17, 3\) numbers"):
        read_keypoints(tmp_path / "a.pkl")


def test_values_that_hold_themselves():
    loop: list = [1]
    loop.extend([loop] * 50)
    assert isinstance(as_json([loop, {"a": loop}]), list)
