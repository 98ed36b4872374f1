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
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from posezoo.errors import InputError
from posezoo.geometry import bone_lengths, center_and_scale, view_rotation
from posezoo.lifting import LiftingModule
from posezoo.networks import AveragedNetwork
from posezoo.papers.svma import losses
from posezoo.papers.svma.networks import Critic, Generator


class SVMA(LiftingModule):
    """Deng et al. 2021. Defaults are the paper's where it gives a value; ``(not given)`` marks ours.

    Args:
        skeleton: the layout of inputs and outputs.
        width, critic_width: of generator and critic (not given).
        dropout: in the generator (not given).
        batch_norm: in the generator.
        distance: d, the camera's distance in units of the mean joint distance.
        pose_output: ``depth`` or ``offsets``, see :class:`Generator`.
        discriminator: off is Table 4's row "without Dis".
        multi_angle: off is Table 4's row "without SVMA": one pass through the generator, Eq. 9 left with the
            reprojection of the input, without which the camera would be free.
        view: ``azimuth`` turns about the camera's vertical axis (Eq. 5). ``gravity`` first takes out the camera's pitch, whose
            mean and deviation over the training set are learnt with the generator: people stay upright when the real
            cameras look down on them.
        flip: mirror half of all poses, swapping left and right (not in the paper).
        lambda_angle, lambda_camera, lambda_symmetry, lambda_3d, lambda_svma: weights of Eq. 17.
        lambda_penalty: of the gradient penalty (WGAN-GP's 10; not given).
        learning_rate, critic_learning_rate, beta1, beta2: of Adam, for generator and critic; the critic's rate is the
            generator's where not given.
        cosine_steps: decay both rates along a half cosine over so many steps; None keeps them (the paper).
        average_decay: of the weights' moving average, which is what predicts; 0 for the latest weights (the paper).

    Raises:
        InputError: no training signal is left, or a weight is negative.
    """

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
        view: str = "azimuth",
        flip: bool = False,
        lambda_angle: float = 1.0,
        lambda_camera: float = 1.0,
        lambda_symmetry: float = 0.01,
        lambda_3d: float = 0.1,
        lambda_svma: float = 10.0,
        lambda_penalty: float = 10.0,
        learning_rate: float = 5.5e-5,
        critic_learning_rate: float | None = None,
        beta1: float = 0.7,
        beta2: float = 0.9,
        cosine_steps: int | None = None,
        average_decay: float = 0.0,
    ) -> None:
        super().__init__(skeleton, unit="relative")
        if view not in ("azimuth", "gravity"):
            raise InputError(f"view is {view!r}; expected 'azimuth' or 'gravity'.")
        self.save_hyperparameters()
        self.automatic_optimization = False
        joints = len(self.skeleton)
        self.generator = Generator(joints, width, distance, dropout, batch_norm, pose_output)
        self.critic = Critic(joints, critic_width, distance) if discriminator else None
        # Mean pitch (rad, positive looking down) and log deviation of the training cameras; 3 degrees to begin with.
        self.pitch = nn.Parameter(torch.tensor([0.0, math.log(0.05)]), requires_grad=view == "gravity")
        self.average = AveragedNetwork(self.generator, average_decay)
        self.register_buffer("axis_signs", torch.tensor([-1.0, 1.0]), persistent=False)

    def normalize(self, keypoints_2d: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 2"]:
        """Sec. 3.1: root at the origin, the other joints at mean distance 1 / d."""
        return center_and_scale(keypoints_2d, self.skeleton.root, 1 / self.hparams.distance)[0]

    def lift(self, keypoints_2d: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 3"]:
        pose = self.average.module.lift(self.normalize(keypoints_2d))
        return center_and_scale(pose, self.skeleton.root)[0]

    def weights(self) -> dict[str, Tensor]:
        """The averaged generator in place of the latest, and the critic for fine-tuning."""
        state = {k: v for k, v in self.state_dict().items() if k.startswith(("critic.", "pitch"))}
        return state | {f"generator.{key}": value for key, value in self.average.module.state_dict().items()}

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        average = {f"average.module.{k[10:]}": v for k, v in weights.items() if k.startswith("generator.")}
        self.load_state_dict({**weights, **average, "average.n_averaged": torch.ones((), dtype=torch.long)})

    def generate(self, keypoints: Float[Tensor, "B J 2"]) -> tuple[Float[Tensor, "B J 3"], Float[Tensor, "B 2 3"]]:
        """Root-relative 3D pose and camera of normalised keypoints.

        The camera acts on root-relative poses: with d in Z, as Eq. 6 reads, its third column would move the root, which
        lies at the origin by the preprocessing.
        """
        pose, camera = self.generator(keypoints)
        root = self.skeleton.root
        return pose - pose[:, root : root + 1], camera

    def random_view(self, count: int) -> Float[Tensor, "B 3 3"]:
        """Eq. 5: rotations by azimuths uniform in [0, 2 pi], with the cameras' pitch taken out and put in again."""
        azimuth = torch.rand(count, device=self.device) * (2 * math.pi)
        if self.hparams.view == "azimuth":
            return view_rotation(azimuth)
        before, after = self.pitch[0] + self.pitch[1].exp() * torch.randn(2, count, device=self.device)
        return view_rotation(azimuth, before, after)

    def generator_losses(
        self, real: Float[Tensor, "B J 2"]
    ) -> tuple[dict[str, Tensor], Float[Tensor, "B J 2"]]:
        """Every term of Eq. 17 but the adversarial one, unweighted, and the new view's 2D poses."""
        hp = self.hparams
        pose, camera = self.generate(real)
        rotation = self.random_view(len(real))
        rotated = pose @ rotation.mT
        new_view = self.normalize(reproject(rotated, camera))
        terms = {
            "angle": losses.facing_angle(pose, self.skeleton),
            "symmetry": losses.bone_symmetry(pose, self.skeleton),
            "camera": losses.camera_scale(camera),
        }
        if hp.multi_angle:
            again, camera_again = self.generate(new_view)
            back = again @ rotation
            first = [real] + [reproject(p, k) for p in (pose, back) for k in (camera, camera_again)]
            second = [reproject(p, k) for p in (rotated, again) for k in (camera, camera_again)]
            terms["camera"] = terms["camera"] + losses.camera_equality(camera, camera_again)
            terms["3d"] = losses.consistency_3d(again, rotated)
            terms["svma"] = losses.multi_angle(first, second)
        else:
            terms["svma"] = losses.multi_angle([real, reproject(pose, camera)], [])
        return terms, new_view

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        hp, optimizers = self.hparams, self.optimizers()
        generator_optimizer, critic_optimizer = optimizers if self.critic is not None else (optimizers, None)
        real = self.augment(self.normalize(batch["keypoints_2d"]))

        self.toggle_optimizer(generator_optimizer)
        terms, new_view = self.generator_losses(real)
        if self.critic is not None:
            terms["adversarial"] = -self.critic(new_view).mean()
        weights = {
            "adversarial": 1.0,
            "angle": hp.lambda_angle,
            "camera": hp.lambda_camera,
            "symmetry": hp.lambda_symmetry,
            "3d": hp.lambda_3d,
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
            # x_sam is not the pose that was rotated: the batch, shifted by one.
            sampled, fake = real.roll(1, 0), new_view.detach()
            difference = losses.critic_difference(self.critic(fake), self.critic(sampled))
            mix = torch.rand(len(real), 1, 1, device=self.device)
            penalty = losses.gradient_penalty(self.critic, sampled, fake, mix)
            critic_optimizer.zero_grad()
            self.manual_backward(difference + hp.lambda_penalty * penalty)
            critic_optimizer.step()
            self.untoggle_optimizer(critic_optimizer)
            terms |= {"critic_difference": difference, "penalty": penalty}
        for schedule in self.lr_schedulers() or []:
            schedule.step()
        self.log_dict({f"train/{name}": value.detach() for name, value in terms.items()} | {"train/loss": loss.detach()})

    def augment(self, real: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 2"]:
        """Mirror half of the poses where ``flip`` is set."""
        if not self.hparams.flip:
            return real
        mirrored = real[:, list(self.skeleton.mirror)] * self.axis_signs
        return torch.where(torch.rand(len(real), 1, 1, device=self.device) < 0.5, mirrored, real)

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """What needs no 3D: left-right symmetry and spread of bone lengths, in units of the mean bone; then labels, if any."""
        pose = self._evaluate_batch(batch, "val")
        lengths = bone_lengths(pose, self.skeleton)
        lengths = lengths / lengths.mean(1, keepdim=True)
        left, right = zip(*self.skeleton.bone_pairs, strict=True)
        bones = self.skeleton.bones
        gap = lengths[:, [bones.index(b) for b in left]] - lengths[:, [bones.index(b) for b in right]]
        self.log("val/bone_symmetry", gap.abs().mean(), sync_dist=True, batch_size=len(pose))
        self.log("val/bone_spread", lengths.std(0).mean(), sync_dist=True, batch_size=len(pose), prog_bar=True)

    def configure_optimizers(self) -> tuple[list[Any], list[Any]]:
        hp = self.hparams
        networks: list[tuple[list[dict[str, Any]], float]] = [
            ([{"params": self.generator.parameters()}], hp.learning_rate)
        ]
        if hp.view == "gravity":  # two numbers for the whole set: they may move faster than the weights
            networks[0][0].append({"params": [self.pitch], "lr": 5 * hp.learning_rate})
        if self.critic is not None:
            networks.append(([{"params": self.critic.parameters()}], hp.critic_learning_rate or hp.learning_rate))
        optimizers = [torch.optim.Adam(groups, lr=rate, betas=(hp.beta1, hp.beta2)) for groups, rate in networks]
        if not hp.cosine_steps:
            return optimizers, []
        schedules = [torch.optim.lr_scheduler.CosineAnnealingLR(o, hp.cosine_steps) for o in optimizers]
        return optimizers, schedules


def reproject(pose: Float[Tensor, "B J 3"], camera: Float[Tensor, "B 2 3"]) -> Float[Tensor, "B J 2"]:
    """Deng et al. 2021, Eq. 6: weak-perspective projection of a root-relative pose."""
    return pose @ camera.mT
