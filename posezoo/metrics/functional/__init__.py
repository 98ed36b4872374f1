"""The metrics as pure functions ``f(pred, target, ..., reduction="mean" | "none")``."""

from posezoo.metrics.functional.correct import auc_3d, pck_3d, pckh
from posezoo.metrics.functional.position import mpjpe, mpjve, n_mpjpe, p_mpjpe
from posezoo.metrics.functional.symmetry import symmetry_error

__all__ = ["auc_3d", "mpjpe", "mpjve", "n_mpjpe", "p_mpjpe", "pck_3d", "pckh", "symmetry_error"]
