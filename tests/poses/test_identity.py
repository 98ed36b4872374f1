"""Test identities of people in files: names, tracked people, recordings whose frame numbers begin again."""

import json
import time

import numpy as np
import pytest

from posezoo.data import load_dataset, read_keypoints
from posezoo.skeletons import convert
from tests.formats.keypoint_samples import openpose


@pytest.fixture(scope="module")
def walkers():
    """Return (2, 20, 17, 2) px of coco17: two people who walk beside each other."""
    data = load_dataset("procedural", split="test", actions=["walk"], frames_per_clip=20)
    clips = [clip for about, clip in data.by_sequence() if about.view == 0][:2]
    generator = np.random.default_rng(0)
    people = []
    for clip in clips:
        full = convert(clip.keypoints_2d, "h36m17", "coco17").keypoints
        full[:, 1:5] = full[:, :1] + generator.uniform(5, 15, (1, 4, 2))  # eyes and ears, which Human3.6M lacks
        people.append(full - full[0, 0] + [300, 200])
    people[1] += [400, 0]
    return np.stack(people).astype(np.float32)


def results(walkers, swapped, **names):
    """Write COCO results of both in every frame, in the other order where ``swapped`` says so."""
    entries = []
    for frame in range(walkers.shape[1]):
        for person in (1, 0) if swapped(frame) else (0, 1):
            flat = np.concatenate([walkers[person, frame], np.full((17, 1), 0.9)], 1).ravel().tolist()
            own = {key: value(person, frame) for key, value in names.items()}
            entries.append({"image_id": frame, "category_id": 1, "keypoints": flat, "score": 1.0, **own})
    return entries


def people_of(data):
    return {clip.subject: rows for clip, rows in data.by_sequence()}


def write(path, value):
    path.write_text(json.dumps(value))
    return path


@pytest.mark.parametrize("swapped", [lambda frame: frame >= 10, lambda frame: frame % 2 == 1, lambda frame: False])
@pytest.mark.parametrize("names", [{}, {"person_id": lambda person, frame: -1}, {"track_id": lambda person, frame: 3}])
def test_untracked_people_are_tracked(tmp_path, walkers, swapped, names):
    """Track people without ids, and also where all have the same id, or -1."""
    people = people_of(read_keypoints(write(tmp_path / "a.json", results(walkers, swapped, **names))))
    assert set(people) == {"1", "2"}
    for rows in people.values():
        person = int(rows.keypoints_2d[0, 0, 0] > 500)
        assert rows.frame.tolist() == list(range(20))
        np.testing.assert_allclose(rows.keypoints_2d, walkers[person], atol=1e-3)


@pytest.mark.parametrize("number", [int, float, str, lambda value: [value]])
def test_names_that_hold_are_kept(tmp_path, walkers, number):
    entries = results(walkers, lambda frame: frame % 3 == 0, track_id=lambda person, frame: number(person + 7))
    people = people_of(read_keypoints(write(tmp_path / "a.json", entries)))
    assert set(people) == {"7", "8"}
    np.testing.assert_allclose(people["8"].keypoints_2d, walkers[1], atol=1e-3)


def test_openpose_without_tracking(tmp_path, walkers):
    for frame in range(20):
        order = [1, 0] if frame >= 10 else [0, 1]
        pose = np.zeros((2, 25, 2))
        pose[:, :17] = walkers[order, frame]
        pose[:, 17:] = walkers[order, frame, :8] + 3.25
        write(tmp_path / f"walk_{frame:012}_keypoints.json", openpose(pose, np.full((2, 25), 0.9)))
    (tmp_path / f"walk_{5:012}_keypoints.json").write_text(json.dumps({"people": []}))
    people = people_of(read_keypoints(tmp_path, "body25"))
    assert {name: len(rows) for name, rows in people.items()} == {"1": 19, "2": 19}
    assert all(np.ptp(rows.keypoints_2d[:, 0, 0]) < 300 for rows in people.values())


@pytest.mark.parametrize("about", ["video_id", "folders"])
def test_two_videos_in_one_file(tmp_path, walkers, about):
    """Read a file in which the second video's track ids begin anew and its image ids run on."""
    images, annotations = [], []
    for video in (0, 1):
        for frame in range(10):
            image = {"id": 1 + len(images), "file_name": f"{frame:06}.jpg", "width": 1000, "height": 1002}
            if about == "folders":
                image["file_name"] = f"video{video}/{frame:06}.jpg"
            else:
                image |= {"video_id": video + 5, "frame_id": frame}
            images.append(image)
            flat = np.concatenate([walkers[video, frame], np.full((17, 1), 2.0)], 1).ravel().tolist()
            annotations.append({"id": image["id"], "image_id": image["id"], "track_id": 1, "keypoints": flat})
    data = read_keypoints(write(tmp_path / "a.json", {"images": images, "annotations": annotations}))
    (first, one), (second, other) = data.by_sequence()
    assert (first.trial, second.trial) == (("5", "6") if about == "video_id" else ("video0", "video1"))
    assert one.frame.tolist() == other.frame.tolist() == list(range(10))
    np.testing.assert_allclose(other.keypoints_2d, walkers[1, :10], atol=1e-3)


def test_frame_numbers_that_begin_anew(tmp_path, walkers):
    rows = np.concatenate([walkers[0, :10], walkers[1, :10]])
    np.savez(tmp_path / "walk.npz", keypoints=rows, frame=[*range(10), *range(10)], skeleton="coco17")
    (first, one), (second, other) = read_keypoints(tmp_path / "walk.npz").by_sequence()
    assert (first.trial, second.trial) == ("walk", "walk (2)")
    np.testing.assert_array_equal(one.keypoints_2d, walkers[0, :10])
    np.testing.assert_array_equal(other.keypoints_2d, walkers[1, :10])


def test_one_picture_with_several_people(tmp_path, walkers):
    entries = [
        {"keypoints": np.concatenate([walkers[person, 0], np.full((17, 1), 0.5)], 1).ravel().tolist(), "category_id": 1}
        for person in (0, 1)
    ]
    data = read_keypoints(write(tmp_path / "picture.json", entries))
    assert data.frame.tolist() == [0, 0]
    assert data.subject.tolist() == ["0", "1"]


def test_a_crowd_without_names_is_read_in_a_moment(walkers, tmp_path):
    """2,400 people of COCO's results; each against each of the file would take a minute."""
    places = np.stack(np.meshgrid(np.arange(10), np.arange(4)), -1).reshape(-1, 2) * [700, 900]
    order = np.random.default_rng(0).permuted(np.tile(np.arange(40), (60, 1)), axis=1)
    entries = [
        {
            "image_id": frame,
            "category_id": 1,
            "score": 0.1,
            "keypoints": _flat(walkers[0, frame % 20] * 0.2 + places[person]),
        }
        for frame in range(60)
        for person in order[frame]
    ]
    path = tmp_path / "crowd.json"
    path.write_text(json.dumps(entries))
    began = time.perf_counter()
    data = read_keypoints(path)
    assert time.perf_counter() - began < 10
    assert len(data.sequences) == 40
    for number in range(40):  # each stays in the one place
        assert np.ptp(np.median(data.keypoints_2d[data.sequence == number], axis=1), axis=0).max() < 350


def _flat(pose):
    return np.concatenate([pose, np.full((17, 1), 0.5)], 1).round(1).ravel().tolist()
