"""Test coordinates and colours: never tilted or mirrored, on the floor, and distinct for the colour-blind."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from posezoo.geometry import rotation_about
from posezoo.skeletons import SKELETONS, get_skeleton
from posezoo.viz.panels import orthographic
from posezoo.viz.scene import PALETTES, SIDES, TRUTH_PALETTE, chains, palette_of, scene, side_of, to_plot
from tests.viz.people import J, clip_of, facing_the_camera


def test_the_camera_frame_is_rotated_never_mirrored():
    matrix = to_plot(np.eye(3)).T
    assert np.linalg.det(matrix) == pytest.approx(1.0)
    assert to_plot(np.array([0.0, -1.0, 0.0])).tolist() == [0.0, 0.0, 1.0]  # up in the image is up on the page


@pytest.mark.parametrize("pitch", [0.3, -0.3, 1.2, np.pi])
def test_a_pitched_camera_is_levelled(pitch):
    upright = facing_the_camera()[0] - [100.0, 200.0, 4000.0]
    tilt = rotation_about("x", torch.tensor(pitch, dtype=torch.float64)).numpy()
    up = tilt @ [0.0, -1.0, 0.0]
    # Upside down the vertical alone cannot tell a rolled camera from a pitched one: heads are up, whatever they face.
    levelled, expected = to_plot(upright @ tilt.T, up), to_plot(upright)
    np.testing.assert_allclose(levelled[:, 2], expected[:, 2], atol=1e-6)
    if abs(pitch) < 3:
        np.testing.assert_allclose(levelled, expected, atol=1e-6)
    gram = to_plot(np.eye(3), up)
    assert np.linalg.det(gram) == pytest.approx(1.0)


def test_scenes_stand_on_the_floor_root_on_root():
    poses = facing_the_camera(5)
    clip = clip_of(poses, poses={"truth": poses, "model": (poses - poses[:, :1]) * 0.9})
    drawn, half, (low, high) = scene(clip)
    truth, model = drawn["truth"], drawn["model"]
    np.testing.assert_allclose(truth[..., 2].min(1), 0.0, atol=1e-9)
    np.testing.assert_allclose(truth[:, 0], model[:, 0], atol=1e-9)
    np.testing.assert_allclose(truth[:, 0, :2], 0.0, atol=1e-9)
    assert (truth[:, J["head_top"], 2] > truth[:, J["left_hip"], 2] + 500).all()
    for points in drawn.values():
        assert np.abs(points[..., :2]).max() <= half
        assert low <= points[..., 2].min()
        assert points[..., 2].max() <= high


def test_views_show_what_a_person_standing_there_would_see():
    points = scene(clip_of(facing_the_camera()))[0]["truth"][0]
    front, distance = orthographic(points, 0.0, 0.0)
    side, across = orthographic(points, 90.0, 0.0)
    assert front[J["right_wrist"], 0] < front[J["left_wrist"], 0]  # they face us: their right hand is on our left
    assert distance[J["right_wrist"]] < distance[J["pelvis"]]  # and held towards us
    assert side[J["right_wrist"], 0] < side[J["pelvis"], 0]  # from the camera's right, the camera is on the left
    assert across[J["left_shoulder"]] < across[J["right_shoulder"]]  # where their left is nearer
    for flat in (front, side):
        assert flat[J["head_top"], 1] > flat[J["pelvis"], 1] > flat[J["left_ankle"], 1]
    # Orthographic views keep lengths: what is lost on the paper is in the distance.
    for azimuth, elevation in ((30.0, 20.0), (200.0, -40.0)):
        flat, away = orthographic(points, azimuth, elevation)
        np.testing.assert_allclose((flat**2).sum(-1) + away**2, (points**2).sum(-1), rtol=1e-9)


@pytest.mark.parametrize("name", sorted(SKELETONS))
def test_every_bone_of_every_layout_is_drawn_once_in_its_colour(name):
    skeleton = get_skeleton(name)
    drawn = [(pair, side) for side, paths in chains(skeleton).items() for path in paths for pair in pairwise(path)]
    assert sorted(pair for pair, _ in drawn) == sorted(skeleton.bones)
    assert all(side == side_of(skeleton, child) for (_, child), side in drawn)
    for left, right in skeleton.pairs:
        assert (side_of(skeleton, left), side_of(skeleton, right)) == ("left", "right")


def luminance_and_blue_yellow(colour: str) -> np.ndarray:
    """Return what is left of a colour without telling red from green: lightness, and blue against yellow (both 0..1)."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return np.array([0.3 * red + 0.6 * green + 0.1 * blue, blue - (red + green) / 2])


@pytest.mark.parametrize("palette", [*PALETTES, TRUTH_PALETTE])
def test_sides_are_told_apart_without_red_and_green(palette):
    values = [luminance_and_blue_yellow(palette[side]) for side in SIDES]
    assert min(np.linalg.norm(values[i] - values[j]) for i in range(3) for j in range(i)) > 0.15


def test_ground_truth_is_grey_and_takes_no_models_colours():
    names = ["a", "ground truth", "b"]
    assert [palette_of(name, names) for name in names] == [PALETTES[0], TRUTH_PALETTE, PALETTES[1]]


def test_in_the_world_people_go_where_they_went():
    poses = np.repeat(facing_the_camera()[:, :, [0, 2, 1]] * [1, 1, -1], 3, axis=0)  # z up
    poses[:, :, 1] += np.array([0.0, 1000.0, 3000.0])[:, None]
    poses[1, :, 2] += 500.0  # a jump
    clip = clip_of(poses, frame="world", keypoints_2d=None)
    drawn = scene(clip)[0]["truth"]
    np.testing.assert_allclose(drawn - drawn[:1, :1], poses - poses[:1, :1], atol=1e-9)
    assert drawn[..., 2].min() == 0.0
    assert drawn[1, :, 2].min() == 500.0
    # Another vertical is a rotation of the same.
    lying = poses[..., [0, 2, 1]] * [1, -1, 1]
    np.testing.assert_allclose(scene(clip_of(lying, frame="world", up=[0, -1, 0]))[0]["truth"], drawn, atol=1e-9)


def test_a_clip_is_cut_with_all_it_holds():
    poses = facing_the_camera(9)
    pictures = np.arange(9, dtype=np.uint8)[:, None, None, None].repeat(3, axis=3)
    cut = clip_of(poses, pictures=pictures, first=100)[2:5]
    np.testing.assert_array_equal(cut.poses["truth"], poses[2:5])
    assert (len(cut), len(cut.keypoints_2d), cut.first, cut.pictures[:, 0, 0, 0].tolist()) == (3, 3, 102, [2, 3, 4])
