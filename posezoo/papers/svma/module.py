"""SVMA: A GAN-based model for Monocular 3D Human Pose Estimation.

Yicheng Deng, Yongqi Sun, Jiahui Zhu, 2021. Unsupervised: 2D poses in, nothing else.

::

    real x ──> generator ──> X (3D) ──rotate──> X~ ──K──> x~ ──> critic <── another real pose
                   │                             │         │
                   └──> K (camera) ──────────────┼─────────┤
                                                 │         v
                                            L_3D └── generator (the same) ──> X_rot (3D), K~ (camera)

    L_svma: x and the reprojections of X and X_rot by K and K~ agree, seen from either angle.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor

from posezoo.distributed import draw, roll
from posezoo.errors import InputError
from posezoo.geometry import body_variance, center_and_scale, even_views, mirror_half, random_view
from posezoo.lifting import FineTuning, LiftingModule, as_list
from posezoo.lifting.schedule import cosine
from posezoo.lifting.student import Student
from posezoo.networks import AveragedNetwork, LearnedPitch, PoseCritic
from posezoo.papers.svma import losses
from posezoo.papers.svma.networks import Generator

if TYPE_CHECKING:
    from pytorch_lightning.utilities.types import OptimizerLRScheduler


class SVMA(Student, FineTuning, LiftingModule):
    """Deng et al. 2021. Defaults are the paper's where it gives a value; ``(not given)`` marks ours.

    Args:
        skeleton: the layout of inputs and outputs.
        width, critic_width: of generator and critic (not given).
        dropout: in the generator (not given).
        batch_norm: in the generator.
        distance: d, the camera's distance in units of the mean joint distance.
        pose_output: ``depth`` or ``offsets``, see :class:`Generator`.
        discriminator: off is Table 4's row "without Dis".
        restore_scale: bring every new view to the scale of real poses before critic and generator see it. The paper does not
            say; Sec. 3.1 normalises what comes in. Off, new views stay as K made them: 61.4 mm on OpenMocap, against 60.7.
        reprojections: of Eq. 9: ``all``: both 3D estimates by both cameras, seen from either angle, eight in all; ``four``,
            as the text counts them: X by both cameras from the first angle, X_rot by both from the second.
        multi_angle: off is Table 4's row "without SVMA": one pass through the generator, Eq. 9 left with the
            reprojection of the input, without which the camera would be free.
        pitch, pitch_deviation: of the real cameras, rad, positive looking down; 0 and 0 turn people about the camera's
            vertical axis, as Eq. 5 does. Cameras that look down see upright people lean; turned about the camera's axis they
            would lean every other way, which no real 2D pose does. With the pitch taken out before the turn and put in
            after, they turn about gravity's axis instead. It is a property of the cameras, not a label.
        learn_pitch: begin with these two and learn them, :class:`posezoo.networks.LearnedPitch`; for cameras that nobody has
            measured.
        flip: mirror half of all poses, swapping left and right (not in the paper).
        lambda_adversarial: of L_adv, which the paper leaves at 1.
        lambda_angle, lambda_camera, lambda_symmetry, lambda_3d, lambda_svma: weights of Eq. 17.
        lambda_body: of :func:`posezoo.geometry.body_variance` (not in the paper; fine-tuning sets it).
        lambda_penalty: of the gradient penalty (WGAN-GP's 10; not given).
        learning_rate, critic_learning_rate, beta1, beta2: of Adam, for generator and critic; the critic's rate is the
            generator's where not given.
        cosine_steps: decay both rates along a half cosine over so many steps; None keeps them (the paper).
        cosine: decay them so over the run, however long it is.
        mirrored: predict the mean of a pose and of what the mirrored keypoints give (not in the paper).
        facing: lift from a camera turned to look at the root, where it is known (not in the paper).
        student: instead of the paper's training, learn augmented poses that a ``teacher`` lifted, or ``labels``, see
            :class:`posezoo.lifting.student.Student`.
        student_learning_rate, one_body: of such training.
        average_decay: of the weights' moving average, which is what predicts; 0 for the latest weights (the paper).

    Raises:
        InputError: a pitch beyond the horizontal, a negative deviation, or other ``reprojections``.
    """

    paper = "svma"

    def __init__(
        self,
        skeleton: str = "h36m17",
        width: int = 1024,
        critic_width: int = 1024,
        dropout: float = 0.5,
        batch_norm: bool = True,
        distance: float = 10.0,
        pose_output: str = "depth",
        discriminator: bool = True,
        multi_angle: bool = True,
        restore_scale: bool = True,
        reprojections: str = "all",
        pitch: float = 0.0,
        pitch_deviation: float = 0.0,
        learn_pitch: bool = False,
        flip: bool = False,
        lambda_adversarial: float = 1.0,
        lambda_angle: float = 1.0,
        lambda_camera: float = 1.0,
        lambda_symmetry: float = 0.01,
        lambda_3d: float = 0.1,
        lambda_svma: float = 10.0,
        lambda_penalty: float = 10.0,
        lambda_body: float = 0.0,
        learning_rate: float = 5.5e-5,
        critic_learning_rate: float | None = None,
        beta1: float = 0.7,
        beta2: float = 0.9,
        cosine_steps: int | None = None,
        cosine: bool = False,
        average_decay: float = 0.0,
        mirrored: bool = False,
        facing: bool = False,
        student: str | None = None,
        student_learning_rate: float = 1e-3,
        one_body: bool = True,
    ) -> None:
        super().__init__(skeleton, unit="relative")
        if not -math.pi / 2 < pitch < math.pi / 2 or pitch_deviation < 0:
            raise InputError(
                f"pitch {pitch} and deviation {pitch_deviation}; expected radians, |pitch| < pi / 2, deviation >= 0."
            )
        if learn_pitch and not discriminator:
            raise InputError("the discriminator tells learn_pitch how new views must look; set discriminator too.")
        if reprojections not in ("all", "four"):
            raise InputError(f"reprojections is {reprojections!r}; expected 'all' or 'four'.")
        self.save_hyperparameters()
        self.facing = facing
        self.automatic_optimization = False
        joints = len(self.skeleton)
        self.generator = Generator(joints, self.skeleton.root, width, distance, dropout, batch_norm, pose_output)
        self.critic = PoseCritic(joints, critic_width, distance, blocks=2) if discriminator else None
        self.average = AveragedNetwork(self.generator, average_decay)
        self.learned_pitch = LearnedPitch(pitch, pitch_deviation) if learn_pitch else None

    def normalize(self, keypoints_2d: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 2"]:
        """Sec. 3.1: root at the origin, the other joints at mean distance 1 / d."""
        return center_and_scale(keypoints_2d, self.skeleton.root, 1 / self.hp.distance)[0]

    def lift(self, keypoints_2d: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 3"]:
        x, generator = self.normalize(keypoints_2d), self.for_inference(self.average.module)
        pose = self.with_mirror_image(generator.lift, x) if self.hp.mirrored else generator.lift(x)
        return center_and_scale(pose, self.skeleton.root)[0]

    def weights(self) -> dict[str, Tensor]:
        """Return the averaged generator in place of the latest; for fine-tuning the critic, and the pitch where learned."""
        state = {k: v for k, v in self.state_dict().items() if k.startswith(("critic.", "learned_pitch."))}
        return state | self.average.published("generator")

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        self.load_state_dict({**weights, **self.average.state_of(weights, "generator")})

    def prepare_finetuning(self, learning_rate: float, body: float = 0.0, pitch: float | None = None) -> None:
        super().prepare_finetuning(learning_rate, body, pitch)
        self.hp.lambda_body = body
        self.average = AveragedNetwork(self.generator, self.hp.average_decay)

    def generate(
        self, keypoints: Float[Tensor, "B J 2"], averaged: bool = False
    ) -> tuple[Float[Tensor, "B J 3"], Float[Tensor, "B 2 3"]]:
        """Return root-relative 3D pose and camera of normalised keypoints, from the generator or its average.

        The camera acts on root-relative poses: with d in Z, as Eq. 6 reads, its third column would move the root, which
        lies at the origin by the preprocessing.
        """
        pose, camera = (self.average.module if averaged else self.generator)(keypoints)
        root = self.skeleton.root
        return pose - pose[:, root : root + 1], camera

    def seen(self, pose: Float[Tensor, "B J 3"], camera: Float[Tensor, "B 2 3"]) -> Float[Tensor, "B J 2"]:
        """Return a new view of root-relative poses; with ``restore_scale`` at the scale of real ones."""
        view = reproject(pose, camera)
        return self.normalize(view) if self.hp.restore_scale else view

    def judge(self, keypoints_2d: Float[Tensor, "B J 2"]) -> dict[str, Float[Tensor, "B"]]:
        """Score one loop of the figure with evenly spread angles instead of random ones; K acts on X_rot turned back.

        Not trivial: X is lifted in perspective, K is another, weak-perspective camera, and X_rot comes from another view.
        """
        real = self.normalize(keypoints_2d)
        pose, camera = self.generate(real, averaged=True)
        turn = even_views(len(real), self.mean_pitch, self.device)
        new_view = self.seen(pose @ turn.mT, camera)
        again, _ = self.generate(new_view, averaged=True)
        gap = (reproject(again @ turn, camera) - real).norm(dim=-1).mean(1)
        judged = {"reprojection": gap / real.norm(dim=-1).mean(1)}
        if self.critic is not None:
            judged["critic"] = self.critic(real) - self.critic(new_view)
        return judged

    def generator_losses(self, real: Float[Tensor, "B J 2"]) -> tuple[dict[str, Tensor], Float[Tensor, "B J 2"]]:
        """Return every term of Eq. 17 but the adversarial one, unweighted, and the new view's 2D poses."""
        hp = self.hp
        pose, camera = self.generate(real)
        rotation = random_view(len(real), *self.pitch_of_cameras(), device=self.device)  # Eq. 5
        rotated = pose @ rotation.mT
        new_view = self.seen(rotated, camera)
        terms = {
            "angle": losses.facing_angle(pose, self.skeleton),
            "symmetry": losses.bone_symmetry(pose, self.skeleton),
            "camera": losses.camera_scale(camera),
        }
        if hp.lambda_body:
            terms["body"] = body_variance(pose, self.skeleton)
        if self.memory_weight:
            terms["memory"] = self.forgetting(lambda pixels: self.generate(self.normalize(pixels))[0], len(real))
        if hp.multi_angle:
            seen = new_view
            if self.learned_pitch is not None:  # only the critic judges it: angles agree best where they are alike
                rotation = rotation.detach()
                rotated = pose @ rotation.mT
                seen = self.seen(rotated, camera)
            again, camera_again = self.generate(seen)
            cameras = (camera, camera_again)
            # Seen from the first angle, and from the second.
            own, new = [pose, again @ rotation], [rotated, again]
            if hp.reprojections == "four":
                own, new = own[:1], new[1:]
            first = [real] + [reproject(p, k) for p in own for k in cameras]
            second = [reproject(p, k) for p in new for k in cameras]
            terms["camera"] = terms["camera"] + losses.camera_equality(camera, camera_again)
            terms["3d"] = losses.consistency_3d(again, rotated)
            terms["svma"] = losses.multi_angle(first, second)
        else:
            terms["svma"] = losses.multi_angle([real, reproject(pose, camera)], [])
        return terms, new_view

    untaught = ("critic.", "learned_pitch.")

    def taught(self, keypoints_2d: Float[Tensor, "B J 2"]) -> tuple[Float[Tensor, "B J 3"], dict[str, Tensor]]:
        """Return the generator's poses of pixels, and the terms that hold its camera: Eq. 9 of the input and Eq. 12."""
        real = self.normalize(keypoints_2d)
        pose, camera = self.generate(real)
        seen = losses.multi_angle([real, reproject(pose.detach(), camera)], [])
        return pose, {"svma": seen, "camera": losses.camera_scale(camera)}

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        hp = self.hp
        if hp.student:
            self.student_step(batch)
            self.average.update_parameters(self.generator)
            return
        optimizers: Any = self.optimizers()
        generator_optimizer, critic_optimizer = optimizers if self.critic is not None else (optimizers, optimizers)
        real = self.normalize(batch["keypoints_2d"])
        if hp.flip:
            (real,) = mirror_half(real, skeleton=self.skeleton)

        self.toggle_optimizer(generator_optimizer)
        terms, new_view = self.generator_losses(real)
        if self.critic is not None:
            terms["adversarial"] = -self.critic(new_view).mean()
        weights = {
            "adversarial": hp.lambda_adversarial,
            "angle": hp.lambda_angle,
            "camera": hp.lambda_camera,
            "symmetry": hp.lambda_symmetry,
            "3d": hp.lambda_3d,
            "body": hp.lambda_body,
            "memory": self.memory_weight,
            "svma": hp.lambda_svma,
        }
        loss = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
        generator_optimizer.zero_grad()
        self.manual_backward(loss)
        generator_optimizer.step()
        self.untoggle_optimizer(generator_optimizer)
        self.average.update_parameters(self.generator)

        if self.critic is not None:
            self.toggle_optimizer(critic_optimizer)
            # x_sam must not be the pose that was rotated, so shift the batch by one.
            sampled, fake = roll(real), new_view.detach()
            difference = losses.critic_difference(self.critic(fake), self.critic(sampled))
            mix = draw(torch.rand, len(real), 1, 1, device=self.device)
            penalty = losses.gradient_penalty(self.critic, sampled, fake, mix)
            critic_optimizer.zero_grad()
            self.manual_backward(difference + hp.lambda_penalty * penalty)
            critic_optimizer.step()
            self.untoggle_optimizer(critic_optimizer)
            terms |= {"critic_difference": difference, "penalty": penalty}
        for schedule in as_list(self.lr_schedulers()):
            schedule.step()
        if self.learned_pitch is not None:
            terms["pitch"], terms["pitch_deviation"] = self.learned_pitch()
        self.log_dict({f"train/{name}": value.detach() for name, value in terms.items()} | {"train/loss": loss.detach()})

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """Log metrics that need no 3D; count errors where the batch has labels."""
        self.log_bones(self._lifted(batch, "val"))

    def configure_optimizers(self) -> OptimizerLRScheduler:
        hp = self.hp
        if hp.student:
            # The camera's six numbers are about a tenth: at the rate that is best for poses they never settle.
            network = self.generator
            poses = [*network.shared.parameters(), *network.pose.parameters()]
            return self.student_optimizer(poses, slower=list(network.camera.parameters()))
        learners = [
            *self.generator.parameters(),
            *(self.learned_pitch.parameters() if self.learned_pitch is not None else ()),
        ]
        rates = [(learners, hp.learning_rate)]
        if self.critic is not None:
            rates.append((list(self.critic.parameters()), hp.critic_learning_rate or hp.learning_rate))
        optimizers = [torch.optim.Adam(parameters, lr=rate, betas=(hp.beta1, hp.beta2)) for parameters, rate in rates]
        if hp.cosine:
            return optimizers, [cosine(optimizer, self.progress) for optimizer in optimizers]
        if not hp.cosine_steps:
            return optimizers, []
        schedules = [torch.optim.lr_scheduler.CosineAnnealingLR(o, hp.cosine_steps) for o in optimizers]
        return optimizers, schedules


def reproject(pose: Float[Tensor, "B J 3"], camera: Float[Tensor, "B 2 3"]) -> Float[Tensor, "B J 2"]:
    """Deng et al. 2021, Eq. 6: weak-perspective projection of a root-relative pose."""
    return pose @ camera.mT
