"""Define what scoring and exporting need of a model of any class."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from posezoo.poses.prediction import Prediction
from posezoo.skeletons import Skeleton


@runtime_checkable
class Model(Protocol):
    """A model of a layout and a unit."""

    skeleton: Skeleton
    unit: str
    training: bool

    @property
    def device(self) -> torch.device:
        """Return the model's device."""
        ...


@runtime_checkable
class Lifter(Model, Protocol):
    """A model that lifts 2D poses; see :class:`posezoo.lifting.LiftingModule`."""

    fills_missing: bool
    facing: bool

    def lift(self, keypoints_2d: Float[Tensor, "B J 2"]) -> Float[Tensor, "B J 3"]:
        """Return root-relative poses of pixels in the model's layout."""
        ...

    def complete(self, keypoints_2d: Float[Tensor, "B J 2"], present: Float[Tensor, "B J"]) -> Float[Tensor, "B J 2"]:
        """Return pixels with missing joints filled in."""
        ...

    def judge(self, keypoints_2d: Float[Tensor, "B J 2"]) -> dict[str, Float[Tensor, "B"]]:
        """Return the model's scores of its own lifting."""
        ...

    def predict(self, keypoints_2d: Tensor, skeleton: Skeleton | str | None = None) -> Prediction[Tensor]:
        """Return poses of pixels in any layout."""
        ...

    def eval(self) -> object:
        """Leave training mode."""
        ...

    def train(self, mode: bool = True) -> object:
        """Set training mode on or off."""
        ...


@runtime_checkable
class Locator(Model, Protocol):
    """A model that finds a person in a crop; see :class:`posezoo.lifting.PictureModule`."""

    size: int

    def locate(self, picture: UInt8[Tensor, "B 3 S S"]) -> tuple[Float[Tensor, "B J 3"], Float[Tensor, "B J"]]:
        """Return poses in px of the crop, and confidences."""
        ...

    def to_mm(self, pose_px: Float[Tensor, "B J 3"]) -> Float[Tensor, "B J 3"]:
        """Return root-relative poses at the size of the canonical skeleton."""
        ...
