"""Know the names of settings that a run takes, and suggest the one that a mistyped name meant."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytorch_lightning as pl

from posezoo.errors import InputError, UnknownNameError

_POSITIVE = ("width", "size", "distance", "extent", "points", "levels", "layers", "stacks", "cosine_steps", "decay_steps")
"""How settings end that must be positive."""
_OTHER = ("seed_everything", "print_config", "help")


def known_names(module: type[pl.LightningModule], datamodule: type[pl.LightningDataModule]) -> list[str]:
    """Return the names of all settings, ``model.width`` and so on, that LightningCLI takes for these classes."""
    classes: dict[str, type] = {"model": module, "data": datamodule, "trainer": pl.Trainer}
    return [
        f"{section}.{name}"
        for section, cls in classes.items()
        for name, parameter in inspect.signature(cls).parameters.items()
        if parameter.kind is not parameter.VAR_KEYWORD
    ]


def check_names(settings: Mapping[str, object], overrides: Sequence[str], known: Sequence[str]) -> None:
    """Refuse unknown settings in a recipe or among overrides.

    Raises:
        UnknownNameError: one is not known; near names are suggested.
    """
    for name in _names(settings):
        if name not in known:
            raise UnknownNameError.of("setting", name, known)
    for override in overrides:
        option = override.split("=")[0].rstrip("+")
        if not option.startswith("--"):
            continue
        name = ".".join(option[2:].split(".")[:2])
        if name not in known and name.split(".")[0] not in (*_OTHER, "model", "data", "trainer"):
            raise UnknownNameError.of("option", option, [f"--{each}" for each in (*known, *_OTHER)])
        if "." in name and name not in known:
            raise UnknownNameError.of("option", option, [f"--{each}" for each in known])


def check_sizes(settings: Mapping[str, Any]) -> None:
    """Refuse sizes, distances and lengths of schedules of zero or less, which would only fail in layers and schedules.

    Args:
        settings: by section, defaults of the classes included.

    Raises:
        InputError: one is not positive.
    """
    for section in ("model", "data"):
        for name, value in (settings.get(section) or {}).items():
            sized = name.endswith(_POSITIVE) and isinstance(value, (int, float)) and not isinstance(value, bool)
            if sized and not value > 0:
                raise InputError(f"{section}.{name} is {value}; expected a positive number.")


def _names(settings: Mapping[str, Any]) -> Iterator[str]:
    for section in ("model", "data", "trainer"):
        for name in settings.get(section) or {}:
            yield f"{section}.{name}"
