"""Load data of Hua et al. 2021: two synchronised, calibrated cameras, without 3D labels in training."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from posezoo.data import LiftingDataModule, PoseData
from posezoo.data.loader import Loader
from posezoo.errors import InputError
from posezoo.papers.cvugcn.pairs import CalibrationError, paired_tensors, pairs_by_name
from posezoo.papers.cvugcn.rigs import Motions, RigLoader
from posezoo.papers.cvugcn.simulation import RigSettings
from posezoo.settings import settings_of


class CVUGCNDataModule(LiftingDataModule):
    """Batches of pairs, see :func:`posezoo.papers.cvugcn.pairs.paired_tensors`.

    Beside the arguments of :class:`posezoo.data.LiftingDataModule` (without ``labels``: training has none):

    Args:
        pairs, test_pairs: names of camera pairs, ``P1`` to ``P4``, or ``C12 C13 C23`` of three cameras; the first four, and
            those of training, where not given.
        target: ``gt``: the reprojection loss compares with 2D annotations, as Eq. 3 has it; ``input``: with the keypoints
            themselves, where there is nothing else.
        noise_px: standard deviation of Gaussian noise on all keypoints.
        calibration: errors of the cameras, see :class:`posezoo.papers.cvugcn.pairs.CalibrationError`.
        undistort: take the lens' distortion out of the keypoints (the paper does not say whether it did).
        rigs: train and validate on simulated rigs that look at the dataset's 3D motion instead; fields of
            :class:`posezoo.papers.cvugcn.simulation.RigSettings`, for a model with ``context``.

    Raises:
        InputError, UnknownNameError: another target, a pair or an error that does not exist.
    """

    def __init__(
        self,
        dataset: str | dict[str, object] = "openmocap",
        path: str | None = None,
        keypoints: str = "detected",
        test_keypoints: str | None = None,
        skeleton: str = "h36m17",
        batch_size: int = 256,
        eval_batch_size: int = 4096,
        seed: int = 0,
        pairs: list[str] | None = None,
        test_pairs: list[str] | None = None,
        target: str = "gt",
        noise_px: float = 0.0,
        calibration: dict[str, object] | None = None,
        rigs: dict[str, object] | None = None,
        undistort: bool = True,
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
        )
        if target not in ("gt", "input") or noise_px < 0:
            raise InputError(f"target {target!r}, noise_px {noise_px}; expected 'gt' or 'input', and 0 or more.")
        self.pairs, self.test_pairs = pairs_by_name(pairs), pairs_by_name(test_pairs or pairs)
        self.target, self.noise_px, self.undistort = target, noise_px, undistort
        self.calibration = settings_of(CalibrationError, calibration, "calibration")
        self.rigs = None if rigs is None else settings_of(RigSettings, rigs, "rigs")
        self._motions: dict[str, Motions] = {}

    def setup(self, stage: str | None = None) -> None:
        if self.rigs is None:
            super().setup(stage)
            return
        for split in {"fit": ("train", "val"), "validate": ("val",), "test": ("test",)}.get(stage or "fit", ()):
            if split not in self._motions:
                self._motions[split] = Motions.of(self.load(split, "gt"), self.skeleton)

    def _loader(self, split: str) -> Loader:
        if self.rigs is None:
            return super()._loader(split)
        train, device = split == "train", None if self.trainer is None else self.trainer.strategy.root_device
        settings = self.rigs if train else replace(self.rigs, batches=4 * len(set(self.rigs.views)))
        seed = None if train else self.seed
        return RigLoader(self._motions[split], self.skeleton, settings, self.batch_size, device, seed)

    def tensors(self, data: PoseData, split: str) -> dict[str, Tensor]:
        train = split == "train"
        target = None
        if self.target == "gt" and isinstance(self.dataset, str) and "detected" in (self.keypoints, self.test_keypoints):
            target = self.load(split, "gt")
        tensors = paired_tensors(
            replace(data, pose_3d=None) if train else data,
            self.pairs if train else self.test_pairs,
            self.skeleton,
            noise_px=self.noise_px,
            calibration=self.calibration,
            target=target,
            labels=not train and data.pose_3d is not None,
            undistort=self.undistort,
            seed=self.seed,
        )
        del tensors["row"], tensors["pair"]
        if not torch.isfinite(tensors["target_2d"]).all():
            raise InputError(f"the {split} split has poses with missing joints; leave them out.")
        return tensors
