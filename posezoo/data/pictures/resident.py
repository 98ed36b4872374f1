"""Keep crops on the training device: read pictures once, and distort them there batch by batch."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from posezoo.data.pictures.crops import Crops, crop_matrix, cut, one_thread
from posezoo.data.pictures.people import Batched
from posezoo.distributed import share
from posezoo.errors import CorruptFileError, InputError, MissingFileError
from posezoo.settings import check_sizes
from posezoo.terminal import progress

ROOM = 1.4
"""The side of a resident picture over that of a crop, which leaves room for crops that are turned, moved and enlarged."""
_AT_ONCE = 64


@dataclass(frozen=True)
class Distortion:
    """How resident crops differ from epoch to epoch.

    Attributes:
        scale: standard deviation of the crop's size, cut off at one.
        rotation: standard deviation of the angle, degrees, cut off at two.
        anyhow: share of the crops that are turned by any angle instead: people fall, climb and tumble.
        shift: how far the crop is moved, as a share of its side.
        flip: share that is mirrored.
        color: how far each colour is brightened or darkened.
        gray: share without colour.
        noise: standard deviation of the sensor's noise, of 1.
        occlusion: share with a piece of another picture before the person.

    Raises:
        InputError: what is no size or no share.
    """

    scale: float = 0.25
    rotation: float = 30.0
    anyhow: float = 0.1
    shift: float = 0.06
    flip: float = 0.5
    color: float = 0.3
    gray: float = 0.1
    noise: float = 0.02
    occlusion: float = 0.4

    def __post_init__(self) -> None:
        shares = ("anyhow", "flip", "gray", "occlusion")
        check_sizes(self, "distortion", ("scale", "rotation", "shift", "color", "noise"), shares)


class ResidentCrops:
    """People of one or more sources, as uint8 tensors on a device.

    Args:
        sources: crops without augmentation, of one layout and size.
        device: where they live.
        workers: processes that read them; 0 for none but this.

    Raises:
        InputError: sources of different layouts or sizes, or none of whose pictures can be read.

    Warns:
        UserWarning: a picture is left out, as it cannot be read.
    """

    def __init__(self, sources: Sequence[Crops], device: torch.device | str, workers: int = 0) -> None:
        if len({(source.skeleton, source.size, source.pose is None) for source in sources}) != 1:
            raise InputError("resident crops are of one layout, one size, and all with 3D or all without.")
        self.skeleton, self.size = sources[0].skeleton, sources[0].size
        self.side = 2 * round(self.size * ROOM / 2)
        parts = [_read(source, self.side, device, workers) for source in sources]
        if not sum(len(part["picture"]) for part in parts):
            raise InputError("none of the pictures could be read; see the warnings.")
        self.columns = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
        self.mirror = torch.tensor(self.skeleton.mirror, device=device)

    def __len__(self) -> int:
        return len(self.columns["picture"])

    def batch(
        self, rows: Tensor, distortion: Distortion | None = None, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """Return crops as :class:`posezoo.data.pictures.crops.Crops` gives them, stacked.

        Args:
            rows: which people.
            distortion: None for crops as they are.
            generator: of the distortion's random numbers, on the device of the crops.
        """
        count, device = len(rows), rows.device
        batch = {name: values[rows] for name, values in self.columns.items()}
        how = distortion or Distortion(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)

        def uniform(*shape: int) -> Tensor:
            return torch.rand(count, *shape, device=device, generator=generator)

        def normal(*shape: int) -> Tensor:
            return torch.randn(count, *shape, device=device, generator=generator)

        zoom = 1 + how.scale * normal().clamp(-1, 1)
        angle = torch.deg2rad(how.rotation * normal().clamp(-2, 2))
        angle = torch.where(uniform() < how.anyhow, 2 * torch.pi * uniform(), angle)
        flip = uniform() < how.flip
        move = how.shift * (2 * uniform(2) - 1) * self.size
        # From px of the crop about its middle to px of the resident picture about its middle.
        cos, sin = zoom * angle.cos(), zoom * angle.sin()
        sign = torch.where(flip, -1.0, 1.0)
        matrix = torch.stack([torch.stack([cos * sign, sin], -1), torch.stack([-sin * sign, cos], -1)], -2)
        picture = _sample(batch["picture"], matrix, move, self.size)
        # A turn and a zoom: the inverse is the transpose over the square of the zoom.
        keypoints = (batch["keypoints_2d"] - (self.side - 1) / 2 - move[:, None]) @ matrix / zoom.square()[:, None, None]
        keypoints = keypoints + (self.size - 1) / 2
        batch["keypoints_2d"] = self._mirrored(keypoints, flip)
        if "head_px" in batch:
            batch["head_px"] = batch["head_px"] / zoom
        if "depth" in batch:
            batch["depth"] = self._mirrored(batch["depth"] / zoom[:, None], flip)
            pose = batch["pose_3d"] * torch.stack([sign, torch.ones_like(sign), torch.ones_like(sign)], -1)[:, None]
            batch["pose_3d"] = self._mirrored(pose, flip)
        if distortion is not None:
            tint = 1 + how.color * (2 * uniform(1, 1, 1) - 1) + 0.5 * how.color * (2 * uniform(3, 1, 1) - 1)
            shade = picture.mean((1, 2, 3), keepdim=True)
            contrast = 1 + how.color * (2 * uniform(1, 1, 1) - 1)
            picture = torch.lerp(picture, picture.mean(1, keepdim=True), (uniform(1, 1, 1) < how.gray).to(picture.dtype))
            picture = ((picture - shade) * contrast + shade) * tint
            picture = picture + how.noise * 255 * uniform(1, 1, 1) * normal(1, self.size, self.size)
            picture = _occluded(picture, uniform, how.occlusion)
        batch["picture"] = picture.clamp(0, 255).round().to(torch.uint8)
        return batch

    def _mirrored(self, values: Tensor, flip: Tensor) -> Tensor:
        """Return joints of one side under the other's name, where a picture is mirrored."""
        return torch.where(flip.view(-1, *[1] * (values.ndim - 1)), values[:, self.mirror], values)


def _sample(
    pictures: UInt8[Tensor, "B 3 P P"], matrix: Float[Tensor, "B 2 2"], move: Float[Tensor, "B 2"], size: int
) -> Float[Tensor, "B 3 S S"]:
    """Return bilinear crops; the edge is repeated beyond the picture."""
    side = pictures.shape[-1]
    line = torch.arange(size, device=pictures.device, dtype=torch.float32) - (size - 1) / 2
    grid = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1).view(1, -1, 2)
    at = grid @ matrix.mT + move[:, None]  # about the middle of the picture
    return functional.grid_sample(
        pictures.float(), (at * (2 / side)).view(-1, size, size, 2), padding_mode="zeros", align_corners=False
    )


def _occluded(
    picture: Float[Tensor, "B 3 S S"], uniform: Callable[..., Tensor], share_of: float
) -> Float[Tensor, "B 3 S S"]:
    """Return crops, some of them covered by pieces of other pictures: upright boxes of a tenth to two fifths of the side."""
    size = picture.shape[-1]
    line = torch.arange(size, device=picture.device) / size
    extent = 0.1 + 0.3 * uniform(2)
    corner = uniform(2) * (1 - extent)
    inside = [(line[None] >= corner[:, axis, None]) & (line[None] < (corner + extent)[:, axis, None]) for axis in (0, 1)]
    hidden = inside[1][:, :, None] & inside[0][:, None, :] & (uniform() < share_of)[:, None, None]
    return torch.where(hidden[:, None], picture.roll(1, 0), picture)


class _Whole(Dataset[UInt8[np.ndarray, "3 P P"] | str]):
    """A person cut out with room around, or the reason why the picture cannot be read."""

    def __init__(self, crops: Crops, side: int) -> None:
        self.crops, self.side = crops, side

    def __len__(self) -> int:
        return len(self.crops)

    def matrix(self, number: int) -> Float[np.ndarray, "2 3"]:
        """Return the map from px of the picture to px of the resident one."""
        people = self.crops.people
        return crop_matrix(people.center[number], float(people.side_px[number]) * self.side / self.crops.size, self.side)

    def __getitem__(self, number: int) -> UInt8[np.ndarray, "3 P P"] | str:
        try:
            picture = self.crops.people.read(number)
        except (MissingFileError, CorruptFileError, InputError) as error:
            return str(error)
        return np.ascontiguousarray(cut(picture, self.matrix(number), self.side).transpose(2, 0, 1))


def _read(crops: Crops, side: int, device: torch.device | str, workers: int) -> dict[str, Tensor]:
    """Return everybody of a source; those whose picture cannot be read are left out."""
    people, whole = crops.people, _Whole(crops, side)
    pictures = torch.empty((len(people), 3, side, side), dtype=torch.uint8, device=device)
    kept: list[int] = []
    if isinstance(people.picture, Batched):
        # Draw pictures at the size of the crops, thousands a second on a GPU.
        for rows in progress(np.array_split(np.arange(len(people)), -(-len(people) // _AT_ONCE)), "drawing pictures"):
            matrices = np.stack([whole.matrix(int(number)) for number in rows])
            pictures[rows[0] : rows[-1] + 1] = people.picture.cut(people.rows[rows], matrices, side, device)
        kept = list(range(len(people)))
    else:
        loader = DataLoader(whole, batch_size=_AT_ONCE, num_workers=workers, collate_fn=list, worker_init_fn=one_thread)
        for start, items in enumerate(progress(loader, "reading pictures")):
            for number, item in enumerate(items, start * _AT_ONCE):
                if isinstance(item, str):
                    warnings.warn(f"left out: {item}", stacklevel=3)
                    continue
                pictures[len(kept)] = torch.from_numpy(item)
                kept.append(number)
    rows, count = np.array(kept, np.int64), len(kept)
    matrices = np.stack([whole.matrix(number) for number in kept]) if kept else np.empty((0, 2, 3))
    keypoints = crops.keypoints[rows] @ matrices[:, :, :2].swapaxes(1, 2) + matrices[:, None, :, 2]
    zoom = crops.size / people.side_px[rows]
    head = np.full(count, np.nan, np.float32) if people.head_px is None else people.head_px[rows] * zoom
    columns = {"keypoints_2d": keypoints, "head_px": head}
    if crops.pose is not None:
        columns["pose_3d"] = crops.pose[rows]
        columns["depth"] = crops.pose[rows][..., 2] * (crops.scale[rows] * zoom)[:, None]
    tensors = {name: torch.from_numpy(values.astype(np.float32)).to(device) for name, values in columns.items()}
    return {"picture": pictures[:count], "number": torch.from_numpy(rows).to(device), **tensors}


class ResidentLoader:
    """Distorted batches of resident crops, shuffled; each process of a distributed run takes its share.

    Args:
        crops: what to load.
        batch_size: per process.
        seed: of order and distortion.
        epoch: gives the number of the epoch.
        distortion: None for crops as they are.

    Raises:
        InputError: fewer people than a batch.
    """

    def __init__(
        self,
        crops: ResidentCrops,
        batch_size: int,
        seed: int = 0,
        epoch: Callable[[], int] = lambda: 0,
        distortion: Distortion | None = None,
    ) -> None:
        self.crops, self.batch_size, self.seed, self.epoch, self.distortion = crops, batch_size, seed, epoch, distortion
        self._passes = (-1, 0)
        if not len(self):
            raise InputError(f"{len(crops)} people do not fill one batch of {batch_size}; lower batch_size.")

    def __len__(self) -> int:
        return len(self.crops) // share()[1] // self.batch_size

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        rank, world = share()
        epoch, device = self.epoch(), self.crops.mirror.device
        # A smaller dataset is repeated within the epoch of a larger one, and must be distorted differently every time.
        number = self._passes[1] + 1 if self._passes[0] == epoch else 0
        self._passes = (epoch, number)
        shuffled = np.random.default_rng([self.seed, epoch, number]).permutation(len(self.crops))[rank::world]
        order = torch.from_numpy(shuffled).to(device)
        seed = int(np.random.default_rng([self.seed, epoch, number, rank]).integers(2**62))
        generator = torch.Generator(device).manual_seed(seed)
        for batch in range(len(self)):
            rows = order[batch * self.batch_size : (batch + 1) * self.batch_size]
            yield self.crops.batch(rows, self.distortion, generator)
