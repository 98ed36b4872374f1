"""Poses from pictures: of users, and of datasets with labels to compare with."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import UInt8

from posezoo.data.crops import CropLoader, Crops, crop_matrix, cut
from posezoo.data.images import PeopleInPictures
from posezoo.data.pictures import read_picture
from posezoo.data.prediction import Prediction
from posezoo.errors import InputError
from posezoo.papers.hg3d.evaluation import PICTURE_PX, PictureMetrics, moved_to_the_neck

if TYPE_CHECKING:
    from posezoo.papers.hg3d.module import HG3D

_ROOM = 1.25
"""A crop's side over the longer side of the box around a person, as the hourglass has it."""
_BATCH = 32


def predict_pictures(model: HG3D, images: Iterable[Any], box: Any = None) -> Prediction:
    """One person in each picture.

    Args:
        model: in eval mode.
        images: what :meth:`HG3D.predict_image` takes, any number.
        box: (x, y, width, height) of the person in px of each; the whole pictures where not given.

    Returns:
        N poses in the order of the pictures; else as :meth:`HG3D.predict_image`.
    """
    if model.training:
        raise RuntimeError("the model is in training mode; call .eval() before predicting.")
    joints, sizes = len(model.skeleton), set()
    poses, keypoints, confidences = [np.empty((0, joints, 3), np.float32)], [], []
    for batch in _batches(images, _BATCH):
        crops, matrices = [], []
        for picture in map(as_picture, batch):
            height, width = picture.shape[:2]
            sizes.add((width, height))
            x, y, across, down = check_box(box, width, height)
            side = max(across, down) * (1.0 if box is None else _ROOM)
            matrices.append(crop_matrix(np.array([x + (across - 1) / 2, y + (down - 1) / 2]), side, model.hp.size))
            crops.append(cut(picture, matrices[-1], model.hp.size).transpose(2, 0, 1))
        pose, confidence = model.locate(torch.from_numpy(np.stack(crops)).to(model.device))
        poses.append(model.to_mm(pose).cpu().numpy())
        confidences.append(confidence.cpu().numpy())
        for row, matrix in zip(pose[..., :2].cpu().numpy(), matrices, strict=True):
            keypoints.append((row - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T)
    return Prediction(
        pose_3d=np.concatenate(poses),
        skeleton=model.skeleton,
        unit=model.unit,
        keypoints_2d=np.array(keypoints, np.float32).reshape(-1, joints, 2),
        confidence=np.concatenate([np.empty((0, joints), np.float32), *confidences]),
        image_size=sizes.pop() if len(sizes) == 1 else None,
        model=model.zoo_name,
        notes=("the size is that of the mean training person: one picture does not tell",),
    )


def _batches(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    batch = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def as_picture(image: Any) -> UInt8[np.ndarray, "H W 3"]:
    """A picture of any kind as an array.

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


def check_box(box: Any, width: int, height: int) -> tuple[float, float, float, float]:
    """x, y, width, height of a person in px; the whole picture where not given.

    Raises:
        InputError: not four finite numbers, empty, or outside of the picture.
    """
    if box is None:
        return 0.0, 0.0, float(width), float(height)
    values = np.asarray(box, dtype=np.float64).reshape(-1)
    if len(values) != 4 or not np.isfinite(values).all():
        raise InputError(f"box {box}; expected x, y, width and height in px.")
    x, y, across, down = values.tolist()
    if min(across, down) <= 0 or x >= width or y >= height or x + across <= 0 or y + down <= 0:
        raise InputError(f"box {box} is empty or outside of the picture of {width} x {height} px.")
    return x, y, across, down


@torch.inference_mode()
def evaluate(
    model: HG3D, data: PeopleInPictures, hips_moved: float = 0.0, batch_size: int = _BATCH, workers: int = 0
) -> dict[str, Any]:
    """Score a model on people in pictures.

    Args:
        model: in eval mode.
        data: with 3D, 2D or both.
        hips_moved: share of the way to the neck that predicted hips are moved by; 0.2 on MPI-INF-3DHP.
        batch_size: pictures at a time.
        workers: processes that read and cut pictures.

    Returns:
        the metrics of :class:`PictureMetrics`, ``poses``, ``pictures_left_out``, and ``per_action`` MPJPE in mm.

    Raises:
        InputError: no people, or none of their pictures can be read.
    """
    if not len(data):
        raise InputError("evaluation needs people; this data has none.")
    crops = Crops(data, model.skeleton, model.hp.size, labels=data.poses.pose_3d is not None)
    loader = CropLoader(crops, batch_size, workers=workers)
    names, codes = np.unique(data.poses.action, return_inverse=True)
    metrics = PictureMetrics(model.skeleton, tuple(str(name) for name in names)).to(model.device)
    zoom, seen = PICTURE_PX / model.hp.size, 0
    for items in loader:
        batch = {name: values.to(model.device) for name, values in items.items()}
        pose, _ = model.locate(batch["picture"])
        pose_mm = model.to_mm(pose)
        if hips_moved:
            pose_mm = moved_to_the_neck(pose_mm, hips_moved, model.skeleton)
        metrics.update(
            pose * zoom,
            batch["keypoints_2d"] * zoom,
            batch["head_px"] * zoom if "head_px" in batch else None,
            pose_mm if "pose_3d" in batch else None,
            batch.get("pose_3d"),
            torch.from_numpy(codes[items["number"].numpy()].astype(np.int64)).to(model.device),
        )
        seen += len(pose)
    result: dict[str, Any] = {**metrics.report(), "poses": seen, "pictures_left_out": len(data) - seen}
    if metrics.with_labels and metrics.poses.mpjpe is not None:
        result["per_action"] = {name: float(value) for name, value in metrics.poses.mpjpe.per_action().items()}
    return result
