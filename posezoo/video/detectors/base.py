"""Define the interface of detectors."""

from __future__ import annotations

import os
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, UInt8

from posezoo.errors import InputError, PoseZooError
from posezoo.extras import require
from posezoo.files.reading import reason
from posezoo.terminal import is_silent
from posezoo.video.tracking import Detections


class Detector(ABC):
    """Find the 2D keypoints of the people in a picture.

    A detector is a context manager: leaving the block releases what the package holds.

    Args:
        model: the package's own callable, as the user has set it up; :meth:`load` makes one with usual settings.
        release: called once by :meth:`close`, where the package has something to release.
    """

    name: ClassVar[str]
    skeleton: ClassVar[str]
    """The layout of the keypoints that it finds."""
    install: ClassVar[str]
    """The package to install by pip."""

    def __init__(self, model: Callable[..., Any], release: Callable[[], object] | None = None) -> None:
        self.model = model
        self._release = release

    @classmethod
    @abstractmethod
    def load(cls, model: str | None = None, device: str = "cpu") -> Detector:
        """Make a detector with the package's own weights, which the package may download on first use.

        Args:
            model: which of the package's models; its usual one where not given.
            device: ``cpu`` or ``cuda``.

        Raises:
            InputError: the package is not installed, or the model cannot be loaded.
        """

    @abstractmethod
    def detect(self, picture: UInt8[np.ndarray, "H W 3"]) -> Detections:
        """Find the people in an RGB picture."""

    def close(self) -> None:
        """Release what the package holds. A closed detector is not used again."""
        release, self._release = self._release, None
        if release is not None:
            release()

    def __enter__(self) -> Detector:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @classmethod
    def package(cls, module: str) -> Any:
        """Import a module of the detector's package.

        Raises:
            InputError: it is not installed, or does not work.
        """
        return require(module, f"the detector {cls.name}", cls.install)

    @classmethod
    @contextmanager
    def loading(cls, hint: str) -> Iterator[None]:
        """Turn any error of the package while it loads its model into one sentence that ends in a hint."""
        try:
            yield
        except PoseZooError:
            raise
        except Exception as error:
            raise InputError(f"the detector {cls.name} could not load its model ({reason(error)}); {hint}.") from error


def confidences(values: object) -> Float[np.ndarray, "..."]:
    """Return scores as confidences in [0, 1]; a score that is no number becomes 0."""
    return np.clip(np.nan_to_num(np.asarray(values, dtype=np.float64), nan=0.0), 0.0, 1.0)


@contextmanager
def without_native_messages() -> Iterator[None]:
    """Hold back what native libraries write to standard error inside the block; show it where the block fails unforeseen.

    MediaPipe and TensorFlow Lite log from C++ to file descriptor 2, past ``sys.stderr``, and no setting turns all of it
    off (google-ai-edge/mediapipe issue 5737), so the descriptor itself is pointed at a temporary file. Python's own
    messages inside the block go the same way: keep the block short.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        try:
            os.dup2(held.fileno(), 2)
            yield
        except Exception as error:
            if not isinstance(error, PoseZooError) and not is_silent():
                held.seek(0)
                os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
