"""Detector: what finds people in a picture, whatever package it comes from."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
from jaxtyping import UInt8

from posezoo.errors import InputError, PoseZooError
from posezoo.files.reading import reason
from posezoo.video.tracking import Detections


class Detector(ABC):
    """Finds the 2D keypoints of the people in a picture.

    Args:
        model: the package's own callable, as the user has set it up; :meth:`load` makes one with usual settings.
    """

    name: ClassVar[str]
    skeleton: ClassVar[str]
    """The layout of what it finds."""
    install: ClassVar[str]
    """What to pip install."""

    def __init__(self, model: Callable[..., Any]) -> None:
        self.model = model

    @classmethod
    @abstractmethod
    def load(cls, model: str | None = None) -> Detector:
        """With the package's own weights, which it may download on first use.

        Raises:
            InputError: the package is not installed, or the model cannot be loaded.
        """

    @abstractmethod
    def detect(self, picture: UInt8[np.ndarray, "H W 3"]) -> Detections:
        """The people in an RGB picture."""

    @classmethod
    def package(cls, module: str) -> Any:
        """A module of the detector's package.

        Raises:
            InputError: it is not installed, or does not work.
        """
        try:
            return importlib.import_module(module)
        except (ImportError, OSError) as error:
            if isinstance(error, ModuleNotFoundError) and error.name == module.partition(".")[0]:
                raise InputError(
                    f"the detector {cls.name} is not installed; pip install {cls.install} brings it."
                ) from error
            raise InputError(
                f"the detector {cls.name} is installed but cannot be used ({reason(error)}); pip install -U {cls.install} "
                "may mend it."
            ) from error

    @classmethod
    @contextmanager
    def loading(cls, hint: str) -> Iterator[None]:
        """Whatever the package raises while it loads its model as one sentence that ends in a hint."""
        try:
            yield
        except PoseZooError:
            raise
        except Exception as error:
            raise InputError(f"the detector {cls.name} could not load its model ({reason(error)}); {hint}.") from error


def confidences(values: Any) -> np.ndarray:
    """Scores as confidences in [0, 1]; what is no number is 0."""
    return np.clip(np.nan_to_num(np.asarray(values, dtype=np.float64), nan=0.0), 0.0, 1.0)
