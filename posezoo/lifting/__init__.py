"""What every lifter shares: prediction at the door, evaluation, and the LightningModule base."""

from posezoo.lifting.evaluation import LiftingMetrics, evaluate, flat_depth
from posezoo.lifting.module import LiftingModule

__all__ = ["LiftingMetrics", "LiftingModule", "evaluate", "flat_depth"]
