"""Test the functions on bodies (one body, upright, on a floor): what each keeps, and what each corrects."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from posezoo.data import load_dataset
from posezoo.errors import InputError
from posezoo.geometry import bone_lengths
from posezoo.poses.body import level, on_the_floor, one_body
from posezoo.skeletons import Skeleton, get_skeleton

H36M = get_skeleton("h36m17")


@pytest.fixture(scope="module")
def walk():
    """Return a walk of 40 frames, mm, camera frame, whose true body is symmetric and the same in every frame."""
    people = load_dataset("procedural", split="test", actions=["walk"], frames_per_clip=40)
    return people.pose_3d[people.sequence == 0].astype(np.float64)


def lengths(pose):
    return bone_lengths(torch.from_numpy(pose), H36M).numpy()


def directions(pose):
    parents, children = zip(*H36M.bones, strict=True)
    bones = pose[:, children] - pose[:, parents]
    return bones / np.linalg.norm(bones, axis=-1, keepdims=True)


def test_one_body_has_equal_halves_constant_bones_and_the_same_directions(walk):
    stretched = walk + np.random.default_rng(0).normal(0, 30, walk.shape)
    body = one_body(stretched, H36M)
    found = lengths(body)
    np.testing.assert_allclose(found, np.broadcast_to(found[0], found.shape), rtol=1e-9)
    for left, right in H36M.bone_pairs:
        assert found[0, H36M.bones.index(left)] == pytest.approx(found[0, H36M.bones.index(right)], rel=1e-9)
    np.testing.assert_allclose(directions(body), directions(stretched), atol=1e-9)
    np.testing.assert_array_equal(body[:, H36M.root], stretched[:, H36M.root])


def test_a_body_that_is_one_already_is_kept(walk):
    np.testing.assert_allclose(one_body(walk, H36M), walk, atol=0.05)


def test_frames_of_unknown_scale_are_brought_to_one(walk):
    scaled = walk * np.random.default_rng(0).uniform(0.5, 2, (len(walk), 1, 1))
    body = one_body(scaled, H36M, same_scale=False)
    ratio = lengths(body) / lengths(walk)
    np.testing.assert_allclose(ratio, np.full_like(ratio, ratio[0, 0]), rtol=1e-4)


def test_unknown_joints_stay_unknown_and_spare_their_neighbours(walk):
    gappy = walk.copy()
    elbow, wrist = H36M.index("left_elbow"), H36M.index("left_wrist")
    gappy[3, elbow], gappy[7] = np.nan, np.nan
    body = one_body(gappy, H36M)
    np.testing.assert_array_equal(np.isnan(body), np.isnan(gappy))
    np.testing.assert_array_equal(body[3, wrist], gappy[3, wrist])
    np.testing.assert_allclose(body[0], walk[0], atol=0.05)
    gappy[:, wrist] = np.nan
    with pytest.raises(InputError, match="left_wrist"):
        one_body(gappy, H36M)


@pytest.mark.parametrize("pitch", [-0.3, 0.0, 0.4])
def test_a_known_pitch_is_taken_out_exactly(walk, pitch):
    # A camera that looks down by `pitch` sees an upright world turned about its x axis.
    seen = walk @ Rotation.from_euler("x", pitch).as_matrix().T
    np.testing.assert_allclose(level(seen, H36M, pitch), walk, atol=1e-9)


def test_gravity_is_estimated_of_people_who_walk(walk):
    seen = walk @ Rotation.from_euler("zx", [0.15, 0.45]).as_matrix().T

    def lean(pose):
        spine = pose[:, H36M.index("thorax")] - pose[:, [H36M.index("left_ankle"), H36M.index("right_ankle")]].mean(1)
        mean = np.median(spine / np.linalg.norm(spine, axis=-1, keepdims=True), axis=0)
        return np.degrees(np.arccos(-mean[1] / np.linalg.norm(mean)))

    assert lean(seen) > 15
    assert lean(level(seen, H36M)) < 1


def test_the_lowest_foot_is_on_the_floor(walk):
    world = walk * [1, -1, -1] + [0, 3000, 0]  # y up, in the air
    feet = [H36M.index("left_ankle"), H36M.index("right_ankle")]
    whole = on_the_floor(world, H36M)
    assert whole[:, feet, 1].min() == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(np.diff(whole, axis=0), np.diff(world, axis=0), atol=1e-9)
    each = on_the_floor(world, H36M, per_frame=True)
    np.testing.assert_allclose(each[:, feet, 1].min(1), 0, atol=1e-9)
    np.testing.assert_allclose(each[..., [0, 2]], world[..., [0, 2]])


def test_what_cannot_be_mended():
    arm = Skeleton("arm", ("shoulder", "elbow"), (-1, 0))
    with pytest.raises(InputError, match="no ankles or feet"):
        on_the_floor(np.zeros((2, 2, 3)), arm)
    with pytest.raises(InputError, match="lacks left_ankle"):
        level(np.zeros((2, 2, 3)), arm)
    with pytest.raises(InputError, match="positive where the camera looks down"):
        level(np.zeros((2, 17, 3)), H36M, pitch=20)
    with pytest.raises(InputError, match="known in no frame"):
        on_the_floor(np.full((2, 17, 3), np.nan), H36M)
    with pytest.raises(InputError, match="no frame shows"):
        level(np.full((2, 17, 3), np.nan), H36M)
