"""Report the scores of a lifter: every metric by name, and the distribution of limb ratios."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from posezoo.geometry import LIMBS, limb_ratios, procrustes_align
from posezoo.metrics.functional.position import least_squares_scale
from posezoo.skeletons import Skeleton


class LiftingMetrics(nn.Module):
    """The metrics of a lifter, summed over batches and processes.

    A model of relative unit has no absolute error: before MPJPE, PCK and AUC its poses are scaled to the label by least
    squares, as the unsupervised papers do, and the names say so (``n_mpjpe``, ``pck_scaled``).

    Args:
        unit: of the predictions.
        skeleton: of predictions and labels.
        actions: names for the action codes.
        pck_joints: those that PCK and AUC are over; all where not given.
    """

    def __init__(
        self, unit: str, skeleton: Skeleton, actions: tuple[str, ...] = (), pck_joints: list[int] | None = None
    ) -> None:
        # Here, so that models can be imported without torchmetrics.
        from posezoo.metrics import AUC3D, MPJPE, NMPJPE, PCK3D, PMPJPE, SymmetryError

        super().__init__()
        self.pck_joints = list(range(len(skeleton))) if pck_joints is None else pck_joints
        named = actions or None
        self.p_mpjpe = PMPJPE(skeleton=skeleton, actions=named)
        self.n_mpjpe = NMPJPE(skeleton=skeleton, actions=named)
        self.mpjpe = MPJPE(skeleton=skeleton, actions=named) if unit == "mm" else None
        self.pck, self.auc = PCK3D(), AUC3D()
        self.pck_aligned, self.auc_aligned = PCK3D(), AUC3D()
        self.symmetry = SymmetryError(skeleton=skeleton)
        self.metric_scale = unit == "mm"

    @property
    def unaligned(self) -> str:
        """The error without Procrustes: ``mpjpe``, or ``n_mpjpe`` where the scale is not known."""
        return "mpjpe" if self.metric_scale else "n_mpjpe"

    @torch.no_grad()
    def update(
        self, pred: Float[Tensor, "B J 3"], target: Float[Tensor, "B J 3"], action: Int[Tensor, "B"] | None = None
    ) -> None:
        """Count a batch: poses about the root that they are compared about, labels in mm."""
        for metric in (self.p_mpjpe, self.n_mpjpe, self.mpjpe):
            if metric is not None:
                metric.update(pred, target, action)
        scaled = pred if self.metric_scale else pred * least_squares_scale(pred, target)
        aligned = procrustes_align(pred, target)
        for pck, auc, pose in ((self.pck, self.auc, scaled), (self.pck_aligned, self.auc_aligned, aligned)):
            pck.update(pose[:, self.pck_joints], target[:, self.pck_joints])
            auc.update(pose[:, self.pck_joints], target[:, self.pck_joints])
        self.symmetry.update(scaled)

    def report(self) -> dict[str, float]:
        """Return every metric by name; distances in mm, PCK and AUC in percent."""
        result = {"p_mpjpe": float(self.p_mpjpe.mean_over_frames()), "n_mpjpe": float(self.n_mpjpe.mean_over_frames())}
        if self.mpjpe is not None:
            result["mpjpe"] = float(self.mpjpe.mean_over_frames())
        if self.p_mpjpe.actions:
            result["p_mpjpe_mean_over_actions"] = float(self.p_mpjpe.mean_over_actions())
            result[f"{self.unaligned}_mean_over_actions"] = float(getattr(self, self.unaligned).mean_over_actions())
        suffix = "" if self.metric_scale else "_scaled"
        result |= {
            f"pck{suffix}": 100 * float(self.pck.compute()),
            f"auc{suffix}": 100 * float(self.auc.compute()),
            "pck_aligned": 100 * float(self.pck_aligned.compute()),
            "auc_aligned": 100 * float(self.auc_aligned.compute()),
            "symmetry_error": float(self.symmetry.compute()),
        }
        return result


class LimbStatistics:
    """The distribution of the ratios of upper to lower limbs, Chen et al. 2019, Sec. 4.3 and Fig. 6."""

    EDGES = np.linspace(0.0, 3.0, 61)

    def __init__(self) -> None:
        self._ratios: list[np.ndarray] = []

    def update(self, pose: Float[Tensor, "B J 3"], skeleton: Skeleton) -> None:
        """Count a batch."""
        self._ratios.append(limb_ratios(pose, skeleton).cpu().numpy())

    def report(self) -> dict[str, Any]:
        """Return the statistics of all limbs that were seen.

        ``spread`` is the standard deviation of a limb's ratio, mean of the four; ``asymmetry`` is |left - right|, mean of
        arms and legs; ``histogram`` holds shares in 60 bins from 0 to 3 by limb, where the last counts what lies beyond 3.
        """
        ratios = np.concatenate(self._ratios)
        inside = ratios.clip(self.EDGES[0], self.EDGES[-1])
        gaps = np.abs(inside[:, [0, 2]] - inside[:, [1, 3]])
        shares = {limb: np.histogram(inside[:, i], self.EDGES)[0] / len(inside) for i, limb in enumerate(LIMBS)}
        return {
            "spread": float(inside.std(0).mean()),
            "asymmetry": float(gaps.mean()),
            "histogram": {limb: [round(float(share), 5) for share in values] for limb, values in shares.items()},
        }
