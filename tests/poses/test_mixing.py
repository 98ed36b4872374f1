"""Test clips that hold the poses of more than one person: people in turn, and stretches of another."""

from dataclasses import replace

import numpy as np
import pytest

from posezoo.cli import main
from posezoo.data import load_dataset
from posezoo.errors import InputError
from posezoo.formats.keypoints import inspect_keypoints, read_keypoints
from posezoo.poses.mixing import alternating, strangers
from posezoo.video.tracking import tracks_of


@pytest.fixture(scope="module")
def people():
    return load_dataset("procedural", split="test", frames_per_clip=48)


@pytest.fixture(scope="module")
def walks(people):
    """Return (6, 48, 17, 2) px of six walks, 250 px from one to the next."""
    clips = [clip.keypoints_2d for about, clip in people.by_sequence() if about.action == "walk"][:6]
    return np.stack([clip + [250.0 * number, 0.0] for number, clip in enumerate(clips)]).astype(np.float32)


def found_in(keypoints, path, **fields):
    np.savez(path, keypoints=keypoints, skeleton="h36m17", **fields)
    return {finding.name: finding.text for finding in inspect_keypoints(read_keypoints(path)).findings}


@pytest.mark.parametrize("step", [1, 4, 12])
def test_people_who_move_are_one_each_at_any_rate(people, step):
    for _, clip in people.by_sequence():
        assert alternating(clip.keypoints_2d[::step]) == 1
        assert strangers(clip.keypoints_2d[::step]) == []


@pytest.mark.parametrize("count", [2, 3, 6])
def test_people_in_turn_are_counted_and_no_clip(walks, tmp_path, count, capsys):
    turns = walks[:count].swapaxes(0, 1).reshape(-1, 17, 2)
    found = found_in(turns, tmp_path / "a.npz")
    assert f"poses of {count} people, or cameras, take turns" in found["people in turn"]
    assert "jitter" not in found
    with pytest.raises(InputError, match=f"is {count} people, or cameras, who take turns"):
        tracks_of(read_keypoints(tmp_path / "a.npz"))
    out = tmp_path / "out.bvh"
    assert main(["predict", "svma", str(tmp_path / "a.npz"), "-o", str(out), "--smooth", "--fps", "30"]) == 2
    assert "who take turns" in capsys.readouterr().err
    assert not out.exists()


def test_the_same_with_names_is_no_fault(walks, tmp_path):
    turns = walks[:2].swapaxes(0, 1).reshape(-1, 17, 2)
    assert found_in(turns, tmp_path / "a.npz", person=["a", "b"] * 48, frame=np.repeat(np.arange(48), 2)) == {}
    assert len(tracks_of(read_keypoints(tmp_path / "a.npz"))) == 2


def test_pictures_of_different_people_take_no_turns(people):
    chance = np.random.default_rng(0)
    some = people.keypoints_2d[chance.permutation(len(people))[:200]] + chance.uniform(0, 400, (200, 1, 2))
    assert alternating(some) == 1
    assert strangers(some) == []


@pytest.mark.parametrize(("first", "last"), [(10, 19), (7, 7), (1, 5)])
def test_stretches_of_another_person_are_named_by_their_frames(walks, tmp_path, first, last):
    mixed = walks[0].copy()
    mixed[first : last + 1] = walks[3, first : last + 1]
    found = found_in(mixed, tmp_path / "a.npz", frame=np.arange(100, 148))
    assert list(found) == ["another person"]
    assert f"(frames {100 + first} to {100 + last})" in found["another person"]


def test_joints_that_are_unknown_hide_nothing(people, walks):
    turns = walks[:2].swapaxes(0, 1).reshape(-1, 17, 2).copy()
    turns[np.random.default_rng(0).random(turns.shape[:2]) < 0.3] = np.nan
    turns[5] = np.nan
    assert alternating(turns) == 2
    data = next(clip for _, clip in people.by_sequence())
    assert alternating(replace(data, keypoints_2d=np.full_like(data.keypoints_2d, np.nan)).keypoints_2d) == 1
