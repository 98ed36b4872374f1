"""What every model shares: the LightningModule base; of lifters also prediction at the door and evaluation."""

from posezoo.lifting.base import ZooModule, as_list
from posezoo.lifting.evaluation import LiftingMetrics, evaluate, flat_depth
from posezoo.lifting.module import LiftingModule

__all__ = ["LiftingMetrics", "LiftingModule", "ZooModule", "as_list", "evaluate", "flat_depth"]
