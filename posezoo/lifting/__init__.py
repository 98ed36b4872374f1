"""What every model shares: the LightningModule base; of lifters also prediction at the door and evaluation."""

from posezoo.lifting.base import ZooModule, as_list
from posezoo.lifting.evaluation import evaluate, flat_depth
from posezoo.lifting.finetuning import FineTuning
from posezoo.lifting.module import LiftingModule
from posezoo.lifting.pictures import PictureModule
from posezoo.lifting.unlabelled import body_statistics, evaluate_2d, view_disagreement
from posezoo.lifting.views import MultiViewModule
from posezoo.metrics.report import LiftingMetrics

__all__ = [
    "FineTuning",
    "LiftingMetrics",
    "LiftingModule",
    "MultiViewModule",
    "PictureModule",
    "ZooModule",
    "as_list",
    "body_statistics",
    "evaluate",
    "evaluate_2d",
    "flat_depth",
    "view_disagreement",
]
