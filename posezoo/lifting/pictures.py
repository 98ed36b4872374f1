"""Define PictureModule, the base of every model of pictures."""

from __future__ import annotations

import os
import warnings
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from posezoo.data.pictures import CropLoader, Crops, PeopleInPictures, crop_matrix, cut, read_picture
from posezoo.errors import InputError
from posezoo.geometry import bone_lengths
from posezoo.lifting.base import Shown, ZooModule
from posezoo.lifting.export_graph import PictureGraph
from posezoo.lifting.schedule import cosine
from posezoo.metrics.picture_report import PICTURE_PX, PictureMetrics, moved_to_the_neck, rescaled
from posezoo.poses.prediction import Prediction
from posezoo.skeletons import Skeleton

if TYPE_CHECKING:
    from pytorch_lightning.utilities.types import OptimizerLRScheduler

_ROOM = 1.25
"""A crop's side over the longer side of the box around a person, as the hourglass has it."""
_BATCH = 32
_ON_CPU = 8  # maps of more pictures leave a processor's caches: hg3d.photo takes 34 to 39 ms a picture so, 45 to 60 by 32


class PictureModule(ZooModule):
    """A model that finds a person in a crop of a picture: joints in px, and their depths relative to the root.

    A paper extends it with :meth:`locate` and its own ``training_step``; prediction, validation and test are here.

    Args:
        skeleton: the layout the model works in.
        size: of the crops, px.
    """

    kind = "pictures"
    monitor = "val/mpjpe"
    shared_settings = ("skeleton", "size")
    doubtful_below: float = 0.0
    """The mean confidence below which a pose is doubtful; 0 where confidences are not informative."""
    canonical_mm: Tensor

    def __init__(self, skeleton: str, size: int) -> None:
        super().__init__(skeleton, unit="mm")
        self.size = size
        # Mean bone lengths of the labelled training poses; all equal as long as there are none.
        self.register_buffer("canonical_mm", torch.full((len(self.skeleton.bones),), 250.0))

    @abstractmethod
    def locate(self, picture: UInt8[Tensor, "B 3 S S"]) -> tuple[Float[Tensor, "B J 3"], Float[Tensor, "B J"]]:
        """Return poses in px of the crop, depths in the same unit about the root's, and confidences in [0, 1]."""

    def forward(self, picture: UInt8[Tensor, "B 3 S S"]) -> tuple[Float[Tensor, "B J 3"], Float[Tensor, "B J"]]:
        """Find the people of crops: what ``torch.compile`` and ``torch.export`` take; see :meth:`locate`."""
        return self.locate(picture)

    def normalize(self, picture: UInt8[Tensor, "B 3 S S"]) -> Float[Tensor, "B 3 S S"]:
        """Turn bytes into numbers about 0, of the type of the weights."""
        return picture.to(self.precision) / 255.0 - 0.5

    def to_mm(self, pose_px: Float[Tensor, "B J 3"]) -> Float[Tensor, "B J 3"]:
        """Return root-relative poses at the size of the canonical skeleton."""
        return rescaled(pose_px, self.canonical_mm.float().sum(), self.skeleton)

    def on_fit_start(self) -> None:
        """Measure the canonical skeleton on the labelled training poses."""
        if self.datamodule is None:
            return
        if self.datamodule.size != self.size:
            raise InputError(f"data.size is {self.datamodule.size}, model.size {self.size}; give both one size.")
        if self.datamodule.kinds["labelled"] is not None and not self.trainer.ckpt_path:
            self.canonical_mm.copy_(self.datamodule.canonical_mm())

    def decayed(
        self, optimizer: torch.optim.Optimizer, steps: int | None, over_the_run: bool = False
    ) -> OptimizerLRScheduler:
        """Return the optimizer's configuration: the rate falls along half a cosine, or stays.

        Args:
            optimizer: whose rate falls.
            steps: after which the rate is zero; it stays as it is where not given.
            over_the_run: fall over the whole run instead, whether steps or minutes end it; the first fiftieth rises.
        """
        schedule: torch.optim.lr_scheduler.LRScheduler
        if over_the_run:
            schedule = cosine(optimizer, self.progress, 0.02)
        elif steps is not None:
            schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        else:
            return optimizer
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def predict_image(self, image: object, box: object = None) -> Prediction:
        """Predict 2D and 3D of the person in a picture.

        Args:
            image: (H, W, 3) uint8 RGB array or tensor, or the path of a picture.
            box: (x, y, width, height) of the person in px; the whole picture where not given.

        Returns:
            one pose: ``pose_3d`` (1, J, 3) mm, root-relative, camera frame; ``keypoints_2d`` (1, J, 2) px of the picture;
            ``confidence`` (1, J) in [0, 1]; ``doubtful`` (1,), whether the model doubts that it has found anybody. The size
            is that of the training people: one picture does not tell.

        Warns:
            UserWarning: the pose is doubtful.

        Raises:
            InputError: no picture, or a box that is empty or outside of it.
            MissingFileError, CorruptFileError: the file is not there, or no picture.
        """
        return self.predict_images([image], box)

    @torch.inference_mode()
    def predict_images(self, images: Iterable[object], box: object = None) -> Prediction:
        """Predict N poses from N pictures, such as the frames of a video; ``box``, where given, is that of all."""
        self.check_ready()
        joints, sizes = len(self.skeleton), set()
        poses, keypoints, confidences = [np.empty((0, joints, 3), np.float32)], [], []
        for batch in _batches(images, _ON_CPU if self.device.type == "cpu" else _BATCH):
            crops, matrices = [], []
            for picture in map(as_picture, batch):
                height, width = picture.shape[:2]
                sizes.add((width, height))
                x, y, across, down = check_box(box, width, height)
                side = max(across, down) * (1.0 if box is None else _ROOM)
                matrices.append(crop_matrix(np.array([x + (across - 1) / 2, y + (down - 1) / 2]), side, self.size))
                crops.append(cut(picture, matrices[-1], self.size).transpose(2, 0, 1))
            pose, confidence = self.locate(torch.from_numpy(np.stack(crops)).to(self.device))
            poses.append(self.to_mm(pose).cpu().numpy())
            confidences.append(confidence.cpu().numpy())
            for row, matrix in zip(pose[..., :2].cpu().numpy(), matrices, strict=True):
                keypoints.append((row - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T)
        certain = np.concatenate([np.empty((0, joints), np.float32), *confidences])
        doubtful = certain.mean(1) < self.doubtful_below
        notes = ["the size is that of the mean training person: one picture does not tell"]
        if doubtful.any():
            notes.append(
                f"{int(doubtful.sum())} of {len(doubtful)} poses are doubtful: their mean confidence is below "
                f"{self.doubtful_below:g}, so they may be of nobody"
            )
            warnings.warn(f"{notes[-1]}; give the person's box, or leave those pictures out.", stacklevel=3)
        return Prediction(
            pose_3d=np.concatenate(poses),
            skeleton=self.skeleton,
            unit=self.unit,
            keypoints_2d=np.array(keypoints, np.float32).reshape(-1, joints, 2),
            confidence=certain,
            doubtful=doubtful if self.doubtful_below else None,
            image_size=sizes.pop() if len(sizes) == 1 else None,
            model=self.zoo_name,
            notes=tuple(notes),
        )

    def shown(self, batch: Mapping[str, Tensor], count: int) -> Shown:
        crops = batch["picture"][:count]
        found, _ = self.locate(crops)
        return Shown(found[..., :2], self.to_mm(found), crops)

    def export_graph(self, skeleton: str | Skeleton | None = None) -> PictureGraph:
        if skeleton is not None:
            raise InputError(f"{self.zoo_name} takes pictures; a skeleton is for models that take keypoints.")
        return PictureGraph(self)

    def evaluate(self, data: Any, **settings: Any) -> dict[str, Any]:
        """See :func:`evaluate_pictures`."""
        return evaluate_pictures(self, data, **settings)

    def count(
        self, metrics: PictureMetrics, batch: dict[str, Tensor], hips_moved: float = 0.0, known_scale: bool = False
    ) -> None:
        """Find the people of a batch and compare; settings as of :func:`evaluate_pictures`."""
        pose, _ = self.locate(batch["picture"])
        zoom, pose_mm = PICTURE_PX / self.size, self.to_mm(pose)
        if known_scale and "pose_3d" in batch:
            pose_mm = rescaled(pose, bone_lengths(batch["pose_3d"], self.skeleton).sum(1), self.skeleton)
        if hips_moved:
            pose_mm = moved_to_the_neck(pose_mm, hips_moved, self.skeleton)
        metrics.update(
            pose * zoom,
            batch["keypoints_2d"] * zoom,
            batch["head_px"] * zoom if "head_px" in batch else None,
            pose_mm if "pose_3d" in batch else None,
            batch.get("pose_3d"),
            batch.get("action"),
        )

    def _evaluate_batch(self, batch: dict[str, Tensor], stage: str) -> None:
        if stage not in self._metrics:
            self._metrics[stage] = PictureMetrics(self.skeleton).to(self.device)
        self.count(self._metrics[stage], batch)


@torch.inference_mode()
def evaluate_pictures(
    model: PictureModule,
    data: PeopleInPictures,
    hips_moved: float = 0.0,
    known_scale: bool = False,
    joints: int | None = None,
    batch_size: int = _BATCH,
    workers: int = 0,
) -> dict[str, Any]:
    """Score a model on people in pictures.

    Args:
        model: in eval mode.
        data: with 3D, 2D or both.
        hips_moved: share of the way from pelvis to neck that predicted pelvis and hips are moved by; 0.2 on MPI-INF-3DHP.
        known_scale: give every pose the bone lengths' sum of its label, as on MPI-INF-3DHP, rather than that of the mean
            training person.
        joints: 14 for PCK and AUC over the joints that MPI-INF-3DHP's are; over all where not given.
        batch_size: pictures at a time.
        workers: processes that read and cut pictures.

    Returns:
        the metrics of :class:`posezoo.metrics.picture_report.PictureMetrics`, ``poses``, ``pictures_left_out``, and
        with labels ``per_action`` MPJPE in mm.

    Raises:
        InputError: no people, none of their pictures can be read, or the model is in training mode.
    """
    if not len(data):
        raise InputError("evaluation needs people; this data has none.")
    model.check_ready()
    crops = Crops(data, model.skeleton, model.size, labels=data.poses.pose_3d is not None)
    names, codes = np.unique(data.poses.action, return_inverse=True)
    metrics = PictureMetrics(model.skeleton, tuple(str(name) for name in names), joints).to(model.device)
    seen = 0
    for items in CropLoader(crops, batch_size, workers=workers):
        batch = {name: values.to(model.device) for name, values in items.items()}
        batch["action"] = torch.from_numpy(codes[items["number"].numpy()].astype(np.int64)).to(model.device)
        model.count(metrics, batch, hips_moved, known_scale)
        seen += len(items["number"])
    result: dict[str, object] = {**metrics.report(), "poses": seen, "pictures_left_out": len(data) - seen}
    if metrics.with_labels and metrics.poses.mpjpe is not None:
        result["per_action"] = {name: float(value) for name, value in metrics.poses.mpjpe.per_action().items()}
    return result


def _batches(items: Iterable[object], size: int) -> Iterator[list[object]]:
    batch = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def as_picture(image: object) -> UInt8[np.ndarray, "H W 3"]:
    """Return a picture of any kind as an array.

    Raises:
        InputError: not (H, W, 3) of bytes.
        MissingFileError, CorruptFileError: of a path.
    """
    if isinstance(image, (str, os.PathLike)):
        return read_picture(image)
    picture = np.asarray(image.cpu() if isinstance(image, torch.Tensor) else image)
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or 0 in picture.shape:
        raise InputError(f"the picture is {picture.dtype} of shape {picture.shape}; expected uint8 (H, W, 3), RGB.")
    return picture


def check_box(box: object, width: int, height: int) -> tuple[float, float, float, float]:
    """Return x, y, width, height of a person in px; the whole picture where not given.

    Raises:
        InputError: not four finite numbers, empty, or outside of the picture.
    """
    if box is None:
        return 0.0, 0.0, float(width), float(height)
    try:
        values = np.asarray(box, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):
        values = np.empty(0)
    if len(values) != 4 or not np.isfinite(values).all():
        raise InputError(f"box {box}; expected x, y, width and height in px.")
    x, y, across, down = values.tolist()
    if min(across, down) <= 0 or x >= width or y >= height or x + across <= 0 or y + down <= 0:
        raise InputError(f"box {box} is empty or outside of the picture of {width} x {height} px.")
    return x, y, across, down
