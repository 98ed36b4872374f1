"""Define MultiViewPrediction: metric poses of one person whom several cameras see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, cast

import numpy as np

from posezoo.poses.prediction import Array, Prediction, as_numpy
from posezoo.skeletons import Skeleton


@dataclass(frozen=True, eq=False, repr=False)
class MultiViewPrediction(Generic[Array]):
    """Poses of one person seen by V cameras over T frames: arrays for arrays, tensors for tensors.

    Attributes:
        world_mm: (T, J, 3) float32, mm, world coordinates of the cameras' calibration; NaN where it is not known.
        camera_mm: (V, T, J, 3) the same in each camera's frame (x right, y down, z forward).
        triangulated_mm: (T, J, 3) what was refined, world coordinates.
        skeleton: the layout.
        undefined: joints (of T x J) that fewer than two views define.
        reprojection_px: (V, T, J) distance in px between each view's keypoint and the refined joint; NaN where either is
            missing.
        views_used: (V, T, J) bool, the views that a joint was made from.
        approximated: joints that the keypoints' layout lacks, and how they were made up.
        unit, frame: in words.
        model: which checkpoint.
    """

    world_mm: Array
    camera_mm: Array
    triangulated_mm: Array
    skeleton: Skeleton
    undefined: int
    reprojection_px: Array | None = None
    views_used: Array | None = None
    model: str = ""
    approximated: Mapping[str, str] = field(default_factory=dict)
    unit: str = "mm"
    frame: str = "world, as the cameras are calibrated"

    def in_world(self) -> Prediction[Array]:
        """Return the poses in the world's frame alone, as they are saved, drawn and exported."""
        error = count = None
        if self.reprojection_px is not None and self.views_used is not None:
            off, used = np.asarray(as_numpy(self.reprojection_px)), np.asarray(as_numpy(self.views_used))
            count = used.sum(0)
            error = (np.where(used, off, 0.0).sum(0) / np.where(count > 0, count, np.nan)).astype(np.float32)
        return Prediction(
            reprojection_px=error,
            view_count=count,
            pose_3d=self.world_mm,
            skeleton=self.skeleton,
            unit=self.unit,
            frame=self.frame,
            model=self.model,
            approximated=self.approximated,
            notes=(f"{self.undefined} joints that fewer than two views define are NaN",) if self.undefined else (),
        )

    def numpy(self) -> MultiViewPrediction[np.ndarray]:
        """Return the same with NumPy arrays."""
        names = ("world_mm", "camera_mm", "triangulated_mm", "reprojection_px", "views_used")
        arrays: dict[str, Any] = {name: as_numpy(getattr(self, name)) for name in names}
        return cast("MultiViewPrediction[np.ndarray]", replace(self, **arrays))

    def __repr__(self) -> str:
        parts = [f"world_mm {tuple(self.world_mm.shape)}, camera_mm {tuple(self.camera_mm.shape)}", self.skeleton.name]
        parts += [f"by {self.model}"] if self.model else []
        parts += [f"{self.undefined} joints undefined"] if self.undefined else []
        return f"MultiViewPrediction({', '.join(parts)})"
