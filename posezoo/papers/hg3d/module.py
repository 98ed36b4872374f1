"""Towards 3D Human Pose Estimation in the Wild: a Weakly-supervised Approach.

Xingyi Zhou, Qixing Huang, Xiao Sun, Xiangyang Xue, Yichen Wei, ICCV 2017.

::

                ┌────────────── 2D module ──────────────┐          ┌──── depth module ────┐
    picture ──> stem ──> hourglass ──> (+) ──> hourglass ──> (+) ──> [ residual, pool ] x 4 ──> depths
                             │          │          │          │                                  │
                          heatmaps ─────┘       heatmaps ─────┘          with 3D labels: L_reg ──┤
                             │                     │                                             │
                           L_2D                  L_2D                    with 2D labels: L_geo ──┘
                                                                         of the annotated 2D and these depths
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from posezoo.errors import InputError
from posezoo.lifting import PictureModule
from posezoo.networks import AveragedNetwork, channels_last
from posezoo.papers.hg3d import losses
from posezoo.papers.hg3d.efficientnet import STAGES
from posezoo.papers.hg3d.networks import BACKBONES, HourglassWithDepth
from posezoo.papers.hg3d.peaks import peaks

if TYPE_CHECKING:
    from pytorch_lightning.utilities.types import OptimizerLRScheduler

UNITS = 64.0
"""Depths, and lengths in Eq. 3, count in 64ths of the crop's side: px of the published heatmaps."""

READINGS = {"code": (0.4, 0.64, "upper_neck"), "text": (0.1, 0.01, "thorax")}
"""lambda_reg, lambda_geo, and where the bones of the shoulders start; see :class:`HG3D`."""

OPTIMIZERS: dict[str, type[torch.optim.RMSprop | torch.optim.Adam]] = {
    "rmsprop": torch.optim.RMSprop,
    "adam": torch.optim.Adam,
}
"""What :class:`HG3D` can be trained with."""


class HG3D(PictureModule):
    """Zhou et al. 2017. Defaults are the paper's where it gives a value; ``(not given)`` marks ours.

    Which of the three stages is trained, the weights of the losses say: both 0 for stage 1, the 2D of all pictures;
    ``weight_geometry: 0`` for stage 2; their defaults for stage 3.

    The text gives lambda_reg 0.1 and lambda_geo 0.01 and no units. The released code (Torch) has them: x, y and depth run
    from -1 to 1 over the crop, the losses of heatmaps and depths are means over all values, Eq. 3 is a sum. Losses here are
    sums, as printed, and lengths are 64ths of the crop. A mean over 16 maps of 64 x 64 px is a 65,536th of the sum. A
    depth of the code is a 32nd of one here, so that its mean square over 16 joints is a 16,384th of the sum: 0.1 there is
    0.1 * 65,536 / 16,384 = 0.4 here. Eq. 3 is a 1,024th: 0.01 there is 0.01 * 65,536 / 1,024 = 0.64 here.

    Args:
        skeleton: the layout of the heatmaps; MPII's 16 joints.
        size: of the crops, px, a multiple of 64; for ``efficientnet_lite0`` 64 or more and a multiple of 32.
        width, stacks, modules: of the hourglass and the depth module.
        backbone: ``hourglass`` as in the paper; ``efficientnet_lite0`` for a network that can start from ImageNet's weights,
            with a pyramid of ``width`` channels in place of stacks (not given).
        reading: ``code`` for the weights and bones of the released code, ``text`` for the text's numbers taken in this
            code's units, with the bones of the shoulders from the thorax.
        weight_depth, weight_geometry: lambda_reg and lambda_geo of Eq. 2; those of ``reading`` where not given.
        labelled_geometry: L_geo on pictures with 3D labels as well, "3D/w geo" where there are no others.
        learning_rate: of the optimizer.
        optimizer: ``rmsprop`` as in Newell et al. 2016, or ``adam``, which suits weights that ImageNet has trained
            (not given).
        frozen_stages: of ``efficientnet_lite0``, from 0 to 7; they and the stem keep the weights that training starts from.
        mirrored: predict from the mean of the maps of a picture and of its mirror image, mirrored back, as in Newell et al.
            2016, Sec. 3.3; likewise depths. Twice the time.
        decay_steps: the rate falls along half a cosine over so many steps (not given).
        cosine: the rate falls along half a cosine over the whole run, whether steps or minutes end it (not given).
        drop_step: the rate falls to a tenth after so many steps: four fifths of stage 2.
        average_decay: of the exponential average of the weights that predicts; 0 for none (not given).

    Raises:
        InputError: a size that the network cannot halve often enough, an unknown reading, or two ways to lower the rate.
    """

    paper = "hg3d"

    doubtful_below = 0.35

    def __init__(
        self,
        skeleton: str = "mpii16",
        size: int = 256,
        width: int = 256,
        stacks: int = 2,
        modules: int = 2,
        reading: str = "code",
        weight_depth: float | None = None,
        weight_geometry: float | None = None,
        labelled_geometry: bool = False,
        learning_rate: float = 2.5e-4,
        decay_steps: int | None = None,
        cosine: bool = False,
        drop_step: int | None = None,
        average_decay: float = 0.0,
        backbone: str = "hourglass",
        optimizer: str = "rmsprop",
        frozen_stages: int = 0,
        mirrored: bool = False,
    ) -> None:
        super().__init__(skeleton, size)
        if backbone not in BACKBONES:
            raise InputError(f"backbone is {backbone!r}; expected one of {', '.join(BACKBONES)}.")
        if size % BACKBONES[backbone] or size < 64 or width % 4 or width < 4 or min(stacks, modules) < 1:
            raise InputError(
                f"size {size}, width {width}, {stacks} stacks, {modules} modules; expected a size of 64 or more that is a "
                f"multiple of {BACKBONES[backbone]}, a width that is a multiple of 4, 1 stack and module or more."
            )
        if not 0 <= frozen_stages <= (0 if backbone == "hourglass" else len(STAGES)):
            raise InputError(f"frozen_stages is {frozen_stages}; expected 0 to {len(STAGES)}, and 0 for an hourglass.")
        if optimizer not in OPTIMIZERS:
            raise InputError(f"optimizer is {optimizer!r}; expected one of {', '.join(OPTIMIZERS)}.")
        if reading not in READINGS:
            raise InputError(f"reading is {reading!r}; expected one of {', '.join(READINGS)}.")
        if (decay_steps is not None) + (drop_step is not None) + cosine > 1:
            raise InputError("decay_steps, cosine and drop_step each lower the rate; give one of them.")
        self.save_hyperparameters()
        depth, geometry, shoulders = READINGS[reading]
        self.hp.update(
            weight_depth=depth if weight_depth is None else weight_depth,
            weight_geometry=geometry if weight_geometry is None else weight_geometry,
        )
        network = HourglassWithDepth(len(self.skeleton), width, stacks, modules, size, backbone, frozen_stages)
        self.network = channels_last(network)
        self.average = AveragedNetwork(self.network, average_decay) if average_decay else None
        self.groups = losses.groups_of(self.skeleton, shoulders)

    @property
    def predictor(self) -> nn.Module:
        """The network that predicts: the average, where there is one."""
        return self.network if self.average is None else self.average.module

    def weights(self) -> dict[str, Tensor]:
        """Return the network that predicts, and the canonical skeleton."""
        own = {name: value for name, value in self.state_dict().items() if not name.startswith("average.")}
        return own if self.average is None else {**own, **self.average.published("network")}

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Load what :meth:`weights` returned, for training and for prediction."""
        average = {} if self.average is None else AveragedNetwork.state_of(weights, "network")
        self.load_state_dict({**weights, **average})

    def on_train_batch_end(self, *_: object) -> None:
        """Update the average."""
        if self.average is not None:
            self.average.update_parameters(self.network)

    def setup(self, stage: str) -> None:
        """Freeze the depth module in stage 1, where no loss trains it."""
        super().setup(stage)
        if stage == "fit":
            labelled = self.datamodule is None or self.datamodule.kinds["labelled"] is not None
            labelled = labelled and self.hp.weight_depth > 0
            pose = self.network.pose
            for part in (self.network.depth, pose.from_features[-1], pose.from_heatmaps[-1]):  # and before them
                part.requires_grad_(labelled or self.hp.weight_geometry > 0)

    def canonical(self) -> list[Float[Tensor, "_"]]:
        """Return the lengths of each group's bones in the canonical skeleton, as ratios about 1.

        The text divides by the lengths themselves, here by their share of the mean bone. The released code knows ratios
        within a group alone: shoulders and hips, which have one bone a side, count as they are.
        """
        bones = [tuple(sorted(bone)) for bone in self.skeleton.bones]
        lengths = []
        for group in self.groups:
            ends = [tuple(sorted(bone)) for bone in group]
            known = all(bone in bones for bone in ends)  # from the upper neck to a shoulder is no bone of the layout
            rows = [bones.index(bone) for bone in ends] if known else [0] * len(ends)
            lengths.append(self.canonical_mm[rows])
        if self.hp.reading == "code":
            return [group / group.mean() for group in lengths]
        mean = torch.cat(lengths).mean()
        return [group / mean for group in lengths]

    def training_step(self, batch: dict[str, dict[str, Tensor]], batch_idx: int) -> Tensor:
        labelled, annotated = batch.get("labelled"), batch.get("annotated")
        parts = [part for part in (labelled, annotated) if part is not None]
        keypoints = torch.cat([part["keypoints_2d"] for part in parts])
        count, with_depth = len(keypoints), 0 if labelled is None else len(labelled["keypoints_2d"])
        heatmaps, features = self.network.pose(self.normalize(torch.cat([part["picture"] for part in parts])))

        side = heatmaps[0].shape[-1]
        known = torch.isfinite(keypoints).all(-1)
        target = losses.gaussians(self._to_maps(keypoints, side), side)
        terms = {"heatmaps": torch.stack([losses.heatmaps(maps.to(target.dtype), target, known) for maps in heatmaps]).sum()}
        if self.network.depth.depth.weight.requires_grad:
            depth = self.network.depth(features).to(keypoints.dtype)
            if labelled is not None:
                share = with_depth / count  # each term is a mean over all pictures of the batch
                terms["depth"] = share * losses.depth(depth[:with_depth], labelled["depth"] * (UNITS / self.size))
            rows = torch.arange(count, device=depth.device) >= (0 if self.hp.labelled_geometry else with_depth)
            if self.hp.weight_geometry:
                pose = torch.cat([keypoints * (UNITS / self.size), depth[..., None]], -1)
                terms["geometry"] = (losses.geometry(pose, self.canonical(), self.groups) * rows).sum() / count
        loss = (
            terms["heatmaps"]
            + self.hp.weight_depth * terms.get("depth", 0.0)
            + self.hp.weight_geometry * terms.get("geometry", 0.0)
        )
        self.log_dict({f"train/{name}": term.detach() for name, term in terms.items()}, batch_size=count)
        self.log("train/loss", loss.detach(), prog_bar=True, batch_size=count)
        return loss

    def _to_maps(self, keypoints: Float[Tensor, "B J 2"], side: int) -> Float[Tensor, "B J 2"]:
        """Convert px of the crop to px of maps; a pixel is a square whose centre is at whole numbers."""
        return (keypoints + 0.5) * (side / self.size) - 0.5

    def locate(self, picture: UInt8[Tensor, "B 3 S S"]) -> tuple[Float[Tensor, "B J 3"], Float[Tensor, "B J"]]:
        """Return poses in px of the crop, depths relative to the root, and the heatmaps' confidence in [0, 1]."""
        images = torch.cat([picture, picture.flip(-1)]) if self.hp.mirrored else picture
        heatmaps, depth = self.for_inference(self.predictor)(self.normalize(images))
        maps = heatmaps[-1].float()  # half precision cannot represent fractions of a pixel
        if self.hp.mirrored:
            count = picture.shape[0]  # by which an exported graph keeps the number of pictures open; chunk(2) would fix it
            (maps, other), (depth, other_depth) = ((both[:count], both[count:]) for both in (maps, depth))
            maps = (maps + other.flip(-1)[:, self.skeleton.mirror]) / 2
            depth = (depth + other_depth[:, self.skeleton.mirror]) / 2
        points, height = peaks(maps)
        points = (points + 0.5) * (self.size / maps.shape[-1]) - 0.5
        root = self.skeleton.root
        depth = (depth - depth[:, root : root + 1]).float() * (self.size / UNITS)
        return torch.cat([points, depth[..., None]], -1), height.clamp(0.0, 1.0)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        optimizer = OPTIMIZERS[self.hp.optimizer](self.network.parameters(), lr=self.hp.learning_rate)
        if self.hp.drop_step is not None:
            schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [self.hp.drop_step])
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
        return self.decayed(optimizer, self.hp.decay_steps, self.hp.cosine)
