"""Count shares of correct joints, from 0 to 1; :mod:`posezoo.metrics.functional.correct` defines each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from posezoo.geometry.pose_pairs import Array, Number
from posezoo.metrics.base import PoseMetric
from posezoo.metrics.functional import auc_3d, pck_3d, pckh
from posezoo.metrics.functional.correct import AUC_THRESHOLDS_MM, PCK_THRESHOLD_MM


class PCK3D(PoseMetric):
    """Share of joints nearer than a threshold (see :func:`posezoo.metrics.functional.pck_3d`).

    Args:
        threshold: mm.
        root: take this joint off both poses first; None compares them as they are.
        options: of :class:`~posezoo.metrics.base.PoseMetric`: skeleton, actions, average.
    """

    higher_is_better = True

    def __init__(self, threshold: Number = PCK_THRESHOLD_MM, root: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.threshold, self.root = threshold, root

    def update(self, pred: Array, target: Array, action: Array | int | None = None, mask: Array | None = None) -> None:
        """Count poses (..., J, 3); ``action`` (...) their codes, ``mask`` (..., J) True where a joint takes part."""
        self._add(pck_3d(pred, target, "none", threshold=self.threshold, root=self.root, mask=mask), action)


class AUC3D(PoseMetric):
    """Mean of :class:`PCK3D` over thresholds, 30 / 31 at best (see :func:`posezoo.metrics.functional.auc_3d`).

    Args:
        thresholds: mm.
        root: take this joint off both poses first; None compares them as they are.
        options: of :class:`~posezoo.metrics.base.PoseMetric`: skeleton, actions, average.
    """

    higher_is_better = True

    def __init__(self, thresholds: Sequence[Number] = AUC_THRESHOLDS_MM, root: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.thresholds, self.root = tuple(thresholds), root

    def update(self, pred: Array, target: Array, action: Array | int | None = None, mask: Array | None = None) -> None:
        """Count poses (..., J, 3); ``action`` (...) their codes, ``mask`` (..., J) True where a joint takes part."""
        self._add(auc_3d(pred, target, "none", thresholds=self.thresholds, root=self.root, mask=mask), action)


class PCKh(PoseMetric):
    """Share of 2D joints within a part of the head's size (see :func:`posezoo.metrics.functional.pckh`).

    Args:
        threshold: share of the head size.
        options: of :class:`~posezoo.metrics.base.PoseMetric`: skeleton, actions, average.

    Example:
        >>> import torch
        >>> metric = PCKh(skeleton="mpii16")
        >>> metric.update(torch.zeros(4, 16, 2), torch.full((4, 16, 2), 20.0), head_size=torch.full((4,), 60.0))
        >>> metric.compute().item()
        1.0
    """

    higher_is_better = True

    def __init__(self, threshold: Number = 0.5, **options: Any) -> None:
        super().__init__(**options)
        self.threshold = threshold

    def update(
        self,
        pred: Array,
        target: Array,
        head_size: Array | Number,
        action: Array | int | None = None,
        mask: Array | None = None,
    ) -> None:
        """Count keypoints (..., J, 2) px of people whose heads measure ``head_size`` (...) px."""
        self._add(pckh(pred, target, head_size, "none", threshold=self.threshold, mask=mask), action)
