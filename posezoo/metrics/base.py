"""Hold the state of all metrics: a table of sums and counts, with a row for each action and a column for each joint."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor
from torchmetrics import Metric

from posezoo.errors import InputError
from posezoo.geometry.double import has_double, to_double
from posezoo.geometry.pose_pairs import Array, as_tensor
from posezoo.skeletons import Skeleton, get_skeleton

_SERIAL = itertools.count()


class PoseMetric(Metric):
    """Sums and counts for each action and joint, from which all means are computed.

    Sums add up exactly the same over any split into batches and processes, so every mean here is that of the whole set,
    provided that no sample is seen twice (Lightning's default test sampler pads; use one that does not). In a
    distributed run each of the means below gathers the table: call them on all processes. The table is float64, and
    stays on the CPU where the metric is moved to a device without it (Apple's MPS).

    Args:
        skeleton: a layout or its name, for :meth:`per_joint`; without it joints are pooled, and may differ in number
            from batch to batch.
        actions: names of the actions that the codes given to ``update`` count, for :meth:`per_action` and
            :meth:`mean_over_actions`.
        average: what ``compute`` gives: mean over ``"frames"`` (of every joint of every frame, as mmpose does) or over
            ``"actions"`` (of the actions' means, as VideoPose3D, Martinez and MotionBERT do).
        options: of :class:`torchmetrics.Metric`.

    Raises:
        InputError: unknown average, an average over actions without actions, or an action twice.
        UnknownNameError: unknown layout.
    """

    full_state_update = False
    is_differentiable = False
    higher_is_better: bool | None = False

    total: Tensor
    count: Tensor

    def __init__(
        self,
        skeleton: str | Skeleton | None = None,
        actions: Sequence[str] | None = None,
        average: str = "frames",
        **options: object,
    ) -> None:
        super().__init__(**options)
        if average not in ("frames", "actions"):
            raise InputError(f"average is {average!r}; expected 'frames' or 'actions'.")
        if average == "actions" and not actions:
            raise InputError("a mean over actions needs the names of the actions; construct the metric with actions=.")
        if isinstance(actions, str) or len(set(actions or ())) < len(actions or ()):
            raise InputError(f"actions is {actions!r}; expected a list of names, each once.")
        self.skeleton = None if skeleton is None else get_skeleton(skeleton)
        self.actions = None if actions is None else tuple(actions)
        self.average = average
        self.columns = self._columns()
        shape = (len(self.actions) if self.actions else 1, len(self.columns) if self.columns else 1)
        self.add_state("total", torch.zeros(shape, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros(shape, dtype=torch.float64), dist_reduce_fx="sum")
        # torchmetrics.MetricCollection lets metrics share one state if theirs are equal after the first batch, as those of
        # an untrained model at two thresholds are. A number of their own keeps them apart.
        self.add_state("serial", torch.tensor(next(_SERIAL)), dist_reduce_fx="max")

    def _apply(self, fn: Callable[[Tensor], Tensor], *args: Any, **kwargs: Any) -> PoseMetric:
        """Move the table, but to no device that lacks float64."""
        if not has_double(fn(torch.zeros(1, device=self.total.device)).device):
            return self
        return cast(PoseMetric, super()._apply(fn, *args, **kwargs))

    def _columns(self) -> tuple[str, ...] | None:
        """Return names of the columns; None where joints are pooled."""
        return None if self.skeleton is None else self.skeleton.joints

    def _add(self, values: Float[Tensor, "*batch J"], action: Array | int | None) -> None:
        """Count a batch of values; NaN marks the joints that a mask left out."""
        columns = values.shape[-1]
        if self.columns and columns != len(self.columns):
            raise InputError(
                f"the batch has {columns} joints; {type(self).__name__} was constructed for the {len(self.columns)} of "
                f"{self.skeleton.name if self.skeleton else 'its layout'}."
            )
        codes = self._codes(action, values.shape[:-1])
        valid = ~torch.isnan(values)
        total, count = to_double(values.masked_fill(~valid, 0.0)), to_double(valid)
        if not self.columns:
            total, count = total.sum(-1, keepdim=True), count.sum(-1, keepdim=True)
        rows, width = codes.flatten().to(self.total.device), self.total.shape[1]
        self.total.index_add_(0, rows, total.reshape(-1, width).to(self.total))
        self.count.index_add_(0, rows, count.reshape(-1, width).to(self.count))

    def _codes(self, action: Array | int | None, batch: torch.Size) -> Int[Tensor, "*batch"]:
        """Return the action of every pose; row 0 for all where there are no actions."""
        name = type(self).__name__
        if self.actions is None:
            if action is not None:
                raise InputError(f"{name} was given actions to count by; construct it with the names, actions=[...].")
            return torch.zeros(batch, dtype=torch.int64, device=self.total.device)
        if action is None:
            raise InputError(f"{name} counts {len(self.actions)} actions; give update the code of each pose, action=.")
        codes = torch.tensor(action) if isinstance(action, int) else as_tensor(action, "action")
        if codes.is_floating_point() or codes.dtype == torch.bool:
            raise InputError(f"action holds {codes.dtype}; expected integer codes 0..{len(self.actions) - 1}.")
        if codes.shape != batch[: codes.ndim]:
            raise InputError(
                f"action has shape {tuple(codes.shape)}; expected one code a pose, {tuple(batch)}, or one a clip."
            )
        if codes.numel() and not 0 <= int(codes.min()) <= int(codes.max()) < len(self.actions):
            raise InputError(
                f"action holds codes {int(codes.min())}..{int(codes.max())}; "
                f"expected 0..{len(self.actions) - 1}, one for each name given."
            )
        return codes.long().reshape(codes.shape + (1,) * (len(batch) - codes.ndim)).expand(batch)

    def compute(self) -> Tensor:
        """Return the mean over frames, or over actions where the metric was constructed so. NaN before the first update."""
        return self.mean_over_actions() if self.average == "actions" else self.mean_over_frames()

    def mean_over_frames(self) -> Float64[Tensor, ""]:
        """Return the mean over all joints of all frames, in which an action counts by its length."""
        with self._synced():
            return self.total.sum() / self.count.sum()

    def mean_over_actions(self) -> Float64[Tensor, ""]:
        """Return the mean of the actions' means, in which every action seen counts the same."""
        return torch.stack(list(self.per_action().values())).nanmean()

    def per_action(self) -> dict[str, Float64[Tensor, ""]]:
        """Return the mean of every action, by name; NaN for an action without poses."""
        if self.actions is None:
            raise InputError(f"{type(self).__name__} tells no actions apart; construct it with their names, actions=[...].")
        with self._synced():
            return dict(zip(self.actions, self.total.sum(1) / self.count.sum(1), strict=True))

    def per_joint(self) -> dict[str, Float64[Tensor, ""]]:
        """Return the mean of every joint over all frames, by name; NaN for a joint that every mask leaves out."""
        if self.columns is None:
            raise InputError(f"{type(self).__name__} pools all joints; construct it with their layout, skeleton='h36m17'.")
        with self._synced():
            return dict(zip(self.columns, self.total.sum(0) / self.count.sum(0), strict=True))

    def table(self) -> Float64[Tensor, "actions joints"]:
        """Return the mean of every joint in every action, in the order of names; one row or column where pooled."""
        with self._synced():
            return self.total / self.count

    @contextmanager
    def _synced(self) -> Iterator[None]:
        """Synchronise the state of all processes within the block, as torchmetrics does around ``compute``."""
        if self._is_synced:
            yield
            return
        with self.sync_context(self.dist_sync_fn, should_sync=self._to_sync, should_unsync=self._should_unsync):
            yield
