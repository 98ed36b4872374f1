"""What every lifter shares: prediction at the door, evaluation, and the LightningModule base."""

from posezoo.lifting.evaluation import LiftingMetrics, evaluate, flat_depth
from posezoo.lifting.module import LiftingModule, as_list

__all__ = ["LiftingMetrics", "LiftingModule", "as_list", "evaluate", "flat_depth"]
