"""Fill in what Lightning's own loggers need, which ``trainer.logger`` may name: a folder, and a package."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from posezoo.extras import require
from posezoo.files.yaml import parse_yaml

_PACKAGES = {
    "MLFlowLogger": ("mlflow", "mlflow"),
    "TensorBoardLogger": ("tensorboard", "tensorboard"),
    "WandbLogger": ("wandb", "'posezoo[wandb]'"),
}
"""The package that a logger imports, and what to give to ``pip install``."""
_NEED_FOLDER = ("CSVLogger", "TensorBoardLogger")
_OPTIONS = ("--trainer.logger", "--trainer.logger+", "--trainer.logger.class_path")


def in_run_folder(logger: object, folder: Path) -> object:
    """Return the setting ``trainer.logger`` with the run's folder for loggers that need a ``save_dir`` and have none.

    Args:
        logger: a name, settings with ``class_path``, a list of these, or whatever else a recipe says, which stays.
        folder: of the run.
    """
    if isinstance(logger, list):
        return [in_run_folder(each, folder) for each in logger]
    named = {"class_path": logger} if isinstance(logger, str) else logger
    if not isinstance(named, Mapping) or _name(named.get("class_path")) not in _NEED_FOLDER:
        return logger
    arguments = named.get("init_args") or {}
    if not isinstance(arguments, Mapping):
        return logger
    return {**named, "init_args": {"save_dir": str(folder), **arguments}}


def overrides_in_run_folder(overrides: Sequence[str], folder: Path) -> list[str]:
    """Return the settings of a command line, those for ``trainer.logger`` as :func:`in_run_folder` has them."""
    words = list(overrides)
    for place, word in enumerate(overrides):
        option, given, value = word.partition("=")
        if option not in _OPTIONS or (not given and place + 1 == len(overrides)):
            continue
        logger = _parsed(value if given else overrides[place + 1])
        if (filled := in_run_folder(logger, folder)) != logger:
            option, value = option.removesuffix(".class_path"), json.dumps(filled)
            words[place : place + (1 if given else 2)] = [f"{option}={value}"] if given else [option, value]
    return words


def without_run_folder(logger: object, folder: Path) -> object:
    """Return the setting without what :func:`in_run_folder` added, so that a run with it logs into its own folder."""
    if isinstance(logger, list):
        return [without_run_folder(each, folder) for each in logger]
    if not isinstance(logger, Mapping) or _name(logger.get("class_path")) not in _NEED_FOLDER:
        return logger
    arguments = logger.get("init_args") or {}
    kept = {name: value for name, value in arguments.items() if (name, value) != ("save_dir", str(folder))}
    return {**logger, "init_args": kept}


def require_packages(logger: object) -> None:
    """Import the packages of the loggers that LightningCLI is about to make.

    Args:
        logger: LightningCLI's setting, whose classes are namespaces with a ``class_path``.

    Raises:
        InputError: one is not installed.
    """
    for each in logger if isinstance(logger, list) else [logger]:
        name = _name(getattr(each, "class_path", None))
        if name == "TensorBoardLogger" and find_spec("tensorboardX"):
            continue  # Lightning takes either
        if name in _PACKAGES:
            package, install = _PACKAGES[name]
            require(package, f"--trainer.logger {name}", install)


def _name(path: object) -> str:
    """Return the name of a class of Lightning; nothing for other classes."""
    package, _, name = str(path).rpartition(".")
    return name if not package or package.startswith(("pytorch_lightning.", "lightning.pytorch.")) else ""


def _parsed(text: str) -> object:
    """Return what YAML says, or the text where it is none: LightningCLI says what is wrong with it."""
    try:
        return parse_yaml(text)
    except Exception:  # for odd numbers and dates PyYAML lets any error of Python through
        return text
