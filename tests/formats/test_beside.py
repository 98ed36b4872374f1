"""Test names of joints beside keypoints: the joints come out as they are named, whatever their order in the file."""

import json
import pickle

import h5py
import numpy as np
import pytest
import scipy.io

from posezoo.data import read_keypoints
from posezoo.errors import InputError
from posezoo.skeletons import SKELETONS
from tests.formats.keypoint_samples import COCO, poses

KEYPOINTS, _ = poses()
MIRROR = list(SKELETONS["coco17"].mirror)
# Right before left, and named so.
SWAPPED, NAMES = KEYPOINTS[:, MIRROR], [COCO[joint] for joint in MIRROR]
# Human3.6M's own names, in its order.
H36M = "Hip RHip RKnee RAnkle LHip LKnee LAnkle Spine Thorax Neck/Nose Head LShoulder LElbow LWrist RShoulder RElbow RWrist"


def _json(path, value):
    path.write_text(json.dumps(value))
    return path


def _npz(path, **arrays):
    np.savez(path, **arrays)
    return path


FRAMES = [{"frame": frame, "keypoints": pose.tolist()} for frame, pose in enumerate(SWAPPED)]
FILES = {
    **{
        key: lambda folder, key=key: _npz(folder / "a.npz", **{"keypoints": SWAPPED, key: NAMES})
        for key in (
            "joints", "joint_names", "keypoint_names", "names", "labels", "node_names", "bodyparts", "landmark_names",
            "joints_name", "kpt_names", "order",
        )
    },
    "skeleton": lambda folder: _npz(folder / "a.npz", keypoints=SWAPPED, skeleton=NAMES),
    "one text": lambda folder: _npz(folder / "a.npz", keypoints=SWAPPED, joint_names=", ".join(NAMES)),
    "objects": lambda folder: _json(
        folder / "a.json", {"joints": [{"name": n} for n in NAMES], "skeleton": [[0, 1]], "keypoints": SWAPPED.tolist()}
    ),
    "numbered objects": lambda folder: _json(
        folder / "a.json",
        {
            "dataset_info": {"joint_info": {i: {"name": n, "id": i} for i, n in enumerate(NAMES)}},
            "keypoints": SWAPPED.tolist(),
        },
    ),
    "another array": lambda folder: _npz(folder / "a.npz", poses_2d=SWAPPED, names=NAMES),
    "numbers of names": lambda folder: _json(
        folder / "a.json", {"name2id": {n: i for i, n in enumerate(NAMES)}, "keypoints": SWAPPED.tolist()}
    ),
    "names of numbers": lambda folder: _json(
        folder / "a.json", {"id2name": dict(enumerate(NAMES)), "keypoints": SWAPPED.tolist()}
    ),
    "meta": lambda folder: _json(folder / "a.json", {"meta": {"keypoint_names": NAMES}, "keypoints": SWAPPED.tolist()}),
    "frames": lambda folder: _json(folder / "a.json", {"keypoint_names": NAMES, "frames": FRAMES}),
    "pickle": lambda folder: (folder / "a.pkl", (folder / "a.pkl").write_bytes(
        pickle.dumps({"kpts": SWAPPED, "info": {"labels": NAMES}})))[0],
    "mat": lambda folder: (folder / "a.mat", scipy.io.savemat(
        folder / "a.mat", {"keypoints": SWAPPED, "names": np.array(NAMES, object)}))[0],
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("skeleton", [None, "coco17"])
def test_names_tell_which_joint_is_which(tmp_path, name, skeleton):
    data = read_keypoints(FILES[name](tmp_path), skeleton)
    assert data.skeleton.name == "coco17"
    np.testing.assert_allclose(data.keypoints_2d, KEYPOINTS)


def test_names_in_hdf5(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["keypoints"] = SWAPPED
        file["joint_names"] = NAMES
    np.testing.assert_allclose(read_keypoints(tmp_path / "a.h5").keypoints_2d, KEYPOINTS)


def test_confidences_follow_the_names(tmp_path):
    confidence = poses()[1]
    path = _npz(tmp_path / "a.npz", keypoints=SWAPPED, confidence=confidence[:, MIRROR], joint_names=NAMES)
    np.testing.assert_allclose(read_keypoints(path).confidence, confidence)


def test_names_against_the_layout_that_the_file_states(tmp_path):
    with pytest.raises(InputError, match=r"another order than that of coco17.*drop one of the two"):
        read_keypoints(_npz(tmp_path / "a.npz", keypoints=SWAPPED, joint_names=NAMES, skeleton="coco17"))
    # Names of the labels beside, whose layout is another.
    path = _npz(tmp_path / "b.npz", keypoints=KEYPOINTS, label_names=H36M.split(), skeleton="coco17")
    np.testing.assert_allclose(read_keypoints(path).keypoints_2d, KEYPOINTS)
    path = _npz(tmp_path / "c.npz", keypoints=KEYPOINTS, joint_names=list(COCO), names=H36M.split(), skeleton="coco17")
    np.testing.assert_allclose(read_keypoints(path).keypoints_2d, KEYPOINTS)


def test_names_against_the_layout_that_the_caller_states(tmp_path):
    with pytest.raises(InputError, match=r"not those of coco17: missing left_eye"):
        read_keypoints(_npz(tmp_path / "a.npz", keypoints=KEYPOINTS, joint_names=H36M.split()), "coco17")
    with pytest.raises(InputError, match=r"names its 17 joints 2 times.*one begins nose, .*, one Hip, "):
        read_keypoints(_npz(tmp_path / "a.npz", keypoints=KEYPOINTS, joint_names=list(COCO), names=H36M.split()))


@pytest.mark.parametrize(("names", "layout"), [
    (H36M.split(), "h36m17"),
    (["Nose", *(f"teil {joint}" for joint in range(6)), *COCO[7:]], "coco17"),  # words that no joint has
    ([f"point {joint}" for joint in range(17)], "coco17"),
    (["walk", "run"] * 8 + ["walk"], "coco17"),
])  # fmt: skip
def test_names_in_the_order_of_the_layout(tmp_path, names, layout):
    path = _npz(tmp_path / "a.npz", keypoints=KEYPOINTS, names=names)
    np.testing.assert_allclose(read_keypoints(path, layout).keypoints_2d, KEYPOINTS)


def test_landmarks_of_mediapipe_by_their_numbers_and_names(tmp_path):
    points, order = poses(1, 33, seed=2)[0][0], np.random.default_rng(1).permutation(33)
    joints = SKELETONS["mediapipe33"].joints
    for start in (0, 1):
        landmarks = [{"id": int(i) + start, "x": float(points[i][0]), "y": float(points[i][1])} for i in order]
        data = read_keypoints(_json(tmp_path / "a.json", [{"landmarks": landmarks}]))
        np.testing.assert_allclose(data.keypoints_2d[0], points)
    landmarks = [{"name": joints[i].upper(), "x": float(points[i][0]), "y": float(points[i][1])} for i in order]
    data = read_keypoints(_json(tmp_path / "a.json", [{"landmarks": landmarks}]))
    np.testing.assert_allclose(data.keypoints_2d[0], points)
