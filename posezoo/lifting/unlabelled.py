"""Score lifters on 2D keypoints alone, where no 3D is known."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from posezoo.geometry import bone_asymmetry, bone_lengths
from posezoo.geometry.double import to_double
from posezoo.geometry.procrustes import procrustes_distances
from posezoo.lifting.protocols import Lifter
from posezoo.metrics.report import LimbStatistics
from posezoo.skeletons import Skeleton

_LIMBS = {f"{side}_{joint}" for side in ("left", "right") for joint in ("wrist", "ankle")}


def body_statistics(pose: Float[Tensor, "N J 3"], skeleton: Skeleton) -> dict[str, float]:
    """Measure the plausibility of human poses of unknown scale, with all lengths relative to the person.

    Returns:
        ``symmetry_error``: how much left and right bones differ, over the pose's mean bone; ``bone_spread``: standard
        deviation over poses of each bone's length over the mean bone, mean of the bones; ``limb_ratio_spread``: that of
        upper over lower limbs (:class:`posezoo.metrics.report.LimbStatistics`; where the layout has all limbs);
        ``depth_spread``: standard deviation of a pose's depths over its joints' mean distance from the root, which tells
        flat poses.
    """
    root = skeleton.root
    pose = (pose - pose[:, root : root + 1]).cpu().double()
    bones = bone_lengths(pose, skeleton)
    size = bones.mean(1, keepdim=True)
    reach = pose.norm(dim=-1).mean(1)
    result = {
        "symmetry_error": (bone_asymmetry(pose, skeleton) / size).abs().mean(),
        "bone_spread": (bones / size).std(0, correction=0).mean(),
        "depth_spread": (pose[..., 2].std(1, correction=0) / reach).mean(),
    }
    report = {name: float(value) for name, value in result.items()}
    if set(skeleton.joints) >= _LIMBS:
        limbs = LimbStatistics()
        limbs.update(pose, skeleton)
        report["limb_ratio_spread"] = limbs.report()["spread"]
    return report


def view_disagreement(pose: Float[Tensor, "N J 3"], pairs: Int[Tensor, "M 2"], skeleton: Skeleton) -> float:
    """Measure how much the poses differ that a model lifts from two cameras at one instant.

    Both see one body, so what they lift is one pose but for rotation and scale. No label and no calibration is needed. Wrong
    depths show as a difference, unless each is right but for its sign.

    Args:
        pose: of relative unit, any frame.
        pairs: rows of ``pose`` that show one instant, as :func:`posezoo.poses.views.synchronised` finds them.

    Returns:
        the mean distance of joints after Procrustes alignment, over their mean distance from the root.
    """
    root = skeleton.root
    pose = to_double(pose - pose[:, root : root + 1])
    pose = pose / pose.norm(dim=-1).mean(1)[:, None, None]
    return float(procrustes_distances(pose[pairs[:, 0]], pose[pairs[:, 1]]).mean())


def estimate_pitch(pose: Float[Tensor, "N J 3"], skeleton: Skeleton) -> tuple[float, float]:
    """Estimate the pitch of cameras from lifted people, who stand upright on average.

    The direction from the middle of the hips to the middle of the shoulders is averaged over poses, so people who bend one
    way as often as the other do not matter. People who mostly bend forward look like a camera further down.

    Args:
        pose: camera frame (x right, y down, z forward), any scale.
        skeleton: with hips and shoulders.

    Returns:
        mean and standard deviation, rad, positive looking down. The deviation is of the mean over hundredths of the poses in
        their order: people bend from pose to pose, cameras change between recordings. Postures make most of the
        deviation: on OpenMocap's validation split it is 0.06 to 0.09 rad where that of the cameras is 0.03, the mean 0.11 to
        0.15 where theirs is 0.115. Fine-tuning takes the mean alone.
    """
    middles = [
        (pose[:, skeleton.index(f"left_{joint}")] + pose[:, skeleton.index(f"right_{joint}")]) / 2
        for joint in ("shoulder", "hip")
    ]
    up = torch.nn.functional.normalize(to_double(middles[0] - middles[1]), dim=-1)
    whole = up.mean(0)
    parts = torch.stack([part.mean(0) for part in up.tensor_split(min(100, len(up)))])
    angles = torch.atan2(-parts[:, 2], -parts[:, 1])
    return float(torch.atan2(-whole[2], -whole[1])), float(angles.std(correction=0))


@torch.no_grad()
def evaluate_2d(
    model: Lifter, keypoints_2d: Tensor, batch_size: int = 8192, pairs: Int[Tensor, "M 2"] | None = None
) -> dict[str, float]:
    """Score a model without a label.

    Args:
        model: in any mode, which it keeps.
        keypoints_2d: (N, J, 2) px, complete, in the model's layout.
        batch_size: poses at a time.
        pairs: rows that two cameras see at one instant, where they are known.

    Returns:
        :func:`body_statistics` of what is lifted; with ``pairs`` also ``view_disagreement``, see :func:`view_disagreement`;
        and means of what the paper says of it (:meth:`LiftingModule.judge`): ``reprojection`` and ``critic``.
    """
    training = model.training
    poses, judged = [], dict[str, list[Tensor]]()
    model.eval()
    try:
        for batch in keypoints_2d.to(model.device).split(batch_size):
            poses.append(model.lift(batch))
            for name, values in model.judge(batch).items():
                judged.setdefault(name, []).append(values)
    finally:
        model.train(training)
    means = {name: float(torch.cat(parts).cpu().double().mean()) for name, parts in judged.items()}
    lifted = torch.cat(poses)
    seen_twice = {} if pairs is None else {"view_disagreement": view_disagreement(lifted, pairs, model.skeleton)}
    return body_statistics(lifted, model.skeleton) | seen_twice | means
