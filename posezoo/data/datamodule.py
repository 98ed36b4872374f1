"""The DataModule of papers that lift single 2D poses."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor

from posezoo.data.augmentation import Augmentation, AugmentedLoader
from posezoo.data.augmentation.people import Sampler
from posezoo.data.loader import Loader, TensorLoader
from posezoo.data.named import load_dataset
from posezoo.data.openmocap import read_detector_errors
from posezoo.errors import InputError
from posezoo.poses.facing import face_roots
from posezoo.poses.posedata import PoseData
from posezoo.poses.views import moments, world_poses
from posezoo.settings import settings_of
from posezoo.skeletons import convert, get_skeleton
from posezoo.synthetic.postures import random_postures


class LiftingDataModule(pl.LightningDataModule):
    """Single 2D poses, with or without 3D labels, held in memory.

    A batch is a dictionary: ``keypoints_2d`` (B, J, 2) px; with labels also ``pose_3d`` (B, J, 3) mm, camera frame,
    root-relative; in evaluation ``action`` (B,) codes into :attr:`actions`.

    Args:
        dataset: a name that :func:`posezoo.data.load_dataset` knows, or ready-made :class:`PoseData` by split.
        path: of the dataset's file, where it has one.
        keypoints: ``gt`` or ``detected``, for training.
        test_keypoints: the same for validation and test; that of training where not given.
        labels: whether training batches carry 3D. Without, no 3D label is read for training at all.
        skeleton: the layout handed out.
        batch_size: of training, per process.
        eval_batch_size: of validation and test, per process.
        seed: of the permutations.
        views: cameras whose poses are trained on; all where not given.
        test_views: the same for validation and test; those of training where not given.
        facing: turn every picture's camera to look at the root, see :func:`posezoo.poses.facing.face_roots`.
        augmentation: fields of :class:`posezoo.data.augmentation.Augmentation`. Training batches are then made of
            :attr:`pool`: the poses of the training split with ``labels``, else those that a teacher lifted.
        postures: so many random postures, see :func:`posezoo.synthetic.postures.random_postures`, join the pool.
    """

    def __init__(
        self,
        dataset: str | dict[str, object] = "procedural",
        path: str | None = None,
        keypoints: str = "gt",
        test_keypoints: str | None = None,
        labels: bool = True,
        skeleton: str = "h36m17",
        batch_size: int = 1024,
        eval_batch_size: int = 8192,
        seed: int = 0,
        views: list[int] | None = None,
        test_views: list[int] | None = None,
        facing: bool = False,
        augmentation: dict[str, object] | None = None,
        postures: int = 0,
    ) -> None:
        super().__init__()
        if batch_size < 1 or eval_batch_size < 1:
            raise InputError(f"batch_size {batch_size} and eval_batch_size {eval_batch_size}; expected 1 or more.")
        self.dataset, self.path, self.labels, self.seed = dataset, path, labels, seed
        self.keypoints, self.test_keypoints = keypoints, test_keypoints or keypoints
        self.views, self.test_views = views, test_views or views
        self.skeleton = get_skeleton(skeleton)
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size
        self.facing, self.postures = facing, postures
        self.augmentation = None if augmentation is None else settings_of(Augmentation, augmentation, "augmentation")
        self.pool: Tensor | None = None
        self.actions: dict[str, tuple[str, ...]] = {}  # of validation and of test, in the order of their codes
        self._splits: dict[str, dict[str, Tensor]] = {}

    def load(self, split: str, keypoints: str | None = None) -> PoseData:
        """Return the poses of a split as the dataset gives them, with other keypoints where they are asked for."""
        if isinstance(self.dataset, dict):
            if split not in self.dataset:
                raise InputError(f"no {split} split was given; expected it among {', '.join(self.dataset)}.")
            return cast(PoseData, self.dataset[split])
        train = split == "train"
        views = self.views if train else self.test_views
        return load_dataset(
            self.dataset,
            split=split,
            path=self.path,
            keypoints=keypoints or (self.keypoints if train else self.test_keypoints),
            **({} if views is None else {"views": tuple(views)}),
        )

    def setup(self, stage: str | None = None) -> None:
        """Load what a stage needs, once."""
        for split in {"fit": ("train", "val"), "validate": ("val",), "test": ("test",)}.get(stage or "fit", ()):
            if split not in self._splits:
                self._splits[split] = self.tensors(self.load(split), split)

    def tensors(self, data: PoseData, split: str) -> dict[str, Tensor]:
        """Return the tensors by name that batches of a split are cut from; a paper that needs more than poses extends it.

        Raises:
            InputError: missing joints, or no labels where they are asked for.
        """
        augmented = self.augmentation is not None and split == "train"
        if augmented and self.labels:
            self.pool = self.labelled_pool(data)
        if self.facing:
            data = face_roots(data)
        keypoints = convert(data.keypoints_2d, data.skeleton, self.skeleton)
        if keypoints.missing or not np.isfinite(keypoints.keypoints).all():
            raise InputError(
                f"the {split} split has poses with missing joints; training needs all of {self.skeleton.name}"
                f"{' (' + ', '.join(keypoints.missing) + ' cannot be had)' if keypoints.missing else ''}."
            )
        tensors = {"keypoints_2d": torch.from_numpy(keypoints.keypoints).float()}
        if data.pose_3d is not None and (self.labels or split != "train"):
            pose = torch.from_numpy(convert(data.pose_3d, data.skeleton, self.skeleton).keypoints).float()
            root = self.skeleton.root
            tensors["pose_3d"] = pose - pose[:, root : root + 1]
        elif self.labels and split == "train":
            raise InputError("labels=True, but the training split has no 3D; set labels=False or give 3D.")
        if split != "train":
            names, codes = np.unique(data.action, return_inverse=True)
            self.actions[split] = tuple(str(name) for name in names)
            tensors["action"] = torch.from_numpy(codes.astype(np.int64))
        if augmented:
            tensors |= {"recording": torch.from_numpy(data.sequence).long(), "frame": torch.from_numpy(data.frame).long()}
        return tensors

    def labelled_pool(self, data: PoseData) -> Tensor:
        """Return each pose of labelled data once, in the world's frame, root at the origin, mm.

        Raises:
            InputError: no labels, or a sequence without a camera.
        """
        return world_poses(data[moments(data)], self.skeleton)

    @property
    def training_keypoints(self) -> dict[str, Tensor]:
        """The training split as it was loaded, before any augmentation."""
        return self._splits["train"]

    def draw_labelled(self, data: PoseData, count: int) -> dict[str, Tensor]:
        """Return ``count`` poses drawn at random with their 3D labels, where the rest of training sees none.

        Raises:
            InputError: no labels, or joints that cannot be had.
        """
        if data.pose_3d is None:
            raise InputError("labels are asked for, which the training split does not have.")
        if self.facing:
            data = face_roots(data)
        data = self.draw(data, count)
        two, three = (
            torch.from_numpy(convert(values, data.skeleton, self.skeleton).keypoints).float()
            for values in (data.keypoints_2d, data.pose_3d)
        )
        root = self.skeleton.root
        return {"keypoints_2d": two, "pose_3d": three - three[:, root : root + 1]}

    def draw(self, data: PoseData, count: int) -> PoseData:
        """Return ``count`` of the poses, drawn at random by the seed, in their order."""
        return data[np.sort(np.random.default_rng(self.seed).permutation(len(data))[:count])]

    def add(self, split: str, name: str, values: Tensor) -> None:
        """Give a split's batches what a model computed once, such as the codes of a fixed network: a row a sample.

        Raises:
            InputError: not as many rows as samples.
        """
        samples = len(next(iter(self._splits[split].values())))
        if len(values) != samples:
            raise InputError(f"{name} has {len(values)} rows; the {split} split has {samples} samples.")
        self._splits[split][name] = values

    def sampler(self, augmentation: Augmentation) -> Sampler:
        """Return what makes training batches of the pool; a paper that needs more than poses gives its own."""
        return augmentation

    def _augmented(self, augmentation: Sampler, device: torch.device | None) -> AugmentedLoader:
        """Return a loader over the pool, postures among it, with the errors of the dataset's detector where it has some."""
        if self.pool is None:
            raise InputError("augmentation without labels needs poses that a teacher lifted; set model.student.")
        pool, errors = self.pool, None
        if self.postures:
            drawn = random_postures(self.postures, self.seed)
            more = torch.from_numpy(convert(drawn, "h36m17", self.skeleton).keypoints).to(pool)
            root = self.skeleton.root
            pool = torch.cat([pool, more - more[:, root : root + 1]])
        if self.dataset == "openmocap" and self.path is not None:
            measured = read_detector_errors(self.path)
            errors = None if measured is None else convert(torch.from_numpy(measured), "h36m17", self.skeleton).keypoints
        return AugmentedLoader(pool, augmentation, self.batch_size, self.skeleton, errors, device)

    def _loader(self, split: str) -> Loader:
        if split not in self._splits:
            self._splits[split] = self.tensors(self.load(split), split)
        trainer, train = self.trainer, split == "train"
        if train and self.augmentation is not None:
            return self._augmented(
                self.sampler(self.augmentation), None if trainer is None else trainer.strategy.root_device
            )
        return TensorLoader(
            self._splits[split],
            self.batch_size if train else self.eval_batch_size,
            shuffle=train,
            seed=self.seed,
            epoch=lambda: 0 if trainer is None else trainer.current_epoch,
            device=None if trainer is None else trainer.strategy.root_device,
        )

    def training_sample(self, count: int) -> dict[str, Tensor]:
        """Return training poses to measure statistics of: ``count`` augmented ones, or all where none is augmented.

        Raises:
            InputError: batches are neither poses of the data nor augmented ones.
        """
        loader = self.train_dataloader()
        if isinstance(loader, AugmentedLoader):
            return loader.sample(count)
        if not isinstance(loader, TensorLoader):
            raise InputError(f"batches are made by {type(loader).__name__}, which has no poses to measure beforehand.")
        return loader.tensors

    def train_dataloader(self) -> Loader:
        return self._loader("train")

    def val_dataloader(self) -> Loader:
        return self._loader("val")

    def test_dataloader(self) -> Loader:
        return self._loader("test")
