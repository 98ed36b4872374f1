"""Load data of Chen, Lin et al. 2019: pairs of views for the generators, and a few labelled poses for the regressor."""

from __future__ import annotations

import torch
from torch import Tensor

from posezoo.data import LiftingDataModule, PoseData
from posezoo.data.augmentation import Augmentation
from posezoo.distributed import draw
from posezoo.errors import InputError
from posezoo.geometry import center_and_scale
from posezoo.papers.georep.views import AugmentedPairs, Torus, real_pairs, see
from posezoo.poses.views import moments, world_poses
from posezoo.skeletons import convert


class GeoRepDataModule(LiftingDataModule):
    """Training batches: two views of poses, ``source_2d``, ``target_2d`` (B, J, 2) px; ``rotation`` (B, 3, 3), R_{i->j}.

    Beside the arguments of :class:`posezoo.data.LiftingDataModule` (without ``labels``):

    Args:
        cameras: ``real``: what synchronised cameras saw, no 3D; ``virtual``: two cameras drawn anew on a torus around each
            pose, which needs its 3D (Sec. 3.1; "AUG" of Fig. 6).
        same_view: source and target are one view ("AE").
        label_count: how many poses the regressor may see 3D labels of (:attr:`labelled`); all where not given, 0 for none.
        detector_errors: virtual source views are off by errors that the detector made on the training poses (``keypoints:
            detected``), drawn at random; what they are to show from the other side is not. Not in the paper, whose
            detector saw real images alone.
        augmentation: fields of :class:`posezoo.data.augmentation.Augmentation`; both views, and the labels of the regressor,
            are then of augmented people and cameras (not in the paper).
        torus: ``ring``, ``tube``, ``height`` in mm, see :class:`posezoo.papers.georep.views.Torus`.

    Raises:
        InputError: other cameras, a negative count, a torus that reaches the person.
    """

    def __init__(
        self,
        dataset: str | dict[str, object] = "procedural",
        path: str | None = None,
        keypoints: str = "gt",
        test_keypoints: str | None = None,
        skeleton: str = "mpii16",
        batch_size: int = 64,
        eval_batch_size: int = 4096,
        seed: int = 0,
        views: list[int] | None = None,
        test_views: list[int] | None = None,
        cameras: str = "virtual",
        same_view: bool = False,
        label_count: int | None = None,
        detector_errors: bool = False,
        torus: dict[str, float] | None = None,
        facing: bool = False,
        augmentation: dict[str, object] | None = None,
        postures: int = 0,
    ) -> None:
        super().__init__(
            dataset=dataset,
            path=path,
            keypoints=keypoints,
            test_keypoints=test_keypoints,
            labels=False,
            skeleton=skeleton,
            batch_size=batch_size,
            eval_batch_size=eval_batch_size,
            seed=seed,
            views=views,
            test_views=test_views,
            facing=facing,
            augmentation=augmentation,
            postures=postures,
        )
        if cameras not in ("virtual", "real") or (label_count or 0) < 0:
            raise InputError(f"cameras {cameras!r}, label_count {label_count}; expected 'virtual' or 'real', and 0 or more.")
        try:
            self.torus = Torus(**(torus or {}))
        except TypeError as error:
            raise InputError(f"torus {torus}: {error}; it takes ring, tube and height.") from error
        if detector_errors and (cameras != "virtual" or keypoints != "detected" or not isinstance(dataset, str)):
            raise InputError("detector_errors need virtual cameras and a named dataset with keypoints: detected.")
        self.cameras, self.same_view, self.label_count = cameras, same_view, label_count
        self.detector_errors = detector_errors
        self.labelled: dict[str, Tensor] | None = None
        self._errors: Tensor | None = None

    def tensors(self, data: PoseData, split: str) -> dict[str, Tensor]:
        if split != "train":
            return super().tensors(data, split)
        if self.augmentation is not None:
            self.pool = self.labelled_pool(data)
            return {"pose_world": self.pool}
        if self.label_count != 0:
            self.labelled = self.draw_labelled(data, self.label_count or len(data))
        if self.detector_errors:
            self._errors = self._measure_errors(data)
        if self.cameras == "virtual":
            return {"pose_world": world_poses(data[moments(data)], self.skeleton)}
        return real_pairs(data, self.skeleton, self.same_view)

    def sampler(self, augmentation: Augmentation) -> AugmentedPairs:
        return AugmentedPairs(augmentation, self.same_view)

    def _measure_errors(self, data: PoseData) -> Tensor:
        """Return the detector's errors (N, J, 2), in mean distances of a pose's joints from its root."""
        found, truth = (
            torch.from_numpy(convert(poses.keypoints_2d, poses.skeleton, self.skeleton).keypoints).float()
            for poses in (data, self.load("train", "gt"))
        )
        return (found - truth) / center_and_scale(truth, self.skeleton.root)[2]

    def on_after_batch_transfer(self, batch: dict[str, Tensor], dataloader_idx: int) -> dict[str, Tensor]:
        """Project the poses of a batch through virtual cameras, on the training device."""
        if "pose_world" not in batch:
            return batch
        pose = batch["pose_world"]
        first = self.torus.cameras(len(pose), pose.device)
        second = first if self.same_view else self.torus.cameras(len(pose), pose.device)
        source = see(pose, *first)
        if self._errors is not None:
            rows = (draw(torch.rand, len(pose)) * len(self._errors)).long()
            source = center_and_scale(source, self.skeleton.root)[0] + self._errors[rows].to(source)
        return {
            "source_2d": source,
            "target_2d": see(pose, *second),
            "rotation": torch.bmm(second[0], first[0].mT).to(pose),
        }
