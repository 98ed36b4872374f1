"""Files that are wrapped, named or put together otherwise are read; those without keypoints are called what they are."""

import json
import pickle
import zipfile

import numpy as np
import pytest

from posezoo.data import read_keypoints
from posezoo.errors import InputError, PoseZooError
from posezoo.skeletons import get_skeleton
from tests.formats.walkers import SIZE, confidences, walker

FRAMES = 6
WALKERS = [walker("coco17", FRAMES, person) for person in (0, 1)]
CONFIDENCE = confidences(FRAMES, 17)
COCO = get_skeleton("coco17").joints


def save(path, value):
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def detection(frame, person=0):
    """Ultralytics' ``to_json()`` of one person."""
    (x, y), seen = WALKERS[person][frame].T.tolist(), CONFIDENCE[frame].tolist()
    box = {"x1": 1.0, "y1": 2.0, "x2": 3.0, "y2": 4.0}
    return {"name": "person", "class": 0, "confidence": 0.9, "box": box, "keypoints": {"x": x, "y": y, "visible": seen}}


def both(frame):
    """Return both people of a frame, listed in turns."""
    return [detection(frame, person) for person in ((0, 1) if frame % 2 else (1, 0))]


def results(frame):
    """COCO's results of one frame."""
    points = np.c_[WALKERS[0][frame], CONFIDENCE[frame]].ravel().tolist()
    return {"image_id": frame, "category_id": 1, "keypoints": points, "score": 1.0}


WRAPPED = {
    "frames by name": ({f"frame_{i}": both(i) for i in range(FRAMES)}, 2),
    "frames by number": ({str(i): both(i) for i in range(FRAMES)}, 2),
    "frames by picture": ({f"clip/walk_{i:04d}.jpg": both(i) for i in range(FRAMES)}, 2),
    "texts of JSON in a list": ([json.dumps(both(i)) for i in range(FRAMES)], 2),
    "a text of JSON": (json.dumps([both(i) for i in range(FRAMES)]), 2),
    "lines of texts": ("\n".join(json.dumps(json.dumps(both(i))) for i in range(FRAMES)), 2),
    "COCO's results under a name": ({"model": "a", "results": [results(i) for i in range(FRAMES)]}, 1),
    "poses by frame": ({str(i): WALKERS[0][i].tolist() for i in range(FRAMES)}, 1),
    "poses under another name": ({"poses_2d": WALKERS[0].tolist(), "fps": 25}, 1),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_people_inside_other_objects_are_found(tmp_path, name):
    value, people = WRAPPED[name]
    text = value if name == "lines of texts" else json.dumps(value)
    data = read_keypoints(save(tmp_path / "a.json", text), "coco17")
    assert len(data) == people * FRAMES
    found = [data.sequence == clip for clip in range(len(data.sequences))]
    assert len(found) == people
    assert all((data.frame[rows] == np.arange(FRAMES)).all() for rows in found)
    by_place = sorted((data.keypoints_2d[rows] for rows in found), key=lambda poses: poses[0, 0, 0])
    for poses, expected in zip(by_place, WALKERS, strict=False):
        np.testing.assert_allclose(poses, expected, atol=1e-3)


def test_frames_that_lack_are_gaps_and_mere_numbers_may_be_people(tmp_path):
    data = read_keypoints(save(tmp_path / "a.json", {f"frame_{i}": both(i) for i in (1, 2, 5)}))
    assert sorted(set(data.frame.tolist())) == [1, 2, 5]
    data = read_keypoints(save(tmp_path / "a.json", {str(i): WALKERS[0][i].tolist() for i in (1, 2, 5)}), "coco17")
    assert data.frame.tolist() == [1, 2, 5]
    by_person = {"1": [detection(i) for i in range(FRAMES)], "2": [detection(i, 1) for i in range(FRAMES)]}
    with pytest.raises(InputError, match="holds 1, 2; expected `keypoints`"):
        read_keypoints(save(tmp_path / "a.json", by_person))
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({1: WALKERS[0], 2: WALKERS[1]}))
    with pytest.raises(InputError, match=r"expected `keypoints`"):
        read_keypoints(tmp_path / "a.pkl", "coco17")


def test_frames_are_told_by_numbers_before_a_word_that_all_share(tmp_path):
    for frame in range(FRAMES):
        people = [{"pose_keypoints_2d": np.c_[WALKERS[0][frame], CONFIDENCE[frame]].ravel().tolist()}]
        save(tmp_path / f"walk-{frame}_pose.json", {"people": people})
    data = read_keypoints(tmp_path)
    assert [clip.trial for clip in data.sequences] == ["walk"]
    np.testing.assert_array_equal(data.frame, np.arange(FRAMES))
    save(tmp_path / "metadata.json", {"fps": 25})
    with pytest.raises(InputError, match=r"metadata.json is not a frame of OpenPose; .* move it out of the folder"):
        read_keypoints(tmp_path)


def test_the_only_file_of_a_folder_is_read(tmp_path):
    save(tmp_path / "keypoints_results.json", [results(i) for i in range(FRAMES)])
    data = read_keypoints(tmp_path)
    np.testing.assert_allclose(data.keypoints_2d, WALKERS[0], atol=1e-3)


@pytest.mark.parametrize("name", ["conf", "scores", "keypoint_scores"])
def test_confidences_of_other_names_beside_an_array(tmp_path, name):
    seen = CONFIDENCE.copy()
    seen[2, 9] = 0
    np.savez(tmp_path / "a.npz", **{"xy" if name == "conf" else "keypoints": WALKERS[0], name: seen})
    data = read_keypoints(tmp_path / "a.npz", "coco17")
    np.testing.assert_allclose(data.confidence, seen, atol=1e-6)
    assert np.isnan(data.keypoints_2d).any(-1).sum() == 1


def holistic(order):
    """Return (FRAMES + 2, 543, 3) fractions of a picture: body, face and hands in an order."""
    body = np.tile(walker("mediapipe33", 4), (2, 1, 1)) / SIZE
    dice = np.random.default_rng(0)
    parts = {
        "body": np.dstack([body, dice.normal(0, 0.1, body.shape[:2])]),
        "face": body[:, :1].mean(1, keepdims=True).repeat(468, 1) + dice.normal(0, 0.01, (len(body), 468, 2)),
        "hands": body[:, 15:16].repeat(21, 1) + dice.normal(0, 0.01, (len(body), 21, 2)),
    }
    return body, np.concatenate([np.pad(parts[p], ((0, 0), (0, 0), (0, 3 - parts[p].shape[2]))) for p in order], 1)


@pytest.mark.parametrize("order", [("body", "hands", "hands", "face"), ("face", "hands", "body", "hands")])
def test_the_body_among_hands_and_a_face_is_found(tmp_path, order):
    body, points = holistic(order)
    np.save(tmp_path / "a.npy", points[..., :2])
    data = read_keypoints(tmp_path / "a.npy", image_size=SIZE)
    np.testing.assert_allclose(data.keypoints_2d, body * SIZE, atol=0.01)


def test_flat_bodies_with_hands_and_a_face_after_them(tmp_path):
    """``extract_keypoints`` of a well-known tutorial has 1,662 numbers a frame; its tables have x1, y1, z1, v1 to v501."""
    body, points = holistic(("body", "face", "hands", "hands"))
    flat = np.concatenate([np.dstack([points[:, :33], np.ones((8, 33))]).reshape(8, -1), points[:, 33:].reshape(8, -1)], 1)
    assert flat.shape[1] == 1662
    np.save(tmp_path / "a.npy", flat)
    np.testing.assert_allclose(read_keypoints(tmp_path / "a.npy", image_size=SIZE).keypoints_2d, body * SIZE, atol=0.01)
    header = ["class", *(f"{axis}{number}" for number in range(1, 502) for axis in "xyzv")]
    rows = np.dstack([points[:, :501], np.ones((8, 501))]).reshape(8, -1)
    save(tmp_path / "a.csv", "\n".join([",".join(header), *(",".join(["walk", *map(str, row)]) for row in rows.tolist())]))
    np.testing.assert_allclose(read_keypoints(tmp_path / "a.csv", image_size=SIZE).keypoints_2d, body * SIZE, atol=0.01)


def test_frames_of_movenets_multipose_without_the_batch(tmp_path):
    found = np.zeros((FRAMES, 6, 56))
    for person, poses in enumerate(WALKERS):
        points = np.dstack([poses[..., ::-1] / SIZE[::-1], CONFIDENCE])
        found[:, person, :51], found[:, person, 55] = points.reshape(FRAMES, -1), 0.9
    np.save(tmp_path / "a.npy", found)
    data = read_keypoints(tmp_path / "a.npy", image_size=SIZE)
    assert len(data) == 2 * FRAMES
    np.testing.assert_allclose(data.keypoints_2d[data.sequence == 0], WALKERS[0], atol=0.01)


def test_tracks_that_pandas_wrote_as_floats(tmp_path):
    header = ["frame", "track_id", *(f"{joint}_{axis}" for joint in COCO for axis in "xy")]
    rows = [[i, f"{person + 3}.0", *WALKERS[person][i].ravel()] for i in range(FRAMES) for person in (0, 1)]
    save(tmp_path / "a.csv", "\n".join(",".join(map(str, row)) for row in [header, *rows]))
    assert [clip.subject for clip in read_keypoints(tmp_path / "a.csv").sequences] == ["3", "4"]


# --- what holds no keypoints -----------------------------------------------------------------------------------------

ARRAYS = {
    "SMPL's": ({"poses": np.zeros((5, 72)), "betas": np.zeros(10), "trans": np.zeros((5, 3))}, r"are parameters of a body"),
    "3D by its name": ({"keypoints_3d": np.ones((5, 17, 3))}, "'keypoints_3d' are 3D poses"),
    "two": (
        {"left": WALKERS[0], "right": WALKERS[1]},
        r"holds left \(6, 17, 2\), right .* left, right may each be keypoints",
    ),
}
VALUES = {
    "settings": ({"model": "svma", "width": 512}, "holds model, width; expected `keypoints` .* give it as the model"),
    "boxes": ([{"image_id": 1, "bbox": [1, 2, 3, 4]}], "a list of 1 objects with bbox, image_id; .* boxes of a detector"),
    "a log": ('{"lr": 0.1, "loss": 2}\n{"lr": 0.1, "loss": 1}\n', "list of 2 objects with loss, lr; .* a log of a training"),
    "a name that is near": ({"keypoint": [1, 2, 3]}, "'keypoint' is near; rename it"),
    "one point": ("frame,id,x,y,w,h\n1,1,10,20,30,40\n2,1,11,21,30,40\n", "holds 1 joint a pose.* 14 or more"),
    "points of a mesh": (
        {"keypoints": [[[1.0, 2.0]] * 40]},
        "40 joints a pose, as no named skeleton .* mediapipe33 with 33",
    ),
}
FILES = {
    "a.html": (b"<html></html>", "is a web page"),
    "a.json": (b"<!DOCTYPE html><html>", "is a web page"),
    "a.toml": (b"[camera]\n", "is a text of settings"),
    "a.glb": (b"glTF", "is a 3D scene"),
    "a.rar": (b"Rar!", "is an archive; unpack it"),
    "a.mot": (b"name x\n", "is OpenSim's"),
}


@pytest.mark.parametrize("name", [*ARRAYS, *VALUES, *FILES])
def test_what_holds_no_keypoints_is_called_what_it_is(tmp_path, name):
    if name in ARRAYS:
        arrays, words = ARRAYS[name]
        np.savez(tmp_path / "a.npz", **arrays)
        path = tmp_path / "a.npz"
    elif name in VALUES:
        value, words = VALUES[name]
        path = save(tmp_path / ("a.csv" if str(value).startswith("frame,") else "a.json"), value)
    else:
        content, words = FILES[name]
        path = tmp_path / name
        path.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        read_keypoints(path)
    assert "\n" not in str(caught.value)
    assert "AlphaPose" not in str(caught.value)


def test_archives_and_folders_of_other_things(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("frames/0.json", "{}")
    folders = {
        "model": (
            ("config.json", "pytorch_model.bin"),
            "is the folder of a model .pytorch_model.bin., and holds no keypoints",
        ),
        "run": (("svma.safetensors", "config.yaml"), r"posezoo predict .*run/svma.safetensors KEYPOINTS -o OUT"),
        "settings": (
            ("config.json", "README.md"),
            "is the folder of a model .README.md., .* posezoo predict svma KEYPOINTS",
        ),
        "pictures": (("a.jpg", "b.jpg"), "is a folder of pictures .a.jpg., not of frames; .*posezoo detect"),
        "videos": (("a.mp4",), "is a folder of videos"),
        "tables": (("a.csv", "b.csv"), "is a folder of files .a.csv., not of frames; give one of them"),
    }
    for name, (files, _) in folders.items():
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).write_text("{}")
    for name, words in {
        "a.zip": r"archive of other files \(frames/0.json",
        **{n: w for n, (_, w) in folders.items()},
    }.items():
        with pytest.raises(PoseZooError, match=words):
            read_keypoints(tmp_path / name)


def test_weights_beside_frames_hide_none(tmp_path):
    points = np.concatenate([walker("body25", 2, 0), np.full((2, 25, 1), 0.9)], -1)
    for number, pose in enumerate(points):
        people = [{"pose_keypoints_2d": pose.reshape(-1).tolist()}]
        save(tmp_path / f"walk_{number:012d}_keypoints.json", {"people": people})
    (tmp_path / "best.pt").write_bytes(b"PK")
    np.testing.assert_allclose(read_keypoints(tmp_path).keypoints_2d, points[..., :2], rtol=1e-6)
