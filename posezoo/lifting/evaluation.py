"""Score lifters, for Lightning, ``posezoo eval`` and benchmarks alike."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from posezoo.errors import InputError, PoseZooWarning
from posezoo.geometry.rig_fit import leg_length, likely_unit
from posezoo.lifting.protocols import Lifter
from posezoo.metrics.picture_report import LSP14
from posezoo.metrics.report import LiftingMetrics, LimbStatistics
from posezoo.poses.facing import face_roots
from posezoo.poses.posedata import PoseData
from posezoo.skeletons import Skeleton, convert, get_skeleton


def flat_depth(keypoints_2d: Float[Tensor, "B J 2"], root: int) -> Float[Tensor, "B J 3"]:
    """Lift by the trivial baseline: keep the 2D pose, set all depths equal. The scale is relative."""
    flat = keypoints_2d - keypoints_2d[:, root : root + 1]
    return torch.cat([flat, torch.zeros_like(flat[..., :1])], dim=-1)


def about_the_pelvis(pose: Float[Tensor, "B J 3"], skeleton: Skeleton) -> Float[Tensor, "B J 3"]:
    """Return poses relative to their root, or to the middle of the hips for a layout without pelvis."""
    hips = [skeleton.index(f"{side}_hip") for side in ("left", "right") if f"{side}_hip" in skeleton.joints]
    middle = [skeleton.root] if "pelvis" in skeleton.joints or len(hips) < 2 else hips
    return pose - pose[:, middle].mean(1, keepdim=True)


def evaluate(
    model: Lifter | None,
    data: PoseData,
    skeleton: str | Skeleton | None = None,
    batch_size: int = 8192,
    pck_joints: int | None = None,
) -> dict[str, Any]:
    """Score a model on labelled poses.

    A model that is ``facing`` people sees each of them from a camera turned to look at the root, and is compared with labels
    turned alike: no distance changes by that.

    Args:
        model: in eval mode; None scores the flat-depth baseline.
        data: with ``pose_3d``.
        skeleton: the layout to score in; the model's where not given. Where it lacks the pelvis, poses are still compared
            about the middle of the hips.
        batch_size: poses at a time.
        pck_joints: 14 for PCK and AUC over the joints that MPI-INF-3DHP's are (:data:`LSP14`): the pelvis, which is always
            right, and joints near it would raise them; over all joints of the layout where not given.

    Returns:
        the metrics of :meth:`LiftingMetrics.report`, ``poses``, ``per_action`` and ``per_joint`` P-MPJPE in mm,
        ``mpjpe_per_action`` (``n_mpjpe_per_action`` of models of relative unit), and ``limb_ratios`` of predictions and
        labels (:class:`LimbStatistics`; empty where the layout lacks limbs).

    Raises:
        InputError: no labels, no poses, joints that cannot be had, or another number of ``pck_joints``.

    Warns:
        UserWarning: the layout has joints that the data lack, or labels are not in mm.
    """
    if not isinstance(data, PoseData):
        raise InputError(f"evaluation is of posezoo.data.PoseData with 3D labels, not of {type(data).__name__}.")
    if data.pose_3d is None or not len(data):
        raise InputError("evaluation needs poses with 3D labels; this data has none.")
    _warn_of_unit(data.pose_3d[:: max(1, len(data) // 256)], data.skeleton)
    if model is not None and model.facing and all(clip.camera or clip.image_size for clip in data.sequences):
        data = face_roots(data)
    labels = data.pose_3d
    assert labels is not None
    layout = model.skeleton if model is not None else data.skeleton
    skeleton = layout if skeleton is None else get_skeleton(skeleton)
    device = model.device if model is not None else torch.device("cpu")
    names, codes = np.unique(data.action, return_inverse=True)
    actions = tuple(str(name) for name in names)
    if pck_joints not in (None, len(LSP14)):
        raise InputError(f"pck_joints is {pck_joints}; expected {len(LSP14)}, or nothing for all of the layout.")
    counted = None if pck_joints is None else [skeleton.index(joint) for joint in LSP14]
    metrics = LiftingMetrics("relative" if model is None else model.unit, skeleton, actions, counted).to(device)
    for source in (layout, data.skeleton):
        converted = convert(np.zeros((len(source), 3), np.float32), source, skeleton)
        if converted.missing:
            raise InputError(f"{source.name} cannot give {', '.join(converted.missing)} of {skeleton.name}.")
    made_up = [joint for joint in converted.approximated if joint != "pelvis"]
    if made_up:
        warnings.warn(
            f"{data.skeleton.name} has no {', '.join(made_up)}: labels of them are made up from other joints; score fewer "
            "(--joints).",
            stacklevel=1,
        )
    limbs = None
    if {f"{side}_{joint}" for side in ("left", "right") for joint in ("wrist", "ankle")} <= set(skeleton.joints):
        limbs = {"predicted": LimbStatistics(), "labels": LimbStatistics()}
    for start in range(0, len(data), batch_size):
        rows = slice(start, start + batch_size)
        if model is None:
            two = torch.from_numpy(convert(data.keypoints_2d[rows], data.skeleton, skeleton).keypoints)
            pose = flat_depth(two, skeleton.root)
        else:
            lifted = model.predict(torch.from_numpy(data.keypoints_2d[rows]), data.skeleton)
            pose = convert(lifted.pose_3d, model.skeleton, skeleton).keypoints
        # Batch by batch: a million poses converted at once are gigabytes.
        label = torch.from_numpy(convert(labels[rows], data.skeleton, skeleton).keypoints).to(device)
        pose, label = about_the_pelvis(pose, skeleton), about_the_pelvis(label, skeleton)
        if limbs is not None:
            limbs["predicted"].update(pose.float(), skeleton)
            limbs["labels"].update(label.float(), skeleton)
        metrics.update(pose.float(), label, torch.from_numpy(codes[rows].astype(np.int64)).to(device))
    return {
        **metrics.report(),
        "poses": len(data),
        "per_action": {name: float(value) for name, value in metrics.p_mpjpe.per_action().items()},
        "per_joint": {name: float(value) for name, value in metrics.p_mpjpe.per_joint().items()},
        f"{metrics.unaligned}_per_action": {
            name: float(value) for name, value in getattr(metrics, metrics.unaligned).per_action().items()
        },
        "limb_ratios": {} if limbs is None else {name: statistics.report() for name, statistics in limbs.items()},
    }


def _warn_of_unit(labels_mm: np.ndarray, skeleton: Skeleton) -> None:
    """Warn of labels (N, J, 3) whose legs are as long as people's in another unit than mm."""
    leg_mm = leg_length(labels_mm, skeleton)
    if likely_unit(leg_mm) in ("cm", "m"):
        warnings.warn(
            f"legs of the labels are {leg_mm:.3g} mm long, where 400 to 1300 are people's: PoseData.pose_3d is in mm, and "
            "so are the errors.",
            PoseZooWarning,
            stacklevel=3,
        )
