"""The frozen description of a joint layout."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from posezoo.errors import InputError, UnknownNameError


@dataclass(frozen=True)
class Skeleton:
    """Joint names in file order, and the tree that connects them.

    Names are anatomical and shared by all layouts: ``thorax`` is the base of the neck (OpenPose, LSP and
    MPI-INF-3DHP call it "neck"), ``upper_neck`` is MPII's "neck" below the chin, ``head_top`` the crown.

    Args:
        name: the layout's name.
        joints: J joint names, in the order of the arrays.
        parents: J indices; the root's is -1.

    Raises:
        InputError: names repeat, lengths differ, or the parents are not one tree.

    Example:
        >>> from posezoo.skeletons import get_skeleton
        >>> h36m = get_skeleton("h36m17")
        >>> len(h36m), h36m.joints[h36m.root], h36m.bones[0]
        (17, 'pelvis', (0, 1))
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]

    def __post_init__(self) -> None:
        count = len(self.joints)
        if len(set(self.joints)) != count:
            raise InputError(f"skeleton {self.name!r} names a joint twice; every joint needs its own name.")
        if len(self.parents) != count or sum(parent == -1 for parent in self.parents) != 1:
            raise InputError(
                f"skeleton {self.name!r} has {count} joints and parents {self.parents}; "
                f"expected {count} parents, one of them -1."
            )
        for joint in range(count):
            seen = joint
            for _ in range(count):
                if not -1 <= seen < count:
                    raise InputError(f"skeleton {self.name!r}: {seen} is no joint; parents lie in -1..{count - 1}.")
                seen = self.parents[seen] if seen != -1 else -1
            if seen != -1:
                raise InputError(f"skeleton {self.name!r}: joint {self.joints[joint]!r} does not reach the root.")

    def __len__(self) -> int:
        return len(self.joints)

    @property
    def root(self) -> int:
        """Index of the root joint."""
        return self.parents.index(-1)

    @cached_property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(parent, child) of every bone, in the order of the children."""
        return tuple((parent, child) for child, parent in enumerate(self.parents) if parent != -1)

    @cached_property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """(left, right) indices of every joint that has a mirror image."""
        return tuple(
            (index, self.joints.index("right_" + name[5:]))
            for index, name in enumerate(self.joints)
            if name.startswith("left_") and "right_" + name[5:] in self.joints
        )

    @property
    def left(self) -> tuple[int, ...]:
        """Indices of the joints on the person's left, in the order of :attr:`pairs`."""
        return tuple(left for left, _ in self.pairs)

    @property
    def right(self) -> tuple[int, ...]:
        """Indices of the joints on the person's right, in the order of :attr:`pairs`."""
        return tuple(right for _, right in self.pairs)

    @cached_property
    def mirror(self) -> tuple[int, ...]:
        """Permutation that swaps left and right: ``keypoints[..., mirror, :]``."""
        order = list(range(len(self)))
        for left, right in self.pairs:
            order[left], order[right] = right, left
        return tuple(order)

    @cached_property
    def bone_pairs(self) -> tuple[tuple[tuple[int, int], tuple[int, int]], ...]:
        """((parent, child) left, (parent, child) right) of every bone that has a mirror image."""
        return tuple(
            ((self.parents[left], left), (self.parents[right], right))
            for left, right in self.pairs
            if self.parents[left] != -1 and self.mirror[self.parents[left]] == self.parents[right]
        )

    def index(self, joint: str) -> int:
        """Return the index of a joint by name; raises :class:`UnknownNameError` where the layout lacks it."""
        if joint not in self.joints:
            raise UnknownNameError.of(f"joint of {self.name}", joint, self.joints)
        return self.joints.index(joint)

    def without(self, joint: str) -> Skeleton:
        """Return the layout with one joint fewer, whose children hang on its parent.

        Raises:
            UnknownNameError: the layout lacks the joint.
            InputError: it is the root.

        Example:
            >>> from posezoo.skeletons import get_skeleton
            >>> smaller = get_skeleton("h36m17").without("nose")
            >>> len(smaller), smaller.joints[smaller.parents[smaller.index("head_top")]]
            (16, 'thorax')
        """
        gone = self.index(joint)
        if gone == self.root:
            raise InputError(f"{joint} is the root of {self.name}; a layout needs it.")
        kept = [index for index in range(len(self)) if index != gone]
        parents = [self.parents[gone] if self.parents[index] == gone else self.parents[index] for index in kept]
        return Skeleton(
            f"{self.name} without {joint}",
            tuple(self.joints[index] for index in kept),
            tuple(parent - (parent > gone) for parent in parents),
        )
