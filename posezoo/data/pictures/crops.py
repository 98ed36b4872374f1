"""Squares cut out of pictures around people, enlarged, turned and mirrored as in Newell et al. 2016."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from posezoo.data.pictures.people import PeopleInPictures
from posezoo.distributed import share
from posezoo.errors import CorruptFileError, InputError, MissingFileError
from posezoo.files.opencv import opencv
from posezoo.skeletons import Skeleton, convert


def crop_matrix(center: Float[np.ndarray, "2"], side_px: float, size: int, degrees: float = 0.0) -> Float[np.ndarray, "2 3"]:
    """Return the map from px of the picture to px of the crop: centre to centre, ``side_px`` to ``size``, then turned.

    Args:
        center: of the square, px of the picture; (0, 0) is the centre of its first pixel.
        side_px: of the square in the picture.
        size: of the crop.
        degrees: what is in the picture turns clockwise by so much.

    Example:
        >>> import numpy as np
        >>> crop_matrix(np.array([100.0, 50.0]), 80.0, 41) @ [100.0, 50.0, 1.0]
        array([20., 20.])
    """
    zoom, angle = size / side_px, np.deg2rad(degrees)
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.concatenate([turn, ((size - 1) / 2 - turn @ np.asarray(center, np.float64))[:, None]], 1)


def cut(picture: UInt8[np.ndarray, "H W 3"], matrix: Float[np.ndarray, "2 3"], size: int) -> UInt8[np.ndarray, "S S 3"]:
    """Return the crop of a :func:`crop_matrix`; black where the picture ends."""
    cv2 = opencv()
    shrink = int(1.0 / np.sqrt(abs(np.linalg.det(matrix[:, :2]))) + 1e-6)  # 1280 px to 128 are tenths
    if shrink >= 2:  # reading single pixels out of a large picture would alias
        height, width = (max(1, edge // shrink) for edge in picture.shape[:2])
        picture = picture[: height * shrink, : width * shrink]  # OpenCV averages whole blocks in a third of the time
        factors = np.array([picture.shape[1] / width, picture.shape[0] / height])
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        moved = matrix[:, :2] @ ((factors - 1) / 2)
        matrix = np.concatenate([matrix[:, :2] * factors, (matrix[:, 2] + moved)[:, None]], 1)
    return np.asarray(cv2.warpAffine(picture, matrix, (size, size), flags=cv2.INTER_LINEAR))


@dataclass(frozen=True)
class Augmentation:
    """How crops differ from epoch to epoch; the hourglass's own numbers.

    Attributes:
        scale: standard deviation of the crop's size, cut off at one.
        rotation: the same in degrees, cut off at two; of 60 % of the crops.
        flip: how many are mirrored.
        color: how far each colour is brightened or darkened.
    """

    scale: float = 0.25
    rotation: float = 30.0
    flip: float = 0.5
    color: float = 0.4


class Crops(Dataset[dict[str, object]]):
    """People as a network sees them.

    An item is asked for as ``(epoch, number)``, so that it is the same in any worker and any order. It has ``picture``
    (3, S, S) uint8, ``keypoints_2d`` (J, 2) px of the crop, NaN where not annotated, ``number``; where it is known
    ``head_px``, px of the crop; where asked for ``depth`` (J,) px of the crop, behind the root, and ``pose_3d`` (J, 3) mm,
    root-relative, camera frame (not turned).

    Args:
        people: who.
        skeleton: the layout handed out.
        size: of the crops, px.
        labels: hand out what 3D there is.
        augmentation: None for the crop as it is.
        seed: of the augmentation.

    Raises:
        InputError: labels are asked for and there are none, or joints that cannot be had.
    """

    def __init__(
        self,
        people: PeopleInPictures,
        skeleton: Skeleton,
        size: int = 256,
        labels: bool = False,
        augmentation: Augmentation | None = None,
        seed: int = 0,
    ) -> None:
        self.people, self.skeleton, self.size, self.augmentation, self.seed = people, skeleton, size, augmentation, seed
        converted = convert(people.poses.keypoints_2d, people.poses.skeleton, skeleton)
        if converted.missing:
            raise InputError(f"{people.poses.skeleton.name} cannot give {', '.join(converted.missing)} of {skeleton.name}.")
        self.keypoints = converted.keypoints.astype(np.float32)
        self.pose = None
        if labels:
            if people.poses.pose_3d is None:
                raise InputError("3D labels are asked for, but these people have none; use them as 2D data.")
            pose = convert(people.poses.pose_3d, people.poses.skeleton, skeleton).keypoints.astype(np.float32)
            self.pose = pose - pose[:, skeleton.root : skeleton.root + 1]
            self.scale = pixels_per_mm(self.keypoints, self.pose, skeleton.root)

    def __len__(self) -> int:
        return len(self.people)

    def __getitem__(self, key: tuple[int, int]) -> dict[str, object]:
        """Return a crop; for a picture that cannot be read, ``unreadable`` alone, which names the picture."""
        epoch, number = key
        try:
            picture = self.people.read(number)
        except (MissingFileError, CorruptFileError, InputError) as error:
            return {"unreadable": str(error)}
        zoom, degrees, flip, tint = self._draw(epoch, number)
        side = float(self.people.side_px[number]) * zoom
        matrix = crop_matrix(self.people.center[number], side, self.size, degrees)
        crop = cut(picture, matrix, self.size)
        keypoints = self.keypoints[number] @ matrix[:, :2].T + matrix[:, 2]
        item: dict[str, Any] = {"number": number}
        if self.people.head_px is not None:
            item["head_px"] = np.float32(self.people.head_px[number] * self.size / side)
        if self.pose is not None:
            item["pose_3d"] = self.pose[number]
            item["depth"] = self.pose[number][:, 2] * self.scale[number] * (self.size / side)
        if flip:
            order = list(self.skeleton.mirror)
            crop = crop[:, ::-1]
            keypoints = np.stack([self.size - 1 - keypoints[order, 0], keypoints[order, 1]], 1)
            if self.pose is not None:
                item["depth"] = item["depth"][order]
                item["pose_3d"] = item["pose_3d"][order] * np.array([-1, 1, 1], np.float32)
        if tint is not None:
            crop = np.clip(crop * tint, 0, 255).astype(np.uint8)
        item["picture"] = np.ascontiguousarray(crop.transpose(2, 0, 1))
        item["keypoints_2d"] = keypoints.astype(np.float32)
        return item

    def _draw(self, epoch: int, number: int) -> tuple[float, float, bool, np.ndarray | None]:
        """Draw size, angle, mirroring and colours of a crop."""
        if self.augmentation is None:
            return 1.0, 0.0, False, None
        rng, how = np.random.default_rng([self.seed, epoch, number]), self.augmentation
        zoom = 1.0 + how.scale * float(np.clip(rng.standard_normal(), -1, 1))
        degrees = how.rotation * float(np.clip(rng.standard_normal(), -2, 2)) if rng.random() < 0.6 else 0.0
        flip = bool(rng.random() < how.flip)
        return zoom, degrees, flip, rng.uniform(1 - how.color, 1 + how.color, 3).astype(np.float32)


def pixels_per_mm(
    keypoints: Float[np.ndarray, "N J 2"], pose: Float[np.ndarray, "N J 3"], root: int
) -> Float[np.ndarray, "N"]:
    """Return the scale that fits 3D poses to 2D poses best, by least squares over annotated joints about the root."""
    flat = keypoints - keypoints[:, root : root + 1]
    across = np.where(np.isfinite(flat), pose[..., :2] - pose[:, root : root + 1, :2], 0.0)
    return (np.nan_to_num(flat) * across).sum((1, 2)) / np.maximum((across**2).sum((1, 2)), 1e-6)


class CropLoader:
    """Batches of crops; each process of a distributed run takes its share, see :class:`posezoo.data.TensorLoader`.

    A picture that cannot be read is left out of its batch, counted and named: see :attr:`unreadable`.

    Args:
        crops: what to load.
        batch_size: per process.
        shuffle: in training; also drops the last, smaller batch.
        seed: of the order.
        epoch: gives the number of the epoch.
        workers: processes that read and cut; 0 for none but this.

    Raises:
        InputError: fewer people than a batch, or than processes.
    """

    def __init__(
        self,
        crops: Crops,
        batch_size: int,
        shuffle: bool = False,
        seed: int = 0,
        epoch: Callable[[], int] = lambda: 0,
        workers: int = 0,
    ) -> None:
        self.crops, self.batch_size, self.shuffle, self.seed = crops, batch_size, shuffle, seed
        self.epoch, self.workers = epoch, workers
        self.unreadable: dict[str, int] = {}
        if len(crops) < share()[1]:  # raised on every process, so that none waits for another
            raise InputError(f"{len(crops)} people for {share()[1]} processes; use no more processes than people.")
        if shuffle and not len(self):
            raise InputError(f"{len(crops)} people do not fill one batch of {batch_size}; lower batch_size.")

    def __len__(self) -> int:
        rank, world = share()
        if self.shuffle:
            return len(self.crops) // world // self.batch_size
        return -(-len(range(rank, len(self.crops), world)) // self.batch_size)

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        opencv()  # a missing OpenCV is not the picture's fault
        rank, world = share()
        epoch, count = self.epoch() if self.shuffle else 0, len(self.crops)
        order = np.random.default_rng([self.seed, epoch]).permutation(count) if self.shuffle else np.arange(count)
        order = order[rank::world][: len(self) * self.batch_size]
        batches = [
            [(epoch, int(number)) for number in order[start : start + self.batch_size]]
            for start in range(0, len(order), self.batch_size)
        ]
        loader = DataLoader(
            self.crops, batch_sampler=batches, num_workers=self.workers, collate_fn=list, worker_init_fn=one_thread
        )
        seen, last = 0, list[dict[str, Any]]()
        for items in loader:
            whole = [item for item in items if "unreadable" not in item]
            seen += len(whole)
            # Processes that train together must not differ in their number of batches.
            last = whole = whole or (last if self.shuffle else [])
            for item in items:
                if "unreadable" in item:
                    self._count(item["unreadable"])
            if whole:
                yield {name: torch.as_tensor(np.stack([item[name] for item in whole])) for name in whole[0]}
        if len(order) and not seen:
            raise InputError(f"none of {len(order)} pictures could be read; first: {next(iter(self.unreadable), 'none')}")

    def _count(self, reason: str) -> None:
        """Count a picture that is left out; warn of the first."""
        if reason not in self.unreadable:
            warnings.warn(f"left out: {reason}", stacklevel=2)
        self.unreadable[reason] = self.unreadable.get(reason, 0) + 1


def one_thread(worker: int) -> None:
    """Keep OpenCV from starting threads in a worker process."""
    opencv().setNumThreads(0)
