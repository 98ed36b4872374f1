"""Test joints that were not found, as detectors and people write them."""

import numpy as np
import pytest

from posezoo.errors import InputError
from posezoo.poses.missing import is_complete, missing_joints, nose_between_ears
from posezoo.skeletons import get_skeleton

COCO, H36M, H36M32 = get_skeleton("coco17"), get_skeleton("h36m17"), get_skeleton("h36m32")


@pytest.fixture
def poses():
    return np.random.default_rng(0).uniform(20, 900, (8, 17, 2)).astype(np.float32)


@pytest.mark.parametrize("place", [(0, 0), (-1, -1), (-100, -100), (0, -3), (np.nan, 5), (5, np.nan), (np.nan, np.nan)])
def test_placeholders(poses, place):
    poses[2:5, 9] = place
    assert np.argwhere(missing_joints(poses, COCO)).tolist() == [[2, 9], [3, 9], [4, 9]]


def test_one_placeholder_is_enough(poses):
    poses[3, 7] = 0
    assert np.argwhere(missing_joints(poses[3:4], COCO)).tolist() == [[0, 7]]


def test_a_point_that_joints_share(poses):
    poses[1, [9, 14]] = 123.25, 456.5
    poses[4, [3, 9, 15]] = 700.5, 501.5  # an ear, too
    assert np.argwhere(missing_joints(poses, COCO)).tolist() == [[1, 9], [1, 14], [4, 3], [4, 9], [4, 15]]


def test_whole_pixels_coincide_by_chance_unless_they_do_so_again_and_again(poses):
    whole = poses.round()
    whole[1, 9] = whole[1, 14]
    assert not missing_joints(whole, COCO).any()
    whole[2:6, 9:11] = 500, 400
    assert np.argwhere(missing_joints(whole, COCO)).tolist() == [[row, joint] for row in range(2, 6) for joint in (9, 10)]


def test_points_beside_the_picture(poses):
    poses[3:6, 9] = -10.5, 20.25  # the same in poses that differ
    poses[7, 10] = -4.5, 30  # a wrist that left the picture
    assert np.argwhere(missing_joints(poses, COCO)).tolist() == [[3, 9], [4, 9], [5, 9]]
    poses[3:6, 9] = 1500, 1500
    assert not missing_joints(poses, COCO).any()  # may be a wide picture
    sizes = np.array([[1000, 1000]])
    assert np.argwhere(missing_joints(poses, COCO, image_sizes=sizes)).tolist() == [[3, 9], [4, 9], [5, 9]]


@pytest.mark.parametrize("far", [9999, 65535])
def test_points_far_from_the_person_that_come_again(poses, far):
    poses[3:6, 9] = far
    assert np.argwhere(missing_joints(poses, COCO)).tolist() == [[3, 9], [4, 9], [5, 9]]


def test_confidence(poses):
    confidence = np.full((8, 17), 0.3)
    confidence[2, 4], confidence[5, 6] = 0, np.nan
    assert np.argwhere(missing_joints(poses, COCO, confidence)).tolist() == [[2, 4], [5, 6]]
    assert not missing_joints(poses, COCO, confidence * 0).any()


def test_the_middle_of_centred_poses_is_there(poses):
    centred = poses - poses.mean(1, keepdims=True)
    centred[:, 0] = 0
    assert not missing_joints(centred, H36M).any()


def test_layouts_that_repeat_joints(poses):
    """Read Human3.6M's 32 joints, which have the pelvis and the thorax more than once."""
    pose = np.random.default_rng(1).uniform(20, 900, (4, 32, 2))
    index = H36M32.index
    for copy, joint in (
        ("spine_base", "pelvis"), ("left_collar", "thorax"), ("right_collar", "thorax"), ("left_thumb", "left_wrist")
    ):  # fmt: skip
        pose[:, index(copy)] = pose[:, index(joint)]
    assert not missing_joints(pose, H36M32).any()


def test_a_model_says_how_many_and_what_can_be_done(poses):
    import posezoo

    model = posezoo.load("svma")
    whole = model.predict(poses, "coco17").pose_3d
    poses[2:5, 9], poses[3, 3] = 0, 0
    with pytest.raises(InputError, match=r"3 of 8 poses lack joints \(first: pose 2; 4 joints: left_wrist 3, head_top 1\)"):
        model.predict(poses, "coco17")
    out = model.predict(poses, "coco17", incomplete="nan")
    assert np.isnan(out.pose_3d[2:5]).all()
    rest = [0, 1, 5, 6, 7]
    np.testing.assert_allclose(out.pose_3d[rest], whole[rest], atol=1e-5)
    assert np.isnan(model.predict(poses[2], "coco17", incomplete="nan").pose_3d).all()
    with pytest.raises(InputError, match="expected 'raise' or 'nan'"):
        model.predict(poses, "coco17", incomplete="drop")


def test_a_model_that_fills_in(poses):
    import posezoo

    model = posezoo.load("geoselfsup")
    poses[2:5, 9] = 0
    marked = np.where((poses == 0).all(-1, keepdims=True), np.nan, poses)
    out = model.predict(poses, "coco17")
    assert int(out.filled.sum()) == 3
    np.testing.assert_array_equal(out.pose_3d, model.predict(marked, "coco17").pose_3d)
    poses[6, 5:] = 0
    out = model.predict(poses, "coco17", incomplete="nan")
    assert np.flatnonzero(np.isnan(out.pose_3d).any((1, 2))).tolist() == [6]
    assert int(out.filled.sum()) == 3


def test_the_nose_of_people_seen_from_behind_is_between_their_ears(poses):
    coco = get_skeleton("coco17")
    lost = poses.copy()
    lost[:2, coco.index("nose")] = np.nan
    lost[1, coco.index("left_ear")] = np.nan
    found = nose_between_ears(lost, coco)
    ears = poses[0, [coco.index("left_ear"), coco.index("right_ear")]].mean(0)
    np.testing.assert_allclose(found[0, coco.index("nose")], ears)
    assert np.isnan(found[1, coco.index("nose")]).all()
    np.testing.assert_array_equal(found[2:], poses[2:])
    assert np.isnan(lost[0, coco.index("nose")]).all()
    import posezoo

    model = posezoo.load("martinez")
    lifted = model.predict(lost[:1], "coco17").pose_3d
    given = lost[:1].copy()
    given[0, coco.index("nose")] = ears
    np.testing.assert_array_equal(lifted, model.predict(given, "coco17").pose_3d)


@pytest.mark.parametrize("kind", ["int16", "uint16", "int32", "uint8", "float16"])
@pytest.mark.filterwarnings("error")
def test_small_types_are_as_large_ones(kind):
    """Sums of 3,000 poses leave the range of a small type."""
    low, high = (20, 250) if kind == "uint8" else (20, 900)
    poses = np.random.default_rng(1).integers(low, high, (3000, 17, 2)).astype(kind)
    poses[7, 9] = 0
    missing = missing_joints(poses, COCO)
    assert np.argwhere(missing).tolist() == [[7, 9]]
    apart = (np.arange(17)[:, None] * [13, 11] + [20, 30]).astype(kind)
    assert is_complete(np.repeat(apart[None], 3000, axis=0))
