"""A simple yet effective baseline for 3d human pose estimation.

Julieta Martinez, Rayat Hossain, Javier Romero, James J. Little, ICCV 2017. Supervised: the upper bound of the zoo.

::

    2D ──> linear 1024 ──(+)──> [ linear, BN, ReLU, dropout ] x 2 ──> + ──> [ ... ] x 2 ──> + ──> linear ──> 3D
                          │ └───────────────────────────────────────┘└──────────────────┘
                       linear <── G, of Chen, Lin et al. 2019, where a representation is injected
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor, nn

from posezoo.distributed import draw
from posezoo.errors import InputError
from posezoo.geometry import center_and_scale, choose, mirror
from posezoo.geometry.normalization import toward_rays
from posezoo.lifting import LiftingModule, ZooModule
from posezoo.lifting.schedule import cosine
from posezoo.networks import AveragedNetwork, Injection, ResidualMLP, Standardize, encode_all
from posezoo.papers.martinez import losses

if TYPE_CHECKING:
    from pytorch_lightning.utilities.types import OptimizerLRScheduler

_STATISTICS = 50_000
"""How many augmented poses means and deviations are measured on."""


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
        mirrored: predict the mean of a pose and of what the mirrored keypoints give (not in the paper; ``root`` only).
        ray_share: move joints that share of the way onto the rays of their keypoints
            (:func:`posezoo.geometry.normalization.toward_rays`; not in the paper; ``root`` only).
        facing: lift from a camera turned to look at the root, where it is known (not in the paper; ``root`` only).
        loss: ``squared``, of standardised poses (the paper), or ``distance``, of joints in mm: what MPJPE measures.
        learning_rate: of Adam.
        representation: settings of the :class:`posezoo.networks.SkeletonEncoder` whose code joins the features after the
            first layer: "Regression #2" of Chen, Lin et al. 2019. Training starts from a ``georep`` (``start``), whose
            encoder stays as it is.
        decay_rate, decay_steps: the rate is multiplied by ``decay_rate`` every ``decay_steps`` steps, smoothly.
        cosine: instead, take the rate to zero along a half cosine over the run, however long it is.
        average_decay: of the weights' moving average, which is what predicts; 0 for the latest weights (the paper).

    Raises:
        InputError: another normalisation or loss, a share that is none, or mirror images, turns or rays of pixels that have
            no centre.
    """

    paper = "martinez"

    def __init__(
        self,
        skeleton: str = "h36m17",
        width: int = 1024,
        blocks: int = 2,
        dropout: float = 0.5,
        normalization: str = "statistics",
        max_norm: bool = True,
        flip: bool = False,
        mirrored: bool = False,
        ray_share: float = 0.0,
        facing: bool = False,
        loss: str = "squared",
        learning_rate: float = 1e-3,
        decay_rate: float = 0.96,
        decay_steps: int = 100_000,
        cosine: bool = False,
        average_decay: float = 0.0,
        representation: dict[str, object] | None = None,
    ) -> None:
        super().__init__(skeleton, unit="mm")
        if normalization not in ("statistics", "root"):
            raise InputError(f"normalization is {normalization!r}; expected 'statistics' or 'root'.")
        if (flip or mirrored or facing or ray_share) and normalization == "statistics":
            raise InputError(
                "flip, mirrored, facing and ray_share need normalization='root': pixels about the image's corner cannot be "
                "turned."
            )
        if not 0 <= ray_share <= 1:
            raise InputError(f"ray_share is {ray_share}; expected a share between 0 and 1.")
        if loss not in ("squared", "distance"):
            raise InputError(f"loss is {loss!r}; expected 'squared' or 'distance'.")
        self.save_hyperparameters()
        self.takes_any_scale = normalization == "root"
        self.facing = facing
        joints = len(self.skeleton)
        self.inputs = Standardize(joints, 2)
        # The root's label is always zero; a deviation of 1 mm keeps it so.
        self.outputs = Standardize(joints, 3, floor=1.0)
        self.network = ResidualMLP(2 * joints, 3 * joints, width, blocks, dropout=dropout)
        for module in self.network.modules():
            if isinstance(module, nn.Linear):
                nn.init.kaiming_normal_(module.weight)
        self.injection = Injection(self.skeleton, width, representation) if representation else None
        self.average = AveragedNetwork(self.network, average_decay) if average_decay else None

    def weights(self) -> dict[str, Tensor]:
        """Return the averaged network, where there is one, in place of the latest."""
        if self.average is None:
            return super().weights()
        state = {k: v for k, v in self.state_dict().items() if not k.startswith(("network.", "average."))}
        return state | self.average.published("network")

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        averaged = {} if self.average is None else self.average.state_of(weights, "network")
        self.load_state_dict({**weights, **averaged})

    def normalize(self, keypoints_2d: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 2"]:
        """Return pixels as the network's input."""
        if self.hp.normalization == "root":
            return center_and_scale(keypoints_2d, self.skeleton.root)[0]
        return self.inputs(keypoints_2d)

    def _standardized(
        self, normalized: Float[Tensor, "B J 2"], codes: Float[Tensor, "B M D"] | None = None
    ) -> Float[Tensor, "B J 3"]:
        added = None if self.injection is None else self.injection(codes)
        averaged = self.average is not None and not self.training
        network = self.average.module if averaged else self.network  # type: ignore[union-attr]
        return self.for_inference(network)(normalized.flatten(1), added).view(-1, len(self.skeleton), 3)

    def lift(self, keypoints_2d: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 3"]:
        if not (self.hp.mirrored or self.hp.ray_share):
            return self._lift(keypoints_2d)
        normalized = self.normalize(keypoints_2d)
        pose = self.with_mirror_image(self._lift, normalized) if self.hp.mirrored else self._lift(keypoints_2d)
        return toward_rays(pose, normalized, self.skeleton.root, self.hp.ray_share) if self.hp.ray_share else pose

    def _lift(self, keypoints_2d: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 3"]:
        return self.outputs.inverse(self._standardized(self.normalize(keypoints_2d), self.encode(keypoints_2d)))

    @torch.no_grad()
    def encode(self, keypoints_2d: Float[Tensor, "B J 2"]) -> Float[Tensor, "B M D"] | None:
        """Return the injected G of poses in px; None without a representation."""
        return None if self.injection is None else self.for_inference(self.injection.encoder).encode(keypoints_2d)

    def start_from(self, other: ZooModule) -> None:
        """Load the weights of a model of this paper, or the encoder of the model that is injected."""
        if self.injection is None or not self.injection.take_encoder(other):
            super().start_from(other)

    def on_fit_start(self) -> None:
        """Measure the statistics on the training split, which every process holds completely."""
        tensors = self.datamodule.training_sample(_STATISTICS)
        if "pose_3d" not in tensors:
            raise InputError("martinez is supervised: its training data needs 3D labels (labels=True).")
        if self.injection is not None and self.datamodule.augmentation is not None:
            raise InputError("representation needs poses that stay as they are; leave out data.augmentation.")
        if not self.trainer.ckpt_path:
            self.inputs.fit(tensors["keypoints_2d"])
            self.outputs.fit(tensors["pose_3d"])
        if self.injection is not None:
            self._encode_training_poses(self.injection, tensors["keypoints_2d"])

    def _encode_training_poses(self, injection: Injection, keypoints: Float[Tensor, "N J 2"]) -> None:
        """Encode each pose and its mirror image once, because the encoder is fixed."""
        images = {"code": keypoints, "code_mirrored": mirror(keypoints, self.skeleton)}
        for name, poses in images.items():
            if name == "code" or self.hp.flip:
                self.datamodule.add("train", name, encode_all(injection.encoder, poses))
        if not self.trainer.ckpt_path:
            injection.codes.fit(self.datamodule.training_sample(_STATISTICS)["code"])

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        keypoints, pose, codes = self.normalize(batch["keypoints_2d"]), batch["pose_3d"], batch.get("code")
        if self.hp.flip:
            mirrored = draw(torch.rand, len(pose), device=pose.device) < 0.5
            keypoints, pose = (choose(mirrored, mirror(x, self.skeleton), x) for x in (keypoints, pose))
            codes = None if codes is None else choose(mirrored, batch["code_mirrored"], codes)
        pred = self._standardized(keypoints, codes)
        if self.hp.loss == "squared":
            loss = losses.squared_error(pred, self.outputs(pose))
        else:
            loss = losses.joint_distance(self.outputs.inverse(pred), pose)
        self.log("train/loss", loss.detach(), prog_bar=True)
        return loss

    def on_train_batch_end(self, outputs: object, batch: object, batch_idx: int) -> None:
        """Limit weight norms to 1 and update the average. Lightning's zero_grad hook must have run before."""
        if self.hp.max_norm:
            with torch.no_grad():
                for module in self.network.modules():
                    if isinstance(module, nn.Linear):
                        module.weight.copy_(torch.renorm(module.weight, 2, 0, 1.0))
        if self.average is not None:
            self.average.update_parameters(self.network)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        optimizer = torch.optim.Adam([p for p in self.parameters() if p.requires_grad], lr=self.hp.learning_rate)
        if self.hp.cosine:
            return {
                "optimizer": optimizer,
                "lr_scheduler": {"scheduler": cosine(optimizer, self.progress, 0.02), "interval": "step"},
            }
        per_step = self.hp.decay_rate ** (1 / self.hp.decay_steps)
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, per_step)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
