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

from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from posezoo.errors import InputError
from posezoo.lifting import PictureModule
from posezoo.networks import channels_last
from posezoo.papers.hg3d import losses
from posezoo.papers.hg3d.networks import HourglassWithDepth
from posezoo.papers.hg3d.peaks import peaks

UNITS = 64.0
"""Depths, and lengths in Eq. 3, count in 64ths of the crop's side: px of the published heatmaps."""


class HG3D(PictureModule):
    """Zhou et al. 2017. Defaults are the paper's where it gives a value; ``(not given)`` marks ours.

    Which of the three stages is trained, the data and the weights of the losses say: 2D labels alone; both kinds with
    ``weight_geometry: 0``; both with 0.01.

    Args:
        skeleton: the layout of the heatmaps; MPII's 16 joints.
        size: of the crops, px, a multiple of 64.
        width, stacks, modules: of the hourglass and the depth module.
        weight_depth, weight_geometry: lambda_reg and lambda_geo of Eq. 2. What unit depths have is not said; see ``UNITS``.
        labelled_geometry: L_geo on pictures with 3D labels as well, "3D/w geo" where there are no others.
        learning_rate: of RMSprop, as in Newell et al. 2016.
        decay_steps: the rate falls along half a cosine over so many steps; constant where not given.

    Raises:
        InputError: a size that the network cannot halve often enough.
    """

    paper = "hg3d"

    def __init__(
        self,
        skeleton: str = "mpii16",
        size: int = 256,
        width: int = 256,
        stacks: int = 2,
        modules: int = 2,
        weight_depth: float = 0.1,
        weight_geometry: float = 0.01,
        labelled_geometry: bool = False,
        learning_rate: float = 2.5e-4,
        decay_steps: int | None = None,
    ) -> None:
        super().__init__(skeleton, size)
        if size % 64 or size < 64 or width % 4 or width < 4 or min(stacks, modules) < 1:
            raise InputError(
                f"size {size}, width {width}, {stacks} stacks, {modules} modules; expected multiples of 64 and 4, 1 or more."
            )
        self.save_hyperparameters()
        self.network = channels_last(HourglassWithDepth(len(self.skeleton), width, stacks, modules, size))
        self.groups = losses.groups_of(self.skeleton)

    def setup(self, stage: str) -> None:
        """Leave the depth module alone where nothing is to train it: stage 1."""
        super().setup(stage)
        if stage == "fit":
            labelled = self.datamodule is None or self.datamodule.kinds["labelled"] is not None
            pose = self.network.pose
            for part in (self.network.depth, pose.from_features[-1], pose.from_heatmaps[-1]):  # and what leads there
                part.requires_grad_(labelled or self.hp.weight_geometry > 0)

    def canonical(self) -> list[Float[Tensor, "_"]]:
        """Lengths of each group's bones in the canonical skeleton, about 1: ratios keep the unit of the pose."""
        bones = [tuple(sorted(bone)) for bone in self.skeleton.bones]
        lengths = [self.canonical_mm[[bones.index(tuple(sorted(bone))) for bone in group]] for group in self.groups]
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
            rows &= known.all(1)
            if self.hp.weight_geometry and bool(rows.any()):
                pose = torch.cat([keypoints[rows] * (UNITS / self.size), depth[rows, :, None]], -1)
                terms["geometry"] = losses.geometry(pose, self.canonical(), self.groups).sum() / count
        loss = (
            terms["heatmaps"]
            + self.hp.weight_depth * terms.get("depth", 0.0)
            + self.hp.weight_geometry * terms.get("geometry", 0.0)
        )
        self.log_dict({f"train/{name}": term.detach() for name, term in terms.items()}, batch_size=count)
        self.log("train/loss", loss.detach(), prog_bar=True, batch_size=count)
        return loss

    def _to_maps(self, keypoints: Float[Tensor, "B J 2"], side: int) -> Float[Tensor, "B J 2"]:
        """Px of the crop to px of maps; pixels are squares with their centres at whole numbers."""
        return (keypoints + 0.5) * (side / self.size) - 0.5

    def locate(self, picture: UInt8[Tensor, "B 3 S S"]) -> tuple[Float[Tensor, "B J 3"], Float[Tensor, "B J"]]:
        """Poses in px of the crop, depths about the root's, and how sure the heatmaps are, in [0, 1]."""
        heatmaps, depth = self.for_inference(self.network)(self.normalize(picture))
        points, height = peaks(heatmaps[-1])
        points = (points + 0.5) * (self.size / heatmaps[-1].shape[-1]) - 0.5
        root = self.skeleton.root
        depth = (depth - depth[:, root : root + 1]) * (self.size / UNITS)
        return torch.cat([points, depth[..., None]], -1), height.clamp(0.0, 1.0)

    def configure_optimizers(self) -> Any:
        return self.decayed(torch.optim.RMSprop(self.parameters(), lr=self.hp.learning_rate), self.hp.decay_steps)
