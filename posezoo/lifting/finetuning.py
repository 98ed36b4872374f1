"""Define FineTuning, which lets a lifter train further on 2D keypoints alone."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor

from posezoo.distributed import draw
from posezoo.geometry import center_and_scale
from posezoo.networks import LearnedPitch

if TYPE_CHECKING:
    from posezoo.lifting.module import LiftingModule

    _Base = LiftingModule
else:
    _Base = object

DECAY = 0.99
"""The largest decay of a moving average in fine-tuning."""


class FineTuning(_Base):
    """Mixin of lifters that learn from 2D keypoints alone; put it before :class:`LiftingModule` among the bases.

    Their ``training_step`` adds :func:`posezoo.geometry.body_variance` and :meth:`forgetting` to the loss where the weights
    of these are above 0.
    """

    monitor = "val/bone_spread"

    memory_weight = 0.0
    """The weight of :meth:`forgetting`; 0 without :meth:`remember`."""

    learned_pitch: LearnedPitch | None
    """The pitch of cameras that is learned, set by the constructor; None where it is told."""

    _memory: tuple[Tensor, Tensor]
    _tuning: Any = None

    @property
    def hp(self) -> Any:
        """The constructor's arguments; in fine-tuning some are replaced.

        ``hparams``, which is what is saved, stays as it was.
        """
        return self.hparams if self._tuning is None else self._tuning

    def pitch_of_cameras(self) -> tuple[float | Tensor, float | Tensor]:
        """Return mean and deviation of the angle by which cameras look down, rad: as learned, or as told."""
        return (self.hp.pitch, self.hp.pitch_deviation) if self.learned_pitch is None else self.learned_pitch()

    @property
    def mean_pitch(self) -> float:
        """The mean of :meth:`pitch_of_cameras`."""
        return self.hp.pitch if self.learned_pitch is None else self.learned_pitch.mean.item()

    def remember(self, keypoints_2d: Float[Tensor, "N J 2"], weight: float) -> None:
        """Penalise training for lifting these poses otherwise than now: :meth:`forgetting` times ``weight``."""
        with torch.no_grad():
            self._memory = (keypoints_2d, self.lift(keypoints_2d))
        self.memory_weight = weight

    def forgetting(self, lift: Callable[[Tensor], Tensor], count: int) -> Float[Tensor, ""]:
        """Return the mean squared distance of joints from where they were lifted before, of remembered poses.

        Args:
            lift: the network that trains: pixels to poses of any scale.
            count: how many poses to draw at random.
        """
        keypoints, before = (values.to(self.device) for values in self._memory)
        rows = (draw(torch.rand, count, device=self.device) * len(keypoints)).long()
        pose = center_and_scale(lift(keypoints[rows]), self.skeleton.root)[0]
        return (pose - before[rows]).square().sum(-1).mean()

    def prepare_finetuning(self, learning_rate: float, body: float = 0.0, pitch: float | None = None) -> None:
        """Set up training from these weights on single 2D poses.

        The rate is constant. The moving average begins anew and spans a hundred steps or so: an average over thousands of
        steps would still be the old weights after the few steps of fine-tuning.

        Args:
            learning_rate: of the lifter and its critic.
            body: the weight of :func:`posezoo.geometry.body_variance`, which each paper puts among its own.
            pitch: of the cameras that saw the poses, rad, positive looking down; that of the model where not given.
        """
        hp: Any = copy.deepcopy(self.hparams)
        self._tuning = hp
        hp.learning_rate, hp.cosine_steps = learning_rate, None
        hp.cosine, hp.student = False, None
        if pitch is not None:
            hp.pitch = pitch
            if self.learned_pitch is not None:  # what is told holds
                self.learned_pitch.requires_grad_(False).mean.fill_(pitch)
        if "average_decay" in hp:
            hp.average_decay = min(hp.average_decay, DECAY)
