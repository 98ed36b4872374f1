"""A simple yet effective baseline for 3d human pose estimation.

Julieta Martinez, Rayat Hossain, Javier Romero, James J. Little, ICCV 2017. Supervised: the upper bound of the zoo.

::

    2D ──> linear 1024 ──> [ linear, BN, ReLU, dropout ] x 2 ──> + ──> [ ... ] x 2 ──> + ──> linear ──> 3D
                       └─────────────────────────────────────────┘└──────────────────┘
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from posezoo.errors import InputError
from posezoo.geometry import center_and_scale, mirror_half
from posezoo.lifting import LiftingModule
from posezoo.networks import ResidualMLP, Standardize
from posezoo.papers.martinez import losses


class Martinez(LiftingModule):
    """Martinez et al. 2017. Defaults are the paper's.

    Args:
        skeleton: the layout of inputs and outputs.
        width, blocks, dropout: of the network.
        normalization: ``statistics`` standardises pixels by the training set's mean and deviation, which ties the model to
            its cameras (the paper); ``root`` centres the root and scales to a mean joint distance of 1, which lifts
            keypoints of any camera.
        max_norm: constrain the norm of every unit's weights to 1.
        flip: mirror half of all poses, swapping left and right (not in the paper's training; ``root`` only).
        learning_rate: of Adam.
        decay_rate, decay_steps: the rate is multiplied by ``decay_rate`` every ``decay_steps`` steps, smoothly.

    Raises:
        InputError: another normalisation, or flips of pixels that have no centre.
    """

    def __init__(
        self,
        skeleton: str = "h36m17",
        width: int = 1024,
        blocks: int = 2,
        dropout: float = 0.5,
        normalization: str = "statistics",
        max_norm: bool = True,
        flip: bool = False,
        learning_rate: float = 1e-3,
        decay_rate: float = 0.96,
        decay_steps: int = 100_000,
    ) -> None:
        super().__init__(skeleton, unit="mm")
        if normalization not in ("statistics", "root"):
            raise InputError(f"normalization is {normalization!r}; expected 'statistics' or 'root'.")
        if flip and normalization == "statistics":
            raise InputError("flip needs normalization='root': pixels of an uncentred image cannot be mirrored.")
        self.save_hyperparameters()
        joints = len(self.skeleton)
        self.inputs = Standardize(joints, 2)
        # The root's label is always zero; a deviation of 1 mm keeps it so.
        self.outputs = Standardize(joints, 3, floor=1.0)
        self.network = ResidualMLP(2 * joints, 3 * joints, width, blocks, dropout=dropout)
        for module in self.network.modules():
            if isinstance(module, nn.Linear):
                nn.init.kaiming_normal_(module.weight)

    def normalize(self, keypoints_2d: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 2"]:
        """Pixels as the network takes them."""
        if self.hp.normalization == "root":
            return center_and_scale(keypoints_2d, self.skeleton.root)[0]
        return self.inputs(keypoints_2d)

    def _standardized(self, normalized: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 3"]:
        return self.for_inference(self.network)(normalized.flatten(1)).view(-1, len(self.skeleton), 3)

    def lift(self, keypoints_2d: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 3"]:
        return self.outputs.inverse(self._standardized(self.normalize(keypoints_2d)))

    def on_fit_start(self) -> None:
        """Take the statistics from the training split (every process sees all of it, so they agree)."""
        tensors = self.datamodule.train_dataloader().tensors
        if "pose_3d" not in tensors:
            raise InputError("martinez is supervised: its training data needs 3D labels (labels=True).")
        if not self.trainer.ckpt_path:
            self.inputs.fit(tensors["keypoints_2d"])
            self.outputs.fit(tensors["pose_3d"])

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        keypoints, pose = self.normalize(batch["keypoints_2d"]), batch["pose_3d"]
        if self.hp.flip:
            keypoints, pose = mirror_half(keypoints, pose, skeleton=self.skeleton)
        loss = losses.squared_error(self._standardized(keypoints), self.outputs(pose))
        self.log("train/loss", loss.detach(), prog_bar=True)
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Bring weight norms back to 1. Not earlier: Lightning's zero_grad hook runs between forward and backward."""
        if self.hp.max_norm:
            with torch.no_grad():
                for module in self.network.modules():
                    if isinstance(module, nn.Linear):
                        module.weight.copy_(torch.renorm(module.weight, 2, 0, 1.0))

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.Adam(self.parameters(), lr=self.hp.learning_rate)
        per_step = self.hp.decay_rate ** (1 / self.hp.decay_steps)
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, per_step)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
