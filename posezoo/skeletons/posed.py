"""Define what exporters and drawings read of a result, so that neither imports the other."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from posezoo.skeletons.layouts import Skeleton


@runtime_checkable
class Posed(Protocol):
    """3D poses that say what they are: :class:`posezoo.poses.Prediction`, or anything else with its attributes."""

    @property
    def pose_3d(self) -> object: ...
    @property
    def skeleton(self) -> Skeleton: ...
    @property
    def unit(self) -> str: ...
    @property
    def frame(self) -> str: ...
