"""Fine-tune on a few labels after unsupervised training: Chen, Tyagi et al. 2019, Sec. 4.4."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from posezoo.distributed import draw
from posezoo.errors import InputError
from posezoo.geometry import center_and_scale, mirror_half
from posezoo.lifting import as_list
from posezoo.papers.geoselfsup import losses
from posezoo.papers.geoselfsup.lifter import GeometricLifter

if TYPE_CHECKING:
    from pytorch_lightning.core.optimizer import LightningOptimizer


class FewLabels(GeometricLifter):
    """The part of :class:`posezoo.papers.geoselfsup.GeoSelfSup` that learns from labelled poses."""

    def finetuning_step(self) -> None:
        """Train the lifter on a batch of labelled poses, and update its average."""
        optimizers = as_list(self.optimizers())
        schedules = as_list(self.lr_schedulers())
        keypoints, label = self.labelled_batch()
        self.toggle_optimizer(optimizers[-1])
        pose = center_and_scale(self.relative(self.normalize(keypoints)), self.skeleton.root)[0]
        loss = losses.supervised(pose, center_and_scale(label, self.skeleton.root)[0])
        self._step(optimizers[-1], loss)
        self.average.update_parameters(self.lifter)
        schedules[-1].step()
        self.log("train/supervised", loss.detach())

    def labelled_batch(self) -> tuple[Float[Tensor, "B J 2"], Float[Tensor, "B J 3"]]:
        """Draw a batch of labelled poses from those of the data module."""
        labelled = self.datamodule.labelled
        if labelled is None:
            raise InputError("label_steps needs labels: set data.label_fraction above 0.")
        count = len(labelled["keypoints_2d"])
        rows = (draw(torch.rand, self.datamodule.batch_size) * count).long()
        keypoints, pose = (labelled[name][rows].to(self.device) for name in ("keypoints_2d", "pose_3d"))
        if self.hp.flip:
            keypoints, pose = mirror_half(
                keypoints - keypoints[:, self.hips].mean(1, keepdim=True), pose, skeleton=self.skeleton
            )
        return keypoints, pose

    def _step(self, optimizer: LightningOptimizer, loss: Tensor) -> None:
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()
        self.untoggle_optimizer(optimizer)
