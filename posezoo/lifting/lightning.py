"""Lightning's module, or, in a process that only predicts, the little of it that prediction needs.

To import Lightning takes longer than to import torch: it brings torch's compiler, torchmetrics and Matplotlib. A process
that sets the environment variable ``POSEZOO_PREDICT_ONLY=1`` before it loads a model goes without; ``posezoo predict`` and
``posezoo webcam`` do. Such a model predicts and is no LightningModule: it cannot be trained.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

PREDICT_ONLY = "POSEZOO_PREDICT_ONLY"
"""The environment variable. It has no effect where Lightning has been imported already."""


class Settings(dict[str, Any]):
    """A constructor's arguments, which can be read as attributes."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"there is no setting {name!r}; known: {', '.join(self)}.") from None


class PredictingModule(nn.Module):
    """What models take from Lightning when they are built, loaded and asked for poses."""

    def __init__(self) -> None:
        super().__init__()
        self._settings = Settings()

    def save_hyperparameters(self, *names: str, ignore: Collection[str] | str = ()) -> None:
        """Keep the arguments of the constructor that calls this method, under :attr:`hparams`.

        Args:
            names: those to keep; all where not given.
            ignore: those to leave out.
        """
        constructor = inspect.currentframe()
        while constructor is not None and constructor.f_code.co_name != "__init__":
            constructor = constructor.f_back
        given = {} if constructor is None else constructor.f_locals
        left_out = {ignore} if isinstance(ignore, str) else set(ignore)
        for parameter in inspect.signature(type(self)).parameters.values():
            name = parameter.name
            if name not in given or name in left_out or (names and name not in names):
                continue
            if parameter.kind is parameter.VAR_KEYWORD:
                self._settings.update(given[name])
            elif parameter.kind is not parameter.VAR_POSITIONAL:
                self._settings[name] = given[name]

    @property
    def hparams(self) -> Settings:
        """The constructor's arguments."""
        return self._settings

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        tensors = (*self.parameters(), *self.buffers())
        return tensors[0].device if tensors else torch.device("cpu")

    @property
    def dtype(self) -> torch.dtype:
        """The type of the weights."""
        return next((parameter.dtype for parameter in self.parameters()), torch.float32)

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError as error:
            raise AttributeError(
                f"{error}; with {PREDICT_ONLY}=1 models predict, and lack what Lightning gives them besides."
            ) from None

    def __getstate__(self) -> dict[str, object]:
        return dict(self.__dict__)


if TYPE_CHECKING or os.environ.get(PREDICT_ONLY) != "1" or "pytorch_lightning" in sys.modules:
    from pytorch_lightning import LightningModule
else:
    LightningModule = PredictingModule
