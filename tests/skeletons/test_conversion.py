"""Test conversion: exact copies, named approximations, and no invented joints."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from posezoo.errors import InputError
from posezoo.skeletons import SKELETONS, convert, get_skeleton

# From every layout to the usual ones, and from these to every layout.
USUAL = ("h36m17", "coco17", "body25", "mediapipe33")
PAIRS = sorted({*itertools.product(SKELETONS, USUAL), *itertools.product(USUAL, SKELETONS)})


def random_keypoints(name: str, dimensions: int = 2) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(4, len(get_skeleton(name)), dimensions)).astype(np.float32) * 100


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_shared_joints_are_copied_and_the_rest_is_accounted_for(source, target):
    keypoints = random_keypoints(source, 3)
    result = convert(keypoints, source, target)
    for index, joint in enumerate(get_skeleton(target).joints):
        if joint in get_skeleton(source).joints:
            np.testing.assert_array_equal(result.keypoints[:, index], keypoints[:, get_skeleton(source).index(joint)])
            assert joint not in result.approximated
        elif joint in result.missing:
            assert np.isnan(result.keypoints[:, index]).all()
        else:
            assert joint in result.approximated
            assert np.isfinite(result.keypoints[:, index]).all()


@pytest.mark.parametrize("source", list(SKELETONS))
def test_every_layout_gives_the_seventeen_of_human36m(source):
    assert convert(random_keypoints(source), source, "h36m17").missing == ()


def test_approximations_against_hand_computed_values():
    coco = get_skeleton("coco17")
    keypoints = np.zeros((17, 2))
    places = {
        "left_hip": (10, 100), "right_hip": (-10, 102), "left_shoulder": (20, 50), "right_shoulder": (-20, 50),
        "left_ear": (5, 20), "right_ear": (-5, 20), "nose": (0, 22),
    }  # fmt: skip
    for joint, place in places.items():
        keypoints[coco.index(joint)] = place
    result = convert(keypoints, "coco17", "h36m17")
    found = dict(zip(get_skeleton("h36m17").joints, result.keypoints.tolist(), strict=True))
    assert found["pelvis"] == [0, 101]
    assert found["thorax"] == [0, 50]
    assert found["spine"] == [0, 75.5]
    assert found["nose"] == [0, 22]
    # Crown: ears 0.936, shoulders 0.818 of stature, so (1 - 0.936) / (0.936 - 0.818) of their distance above the ears.
    assert found["head_top"][1] == pytest.approx(20 - 30 * 0.064 / 0.118, abs=0.1)
    assert set(result.approximated) == {"pelvis", "spine", "thorax", "head_top"}


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_translation_moves_the_result_by_as_much(source, target):
    keypoints = random_keypoints(source).astype(np.float64)
    moved = convert(keypoints + [3.0, -7.0], source, target).keypoints
    np.testing.assert_allclose(moved, convert(keypoints, source, target).keypoints + [3.0, -7.0], rtol=0, atol=1e-10)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_mirroring_commutes_with_conversion(source, target):
    keypoints = random_keypoints(source).astype(np.float64)
    flip = np.array([-1.0, 1.0])
    first = convert(keypoints[:, list(get_skeleton(source).mirror)] * flip, source, target).keypoints
    second = convert(keypoints, source, target).keypoints[:, list(get_skeleton(target).mirror)] * flip
    np.testing.assert_allclose(first, second, atol=1e-10)


def test_missing_joints_stay_missing_and_lose_their_confidence():
    keypoints = random_keypoints("coco17")
    confidence = np.full((4, 17), 0.9, dtype=np.float32)
    hip = get_skeleton("coco17").index("left_hip")
    keypoints[1, hip] = np.nan
    confidence[1, hip], confidence[2, hip] = 0.0, 0.3
    result = convert(keypoints, "coco17", "h36m17", confidence)
    pelvis = get_skeleton("h36m17").index("pelvis")
    assert np.isnan(result.keypoints[1, pelvis]).all()
    assert np.isfinite(np.delete(result.keypoints, 1, axis=0)).all()
    np.testing.assert_allclose(result.confidence[:, pelvis], [0.9, 0.0, 0.3, 0.9], rtol=1e-6)


def test_joints_that_cannot_be_had_are_reported_not_invented():
    result = convert(random_keypoints("coco17"), "coco17", "body25", np.ones((4, 17)))
    feet = {joint for joint in get_skeleton("body25").joints if "toe" in joint or "heel" in joint}
    assert set(result.missing) == feet
    assert (result.confidence[:, [get_skeleton("body25").index(joint) for joint in feet]] == 0).all()


@pytest.mark.parametrize(("source", "target"), [("coco17", "h36m17"), ("mpii16", "mediapipe33")])
def test_tensors_and_arrays_agree(source, target):
    keypoints, confidence = (
        random_keypoints(source),
        np.random.default_rng(1).random((4, len(get_skeleton(source))), dtype=np.float32),
    )
    array = convert(keypoints, source, target, confidence)
    tensor = convert(torch.from_numpy(keypoints), source, target, torch.from_numpy(confidence))
    assert isinstance(tensor.keypoints, torch.Tensor)
    np.testing.assert_allclose(tensor.keypoints.numpy(), array.keypoints, rtol=1e-6)
    np.testing.assert_allclose(tensor.confidence.numpy(), array.confidence, rtol=1e-6)


def test_wrong_shapes_are_refused():
    with pytest.raises(InputError, match=r"\(4, 16, 2\); coco17 needs \(..., 17"):
        convert(random_keypoints("mpii16"), "coco17", "h36m17")
    with pytest.raises(InputError, match="one value a joint"):
        convert(random_keypoints("coco17"), "coco17", "h36m17", np.ones((4, 16)))
    for keypoints, confidence in (("abc", None), ([[[1, 2]] * 17, [[1, 2]]], None), (np.ones((17, 2)), "high")):
        with pytest.raises(InputError, match="no array of numbers"):
            convert(keypoints, "coco17", "h36m17", confidence)
