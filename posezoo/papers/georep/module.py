"""Weakly-Supervised Discovery of Geometry-Aware Representation for 3D Human Pose Estimation.

Xipeng Chen, Kwan-Yee Lin, Wentao Liu, Chen Qian, Xiaogang Wang, Liang Lin, CVPR 2019.

::

    x_i ──draw──> S_i ──phi──> G_i ──R_{i->j}──> G_ij ──psi──> S~_j   L_l2 against S_j
                                │                 │
                                │                L_rc
                                │                 │
                  S~_i <──nu── R_{j->i} <──────── G_j <──mu── S_j <──draw── x_j
                  L_l2 against S_i
                                │
                                └──> Regression #1 ──> 3D pose      trained afterwards, phi fixed, on a few labels
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from posezoo.distributed import draw
from posezoo.errors import InputError
from posezoo.geometry import center_and_scale
from posezoo.lifting import LiftingModule, as_list
from posezoo.lifting.base import Trained, outside_inference
from posezoo.lifting.inputs import check_keypoints
from posezoo.lifting.schedule import Part, cosine
from posezoo.networks import SkeletonEncoder, encode_all, fuse_batch_norm
from posezoo.papers.georep import losses
from posezoo.papers.georep.interpolation import Interpolation, interpolate
from posezoo.papers.georep.networks import Generator, Regression

if TYPE_CHECKING:
    from pytorch_lightning.utilities.types import OptimizerLRScheduler

_STATISTICS = 4096
"""How many augmented poses means and deviations are measured on."""


class GeoRep(LiftingModule):
    """Chen, Lin et al. 2019 and Regression #1. Defaults are the paper's where it gives a value; ``(not given)`` marks ours.

    First the generators learn from pairs of views, for ``representation_steps``; then the regressor learns from labels, for
    ``label_steps``. Which pairs there are, and how many labels, the data module says.

    Args:
        skeleton: the layout of inputs and outputs; the paper's 16 joints (15 bones, 48 numbers), or any other.
        width, levels, points, eta, map_size, limb_px, extent, pictures: of the :class:`posezoo.networks.SkeletonEncoder`.
        representation: off, Regression #1 sees the 2D coordinates: "Baseline #1".
        consistency: the second generator and L_rc: "DG" of Fig. 6; off is "SG".
        normalized: what L_rc normalises: every point of a code, as Eq. 3 sums over them (``points``), or a pose's whole
            ``code``.
        weight_consistency: of L_rc; Eq. 4 has none.
        regression_width, regression_dropout: of Regression #1; the paper speaks of no dropout.
        representation_steps, label_steps: batches of either training (not given).
        learning_rate, label_learning_rate: of Adam, each decayed along a half cosine (not given).
        label_batch_size: labelled poses of a batch, over all processes (not given).
        cosine: let the two trainings share the run, however long it is, as their numbers of steps do.
        mirrored: predict the mean of a pose and of what the mirrored keypoints give (not in the paper).
        facing: lift from a camera turned to look at the root, where it is known (not in the paper).

    Raises:
        InputError: steps for a representation that there is not, or none of either; another ``normalized``.
    """

    paper = "georep"
    former_defaults: ClassVar[dict[str, object]] = {"normalized": "code"}

    def __init__(
        self,
        skeleton: str = "mpii16",
        width: int = 32,
        levels: int = 4,
        points: int = 512,
        eta: int = 1,
        map_size: int = 64,
        limb_px: float = 8.0,
        extent: float = 2.5,
        pictures: bool = False,
        representation: bool = True,
        consistency: bool = True,
        normalized: str = "points",
        weight_consistency: float = 1.0,
        regression_width: int = 1024,
        regression_dropout: float = 0.0,
        representation_steps: int = 100_000,
        label_steps: int = 10_000,
        learning_rate: float = 1e-3,
        label_learning_rate: float = 1e-3,
        label_batch_size: int = 64,
        cosine: bool = False,
        mirrored: bool = False,
        facing: bool = False,
    ) -> None:
        super().__init__(skeleton, unit="mm")
        if min(representation_steps, label_steps) < 0 or not representation_steps + label_steps:
            raise InputError(f"representation_steps {representation_steps}, label_steps {label_steps}: nothing to train.")
        if representation_steps and not representation:
            raise InputError(f"representation is off, but representation_steps is {representation_steps}; set it to 0.")
        if normalized not in ("points", "code"):
            raise InputError(f"normalized is {normalized!r}; expected 'points' or 'code'.")
        self.save_hyperparameters()
        self.facing = facing
        self.automatic_optimization = False
        settings = {
            "width": width, "levels": levels, "points": points, "eta": eta, "map_size": map_size, "limb_px": limb_px,
            "extent": extent, "pictures": pictures,
        }  # fmt: skip
        joints = len(self.skeleton)
        self.generator = Generator(self.skeleton, settings) if representation else None
        self.inverse = Generator(self.skeleton, settings) if representation and consistency else None
        inputs = (points, 3 * eta) if representation else (joints, 2)
        self.regression = Regression(inputs, joints, regression_width, regression_dropout)
        self._labelled: tuple[Tensor, Tensor] | None = None
        self._encoder: tuple[SkeletonEncoder, ...] = ()
        self._standardized = False

    def lift(self, keypoints_2d: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 3"]:
        if self.hp.mirrored:
            return self.with_mirror_image(self._lift, center_and_scale(keypoints_2d, self.skeleton.root)[0])
        return self._lift(keypoints_2d)

    def _lift(self, keypoints_2d: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 3"]:
        return self.regression(self.samples(keypoints_2d))

    def samples(self, keypoints_2d: Float[Tensor, "B J 2"]) -> Float[Tensor, "B A D"]:
        """Return the regressor's input: G, or for Baseline #1 the keypoints about their root."""
        if self.generator is None:
            return center_and_scale(keypoints_2d, self.skeleton.root)[0]
        with torch.no_grad():
            return self.for_inference(self.generator.encoder).encode(keypoints_2d)

    @torch.inference_mode()
    def encode(self, keypoints_2d: object, skeleton: object = None) -> np.ndarray | Tensor:
        """Return G of 2D keypoints of any named layout.

        Args:
            keypoints_2d: (..., J, 2) array, tensor or nested list; px, y down.
            skeleton: their layout; the model's own where not given.

        Returns:
            (..., M, 3 eta): M points of eta triples each, in the camera's frame, of no unit; a tensor for tensors.

        Raises:
            InputError: what :meth:`predict` refuses, or a model without a representation.
            UnknownNameError: unknown skeleton.
        """
        if self.generator is None:
            raise InputError("this model has no representation: its regressor sees 2D coordinates.")
        checked = check_keypoints(keypoints_2d, skeleton, self.skeleton)
        code = self.samples(torch.from_numpy(checked.values).to(self.device)).unflatten(0, checked.shape or (1,))
        code = code if checked.shape else code[0]
        return outside_inference(code) if isinstance(keypoints_2d, Tensor) else code.cpu().numpy()

    @torch.inference_mode()
    def interpolate(self, first: object, second: object, steps: int = 7, skeleton: object = None) -> Interpolation:
        """Return codes on the line from one pose's code to another's, decoded and lifted.

        Args:
            first, second: (J, 2) px, as the same camera sees them.
            steps: how many codes, both poses' own included.
            skeleton: the keypoints' layout; the model's own where not given.

        Raises:
            InputError: fewer than two steps, poses that cannot be encoded, or a model without a representation.
        """
        if self.generator is None or steps < 2:
            raise InputError(f"interpolation needs a representation and 2 steps or more; {steps} were asked for.")
        poses = check_keypoints(np.stack([np.asarray(first), np.asarray(second)]), skeleton, self.skeleton).values
        ends = self.samples(torch.from_numpy(poses).to(self.device))
        return interpolate(ends, steps, self.for_inference(self.generator.decoder), self.regression)

    def synthesis_losses(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return every term of Eq. 4, unweighted."""
        assert self.generator is not None
        source, target = (self.generator.encoder.maps(batch[f"{view}_2d"]) for view in ("source", "target"))
        rotation = batch["rotation"]
        pred, _, turned = self.generator(source, rotation)
        terms = {"reconstruction": losses.reconstruction(pred, target)}
        if self.inverse is not None:
            back, code, _ = self.inverse(target, rotation.mT)
            terms["reconstruction_back"] = losses.reconstruction(back, source)
            terms["consistency"] = losses.consistency(turned, code, self.hp.normalized)
        return terms

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        if self._represented():
            self.regression_step(batch)
            return
        terms = self.synthesis_losses(batch)
        loss = (
            terms["reconstruction"]
            + terms.get("reconstruction_back", 0.0)
            + self.hp.weight_consistency * terms.get("consistency", torch.zeros((), device=self.device))
        )
        self._step(0, loss)
        self.log_dict({f"train/{name}": term.detach() for name, term in terms.items()} | {"train/loss": loss.detach()})

    @property
    def _representation_share(self) -> float:
        """The share of the run in which the generators train."""
        return self.hp.representation_steps / (self.hp.representation_steps + self.hp.label_steps)

    def _represented(self) -> bool:
        """Return whether the generators have been trained."""
        if self.hp.cosine:
            return self.progress.done >= self._representation_share
        return self.trainer.fit_loop.total_batch_idx >= self.hp.representation_steps

    def regression_step(self, batch: dict[str, Tensor]) -> None:
        """Sec. 3.4: the regressor on labelled poses, the encoder as it is."""
        if "pose_3d" in batch:
            samples, pose = self._encoded(batch)
        else:
            samples, pose = self.labelled()
            count = max(1, self.hp.label_batch_size // self.trainer.world_size)
            rows = (draw(torch.rand, count) * len(samples)).long().to(self.device)
            samples, pose = samples[rows], pose[rows]
        loss = losses.squared_error(self.regression.standardized(samples), self.regression.outputs(pose))
        self._step(-1, loss)
        self.log("train/supervised", loss.detach())

    def _encoded(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return the regressor's input for augmented poses, and standardise it by the first batches."""
        if self.generator is None:
            return self.samples(batch["source_2d"]), batch["pose_3d"]
        if not self._encoder:
            self._encoder = (fuse_batch_norm(self.generator.encoder),)
        if not self._standardized:
            many = self.datamodule.training_sample(_STATISTICS)
            self.regression.fit_statistics(self._encoder[0].encode(many["source_2d"]), many["pose_3d"])
            self._standardized = True
        with torch.no_grad():
            encoder = self._encoder[0]
            return encoder(encoder.maps(batch["source_2d"])), batch["pose_3d"]

    def labelled(self) -> tuple[Float[Tensor, "N A D"], Float[Tensor, "N J 3"]]:
        """Return the regressor's input for labelled poses, encoded once, and standardise it by them."""
        if self._labelled is None:
            labelled = self.datamodule.labelled
            if labelled is None:
                raise InputError("label_steps needs labels: give data.label_count another value than 0.")
            keypoints, pose = (labelled[name].to(self.device, self.dtype) for name in ("keypoints_2d", "pose_3d"))
            samples = self.samples(keypoints) if self.generator is None else encode_all(self.generator.encoder, keypoints)
            self.regression.fit_statistics(samples, pose)
            self._labelled = (samples, pose)
        return self._labelled

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Write whether the regressor's inputs and outputs are standardised, which a resumed run must not do anew."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["posezoo"]["standardized"] = self._standardized

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        self._standardized = checkpoint.get("posezoo", {}).get("standardized", False)

    def _step(self, which: int, loss: Tensor) -> None:
        optimizer, schedule = (as_list(given)[which] for given in (self.optimizers(), self.lr_schedulers()))
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()
        schedule.step()

    def _evaluate_batch(self, batch: dict[str, Tensor], stage: str) -> Tensor | None:
        """Lift and count a batch, as soon as there is a regressor."""
        if self.hp.label_steps and self._represented():
            return super()._evaluate_batch(batch, stage)
        return None

    def configure_optimizers(self) -> OptimizerLRScheduler:
        hp, optimizers = self.hp, list[torch.optim.Optimizer]()
        schedules: list[torch.optim.lr_scheduler.LRScheduler] = []
        generators = [p for net in (self.generator, self.inverse) if net is not None for p in net.parameters()]
        for parameters, rate, steps in (
            (generators, hp.learning_rate, hp.representation_steps),
            (list(self.regression.parameters()), hp.label_learning_rate, hp.label_steps),
        ):
            if steps:
                optimizers.append(torch.optim.Adam(parameters, lr=rate))
                if hp.cosine:
                    first = not schedules and steps == hp.representation_steps
                    share = self._representation_share
                    part = Part(self.progress, 0.0 if first else share, share if first else 1.0)
                    schedules.append(cosine(optimizers[-1], part))
                else:
                    schedules.append(torch.optim.lr_scheduler.CosineAnnealingLR(optimizers[-1], steps))
        return optimizers, schedules

    @classmethod
    def trained_on(cls, settings: Mapping[str, object], data: Mapping[str, object]) -> Trained | None:
        if said := super().trained_on(settings, data):
            return said
        if (count := data.get("label_count")) is None:
            return Trained("3D labels", "2D keypoints and 3D labels")
        needed = f"2D keypoints of several cameras, {count} 3D labels"
        return Trained(needed, f"{needed}, drawn at random")

    def weights(self) -> dict[str, Tensor]:
        """Return one generator and the regressor; the other generator is used in training alone."""
        return {name: values for name, values in self.state_dict().items() if not name.startswith("inverse.")}

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Load weights; start the second generator, where there is one, as a copy of the first."""
        copied = {}
        if self.inverse is not None:
            copied = {name.replace("generator.", "inverse.", 1): v for name, v in weights.items() if name.startswith("gen")}
        self.load_state_dict({**weights, **copied})
