"""Count errors of joint positions; :mod:`posezoo.metrics.functional.position` defines each."""

from __future__ import annotations

from typing import Any

from posezoo.geometry.pose_pairs import Array, Number
from posezoo.metrics.base import PoseMetric
from posezoo.metrics.functional import mpjpe, mpjve, n_mpjpe, p_mpjpe


class MPJPE(PoseMetric):
    """Mean per joint position error, in the unit of the poses (see :func:`posezoo.metrics.functional.mpjpe`).

    Args:
        root: take this joint off both poses first; None compares them as they are.
        options: of :class:`~posezoo.metrics.base.PoseMetric`: skeleton, actions, average.

    Example:
        >>> import torch
        >>> metric = MPJPE(actions=["Walking", "Sitting"])
        >>> target = torch.zeros(3, 17, 3)
        >>> pred = target + torch.tensor([30.0, 30.0, 60.0]).reshape(3, 1, 1) * torch.tensor([1.0, 0.0, 0.0])
        >>> metric.update(pred, target, torch.tensor([0, 0, 1]))
        >>> metric.mean_over_frames().item(), metric.mean_over_actions().item()
        (40.0, 45.0)
    """

    def __init__(self, root: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.root = root

    def update(self, pred: Array, target: Array, action: Array | int | None = None, mask: Array | None = None) -> None:
        """Count poses (..., J, 3); ``action`` (...) their codes, ``mask`` (..., J) True where a joint takes part."""
        self._add(mpjpe(pred, target, "none", root=self.root, mask=mask), action)


class PMPJPE(PoseMetric):
    """MPJPE after similarity Procrustes, reflection forbidden (see :func:`posezoo.metrics.functional.p_mpjpe`).

    Args:
        options: of :class:`~posezoo.metrics.base.PoseMetric`: skeleton, actions, average.

    Example:
        >>> import torch
        >>> metric = PMPJPE()
        >>> pose = torch.randn(8, 17, 3)
        >>> metric.update(2 * pose + 1, pose)
        >>> metric.compute().item() < 1e-5
        True
    """

    def update(self, pred: Array, target: Array, action: Array | int | None = None, mask: Array | None = None) -> None:
        """Count poses (..., J, 3); ``action`` (...) their codes, ``mask`` (..., J) True where a joint takes part."""
        self._add(p_mpjpe(pred, target, "none", mask=mask), action)


class NMPJPE(PoseMetric):
    """MPJPE after scaling each pose by least squares (see :func:`posezoo.metrics.functional.n_mpjpe`).

    Args:
        root: take this joint off both poses first; None where they are root-relative already.
        options: of :class:`~posezoo.metrics.base.PoseMetric`: skeleton, actions, average.
    """

    def __init__(self, root: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.root = root

    def update(self, pred: Array, target: Array, action: Array | int | None = None, mask: Array | None = None) -> None:
        """Count poses (..., J, 3); ``action`` (...) their codes, ``mask`` (..., J) True where a joint takes part."""
        self._add(n_mpjpe(pred, target, "none", root=self.root, mask=mask), action)


class MPJVE(PoseMetric):
    """Mean per joint velocity error (see :func:`posezoo.metrics.functional.mpjve`).

    Args:
        root: take this joint off both poses first; None compares them as they are.
        fps: frames per second, for mm/s; left at 1, mm a frame.
        options: of :class:`~posezoo.metrics.base.PoseMetric`: skeleton, actions, average.
    """

    def __init__(self, root: int | None = None, fps: Number = 1.0, **options: Any) -> None:
        super().__init__(**options)
        self.root, self.fps = root, fps

    def update(self, pred: Array, target: Array, action: Array | int | None = None, mask: Array | None = None) -> None:
        """Count clips (..., T, J, 3); ``action`` (...) their codes, ``mask`` (..., T, J) True where a joint takes part.

        A velocity needs both of its frames in one update, so clips are given whole.
        """
        self._add(mpjve(pred, target, "none", fps=self.fps, root=self.root, mask=mask), action)
