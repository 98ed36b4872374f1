"""Layouts against published counts, orders and index tables."""

from __future__ import annotations

import numpy as np
import pytest

from posezoo.errors import InputError, UnknownNameError
from posezoo.skeletons import SKELETONS, Skeleton, get_skeleton

COUNTS = {
    "h36m17": 17, "h36m32": 32, "coco17": 17, "mpii16": 16, "lsp14": 14, "openpose18": 18, "body25": 25,
    "halpe26": 26, "mediapipe33": 33, "mpi3dhp17": 17, "mpi3dhp28": 28, "humaneva15": 15, "common14": 14,
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
