"""Define LiftingModule, the base of every 2D-to-3D lifter."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, overload

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from posezoo.errors import InputError
from posezoo.geometry import Camera, assumed_camera, bone_asymmetry, bone_lengths, center_and_scale, face_root, mirror
from posezoo.lifting.base import Shown, ZooModule, outside_inference
from posezoo.lifting.evaluation import evaluate
from posezoo.lifting.export_graph import LiftingGraph
from posezoo.lifting.inputs import Values, check_batch_size, check_keypoints
from posezoo.lifting.unlabelled import evaluate_2d
from posezoo.metrics.report import LiftingMetrics
from posezoo.poses.posedata import PoseData
from posezoo.poses.prediction import Prediction, as_numpy
from posezoo.skeletons import Skeleton, get_skeleton


class LiftingModule(ZooModule):
    """A model that turns one 2D pose into one 3D pose.

    A paper extends it with :meth:`lift` and its own ``training_step``; prediction, validation and test are here.

    Args:
        skeleton: the layout the model works in.
        unit: of its poses: ``mm``, or ``relative`` where scale cannot be known (mean joint distance from the root is 1).
    """

    kind = "lifter"
    monitor = "val/p_mpjpe"

    facing = False
    """Whether a picture's camera is turned to look at the root before lifting, where ``predict`` can know how. Models that
    were trained on turned pictures set it."""

    takes_any_scale = True
    """Whether place and size of a person in the picture do not change the lifted pose, except for rounding."""

    fills_missing = False
    """Whether ``predict`` takes poses that lack joints (NaN, or confidence 0), which :meth:`complete` fills in."""

    @abstractmethod
    def lift(self, keypoints_2d: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 3"]:
        """Lift pixels to root-relative poses in camera coordinates, in :attr:`unit`, in the model's layout."""

    def forward(self, keypoints_2d: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 3"]:
        """Lift pixels in the model's layout, without any check: what ``torch.compile`` and ``torch.export`` take.

        The result has the type of the keypoints, whatever the type of the weights.
        """
        return self._lift_as(keypoints_2d)

    @overload
    def predict(
        self,
        keypoints_2d: Tensor,
        skeleton: str | Skeleton | None = None,
        image_size: Sequence[float] | None = None,
        confidence: Values | None = None,
        batch_size: int = 65536,
        incomplete: str = "raise",
        camera: Camera | None = None,
    ) -> Prediction[Tensor]: ...
    @overload
    def predict(
        self,
        keypoints_2d: np.ndarray | Sequence[object],
        skeleton: str | Skeleton | None = None,
        image_size: Sequence[float] | None = None,
        confidence: Values | None = None,
        batch_size: int = 65536,
        incomplete: str = "raise",
        camera: Camera | None = None,
    ) -> Prediction[np.ndarray]: ...

    @torch.inference_mode()
    def predict(
        self,
        keypoints_2d: object,
        skeleton: object = None,
        image_size: object = None,
        confidence: object = None,
        batch_size: int = 65536,
        incomplete: str = "raise",
        camera: Camera | None = None,
    ) -> Prediction[Tensor] | Prediction[np.ndarray]:
        """Lift 2D keypoints of any named layout.

        Args:
            keypoints_2d: (..., J, 2) array, tensor or nested list; pixels, y down.
            skeleton: their layout; the model's own where not given.
            image_size: (width, height), carried into the result. A model that is :attr:`facing` people assumes the camera
                from it (:func:`posezoo.geometry.assumed_camera`), where ``camera`` is not given.
            confidence: (..., J) in [0, 1], carried into the result; 0 is a missing joint, unless all are 0.
            batch_size: how many poses are lifted at a time.
            incomplete: what is done with poses that lack joints which the model needs (see
                :func:`posezoo.poses.missing.missing_joints`): ``raise``, or ``nan`` to leave these poses NaN.
            camera: that took the picture; of use to a model that is :attr:`facing` people.

        Returns:
            ``pose_3d`` (..., 17, 3) float32, root-relative, camera frame, with what it is written beside it; an array for
            arrays, a tensor on the model's device for tensors.

        Raises:
            InputError: wrong shape or joint count, infinite values, joints the layout cannot give, poses that lack joints
                (a model that :attr:`fills_missing` needs half of them).
            UnknownNameError: unknown skeleton.

        Warns:
            UserWarning: heads below feet in most poses (y up?), or keypoints that look normalised.
        """
        checked = check_keypoints(
            keypoints_2d, skeleton, self.skeleton, image_size, confidence, self.fills_missing, incomplete
        )
        self.check_ready()
        check_batch_size(batch_size)
        if camera is not None and not isinstance(camera, Camera):
            raise InputError(f"camera is of type {type(camera).__name__}; expected one posezoo.geometry.Camera.")
        values = torch.tensor(checked.values, device=self.device)  # a copy: results outlive the caller's array
        usable = None if checked.usable is None else torch.from_numpy(checked.usable).to(self.device)
        filled: Tensor | None = None
        if checked.present is not None:
            present = torch.from_numpy(checked.present).to(self.device)
            rows = torch.ones(len(values), dtype=torch.bool, device=self.device) if usable is None else usable
            values[rows] = self.complete(values[rows].to(self.precision), present[rows].to(self.precision)).to(values)
            filled = (~present & rows[:, None]).view(*checked.shape, len(self.skeleton))
        whole = values if usable is None else values[usable]
        if self.facing and camera is None and checked.image_size is not None:
            camera = assumed_camera(checked.image_size)
        parts = [self._lift_from(camera, whole[start : start + batch_size]) for start in range(0, len(whole), batch_size)]
        pose = parts[0] if len(parts) == 1 else torch.cat([*parts, values.new_empty(0, len(self.skeleton), 3)])
        if usable is not None:
            lifted, pose = pose, values.new_full((len(values), len(self.skeleton), 3), torch.nan)
            pose[usable] = lifted
        pose = pose.view(*checked.shape, len(self.skeleton), 3)
        two = values.view(*checked.shape, len(self.skeleton), 2)
        arrays: dict[str, Any] = {"pose_3d": pose, "keypoints_2d": two, "filled": filled}
        if not isinstance(keypoints_2d, Tensor):
            arrays = {name: as_numpy(values) for name, values in arrays.items()}
        else:
            arrays = {name: None if values is None else outside_inference(values) for name, values in arrays.items()}
        return Prediction(
            **arrays,
            skeleton=self.skeleton,
            unit=self.unit,
            confidence=checked.confidence,
            image_size=checked.image_size,
            model=self.zoo_name,
            approximated=checked.approximated,
        )

    def _lift_from(self, camera: Camera | None, keypoints: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 3"]:
        """Lift what a camera saw, in its frame; a model that is :attr:`facing` people lifts from the turned camera."""
        if camera is None or not self.facing:
            return self._lift_as(keypoints)
        turned, back = face_root(keypoints, camera, self.skeleton.root)
        return self._lift_as(turned) @ back.mT

    def _lift_as(self, keypoints: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 3"]:
        """Lift in the precision of the model's weights; input and result are float32.

        Half precision holds pixels about the root, in units of their own spread; pixels where they were would lose digits.
        """
        if self.precision == torch.float32:
            return self.lift(keypoints)
        if self.precision != torch.float64 and self.takes_any_scale:
            keypoints = center_and_scale(keypoints, self.skeleton.root)[0]
        return self.lift(keypoints.to(self.precision)).to(keypoints.dtype)

    def with_mirror_image(
        self, lift: Callable[[Tensor], Tensor], keypoints_2d: Float[Tensor, "B J 2"]
    ) -> Float[Tensor, "B J 3"]:
        """Return the mean of a pose and of the pose of the mirrored keypoints, mirrored back.

        Pavllo et al. 2019, Sec. 5, "flip augmentation at test time".

        Args:
            lift: the network: keypoints to poses about the root.
            keypoints_2d: about the root or not; a model that needs pixels where they were cannot be mirrored.
        """
        images = lift(torch.cat([keypoints_2d, mirror(keypoints_2d, self.skeleton)]))
        pose, image = images.unflatten(0, (2, -1)).unbind()
        return (pose + mirror(image, self.skeleton)) / 2

    def complete(self, keypoints_2d: Float[Tensor, "B J 2"], present: Float[Tensor, "B J"]) -> Float[Tensor, "B J 2"]:
        """Fill in the joints that are not ``present`` (0, NaN), as models with :attr:`fills_missing` can."""
        raise InputError(f"{self.zoo_name} needs every joint; take a model with fills_missing, such as geoselfsup.")

    def shown(self, batch: Mapping[str, Tensor], count: int) -> Shown:
        keypoints = batch["keypoints_2d"][:count]
        return Shown(keypoints, self.lift(keypoints))

    def export_graph(self, skeleton: str | Skeleton | None = None) -> LiftingGraph:
        return LiftingGraph(self, None if skeleton is None else get_skeleton(skeleton))

    def evaluate(self, data: PoseData, **settings: Any) -> dict[str, Any]:
        """See :func:`posezoo.lifting.evaluate`."""
        return evaluate(self, data, **settings)

    def evaluate_2d(self, keypoints_2d: Tensor, batch_size: int = 8192) -> dict[str, float]:
        """See :func:`posezoo.lifting.evaluate_2d`."""
        return evaluate_2d(self, keypoints_2d, batch_size)

    def judge(self, keypoints_2d: Float[Tensor, "B J 2"]) -> dict[str, Float[Tensor, "B"]]:
        """Score the model's own lifting without any 3D, pose by pose; empty where the paper has no such term.

        Returns:
            ``reprojection``: the mean distance of joints between a pose and what comes back when it is lifted, turned,
            projected, lifted again, turned back and projected, over their mean distance from the root. ``critic``: what the
            model's critic gives to the pose itself less what it gives to the turned one; 0 where it cannot tell them apart.
        """
        return {}

    def _evaluate_batch(self, batch: dict[str, Tensor], stage: str) -> Tensor | None:
        return self._lifted(batch, stage)

    def _lifted(self, batch: dict[str, Tensor], stage: str) -> Float[Tensor, "B J 3"]:
        """Lift a batch and, where it has labels, count it."""
        pose = self.lift(batch["keypoints_2d"])
        if "pose_3d" in batch:
            if stage not in self._metrics:
                actions = self.datamodule.actions.get(stage, ()) if self.datamodule is not None else ()
                self._metrics[stage] = LiftingMetrics(self.unit, self.skeleton, actions).to(self.device)
            self._metrics[stage].update(pose, batch["pose_3d"], batch.get("action"))
        return pose

    def log_bones(self, pose: Float[Tensor, "B J 3"]) -> None:
        """Log metrics that need no 3D: symmetry and spread of bone lengths, in units of the mean bone."""
        lengths = bone_lengths(pose, self.skeleton)
        size = lengths.mean(1, keepdim=True)
        gap = bone_asymmetry(pose, self.skeleton) / size
        self.log("val/bone_symmetry", gap.abs().mean(), sync_dist=True, batch_size=len(pose))
        self.log("val/bone_spread", (lengths / size).std(0).mean(), sync_dist=True, batch_size=len(pose), prog_bar=True)
