"""Select the epoch that fine-tuning keeps, by 2D alone."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import Tensor

from posezoo.errors import InputError
from posezoo.training.run_folder import changed_setting, is_watched

CRITERIA = ("symmetry_error", "bone_spread", "limb_ratio_spread", "reprojection")
"""What falls as people get more human. The critic's score is not among them: its scale moves as the critic learns."""
KEPT = {"depth_spread": (0.8, 1.25), "reprojection": (0.0, 1.1)}
"""How far these may move from what they were at the start. Equal halves and steady limbs can be had by bending poses: people
then get flatter or deeper, and what is lifted from another view no longer is the same pose."""
MOST_DRIFT = 0.05
"""How far joints of remembered poses may move on average, over their mean distance from the root. An error that has nothing
to do with the one that a model has adds to it in squares: 5 % of a body's 500 mm on top of 55 mm are 60 mm."""


def score(metrics: dict[str, float], before: dict[str, float]) -> float:
    """Return the mean over :data:`CRITERIA` of each metric relative to the start: 1 at the start, lower is better.

    Args:
        metrics, before: of :func:`posezoo.lifting.evaluate_2d`, on the same poses; criteria that it lacks do not count.

    Returns:
        infinity where a metric is not finite or moved further than :data:`KEPT` or :data:`MOST_DRIFT` allow.
    """
    ratios = {name: metrics[name] / max(value, 1e-9) for name, value in before.items()}
    counted = [ratios[name] for name in CRITERIA if name in ratios]
    value = sum(counted) / len(counted)
    kept = metrics.get("drift", 0.0) <= MOST_DRIFT
    kept &= all(low <= ratios[name] <= high for name, (low, high) in KEPT.items() if name in ratios)
    return value if kept and math.isfinite(value) else math.inf


@torch.no_grad()
def drift(model: Any, keypoints_2d: Tensor, before: Tensor) -> float:
    """Return the mean movement of joints, over the mean distance of a pose's joints from the root.

    Args:
        model: in eval mode.
        keypoints_2d: (N, J, 2) px.
        before: (N, J, 3), what it lifted of them before; of relative unit.
    """
    after = model.lift(keypoints_2d.to(model.device)).cpu()
    return float((after - before).norm(dim=-1).mean() / before.norm(dim=-1).mean())


def keep_best(folder: Path) -> ModelCheckpoint:
    """Return the callback that keeps the epoch of the lowest ``val/score`` as ``checkpoints/best.ckpt``."""
    return ModelCheckpoint(
        dirpath=folder / "checkpoints", filename="best", monitor="val/score", mode="min", enable_version_counter=False
    )


class UnlabelledValidation(pl.Callback):
    """Scores the held-out poses whenever the trainer validates, and logs it as ``val/...``; remembers it in the checkpoints.

    Args:
        keypoints_2d: (N, J, 2) px, complete, in the model's layout.
        remembered: poses of another kind, and what was lifted of them before.
        before: the metrics before training.
        settings: of the run; one that is resumed must have the same.
        progress: print a line every tenth of the way where no bar is drawn.
    """

    def __init__(
        self,
        keypoints_2d: Tensor,
        remembered: tuple[Tensor, Tensor],
        before: dict[str, float],
        settings: dict[str, float | None],
        progress: bool = False,
    ) -> None:
        self.progress = progress and not is_watched()
        self.keypoints_2d, self.remembered, self.before, self.settings = keypoints_2d, remembered, before, settings
        self.history: list[dict[str, float]] = []

    def on_validation_epoch_end(self, trainer: pl.Trainer, module: Any) -> None:
        metrics = module.evaluate_2d(self.keypoints_2d)
        metrics["drift"] = drift(module, *self.remembered)
        metrics["score"] = score(metrics, self.before)
        module.log_dict({f"val/{name}": value for name, value in metrics.items() if name != "score"})
        module.log("val/score", metrics["score"], prog_bar=True)
        done, total = trainer.current_epoch + 1, trainer.max_epochs or 1
        before = self.history[-1]["epoch"] if self.history else 0
        self.history.append({**metrics, "epoch": done})
        if self.progress and 10 * done // total > 10 * before // total:
            print(f"epoch {done} of {total}: score {metrics['score']:.3f}, 1 at the start", flush=True)

    def state_dict(self) -> dict[str, object]:
        return {"before": self.before, "history": self.history, "settings": self.settings}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state of a checkpoint.

        Raises:
            InputError: it is of a run of other settings, on other poses or from another model.
        """
        if (name := changed_setting(state["settings"], self.settings)) is not None:
            raise InputError(
                f"the run to resume has {name} {state['settings'][name]}, not {self.settings[name]}; choose another --out."
            )
        if not all(math.isclose(state["before"][name], value, rel_tol=1e-3) for name, value in self.before.items()):
            raise InputError(
                "the run to resume began from another model or file of keypoints; choose another --out to begin anew."
            )
        self.history = list(state["history"])
