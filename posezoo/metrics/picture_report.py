"""Report the metrics of Zhou et al. 2017: errors in 3D and in 2D, and how symmetric the predicted skeletons are."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from posezoo.errors import InputError
from posezoo.geometry import bone_lengths
from posezoo.metrics.report import LiftingMetrics
from posezoo.skeletons import Skeleton

PICTURE_PX = 256.0
"""The size of pictures at which Sec. 4.1.2 measures symmetry in px."""
LSP14 = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "right_wrist", "right_elbow",
    "right_shoulder", "left_shoulder", "left_elbow", "left_wrist", "thorax", "head_top",
)  # fmt: skip
"""Joints that PCK of Leeds Sports Pose and PCK and AUC of MPI-INF-3DHP are over."""
_LIMBS = {"elbow": "upper_arm", "wrist": "lower_arm", "knee": "upper_leg", "ankle": "lower_leg"}


def rescaled(
    pose: Float[Tensor, "B J 3"], sum_mm: Float[Tensor, ""] | Float[Tensor, "B"], skeleton: Skeleton
) -> Float[Tensor, "B J 3"]:
    """Zhou et al. 2017, Sec. 4.1.2: poses about the root, in mm, with bones that add up to a given length.

    Args:
        pose: any unit and place.
        sum_mm: ``AvgSumLen``, the bones of the canonical skeleton; or those of each pose's own label.
        skeleton: their layout.
    """
    root = skeleton.root
    total = bone_lengths(pose, skeleton).sum(1).clamp_min(1e-6)
    return (pose - pose[:, root : root + 1]) * (sum_mm / total)[:, None, None]


def moved_to_the_neck(pose: Float[Tensor, "B J 3"], share: float, skeleton: Skeleton) -> Float[Tensor, "B J 3"]:
    """Return poses with pelvis and hips moved by a share of the way from pelvis to upper neck, about the new root.

    Zhou et al. 2017, Sec. 4.1.2: by 0.2, as MPI-INF-3DHP has its pelvis higher than Human3.6M and MPII. All three joints
    move by the same vector, as in the released code. Without an upper neck the layout's thorax stands for it.
    """
    pose = pose.clone()
    hips = [skeleton.index(joint) for joint in ("pelvis", "left_hip", "right_hip")]
    neck = skeleton.index("upper_neck" if "upper_neck" in skeleton.joints else "thorax")
    pelvis = skeleton.index("pelvis")
    pose[:, hips] = pose[:, hips] + share * (pose[:, neck] - pose[:, pelvis])[:, None]
    return pose - pose[:, skeleton.root : skeleton.root + 1]


def torso_px(keypoints: Float[Tensor, "B J 2"], skeleton: Skeleton) -> Float[Tensor, "B"]:
    """Return the length by which PCK of Leeds Sports Pose measures errors, px: from the left shoulder to the right hip.

    Where one of the two is not annotated, the other diagonal stands for it; NaN where neither is whole.
    """

    def between(shoulder: str, hip: str) -> Tensor:
        return (keypoints[:, skeleton.index(shoulder)] - keypoints[:, skeleton.index(hip)]).norm(dim=-1)

    first, second = between("left_shoulder", "right_hip"), between("right_shoulder", "left_hip")
    return torch.where(torch.isfinite(first), first, second)


class PictureMetrics(nn.Module):
    """Errors of poses found in pictures, summed over batches and processes.

    Args:
        skeleton: of predictions and labels.
        actions: names for the action codes.
        joints: 14 for PCK and AUC over :data:`LSP14`; over all of the layout where not given.

    Raises:
        InputError: another number of joints.
    """

    def __init__(self, skeleton: Skeleton, actions: tuple[str, ...] = (), joints: int | None = None) -> None:
        # Here, so that models can be imported without torchmetrics.
        from posezoo.metrics import PCKh, SymmetryError

        super().__init__()
        if joints not in (None, len(LSP14)):
            raise InputError(f"joints is {joints}; expected {len(LSP14)}, or nothing for all of the layout.")
        self.skeleton = skeleton
        self.lsp14 = [skeleton.index(joint) for joint in LSP14]
        self.poses = LiftingMetrics("mm", skeleton, actions, pck_joints=self.lsp14 if joints else None)
        self.pckh = PCKh(skeleton=skeleton)
        self.pck_torso = PCKh(threshold=0.2)
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
            head_px: the heads' sizes in the same; where they are not known, errors count in torsos.
            pose_mm, target_mm: predictions and labels in 3D, root-relative.
            action: codes.
        """
        known = torch.isfinite(keypoints_px).all(-1)
        if head_px is None:
            self._count_torsos(pose_px[..., :2], keypoints_px, known)
        else:
            self.pckh.update(pose_px[..., :2], keypoints_px.nan_to_num(), head_px, mask=known)
        self.symmetry_px.update(pose_px)
        if pose_mm is not None and target_mm is not None:
            self.with_labels = True
            self.poses.update(pose_mm, target_mm, action)
            self.symmetry_mm.update(pose_mm)

    def _count_torsos(self, pred: Float[Tensor, "B J 2"], target: Float[Tensor, "B J 2"], known: Tensor) -> None:
        """Count joints of people whose torso is annotated and has a length."""
        torso = torso_px(target, self.skeleton)
        rows = torch.isfinite(torso) & (torso > 0)
        if bool(rows.any()):
            joints = self.lsp14
            self.pck_torso.update(
                pred[rows][:, joints], target[rows][:, joints].nan_to_num(), torso[rows], mask=known[rows][:, joints]
            )

    def report(self) -> dict[str, float]:
        """Return every metric by name: mm, PCKh, PCK and AUC in percent, symmetry in mm and in px at :data:`PICTURE_PX`.

        ``pck_torso`` is the share of 14 joints within 0.2 of the torso, where heads have no size: Leeds Sports Pose.
        PCKh is over all joints of the layout that are annotated; MPII's own leaves pelvis and thorax out.
        """
        result = self.poses.report() if self.with_labels else {}
        if float(self.pckh.count.sum()):
            result["pckh"] = 100 * float(self.pckh.compute())
        if float(self.pck_torso.count.sum()):
            result["pck_torso"] = 100 * float(self.pck_torso.compute())
        for unit, metric in (("mm", self.symmetry_mm), ("px", self.symmetry_px)):
            if unit == "px" or self.with_labels:
                by_joint = metric.per_joint()
                limbs = {f"symmetry_{limb}_{unit}": float(by_joint[joint]) for joint, limb in _LIMBS.items()}
                result |= {**limbs, f"symmetry_limbs_{unit}": sum(limbs.values()) / len(limbs)}
        return result
