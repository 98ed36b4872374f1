"""Hold people in pictures: poses, the place of each person in the picture, and the picture, read on demand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from posezoo.errors import InputError
from posezoo.poses.posedata import PoseData


@runtime_checkable
class Batched(Protocol):
    """Pictures that are drawn, many at once on any device."""

    def __call__(self, row: int) -> UInt8[np.ndarray, "H W 3"]: ...

    def cut(
        self, rows: np.ndarray, matrices: Float[np.ndarray, "B 2 3"], side: int, device: object
    ) -> UInt8[Tensor, "B 3 S S"]:
        """Return crops of rows; ``matrices`` take px of the picture to px of the crop, without turning it."""
        ...


@dataclass(frozen=True, eq=False)
class PeopleInPictures:
    """N people, each in a picture.

    Attributes:
        poses: their 2D in px of the picture, NaN where a joint is not annotated; 3D where it is known.
        center: (N, 2) float32 px, the middle of the square around each person.
        side_px: (N,) float32, how large that square is: the person and some room.
        picture: from a row of the source to its picture, (H, W, 3) uint8 RGB; see :meth:`read`.
        head_px: (N,) float32, what PCKh measures errors by: 0.6 of the head box's diagonal, as MPII has it; None where
            it is not known.
        rows: (N,) of the source.

    Raises:
        InputError: the arrays do not belong together.
    """

    poses: PoseData
    center: np.ndarray
    side_px: np.ndarray
    picture: Callable[[int], UInt8[np.ndarray, "H W 3"]]
    head_px: np.ndarray | None = None
    rows: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))

    def __post_init__(self) -> None:
        count = len(self.poses)
        if not len(self.rows):
            object.__setattr__(self, "rows", np.arange(count))
        expected = {"center": (count, 2), "side_px": (count,), "head_px": (count,), "rows": (count,)}
        for name, shape in expected.items():
            values = getattr(self, name)
            if values is not None and values.shape != shape:
                raise InputError(f"{name} has shape {values.shape}; expected {shape} for {count} people.")

    def __len__(self) -> int:
        return len(self.poses)

    def __getitem__(self, index: slice | np.ndarray) -> PeopleInPictures:
        """Return the people of an index array, mask or slice."""
        head = None if self.head_px is None else self.head_px[index]
        return replace(
            self,
            poses=self.poses[index],
            center=self.center[index],
            side_px=self.side_px[index],
            head_px=head,
            rows=self.rows[index],
        )

    def read(self, number: int) -> UInt8[np.ndarray, "H W 3"]:
        """Return the picture that a person is in.

        Raises:
            MissingFileError, CorruptFileError: there is none, or it cannot be read.
        """
        return self.picture(int(self.rows[number]))

    def thin(self, count: int | None) -> PeopleInPictures:
        """Return so many people, spread evenly; all where there are no more, or where no count is given.

        Raises:
            InputError: less than one.
        """
        return self if count is None else self[evenly(len(self), count)]


def evenly(total: int, count: int) -> np.ndarray:
    """Return ``count`` of ``total`` rows, spread evenly; all where there are no more.

    Raises:
        InputError: less than one.
    """
    if count < 1:
        raise InputError(f"count is {count}; expected 1 or more.")
    return np.arange(total) if count >= total else np.linspace(0, total - 1, count).round().astype(np.int64)


HEAD_BOX = 0.6 * 1.25
"""The unit of PCKh over a head's height: 0.6 of the diagonal of a box three quarters as wide as high."""
ROOM = 1.375
"""A crop's side over the side of the box of the joints, from which hands, feet and crown stick out."""


def boxes_around(keypoints: Float[np.ndarray, "N J 2"]) -> tuple[Float32[np.ndarray, "N 2"], Float32[np.ndarray, "N"]]:
    """Return centres and sides, px, of squares around people: :data:`ROOM` times the longer side of the box of their joints.

    Joints that are NaN do not count; everybody needs one that is not.
    """
    low, high = np.nanmin(keypoints, 1), np.nanmax(keypoints, 1)
    return ((low + high) / 2).astype(np.float32), (ROOM * (high - low).max(1)).astype(np.float32)
