"""Test coordinates that were normalised to boxes, or each axis by its own side."""

import numpy as np
import pytest

from posezoo.data import load_dataset, read_keypoints
from posezoo.errors import InputError

WIDTH, HEIGHT = 1920, 1080


@pytest.fixture(scope="module")
def people():
    """Return the people of each action in a picture of 1920 x 1080."""
    found = load_dataset("procedural", split="test", frames_per_clip=30)
    return {action: found.keypoints_2d[found.action == action] + [400.0, 40.0] for action in sorted(set(found.action))}


def read(path, keypoints, size=None):
    np.savez(path, keypoints=keypoints, skeleton="h36m17", **({} if size is None else {"image_size": size}))
    return read_keypoints(path)


@pytest.mark.parametrize("action", ["walk", "run", "talk", "bow"])
def test_each_axis_by_its_own_side_is_asked_for_where_the_size_is_known(people, tmp_path, action):
    keypoints = people[action] / [WIDTH, HEIGHT] * 2 - 1
    with pytest.raises(InputError, match=r"each axis ran from -1 to 1.*x = \(x \+ 1\) \* 960.*y = \(y \+ 1\) \* 540"):
        read(tmp_path / "a.npz", keypoints, (WIDTH, HEIGHT))
    assert len(read(tmp_path / "a.npz", keypoints)) == len(keypoints)  # nothing says the picture's shape


def test_people_who_would_stand_outside_of_the_picture_are_enough(people, tmp_path):
    keypoints = (people["dance"] - [0, 540]) * [1, 1.6] + [0, 400]
    with pytest.raises(InputError, match="each axis ran from -1 to 1"):
        read(tmp_path / "a.npz", keypoints / [WIDTH, HEIGHT] * 2 - 1, (WIDTH, HEIGHT))


@pytest.mark.parametrize("size", [(1920, 1080), (1280, 960), (1080, 1920), (1000, 1002), None])
def test_one_scale_for_both_axes_is_read_as_it_is(people, tmp_path, size):
    width, height = size or (WIDTH, HEIGHT)
    for pixels in people.values():
        screen = (pixels / WIDTH * 2 - [1, HEIGHT / WIDTH]) * min(1, height / width * WIDTH / HEIGHT)
        np.testing.assert_allclose(read(tmp_path / "a.npz", screen, size).keypoints_2d, screen, atol=1e-6)


@pytest.mark.parametrize("start", [0, -1])
@pytest.mark.parametrize("size", [(WIDTH, HEIGHT), None])
def test_keypoints_normalised_to_boxes_are_refused(people, tmp_path, start, size):
    pixels = people["walk"]
    low, high = pixels.min(1, keepdims=True), pixels.max(1, keepdims=True)
    boxes = (pixels - low) / (high - low) * (1 - start) + start
    boxes[3, 4] = np.nan
    with pytest.raises(InputError, match=f"each pose spans {start} to 1 in both axes"):
        read(tmp_path / "a.npz", boxes, size)


def test_fractions_of_the_picture_are_no_boxes(people, tmp_path):
    found = read(tmp_path / "a.npz", people["walk"] / [WIDTH, HEIGHT], (WIDTH, HEIGHT))
    np.testing.assert_allclose(found.keypoints_2d, people["walk"], atol=0.01)
