"""How lifters are scored where nobody knows the 3D: on 2D keypoints alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from posezoo.geometry import bone_asymmetry, bone_lengths
from posezoo.lifting.evaluation import LimbStatistics

if TYPE_CHECKING:
    from posezoo.lifting.module import LiftingModule

_LIMBS = {f"{side}_{joint}" for side in ("left", "right") for joint in ("wrist", "ankle")}


@torch.no_grad()
def evaluate_2d(model: LiftingModule, keypoints_2d: Tensor, batch_size: int = 8192) -> dict[str, float]:
    """Score a model without a label: all lengths are relative to the person, since scale is not known.

    Args:
        model: in any mode, which it keeps.
        keypoints_2d: (N, J, 2) px, complete, in the model's layout.
        batch_size: poses at a time.

    Returns:
        ``symmetry_error``: how much left and right bones differ, over the pose's mean bone; ``bone_spread``: standard
        deviation over poses of each bone's length over the mean bone, mean of the bones; ``limb_ratio_spread``: that of
        upper over lower limbs (:class:`posezoo.lifting.evaluation.LimbStatistics`; where the layout has all limbs);
        ``depth_spread``: standard deviation of a pose's depths over its mean joint distance from the root, which tells flat
        poses; and means of what the paper says by :meth:`LiftingModule.judge`: ``reprojection`` and ``critic``.
    """
    training, skeleton = model.training, model.skeleton
    limbs = LimbStatistics() if set(skeleton.joints) >= _LIMBS else None
    lengths, by_pose = [], dict[str, list[Tensor]]()
    model.eval()
    try:
        for batch in keypoints_2d.to(model.device).split(batch_size):
            pose = model.lift(batch)
            bones = bone_lengths(pose, skeleton)
            size = bones.mean(1, keepdim=True)
            lengths.append(bones / size)
            reach = pose.norm(dim=-1).mean(1)
            values = {
                "symmetry_error": (bone_asymmetry(pose, skeleton) / size).abs().mean(1),
                "depth_spread": pose[..., 2].std(1, correction=0) / reach,
                **model.judge(batch),
            }
            for name, value in values.items():
                by_pose.setdefault(name, []).append(value)
            if limbs is not None:
                limbs.update(pose, skeleton)
    finally:
        model.train(training)
    result = {name: float(torch.cat(parts).double().mean()) for name, parts in by_pose.items()}
    result["bone_spread"] = float(torch.cat(lengths).double().std(0, correction=0).mean())
    if limbs is not None:
        result["limb_ratio_spread"] = limbs.report()["spread"]
    return result
