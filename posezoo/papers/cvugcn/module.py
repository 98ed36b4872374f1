"""Weakly-supervised Cross-view 3D Human Pose Estimation.

Guoliang Hua, Wenhao Li, Qian Zhang, Runwei Ding, Hong Liu, 2021.

::

    x_1 ─┐                  ┌─> X~_1 ─┐            ┌─> shift ─> X_1 ──K_1──> reprojection  L_r <── 2D annotation
         ├─ triangulation ──┤         ├─ CV-UGCN ──┤            │ ^          symmetry      L_s
    x_2 ─┘                  └─> X~_2 ─┘            └─> shift ─> X_2          consistency   L_t, L_b between X_1 and X_2
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from posezoo.data import PoseData
from posezoo.errors import InputError
from posezoo.lifting.base import Trained
from posezoo.lifting.schedule import cosine
from posezoo.papers.cvugcn import losses
from posezoo.papers.cvugcn.context import CHANNELS
from posezoo.papers.cvugcn.evaluation import MultiViewMetrics, evaluate_views
from posezoo.papers.cvugcn.export_graph import CrossViewGraph
from posezoo.papers.cvugcn.networks import CrossViewNetwork
from posezoo.papers.cvugcn.prediction import predict_views
from posezoo.papers.cvugcn.refinement import Refinement
from posezoo.papers.cvugcn.rig import Rig
from posezoo.skeletons import Skeleton, get_skeleton

if TYPE_CHECKING:
    from pytorch_lightning.utilities.types import OptimizerLRScheduler

VIEWS = 2
_NOISE_MM = 15.0  # the error that detections of a few px cause


class CVUGCN(Refinement):
    """Hua et al. 2021. Defaults are the paper's where it gives a value; ``(not given)`` marks ours.

    Args:
        skeleton: the layout of inputs and outputs.
        width: channels (not given; 256 comes to 21 MB of weights, the paper's are 20 MB).
        spatial: neighbours within the body; off is Table 2's "w/o spatial configuration".
        cross_view: a joint's other view as its neighbour; off is "w/o cross-view correlation".
        fusion: S-GCN on each view and fusion before the U; off is "w/o fusion".
        refinement: off gives triangulated poses, "w/o refinement"; there is nothing to train then.
        triangulation: ``rays``: Eq. 1 as printed, once in the frame of either camera; ``dlt``: rows of pixels in the world's
            frame, once for both, see :func:`posezoo.geometry.triangulate`. On OpenMocap's detected keypoints 126 and 142 mm
            (every fifth frame, before ``reach_mm``). A model with ``context`` triangulates in the world's frame always.
        reach_mm: joints that are further than this from the middle of the body are misdetections and start from the nearest
            joint up the tree instead, with and without refinement (not in the paper; None leaves them). On OpenMocap's
            detected keypoints this alone takes triangulated poses from 142.6 to 122.9 mm.
        residual: also show the network where keypoints and coarse pose disagree in each view, which poses that were
            triangulated no longer tell (not in the paper).
        gate_mm: shifts are multiplied by r / (r + gate_mm), r the disagreement (root mean square over joints and views, mm):
            what the cameras agree on is left as it is (not in the paper). 0 for no gate.
        any_views: refine any number of views together, with fusion weights that all views share (not in the paper).
        context: also show the network what the clip says of each frame, see
            :func:`posezoo.papers.cvugcn.context.describe`, and give shifts in units of the clip's noise, so that exact
            keypoints stay exact (not in the paper). Such a model is trained on simulated rigs, see
            :class:`posezoo.papers.cvugcn.simulation.RigSettings`.
        passes: how often a model with ``context`` refines in prediction; a pass begins with the mean of those before, and
            the mean of all is predicted (not in the paper). On validation rigs of two and of four views two passes take
            7 % and 6 % off the error of one; a third takes no more off.
        weight_reprojection, weight_symmetry, weight_transformation, weight_direction: lambda of Eq. 7; 0 leaves a loss out.
        warmup_steps: over so many steps the weights of L_t and L_b grow from nothing to their own: poses that are not
            shifted are consistent already, and with full weights training stays there for long (not in the paper).
        pixel: px that count as much as a metre in the losses, whose units the paper does not give.
        learning_rate: of Adam.
        patience, decay: after so many epochs without a lower training loss the rate is multiplied by ``decay``.
        cosine_steps: decay the rate along a half cosine over so many steps instead.
        cosine: decay the rate along a half cosine over the run, however long steps or minutes make it.

    Raises:
        InputError: a negative gate, ``pixel`` not above 0, no pass, or another way to triangulate.
    """

    monitor = "val/reprojection_px"
    paper = "cvugcn"
    former_defaults: ClassVar[dict[str, object]] = {"triangulation": "dlt"}

    def __init__(
        self,
        skeleton: str = "h36m17",
        width: int = 256,
        spatial: bool = True,
        cross_view: bool = True,
        fusion: bool = True,
        refinement: bool = True,
        triangulation: str = "rays",
        residual: bool = False,
        gate_mm: float = 0.0,
        reach_mm: float | None = 1500.0,
        any_views: bool = False,
        context: bool = False,
        passes: int = 1,
        weight_reprojection: float = 1.0,
        weight_symmetry: float = 1.0,
        weight_transformation: float = 1.0,
        weight_direction: float = 0.1,
        warmup_steps: int = 0,
        pixel: float = 100.0,
        learning_rate: float = 1e-3,
        patience: int = 10,
        decay: float = 0.9,
        cosine_steps: int | None = None,
        cosine: bool = False,
    ) -> None:
        super().__init__(skeleton, unit="mm")
        if gate_mm < 0 or pixel <= 0:
            raise InputError(f"gate_mm {gate_mm}, pixel {pixel}; expected a gate_mm of 0 or more, and a pixel above 0.")
        if passes < 1 or (passes > 1 and not context):
            raise InputError(f"passes {passes}; expected 1 or more, and more than 1 of a model with context alone.")
        if triangulation not in ("rays", "dlt"):
            raise InputError(f"triangulation is {triangulation!r}; expected 'rays' or 'dlt'.")
        self.save_hyperparameters()
        inputs = 6 + 2 * residual + CHANNELS * context
        self.network = CrossViewNetwork(self.skeleton, inputs, width, VIEWS, spatial, cross_view, fusion, any_views)

    _predict_views = predict_views

    def export_graph(self, skeleton: str | Skeleton | None = None) -> CrossViewGraph:
        if self.hp.context:
            raise InputError(
                f"{self.zoo_name} sees whole clips and any number of views, which no graph of one batch holds; export "
                "cvugcn.cmu to a .pt file, or call predict_views."
            )
        return CrossViewGraph(self, None if skeleton is None else get_skeleton(skeleton))

    def losses(self, pose: Float[Tensor, "B V J 3"], target: Float[Tensor, "B V J 2"], rig: Rig) -> dict[str, Tensor]:
        """Return every term of Eq. 7, unweighted, of poses in metres and pixels in :attr:`pixel`."""
        metres = pose / 1000
        transferred = rig.transfer(pose) / 1000
        return {
            "reprojection": losses.reprojection(rig.project(pose) / self.hp.pixel, target / self.hp.pixel),
            "symmetry": losses.symmetry(metres, self.skeleton),
            "transformation": losses.transformation(metres, transferred),
            "direction": losses.bone_direction(metres, transferred, self.skeleton),
        }

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        if not self.hp.refinement:
            raise InputError("refinement is off: there is nothing to train.")
        with torch.autocast(self.device.type, enabled=False):  # of what is computed in 16 bits is the network alone
            return self.training_on_rigs(batch) if self.hp.context else self.training_on_recordings(batch)

    def training_on_recordings(self, batch: dict[str, Tensor]) -> Tensor:
        """Return Eq. 7 of poses that were triangulated from two recorded views."""
        rig = Rig.of(batch)
        coarse = self.fill(self.coarse(batch["keypoints_2d"], rig))
        pose = self.refine(coarse, batch["keypoints_2d"], rig)
        terms = self.losses(pose, batch["target_2d"], rig)
        hp = self.hp
        grown = min(1.0, self.global_step / hp.warmup_steps) if hp.warmup_steps else 1.0
        loss = (
            hp.weight_reprojection * terms["reprojection"]
            + hp.weight_symmetry * terms["symmetry"]
            + grown * hp.weight_transformation * terms["transformation"]
            + grown * hp.weight_direction * terms["direction"]
        )
        self.log_dict({f"train/{name}": term.detach() for name, term in terms.items()})
        self.log("train/loss", loss.detach(), prog_bar=True, on_step=True, on_epoch=True)
        return loss

    def training_on_rigs(self, batch: dict[str, Tensor]) -> Tensor:
        """Return the distance of refined poses from the simulated person, absolute and root-relative (not in the paper)."""
        rig, keypoints = Rig.of(batch), batch["keypoints_2d"]
        world = self.fill(self.coarse_clips(keypoints, rig))
        _, pose = self.refine_clips(world, keypoints, rig, picked=batch["picked"])
        rows = torch.arange(len(pose), device=pose.device)[:, None]
        off = (pose - batch["pose_3d"][rows, batch["picked"]]) / _NOISE_MM
        root = self.skeleton.root
        place = off.norm(dim=-1).mean()
        posture = (off - off[..., root : root + 1, :]).norm(dim=-1).mean()
        self.log_dict({"train/place": place.detach(), "train/posture": posture.detach()})
        self.log("train/loss", (place + posture).detach(), prog_bar=True, on_step=True, on_epoch=True)
        return place + posture

    @classmethod
    def trained_on(cls, settings: Mapping[str, object], data: Mapping[str, object]) -> Trained | None:
        if data.get("rigs") is None:
            return super().trained_on(settings, data)
        return Trained(
            "3D motion capture seen by simulated rigs",
            "3D motion alone: bodies, calibrated cameras, their errors and a detector's are simulated",
        )

    def evaluate(self, data: PoseData, **settings: Any) -> dict[str, Any]:
        """See :func:`posezoo.papers.cvugcn.evaluation.evaluate_views`."""
        return evaluate_views(self, data, **settings)

    @torch.autocast("cpu", enabled=False)
    @torch.autocast("cuda", enabled=False)
    def _evaluate_batch(self, batch: dict[str, Tensor], stage: str) -> None:
        rig = Rig.of(batch)
        if self.hp.context:
            world = self.fill(self.coarse_clips(batch["keypoints_2d"], rig))
            start, pose = self.refine_clips(world, batch["keypoints_2d"], rig)
            flat = [poses.flatten(0, 1) for poses in (pose, start, batch["pose_3d"])]
            for name in (stage, f"{stage}/views_{rig.K.shape[1]}"):
                if name not in self._metrics:
                    self._metrics[name] = MultiViewMetrics(self.skeleton).to(self.device)
                self._metrics[name].update(*flat)
            return
        coarse = self.fill(self.coarse(batch["keypoints_2d"], rig))
        pose = self.refine(coarse, batch["keypoints_2d"], rig)
        if "pose_3d" in batch:
            if stage not in self._metrics:
                self._metrics[stage] = MultiViewMetrics(self.skeleton).to(self.device)
            self._metrics[stage].update(pose, coarse, batch["pose_3d"])
        # A metric without 3D: the distance of the refined pose from both cameras' keypoints.
        error = losses.reprojection(rig.project(pose), batch["target_2d"]) / (VIEWS * len(self.skeleton))
        self.log(f"{stage}/reprojection_px", error, batch_size=len(pose), sync_dist=True)

    def _report(self, stage: str) -> None:
        """Report all pairs or rigs together, and rigs by number of views."""
        for name in [name for name in self._metrics if name == stage or name.startswith(f"{stage}/")]:
            super()._report(name)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        optimizer = torch.optim.Adam(self.network.parameters(), lr=self.hp.learning_rate)
        if self.hp.cosine:
            schedule = cosine(optimizer, self.progress, warmup=0.02)
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
        if self.hp.cosine_steps:
            annealing = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.hp.cosine_steps)
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": annealing, "interval": "step"}}
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=self.hp.decay, patience=self.hp.patience)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": plateau, "monitor": "train/loss_epoch"}}
