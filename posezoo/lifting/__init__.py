"""What every model shares: the LightningModule base; of lifters also prediction at the door and evaluation."""

from posezoo.lifting.base import ZooModule, as_list
from posezoo.lifting.evaluation import LiftingMetrics, evaluate, flat_depth
from posezoo.lifting.module import LiftingModule
from posezoo.lifting.pictures import PictureModule

__all__ = ["LiftingMetrics", "LiftingModule", "PictureModule", "ZooModule", "as_list", "evaluate", "flat_depth"]
