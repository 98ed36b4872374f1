"""Train a student without labels: poses that a teacher lifted are changed and seen by new cameras.

An unsupervised lifter is right on average and wrong in detail, and it knows the poses, bodies and cameras of its training
set alone. The poses that it lifts are human enough to make more people of (:mod:`posezoo.data.augmentation`), whose 2D and
3D belong together exactly. No 3D label is read on the way.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from posezoo.errors import InputError
from posezoo.geometry import center_and_scale, mirror, rotation_about
from posezoo.lifting.base import ZooModule, as_list
from posezoo.lifting.module import LiftingModule
from posezoo.lifting.recordings import OneBody
from posezoo.lifting.schedule import cosine
from posezoo.poses.facing import CENTER_PX, FOCAL_PX

if TYPE_CHECKING:
    from pytorch_lightning.utilities.types import OptimizerLRScheduler

_SLOWER = 1e-3
_WORLD_FROM_CAMERA = ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, -1.0, 0.0))


@torch.no_grad()
def teachings(
    teacher: LiftingModule, tensors: dict[str, Tensor], pitch: float, one_body: bool, batch_size: int = 8192
) -> Float[Tensor, "N J 3"]:
    """Return a teacher's poses of 2D keypoints, averaged with those of their mirror images: a pool for augmentation.

    Args:
        teacher: in eval mode.
        tensors: ``keypoints_2d`` (N, J, 2) px of cameras that look at the root
            (:func:`posezoo.poses.facing.face_roots`); ``recording`` and ``frame`` (N,).
        pitch: by which they point down, rad: what makes upright people upright.
        one_body: make the poses of a recording agree by :class:`posezoo.lifting.recordings.OneBody`.
        batch_size: poses at a time.

    Returns:
        poses with the root at the origin, world frame (z up), mean bones of one size.
    """
    skeleton = teacher.skeleton
    device, root = teacher.device, skeleton.root
    parts = []
    for batch in tensors["keypoints_2d"].to(device).split(batch_size):
        about = batch - batch[:, root : root + 1]
        image = mirror(teacher.lift(mirror(about, skeleton)), skeleton)
        parts.append((teacher.lift(about) + image) / 2)
    pose = torch.cat(parts)
    if one_body:
        rays = (tensors["keypoints_2d"].to(device) - CENTER_PX) / FOCAL_PX
        pose = OneBody()(rays, pose, tensors["recording"].to(device), tensors["frame"].to(device), skeleton)
    pose = pose - pose[:, root : root + 1]
    upright = pose.new_tensor(_WORLD_FROM_CAMERA) @ rotation_about("x", pose.new_tensor(-pitch))
    return pose @ upright.mT


def distance_to_teacher(pose: Float[Tensor, "B J 3"], target: Float[Tensor, "B J 3"], root: int) -> Float[Tensor, ""]:
    """Return the mean distance of joints, both poses about their root and at a mean joint distance of 1."""
    return (center_and_scale(pose, root)[0] - center_and_scale(target, root)[0]).norm(dim=-1).mean()


class Student(LiftingModule):
    """A lifter that a teacher can teach: the base of the modules of unsupervised papers.

    The module has the hyper-parameters ``student`` (None; ``teacher``: poses that the model which training starts from
    lifts; ``labels``: poses of the data's labels, for semi-supervised training), ``one_body`` and ``pitch``.

    Attributes:
        teacher: whose poses are taught, until training starts; no part of the weights.
        untaught: names of parameters that a student takes over from a teacher of its own paper, by their beginnings.
    """

    teacher: tuple[LiftingModule, ...] = ()
    untaught: tuple[str, ...] = ()

    @abstractmethod
    def taught(self, keypoints_2d: Float[Tensor, "B J 2"]) -> tuple[Float[Tensor, "B J 3"], dict[str, Tensor]]:
        """Return the trained network's poses of pixels, and the paper's own loss terms by name."""

    def start_from(self, other: ZooModule) -> None:
        """Load another model's weights; with ``student`` set, take that model as the teacher."""
        if self.hp.student == "teacher" and isinstance(other, LiftingModule):
            self.take_teacher(other)
        else:
            super().start_from(other)

    def on_fit_start(self) -> None:
        if self.hp.student:
            self.meet_teacher()

    def take_teacher(self, other: LiftingModule) -> None:
        """Keep the teacher, and copy those of its weights that a student does not train, where shapes agree.

        Raises:
            InputError: it works in another layout.
        """
        if other.skeleton != self.skeleton:
            raise InputError(f"the teacher works in {other.skeleton.name}, the student in {self.skeleton.name}.")
        self.teacher = (other,)  # in a tuple it is no submodule
        if other.paper == self.paper:
            own = self.state_dict()
            taken = {k: v for k, v in other.state_dict().items() if k.startswith(self.untaught) and k in own}
            self.load_state_dict({k: v for k, v in taken.items() if v.shape == own[k].shape}, strict=False)

    def meet_teacher(self) -> None:
        """Give the data module the pool of taught poses.

        Raises:
            InputError: no teacher, or data that are not to be augmented.
        """
        module = self.datamodule
        if module.augmentation is None or not module.facing:
            raise InputError(
                "a student needs data.augmentation, and data.facing so that poses are seen from straight ahead."
            )
        if self.hp.student == "labels":
            return
        if not self.teacher:
            raise InputError("student: teacher needs a teacher; give its weights with --start.")
        teacher = self.teacher[0].to(self.device).eval()
        module.pool = teachings(teacher, module.training_keypoints, self.hp.pitch, self.hp.one_body)
        self.teacher = ()

    def student_step(self, batch: dict[str, Tensor]) -> None:
        """Train on a batch of augmented poses: the mean distance of joints, plus the paper's own terms."""
        optimizer, schedule = as_list(self.optimizers())[0], as_list(self.lr_schedulers())[0]
        pose, terms = self.taught(batch["keypoints_2d"])
        terms["distance"] = distance_to_teacher(pose, batch["pose_3d"], self.skeleton.root)
        loss = torch.stack(list(terms.values())).sum()
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()
        schedule.step()
        self.log_dict({f"train/{name}": value.detach() for name, value in terms.items()})

    def student_optimizer(self, parameters: Sequence[Tensor], slower: Sequence[Tensor] = ()) -> OptimizerLRScheduler:
        """Return AdamW, whose rate falls along half a cosine over the run.

        Args:
            parameters: learn at ``student_learning_rate``.
            slower: learn at 1e-3 at most.
        """
        rate = self.hp.student_learning_rate
        groups = [{"params": list(parameters), "lr": rate}]
        if slower:
            groups.append({"params": list(slower), "lr": min(rate, _SLOWER)})
        optimizer = torch.optim.AdamW(groups, weight_decay=1e-4)
        return [optimizer], [cosine(optimizer, self.progress, warmup=0.02)]
