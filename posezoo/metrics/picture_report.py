"""What Zhou et al. 2017 report: errors in 3D and in 2D, and how symmetric the predicted skeletons are."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from posezoo.geometry import bone_lengths
from posezoo.metrics.correct import PCKh
from posezoo.metrics.report import LiftingMetrics
from posezoo.metrics.symmetry import SymmetryError
from posezoo.skeletons import Skeleton

PICTURE_PX = 256.0
"""The size of pictures at which Sec. 4.1.2 measures symmetry in px."""
_LIMBS = {"elbow": "upper_arm", "wrist": "lower_arm", "knee": "upper_leg", "ankle": "lower_leg"}


def rescaled(
    pose: Float[Tensor, "B J 3"], canonical_sum_mm: Float[Tensor, ""], skeleton: Skeleton
) -> Float[Tensor, "B J 3"]:
    """Zhou et al. 2017, Sec. 4.1.2: about the root, with bones that add up to those of the canonical skeleton, mm.

    Args:
        pose: any unit and place.
        canonical_sum_mm: ``AvgSumLen``.
        skeleton: their layout.
    """
    root = skeleton.root
    total = bone_lengths(pose, skeleton).sum(1).clamp_min(1e-6)
    return (pose - pose[:, root : root + 1]) * (canonical_sum_mm / total)[:, None, None]


def moved_to_the_neck(pose: Float[Tensor, "B J 3"], share: float, skeleton: Skeleton) -> Float[Tensor, "B J 3"]:
    """Pelvis and hips moved towards the neck by a share of the way, about the new root.

    Zhou et al. 2017, Sec. 4.1.2: by 0.2, as MPI-INF-3DHP has its pelvis higher than Human3.6M and MPII.
    """
    pose = pose.clone()
    hips = [skeleton.index(joint) for joint in ("pelvis", "left_hip", "right_hip")]
    neck = skeleton.index("thorax")
    pose[:, hips] = pose[:, hips] + share * (pose[:, neck : neck + 1] - pose[:, hips])
    return pose - pose[:, skeleton.root : skeleton.root + 1]


class PictureMetrics(nn.Module):
    """Errors of poses found in pictures, summed over batches and processes.

    Args:
        skeleton: of predictions and labels.
        actions: names for the action codes.
    """

    def __init__(self, skeleton: Skeleton, actions: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.poses = LiftingMetrics("mm", skeleton, actions)
        self.pckh = PCKh(skeleton=skeleton)
        self.symmetry_mm, self.symmetry_px = SymmetryError(skeleton), SymmetryError(skeleton)
        self.with_labels = False

    @torch.no_grad()
    def update(
        self,
        pose_px: Float[Tensor, "B J 3"],
        keypoints_px: Float[Tensor, "B J 2"],
        head_px: Float[Tensor, "B"] | None = None,
        pose_mm: Float[Tensor, "B J 3"] | None = None,
        target_mm: Float[Tensor, "B J 3"] | None = None,
        action: Int[Tensor, "B"] | None = None,
    ) -> None:
        """Count a batch.

        Args:
            pose_px: predictions, in px of a picture of :data:`PICTURE_PX`.
            keypoints_px: 2D labels in the same, NaN where a joint is not annotated.
            head_px: the heads' sizes in the same.
            pose_mm, target_mm: predictions and labels in 3D, root-relative.
            action: codes.
        """
        if head_px is not None:
            known = torch.isfinite(keypoints_px).all(-1)
            self.pckh.update(pose_px[..., :2], keypoints_px.nan_to_num(), head_px, mask=known)
        self.symmetry_px.update(pose_px)
        if pose_mm is not None and target_mm is not None:
            self.with_labels = True
            self.poses.update(pose_mm, target_mm, action)
            self.symmetry_mm.update(pose_mm)

    def report(self) -> dict[str, float]:
        """Every metric by name: mm, PCKh, PCK and AUC in percent, symmetry in mm and in px at :data:`PICTURE_PX`.

        PCKh is over all joints of the layout that are annotated; MPII's own leaves pelvis and thorax out.
        """
        result = self.poses.report() if self.with_labels else {}
        if float(self.pckh.count.sum()):
            result["pckh"] = 100 * float(self.pckh.compute())
        for unit, metric in (("mm", self.symmetry_mm), ("px", self.symmetry_px)):
            if unit == "px" or self.with_labels:
                by_joint = metric.per_joint()
                limbs = {f"symmetry_{limb}_{unit}": float(by_joint[joint]) for joint, limb in _LIMBS.items()}
                result |= {**limbs, f"symmetry_limbs_{unit}": sum(limbs.values()) / len(limbs)}
        return result
