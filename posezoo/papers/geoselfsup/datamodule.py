"""Load data of Chen, Tyagi et al. 2019: 2D poses, their neighbours in time, poses of another domain, a few labels."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from posezoo.data import LiftingDataModule, PoseData, load_dataset, read_keypoints
from posezoo.data.named import DATASETS
from posezoo.errors import InputError
from posezoo.geometry import center_and_scale
from posezoo.papers.geoselfsup.adapter import train_adapter
from posezoo.papers.geoselfsup.completing import completed, train_completion
from posezoo.skeletons import convert

_AT_ONCE = 65536


def neighbour_rows(data: PoseData, count: int) -> np.ndarray:
    """Return the rows of ``count`` other frames of each pose's clip: the next ones, at a clip's end the previous ones.

    Returns:
        (N, count); a pose whose clip has no such frame stands for it itself.
    """
    key = data.sequence.astype(np.int64) << 32 | data.frame.astype(np.int64)
    order = np.argsort(key)
    rows = np.arange(len(key))
    found = np.empty((len(key), count), dtype=np.int64)
    for step in range(1, count + 1):
        found[:, step - 1] = rows
        for offset in (-step, step):  # the next frames replace the previous ones
            place = np.searchsorted(key, key + offset, sorter=order).clip(max=len(key) - 1)
            candidate = order[place]
            there = key[candidate] == key + offset
            found[there, step - 1] = candidate[there]
    return found


class GeoSelfSupDataModule(LiftingDataModule):
    """Training batches hold 2D keypoints; with ``neighbours`` also those of other frames; no 3D label.

    Beside the arguments of :class:`posezoo.data.LiftingDataModule` (without ``labels``):

    Args:
        neighbours: M frames beside each pose: ``neighbours_2d`` (B, M, J, 2), and ``in_time`` (B,) whether it has any.
        source: files of 2D keypoints of another domain, in any format, or a dataset that needs no file (its validation
            split); complete people are adapted (Sec. 3.6) and join the training poses.
        source_skeleton: their layout, where the files do not say.
        source_image_size: (width, height) of their pictures in px, where the files do not say: for fractions of a picture.
        source_share: of the training poses that come from there; each of them once where not given, as in the paper.
        source_shuffled: draw these at random, by the seed; off, take them from the start of the files.
        source_completed: fill in the missing joints of people who have ``source_least`` of them, as Sec. 4.6 does; off,
            people who lack any are left out.
        source_least, completion_steps: see ``source_completed``; batches that the network for it trains.
        adapter_steps, adapter_width, adapter_weight, adapter_penalty, adapter_batch_size, adapter_learning_rate,
            adapter_saturating: of the adapter's training, see :func:`train_adapter`; 0 steps leaves the poses as they are.
        label_fraction: of the training poses whose 3D labels fine-tuning may see (:attr:`labelled`).

    Raises:
        InputError: a fraction outside 0..1, a source without complete people, labels that are not there.
    """

    former_defaults: ClassVar[dict[str, object]] = {
        "source_share": 0.2, "source_shuffled": False, "adapter_width": 256, "adapter_penalty": 1.0,
        "adapter_batch_size": 256, "adapter_saturating": False,
    }  # fmt: skip
    """Former defaults, with which results were measured before the defaults became the paper's."""

    def __init__(
        self,
        dataset: str | dict[str, object] = "procedural",
        path: str | None = None,
        keypoints: str = "gt",
        test_keypoints: str | None = None,
        skeleton: str = "common14",
        batch_size: int = 8192,
        eval_batch_size: int = 8192,
        seed: int = 0,
        neighbours: int = 0,
        source: list[str] | None = None,
        source_skeleton: str | None = None,
        source_share: float | None = None,
        adapter_steps: int = 1000,
        adapter_weight: float = 1.0,
        label_fraction: float = 0.0,
        source_image_size: list[int] | None = None,
        facing: bool = False,
        augmentation: dict[str, object] | None = None,
        postures: int = 0,
        source_shuffled: bool = True,
        source_completed: bool = False,
        source_least: int = 10,
        completion_steps: int = 1000,
        adapter_width: int = 1024,
        adapter_penalty: float = 0.0,
        adapter_batch_size: int = 8192,
        adapter_learning_rate: float = 2e-4,
        adapter_saturating: bool = True,
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
            facing=facing,
            augmentation=augmentation,
            postures=postures,
        )
        if not 0 <= label_fraction <= 1 or not (source_share is None or 0 < source_share < 1) or neighbours < 0:
            raise InputError(
                f"label_fraction {label_fraction}, source_share {source_share}, neighbours {neighbours}; expected fractions "
                "of 1 and 0 or more neighbours."
            )
        self.neighbours = neighbours
        self.source, self.source_share = source, source_share
        self.source_skeleton, self.source_image_size = source_skeleton, source_image_size
        self.source_shuffled, self.source_completed, self.source_least = source_shuffled, source_completed, source_least
        self.adapter_steps, self.label_fraction, self.completion_steps = adapter_steps, label_fraction, completion_steps
        self._train_adapter = partial(
            train_adapter,
            steps=adapter_steps,
            width=adapter_width,
            weight=adapter_weight,
            penalty=adapter_penalty,
            batch_size=adapter_batch_size,
            learning_rate=adapter_learning_rate,
            saturating=adapter_saturating,
            seed=seed,
        )
        self.labelled: dict[str, Tensor] | None = None

    def tensors(self, data: PoseData, split: str) -> dict[str, Tensor]:
        tensors = super().tensors(data, split)
        if split != "train":
            return tensors
        if self.label_fraction and self.augmentation is not None:
            self.pool = self.labelled_pool(self.draw(data, self._label_count(data)))
        elif self.label_fraction:
            self.labelled = self.draw_labelled(data, self._label_count(data))
        if self.neighbours:
            tensors["neighbours_2d"] = tensors["keypoints_2d"][torch.from_numpy(neighbour_rows(data, self.neighbours))]
            tensors["in_time"] = torch.ones(len(data), dtype=torch.bool)
        return self._with_source(tensors) if self.source else tensors

    def _label_count(self, data: PoseData) -> int:
        return max(1, round(self.label_fraction * len(data)))

    def source_poses(self, target: Tensor) -> Tensor:
        """Return people of the source files, in this layout: (S, J, 2), root at the origin, mean distance 1.

        Args:
            target: training poses, normalised alike: what people who lack joints are completed after.

        Raises:
            InputError: there is nobody whose joints are all there, or can be filled in.
        """
        parts = []
        for path in self.source or ():
            if path in DATASETS:
                data = load_dataset(path, split="val")
            else:
                data = read_keypoints(path, self.source_skeleton, self.source_image_size)
            keypoints = convert(data.keypoints_2d, data.skeleton, self.skeleton).keypoints
            known = np.isfinite(keypoints).all(2).sum(1)
            least = self.source_least if self.source_completed else len(self.skeleton)
            parts.append(keypoints[known >= least])
        poses = np.concatenate(parts)
        # Detectors write a person that was not found as one point.
        poses = poses[(np.nanmax(poses, 1) - np.nanmin(poses, 1)).max(1) > 0] if len(poses) else poses
        if not len(poses):
            kind = f"person of {self.source_least} joints" if self.source_completed else "complete person"
            raise InputError(f"{', '.join(self.source or ())} has no {kind} in {self.skeleton.name}.")
        found = torch.from_numpy(poses).float()
        present = torch.isfinite(found).all(-1).float()
        if not bool(present.all()):
            lacking = present[present.sum(1) < len(self.skeleton)]
            network = train_completion(target, lacking, self.completion_steps, seed=self.seed)
            found = completed(network, found)
        return center_and_scale(found, self.skeleton.root)[0]

    def _with_source(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the target's poses with adapted poses of the source, in the share asked for, at one scale."""
        target = center_and_scale(tensors["keypoints_2d"], self.skeleton.root)[0]
        source = self.source_poses(target)
        if self.adapter_steps:
            adapter = self._train_adapter(source, target)
            with torch.no_grad():
                source = torch.cat([adapter(part) for part in source.split(_AT_ONCE)])
        count = len(source)
        if self.source_share is not None:
            count = round(len(tensors["keypoints_2d"]) * self.source_share / (1 - self.source_share))
        if self.source_shuffled:
            source = source[torch.randperm(len(source), generator=torch.Generator().manual_seed(self.seed))]
        # Scale to the mean size of the target's people, for models with one scale for all data.
        size = (tensors["keypoints_2d"] - tensors["keypoints_2d"][:, self.skeleton.root, None]).norm(dim=-1).mean()
        poses = source[torch.arange(count) % len(source)] * (size / source.norm(dim=-1).mean())
        joined = {"keypoints_2d": torch.cat([tensors["keypoints_2d"], poses])}
        if self.neighbours:
            still = poses[:, None].expand(-1, self.neighbours, -1, -1)
            joined["neighbours_2d"] = torch.cat([tensors["neighbours_2d"], still])
            joined["in_time"] = torch.cat([tensors["in_time"], torch.zeros(count, dtype=torch.bool)])
        return joined
