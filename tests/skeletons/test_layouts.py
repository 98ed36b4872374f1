"""Test layouts against published counts, orders and index tables."""

from __future__ import annotations

import numpy as np
import pytest

from posezoo.errors import InputError, UnknownNameError
from posezoo.skeletons import SKELETONS, Skeleton, get_skeleton

COUNTS = {
    "h36m17": 17, "h36m32": 32, "coco17": 17, "mpii16": 16, "lsp14": 14, "openpose18": 18, "body25": 25,
    "halpe26": 26, "mediapipe33": 33, "mpi3dhp17": 17, "mpi3dhp28": 28, "humaneva15": 15, "common14": 14,
    "body25b": 25, "body135": 135, "mpi15": 15, "coco23": 23, "wholebody133": 133, "halpe136": 136, "trtpose18": 18,
    "aic14": 14, "crowdpose14": 14, "posetrack18": 17, "ntu25": 25, "azurekinect32": 32, "canonpose16": 16,
}  # fmt: skip
# The published index tables that take one layout to another, in the order of the target.
H36M_32_TO_17 = [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27]
MPI_28_TO_17 = [7, 5, 14, 15, 16, 9, 10, 11, 23, 24, 25, 18, 19, 20, 4, 3, 6]
MPI_17_TO_H36M = [14, 8, 9, 10, 11, 12, 13, 15, 1, 16, 0, 5, 6, 7, 2, 3, 4]
VIDEOPOSE3D_PARENTS = [-1, 0, 1, 2, 3, 4, 0, 6, 7, 8, 9, 0, 11, 12, 13, 14, 12, 16, 17, 18, 19, 20, 19, 22, 12, 24, 25, 26, 27, 28, 27, 30]  # fmt: skip # noqa: E501


def test_all_layouts_have_their_published_number_of_joints():
    assert {name: len(skeleton) for name, skeleton in SKELETONS.items()} == COUNTS


@pytest.mark.parametrize(
    ("source", "target", "table"),
    [("h36m32", "h36m17", H36M_32_TO_17), ("mpi3dhp28", "mpi3dhp17", MPI_28_TO_17), ("mpi3dhp17", "h36m17", MPI_17_TO_H36M)],
)
def test_joint_orders_agree_with_published_index_tables(source, target, table):
    joints = get_skeleton(source).joints
    assert tuple(joints[index] for index in table) == get_skeleton(target).joints


# Which joints of each layout are COCO's, in COCO's order; None where the layout lacks one. From the layouts' own papers
# and code: NTU RGB+D's and Azure Kinect's tables of joints (counted from 0), AI Challenger's and CrowdPose's in MMPose.
IN_COCO_ORDER = {
    "body25b": list(range(17)),
    "coco23": list(range(17)),
    "wholebody133": list(range(17)),
    "halpe136": list(range(17)),
    "body135": list(range(17)),
    "trtpose18": list(range(17)),
    "posetrack18": [0, None, None, *range(3, 17)],
    "aic14": [*[None] * 5, 3, 0, 4, 1, 5, 2, 9, 6, 10, 7, 11, 8],
    "crowdpose14": [*[None] * 5, *range(12)],
    "mpi15": [*[None] * 5, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10],
    "ntu25": [*[None] * 5, 4, 8, 5, 9, 6, 10, 12, 16, 13, 17, 14, 18],
    "azurekinect32": [27, 28, 30, 29, 31, 5, 12, 6, 13, 7, 14, 18, 22, 19, 23, 20, 24],
    "canonpose16": [8, None, None, None, None, 13, 10, 14, 11, 15, 12, 3, 0, 4, 1, 5, 2],
}


@pytest.mark.parametrize("name", IN_COCO_ORDER)
def test_joint_orders_agree_with_published_tables(name):
    layout = get_skeleton(name)
    found = [layout.joints.index(joint) if joint in layout.joints else None for joint in get_skeleton("coco17").joints]
    assert found == IN_COCO_ORDER[name]


def test_hands_and_faces_stand_where_they_are_published():
    wholebody, halpe, body135 = (get_skeleton(name).joints for name in ("wholebody133", "halpe136", "body135"))
    # COCO-WholeBody: 17 body, 6 feet, 68 face (23..90), left hand (91..111), right hand (112..132).
    assert wholebody[:23] == get_skeleton("coco23").joints
    assert (wholebody[91], wholebody[112]) == ("left_hand_root", "right_hand_root")
    assert halpe[:26] == get_skeleton("halpe26").joints
    assert halpe[26:] == wholebody[23:]
    # OpenPose: hands of 20 from 25 on, the face from 65 on.
    assert body135[:25] == get_skeleton("body25b").joints
    assert (body135[25], body135[45], body135[134]) == ("left_thumb_1", "right_thumb_1", "left_face_68")
    mirror = get_skeleton("wholebody133").mirror
    # COCO-WholeBody's flip pairs in MMPose: jaw, brows, eyes and lips.
    pairs = {0: 16, 8: 8, 17: 26, 27: 27, 31: 35, 36: 45, 39: 42, 41: 46, 48: 54, 51: 51, 59: 55, 60: 64, 67: 65}
    assert {point: mirror[23 + point] - 23 for point in pairs} == pairs


@pytest.mark.parametrize("name", ["BODY_25", "body25", "Body-25"])
def test_case_and_hyphens_of_a_name_do_not_count(name):
    assert get_skeleton(name) is SKELETONS["body25"]


def test_common14_is_the_first_fourteen_of_the_3dhp_test_set():
    assert get_skeleton("common14").joints == get_skeleton("mpi3dhp17").joints[:14]


def test_h36m32_tree_is_the_fields():
    # VideoPose3D hangs collars on joint 12 (spine) where the tree here has the thorax that they coincide with.
    parents = list(get_skeleton("h36m32").parents)
    expected = list(VIDEOPOSE3D_PARENTS)
    expected[16] = expected[24] = 13
    assert parents == expected


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda s: s.name)
def test_left_and_right_mirror_each_other(skeleton: Skeleton):
    assert set(skeleton.left).isdisjoint(skeleton.right)
    assert len(skeleton.left) == len(skeleton.right) == sum(joint.startswith("left_") for joint in skeleton.joints)
    mirror = np.array(skeleton.mirror)
    np.testing.assert_array_equal(mirror[mirror], np.arange(len(skeleton)))
    for left, right in skeleton.pairs:
        assert skeleton.joints[right] == skeleton.joints[left].replace("left_", "right_")


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda s: s.name)
def test_mirrored_bones_join_mirrored_joints(skeleton: Skeleton):
    assert len(skeleton.bones) == len(skeleton) - 1
    for left, right in skeleton.bone_pairs:
        assert tuple(skeleton.mirror[joint] for joint in left) == right


def test_unknown_layout_suggests_near_names():
    with pytest.raises(UnknownNameError, match="did you mean coco17"):
        get_skeleton("coco18")


def test_a_skeleton_is_one_tree():
    with pytest.raises(InputError, match="does not reach the root"):
        Skeleton("loop", ("a", "b", "c"), (-1, 2, 1))
    with pytest.raises(InputError, match="one of them -1"):
        Skeleton("two roots", ("a", "b"), (-1, -1))
    with pytest.raises(InputError, match="twice"):
        Skeleton("twice", ("a", "a"), (-1, 0))
