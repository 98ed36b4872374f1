"""Unsupervised 3D Pose Estimation with Geometric Self-Supervision.

Ching-Hang Chen, Ambrish Tyagi, Amit Agrawal, Dylan Drover, Rohith MV, Stefan Stojanov, James M. Rehg, CVPR 2019.

::

    x ──> lifter ──> X ──Q: turn, place at c──> Y ──project──> y ──> discriminator <── real poses r
    │                                           │              │ └─> temporal discriminator: y_t - y_t+1 <── r_t - r_t+1
    │                                         L_3D             v
    └──L_2D── x~ <──project── X~ <──Q inverse── Y~ <───────── lifter (the same)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from posezoo.distributed import draw, roll
from posezoo.errors import InputError
from posezoo.geometry import body_variance, mirror_half, random_view
from posezoo.lifting import as_list
from posezoo.lifting.schedule import cosine
from posezoo.lifting.student import Student
from posezoo.networks import AveragedNetwork, LearnedPitch, PoseCritic
from posezoo.papers.geoselfsup import losses
from posezoo.papers.geoselfsup.labels import FewLabels
from posezoo.papers.geoselfsup.networks import Completion, Lifter, TemporalDiscriminator

if TYPE_CHECKING:
    from pytorch_lightning.utilities.types import OptimizerLRScheduler


class GeoSelfSup(Student, FewLabels):
    """Chen, Tyagi et al. 2019. Defaults are the paper's where it gives a value; ``(not given)`` marks ours.

    Args:
        skeleton: the layout of inputs and outputs; the paper's 14 joints, or any other.
        dropout: after each layer of the lifter (not given).
        width, critic_width: of lifter and discriminators (not given; Martinez et al.'s, whose architecture they follow).
        distance: c, from the camera to the root.
        normalization: ``dataset``: one scale for all data, so that heads are 1 / c from the root on average (Sec. 3). The
            scale is that of the training keypoints, in px, and is right for cameras and distances like theirs alone. Scales
            of each pose lift any camera's keypoints: ``head``: the pose's own head is 1 / c from the root; ``joints``: its
            joints are on average, which does not grow without bound where a person bends towards the camera.
        self_consistency: L_2D and L_3D; off is Table 3's "Adv".
        discriminator: off is Table 3's "SS".
        symmetry: weight of the symmetry of limb ratios; 1 is Table 3's "SS + Symm" (not given). Not used otherwise.
        neighbours: M, frames beside each that the temporal discriminator sees; 0 is without "TD".
        elevation: of random views, radians.
        pitch, pitch_deviation: of the real cameras, radians, positive looking down; 0 turns people about the camera's
            vertical, as the paper does, see :func:`posezoo.geometry.random_view`.
        learn_pitch: begin with these two and learn them, :class:`posezoo.networks.LearnedPitch`; for cameras that nobody has
            measured.
        flip: mirror half of all poses (not in the paper).
        mirrored: predict the mean of a pose and of what the mirrored keypoints give, mirrored back (not in the paper; Pavllo
            et al. 2019 and others do so).
        saturating: the lifter's loss as Eq. 5 prints it, log(1 - D); off, -log D in its place.
        weight_2d, weight_3d, weight_temporal: w_2D, w_3D, w_T of Eq. 8.
        weight_body: of :func:`posezoo.geometry.body_variance` (not in the paper; fine-tuning sets it).
        penalty: weight of the R1 gradient penalty on the discriminators (not in the paper).
        learning_rate, critic_learning_rate, beta1, beta2: of Adam (not given).
        cosine_steps: decay the rates along a half cosine over so many steps; None keeps them.
        cosine: decay them so over the run, however long it is.
        facing: lift from a camera turned to look at the root, where it is known (not in the paper).
        student: instead of the paper's training, learn augmented poses that a ``teacher`` lifted, or ``labels``, see
            :class:`posezoo.lifting.student.Student`.
        student_learning_rate, one_body: of such training.
        average_decay: of the weights' moving average, which is what predicts; 0 for the latest weights.
        completion_width: of the network that fills in missing joints (not given).
        label_steps: supervised fine-tuning that follows the unsupervised steps (Sec. 4.4), 0 for none; the data say how
            many labels it may see (``label_fraction``).
        unsupervised_steps: after so many steps fine-tuning begins; needed with ``label_steps``.
        label_learning_rate: of fine-tuning, decayed along a half cosine (not given).

    Raises:
        InputError: settings that contradict each other.
    """

    paper = "geoselfsup"
    former_defaults: ClassVar[dict[str, object]] = {"normalization": "head", "saturating": False}

    def __init__(
        self,
        skeleton: str = "common14",
        width: int = 1024,
        critic_width: int = 1024,
        dropout: float = 0.0,
        distance: float = 10.0,
        normalization: str = "dataset",
        self_consistency: bool = True,
        discriminator: bool = True,
        symmetry: float = 0.0,
        neighbours: int = 0,
        elevation: float = math.pi / 9,
        pitch: float = 0.0,
        pitch_deviation: float = 0.0,
        learn_pitch: bool = False,
        flip: bool = False,
        mirrored: bool = False,
        saturating: bool = True,
        weight_2d: float = 10.0,
        weight_3d: float = 0.001,
        weight_temporal: float = 1.0,
        penalty: float = 0.0,
        weight_body: float = 0.0,
        learning_rate: float = 2e-4,
        critic_learning_rate: float | None = None,
        beta1: float = 0.9,
        beta2: float = 0.999,
        cosine_steps: int | None = None,
        average_decay: float = 0.0,
        completion_width: int = 256,
        label_steps: int = 0,
        unsupervised_steps: int | None = None,
        label_learning_rate: float = 1e-3,
        cosine: bool = False,
        facing: bool = False,
        student: str | None = None,
        student_learning_rate: float = 1e-3,
        one_body: bool = True,
    ) -> None:
        super().__init__(skeleton, unit="relative")
        if normalization not in ("dataset", "head", "joints"):
            raise InputError(f"normalization is {normalization!r}; expected 'dataset', 'head' or 'joints'.")
        if not (self_consistency or discriminator or unsupervised_steps == 0):
            raise InputError("neither self_consistency nor discriminator: there is nothing to learn from.")
        if neighbours and not discriminator:
            raise InputError("the temporal discriminator comes on top of the discriminator; set discriminator too.")
        if label_steps and unsupervised_steps is None:
            raise InputError("label_steps needs unsupervised_steps, after which fine-tuning begins (0 to begin with it).")
        if learn_pitch and not discriminator:
            raise InputError("the discriminator tells learn_pitch how new views must look; set discriminator too.")
        self.save_hyperparameters()
        self.facing = facing
        self.takes_any_scale = normalization != "dataset"
        if normalization == "dataset":
            self.register_buffer("head_px", torch.zeros(()))
        self.automatic_optimization = False
        joints, names = len(self.skeleton), self.skeleton.joints
        # "the midpoint between hip joints" is a joint of some layouts.
        self.hips = [names.index("pelvis")] if "pelvis" in names else [names.index(f"{s}_hip") for s in ("left", "right")]
        self.lifter = Lifter(joints, self.hips, width, distance, dropout)
        self.critic = PoseCritic(joints, critic_width, distance, blocks=3) if discriminator else None
        self.temporal = TemporalDiscriminator(joints, neighbours, critic_width, distance) if neighbours else None
        self.completion = Completion(joints, completion_width, 1.0)
        self.average = AveragedNetwork(self.lifter, average_decay)
        self.learned_pitch = LearnedPitch(pitch, pitch_deviation) if learn_pitch else None

    def weights(self) -> dict[str, Tensor]:
        """Return the averaged lifter in place of the latest, the completion, and the discriminators, for fine-tuning."""
        kept = ("critic.", "temporal.", "completion.", "head_px", "learned_pitch.")
        state = {k: v for k, v in self.state_dict().items() if k.startswith(kept)}
        return state | self.average.published("lifter")

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        self.load_state_dict({**weights, **self.average.state_of(weights, "lifter")})

    def prepare_finetuning(self, learning_rate: float, body: float = 0.0, pitch: float | None = None) -> None:
        super().prepare_finetuning(learning_rate, body, pitch)
        self.hp.weight_body = body
        self.hp.label_steps = self.hp.neighbours = 0
        self.average = AveragedNetwork(self.lifter, self.hp.average_decay)

    @property
    def judge_of_motion(self) -> TemporalDiscriminator | None:
        """The temporal discriminator while it trains; single poses, as in fine-tuning, have no neighbours in time."""
        return self.temporal if self.hp.neighbours else None

    def lifter_losses(
        self, frames: Float[Tensor, "B F J 2"], in_time: Bool[Tensor, "B"] | None = None
    ) -> tuple[dict[str, Tensor], Float[Tensor, "B F J 2"]]:
        """Return every term of Eq. 8, unweighted, and the projected poses.

        Args:
            frames: normalised poses with their neighbours, which are turned as they are.
            in_time: which have neighbours; all where not given.
        """
        hp, count = self.hp, frames.shape[1]
        x = frames.flatten(0, 1)
        pose = self.relative(x)
        turn = random_view(len(frames), *self.pitch_of_cameras(), hp.elevation, device=self.device)
        turn = turn.repeat_interleave(count, 0)
        turned, y = self._seen_after(turn, pose)
        seen, scale = self.as_input(y)
        view_scale = scale
        terms = {}
        if hp.symmetry:
            terms["symmetry"] = losses.limb_symmetry(pose, self.skeleton)
        if hp.weight_body:
            terms["body"] = body_variance(pose, self.skeleton)
        if self.memory_weight:
            terms["memory"] = self.forgetting(lambda pixels: self.relative(self.normalize(pixels)), len(frames))
        if hp.self_consistency:
            if self.learned_pitch is not None:  # only the discriminators judge it: loops close best where views are alike
                turn = turn.detach()
                turned, view = self._seen_after(turn, pose)
                seen, view_scale = self.as_input(view)
            # Lift at the scale of all inputs, then restore the scale of y.
            again = self.relative(seen) * view_scale
            terms["3d"] = losses.loop_closure(turned, again)
            terms["2d"] = losses.loop_closure(x, self.project(again @ turn))
        # Show new views to the discriminators at the scale of real poses, which could otherwise be told by size alone.
        first = scale.unflatten(0, (-1, count))[:, :1]
        fake = y.unflatten(0, (-1, count)) / first
        if self.critic is not None:
            terms["adversarial"] = losses.adversarial(self.critic(fake[:, 0]), hp.saturating)
        if (temporal := self.judge_of_motion) is not None:
            moving = fake if in_time is None else fake[in_time]
            terms["temporal"] = losses.adversarial(temporal(moving), hp.saturating)
        return terms, fake

    def _seen_after(
        self, turn: Float[Tensor, "B 3 3"], pose: Float[Tensor, "B J 3"]
    ) -> tuple[Float[Tensor, "B J 3"], Float[Tensor, "B J 2"]]:
        """Return turned poses, and the poses that the camera sees of them."""
        turned = pose @ turn.mT
        return turned, self.project(turned)

    def critic_losses(
        self, real: Float[Tensor, "B F J 2"], fake: Float[Tensor, "B F J 2"], in_time: Bool[Tensor, "B"] | None = None
    ) -> dict[str, Tensor]:
        """Return what the discriminators minimise: Eq. 5 and 6."""
        critic, temporal, scale = self.critic, self.judge_of_motion, self.hp.distance
        assert critic is not None
        # r must not be the pose that was turned, so shift the batch by one.
        sampled = roll(real)
        moving, moved = (sampled, fake) if in_time is None else (sampled[roll(in_time)], fake[in_time])
        terms = {"critic": losses.discriminator(critic(sampled[:, 0]), critic(fake[:, 0]))}
        if temporal is not None:
            terms["temporal_critic"] = losses.discriminator(temporal(moving), temporal(moved))
        if self.hp.penalty:
            # Take gradients at the scale of the networks' first layers, where poses are about 1.
            terms["penalty"] = losses.gradient_penalty(lambda pose: critic(pose / scale), sampled[:, 0] * scale)
            if temporal is not None:
                penalty = losses.gradient_penalty(lambda pose: temporal(pose / scale), moving * scale)
                terms["penalty"] = terms["penalty"] + penalty
        return terms

    untaught = ("critic.", "temporal.", "completion.", "learned_pitch.")

    def on_fit_start(self) -> None:
        """Measure the scale of all data on the training split, which every process holds completely."""
        super().on_fit_start()
        if self.hp.normalization == "dataset" and not self.trainer.ckpt_path and not self.head_px:
            self.head_px.copy_(self.mean_head(self.datamodule.training_keypoints["keypoints_2d"]))

    def taught(self, keypoints_2d: Float[Tensor, "B J 2"]) -> tuple[Float[Tensor, "B J 3"], dict[str, Tensor]]:
        """Return the lifter's poses of pixels, and the completion's loss."""
        x = self.normalize(keypoints_2d)
        return self.relative(x), {"completion": self.completion_loss(x)}

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        hp = self.hp
        if hp.student:
            self.student_step(batch)
            self.average.update_parameters(self.lifter)
            return
        if hp.label_steps and self.trainer.fit_loop.total_batch_idx >= hp.unsupervised_steps:
            self.finetuning_step()
            return
        optimizers = as_list(self.optimizers())
        frames = self.frames(batch)
        self.toggle_optimizer(optimizers[0])
        terms, fake = self.lifter_losses(frames, batch.get("in_time"))
        weights = {
            "adversarial": 1.0,
            "2d": hp.weight_2d,
            "3d": hp.weight_3d,
            "temporal": hp.weight_temporal,
            "symmetry": hp.symmetry,
            "body": hp.weight_body,
            "memory": self.memory_weight,
            "completion": 1.0,
        }
        terms["completion"] = self.completion_loss(frames[:, 0])
        loss = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
        self._step(optimizers[0], loss)
        self.average.update_parameters(self.lifter)
        if self.critic is not None:
            self.toggle_optimizer(optimizers[1])
            judged = self.critic_losses(frames, fake.detach(), batch.get("in_time"))
            self._step(
                optimizers[1], torch.stack([hp.penalty * t if n == "penalty" else t for n, t in judged.items()]).sum()
            )
            terms |= judged
        schedules = as_list(self.lr_schedulers())
        for schedule in schedules[:-1] if hp.label_steps else schedules:
            schedule.step()
        if self.learned_pitch is not None:
            terms["pitch"], terms["pitch_deviation"] = self.learned_pitch()
        self.log_dict({f"train/{name}": value.detach() for name, value in terms.items()} | {"train/loss": loss.detach()})

    def frames(self, batch: dict[str, Tensor]) -> Float[Tensor, "B F J 2"]:
        """Return normalised poses with their neighbours, all at the scale of the first and each about its own root."""
        poses = batch["keypoints_2d"][:, None]
        if self.judge_of_motion is not None:
            if "neighbours_2d" not in batch:
                raise InputError(f"neighbours={self.hp.neighbours} needs data with neighbours (data.neighbours).")
            poses = torch.cat([poses, batch["neighbours_2d"]], 1)
        poses = poses - poses[..., self.hips, :].mean(-2, keepdim=True)
        poses = poses / self._normalized(poses[:, 0])[2][:, None]
        if self.hp.flip:
            (poses,) = mirror_half(poses, skeleton=self.skeleton)
        return poses

    def completion_loss(self, poses: Float[Tensor, "B J 2"]) -> Float[Tensor, ""]:
        """Return the error of poses whose random joints, up to half of them, are filled in."""
        share = draw(torch.rand, len(poses), 1, device=self.device) / 2
        present = (draw(torch.rand, *poses.shape[:2], device=self.device) >= share).to(poses.dtype)
        filled = self.complete(poses, present)
        return losses.completion(filled * self.hp.distance, poses * self.hp.distance, present)

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """Log metrics that need no 3D; count errors where the batch has labels."""
        self.log_bones(self._lifted(batch, "val"))

    def configure_optimizers(self) -> OptimizerLRScheduler:
        hp, betas = self.hp, (self.hp.beta1, self.hp.beta2)
        learners: list[Tensor] = [*self.lifter.parameters(), *self.completion.parameters()]
        if self.hp.student:
            return self.student_optimizer(learners)
        if self.learned_pitch is not None:
            learners += self.learned_pitch.parameters()
        optimizers: list[torch.optim.Optimizer] = [torch.optim.Adam(learners, lr=hp.learning_rate, betas=betas)]
        critics = [p for net in (self.critic, self.judge_of_motion) if net is not None for p in net.parameters()]
        if critics:
            rate = hp.critic_learning_rate or hp.learning_rate
            optimizers.append(torch.optim.Adam(critics, lr=rate, betas=betas))
        annealing = torch.optim.lr_scheduler.CosineAnnealingLR
        schedules: list[torch.optim.lr_scheduler.LRScheduler] = []
        if hp.cosine:
            schedules = [cosine(optimizer, self.progress) for optimizer in optimizers]
        elif hp.cosine_steps:
            schedules = [annealing(optimizer, hp.cosine_steps) for optimizer in optimizers]
        if hp.label_steps:
            finetuning = torch.optim.Adam(self.lifter.parameters(), lr=hp.label_learning_rate)
            optimizers.append(finetuning)
            schedules.append(annealing(finetuning, hp.label_steps))
        return optimizers, schedules
