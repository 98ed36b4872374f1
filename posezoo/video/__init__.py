"""Find, track, smooth and lift the people of videos."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from posezoo.video.clips import lift
    from posezoo.video.detectors import get_detector, read_video

__all__ = ["get_detector", "lift", "read_video"]

# Imported when first used: lifting needs torch, which takes seconds.
_HOMES = {"get_detector": "detectors", "lift": "clips", "read_video": "detectors"}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"posezoo.video.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
