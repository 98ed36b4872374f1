"""Test metrics by one harness: data as batches, a reference that takes one pose at a time, and two processes of gloo.

A case says how to construct a metric, which function it belongs to, and how a loop over single poses computes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from scipy.spatial.transform import Rotation

from posezoo import metrics
from posezoo.metrics import functional
from posezoo.skeletons import get_skeleton

ACTIONS = ("Walking", "Sitting", "SittingDown")


@dataclass(frozen=True)
class Case:
    """Hold one metric. ``reference(*arrays of one pose or clip)`` gives its values, (J,) or (T - 1, J)."""

    name: str
    functional: Callable[..., torch.Tensor]
    reference: Callable[..., np.ndarray]
    dims: int = 3
    frames: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    labelled: bool = True
    head: bool = False

    def metric(self, **options: Any) -> metrics.PoseMetric:
        return getattr(metrics, self.name)(**self.options, **options)

    def data(self, count: int, seed: int = 0) -> list[torch.Tensor]:
        """Return (N, [T,] 17, D) predictions and targets in mm or px, and head sizes where the metric wants them."""
        generator = torch.Generator().manual_seed(seed)
        shape = (count, self.frames, 17, self.dims) if self.frames else (count, 17, self.dims)
        target = torch.randn(shape, generator=generator) * 300
        pred = 0.8 * target + torch.randn(shape, generator=generator) * 80
        arrays = [pred, target] if self.labelled else [pred]
        return [*arrays, torch.rand(count, generator=generator) * 300 + 50] if self.head else arrays

    def one_by_one(self, arrays: list[torch.Tensor]) -> np.ndarray:
        """Return the values of all poses, from a loop in float64."""
        return np.stack([self.reference(*(part.double().numpy() for part in row)) for row in zip(*arrays, strict=True)])


def _distance(pred: np.ndarray, target: np.ndarray) -> np.ndarray:
    return np.sqrt(((pred - target) ** 2).sum(-1))


def _aligned(pred: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return rotation by SciPy, scale by least squares."""
    x, y = pred - pred.mean(0), target - target.mean(0)
    x = Rotation.align_vectors(y, x)[0].apply(x)
    return x * (x * y).sum() / (x * x).sum() + target.mean(0)


def _auc(pred: np.ndarray, target: np.ndarray) -> np.ndarray:
    return np.mean([_distance(pred, target) < threshold for threshold in range(0, 151, 5)], axis=0)


def _symmetry(pred: np.ndarray) -> np.ndarray:
    layout = get_skeleton("h36m17")
    length = {child: np.linalg.norm(pred[child] - pred[parent]) for parent, child in layout.bones}
    return np.array([abs(length[left] - length[right]) for left, right in layout.pairs])


CASES = [
    Case("MPJPE", functional.mpjpe, _distance),
    Case("MPJPE", functional.mpjpe, lambda p, t: _distance(p - p[3], t - t[3]), options={"root": 3}),
    Case("PMPJPE", functional.p_mpjpe, lambda p, t: _distance(_aligned(p, t), t)),
    Case("NMPJPE", functional.n_mpjpe, lambda p, t: _distance(p * (p * t).sum() / (p * p).sum(), t)),
    Case("MPJVE", functional.mpjve, lambda p, t: _distance(p[1:] - p[:-1], t[1:] - t[:-1]), frames=4),
    Case("PCK3D", functional.pck_3d, lambda p, t: _distance(p, t) < 150),
    Case("PCK3D", functional.pck_3d, lambda p, t: _distance(p, t) < 90, options={"threshold": 90}),
    Case("AUC3D", functional.auc_3d, _auc),
    Case("PCKh", functional.pckh, lambda p, t, head: _distance(p, t) <= 0.5 * head, dims=2, head=True),
    Case("SymmetryError", functional.symmetry_error, _symmetry, labelled=False),
]
IDS = [f"{case.name}{''.join(f'-{key}' for key in case.options)}" for case in CASES]


def update(metric: metrics.PoseMetric, arrays: list[torch.Tensor], rows: slice, action: torch.Tensor | None = None) -> None:
    """Count some rows of the data; the action goes by name, as its place differs between the metrics."""
    metric.update(*(part[rows] for part in arrays), **({} if action is None else {"action": action[rows]}))


def figures(metric: metrics.PoseMetric) -> dict[str, torch.Tensor]:
    """Return everything that a metric with actions and joints has to say."""
    return {
        "compute": metric.compute(),
        "mean_over_frames": metric.mean_over_frames(),
        "mean_over_actions": metric.mean_over_actions(),
        "table": metric.table(),
        **{f"action {name}": value for name, value in metric.per_action().items()},
        **{f"joint {name}": value for name, value in metric.per_joint().items()},
    }


def with_joints(case: Case) -> metrics.PoseMetric:
    """Return the metric of a case that counts by joint and by action."""
    return case.metric(actions=ACTIONS, **({"skeleton": "h36m17"} if case.labelled else {}))


def one_of_two_processes(rank: int, folder: str, splits: list[list[tuple[int, int]]], count: int) -> None:
    """Count this rank's batches of every case and leave the figures in a file."""
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=len(splits), timeout=timedelta(seconds=300)
    )
    result = []
    for case in CASES:
        arrays, action = case.data(count), torch.arange(count) % 2
        metric = with_joints(case)
        for start, stop in splits[rank]:
            update(metric, arrays, slice(start, stop), action)
        local = metric.total.clone()
        result.append(figures(metric))
        assert torch.equal(metric.total, local), "the local state must come back, so that counting can go on"
    torch.save(result, Path(folder) / f"rank{rank}.pt")
    dist.destroy_process_group()
