"""Count how far left and right differ; :mod:`posezoo.metrics.functional.symmetry` defines it."""

from __future__ import annotations

from typing import Any

from posezoo.errors import InputError
from posezoo.geometry.pose_pairs import Array
from posezoo.metrics.base import PoseMetric
from posezoo.metrics.functional import symmetry_error
from posezoo.skeletons import Skeleton


class SymmetryError(PoseMetric):
    """Mean difference between left and right bone lengths (see :func:`posezoo.metrics.functional.symmetry_error`).

    The columns of the table are pairs of bones, each named by the joint at its far end: ``per_joint()["knee"]`` is the
    difference between the thighs.

    Args:
        skeleton: the layout of the poses.
        options: of :class:`~posezoo.metrics.base.PoseMetric`: actions, average.
    """

    def __init__(self, skeleton: str | Skeleton = "h36m17", **options: Any) -> None:
        super().__init__(skeleton=skeleton, **options)

    def _columns(self) -> tuple[str, ...]:
        layout = self.skeleton
        if layout is None or not layout.bone_pairs:
            raise InputError("SymmetryError needs a layout with left and right bones, such as 'h36m17'.")
        return tuple(layout.joints[left].removeprefix("left_") for (_, left), _ in layout.bone_pairs)

    def update(
        self, pred: Array, target: Array | None = None, action: Array | int | None = None, mask: Array | None = None
    ) -> None:
        """Count poses (..., J, 3); ``target`` is ignored, and is an argument only because collections of metrics pass it."""
        if self.skeleton is not None:
            self._add(symmetry_error(pred, None, "none", skeleton=self.skeleton, mask=mask), action)
