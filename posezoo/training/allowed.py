"""Check what a recipe names: values, and Lightning's own callbacks, loggers, profilers and strategies.

LightningCLI imports and calls whatever class or function a setting names. A recipe is a file that people download, so
everything in it is checked before LightningCLI sees it. What the command line adds is checked before anything is made.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from posezoo.errors import CorruptFileError, InputError

SECTIONS = ("model", "data", "trainer")
KEYS = ("paper", "steps", "start", "seed_everything", *SECTIONS)
MAX_DEPTH = 16
MAX_VALUES = 10_000

_LIGHTNING = {
    "callbacks": (
        "DeviceStatsMonitor", "EarlyStopping", "GradientAccumulationScheduler", "LearningRateMonitor", "ModelCheckpoint",
        "ModelSummary", "RichModelSummary", "RichProgressBar", "StochasticWeightAveraging", "TQDMProgressBar", "Timer",
    ),
    "loggers": ("CSVLogger", "MLFlowLogger", "TensorBoardLogger", "WandbLogger"),
    "profilers": ("AdvancedProfiler", "PassThroughProfiler", "SimpleProfiler"),
    "strategies": ("DDPStrategy",),
}  # fmt: skip
ALLOWED = frozenset(f"pytorch_lightning.{part}.{name}" for part, names in _LIGHTNING.items() for name in names)
"""The classes that a recipe's ``trainer`` may name. None of their settings that are functions or classes may be set."""

_CLASS_SETTINGS = ("accelerator", "barebones", "callbacks", "logger", "plugins", "profiler", "strategy")
# Names that Lightning's registries hold: ddp_find_unused_parameters_true, bf16-mixed, gpu.
_REGISTERED = re.compile(r"[a-z0-9_-]*")
_KEY = re.compile(r"[A-Za-z_]\w*")
_PLAIN = (str, int, float, bool, type(None))


def check_recipe(settings: Mapping[str, Any], source: object, allow: Collection[str] = ()) -> None:
    """Refuse a recipe that names anything to be imported or called.

    Args:
        settings: what the file holds.
        source: its name, for errors.
        allow: dotted paths of classes that the user allows.

    Raises:
        CorruptFileError: unknown keys, sections that are no mappings, or values that are neither text nor numbers.
        InputError: a class that is not allowed, or something that a class or function could be made from.
    """
    unknown = [str(key) for key in settings if key not in KEYS]
    if unknown:
        raise CorruptFileError(f"{source} has {', '.join(unknown)[:100]}; a recipe has {', '.join(KEYS)}.")
    for count, (path, value) in enumerate(_walk(settings)):
        if count > MAX_VALUES:
            raise CorruptFileError(f"{source} holds more than {MAX_VALUES:,} values; expected a recipe.")
        where = ".".join(map(str, path))
        if not all(isinstance(key, int) or _KEY.fullmatch(key) for key in path):
            raise CorruptFileError(f"{source}: {where[:100]!r} is no name of a setting.")
        if not isinstance(value, (*_PLAIN, Mapping, list)):
            raise CorruptFileError(
                f"{source}: {where} is {type(value).__name__}; expected text, a number, a list or settings."
            )
    for section in SECTIONS:
        if not isinstance(settings.get(section, {}), Mapping):
            raise CorruptFileError(f"{source}: {section} is no mapping; expected settings by name.")
    for section in set(KEYS) - {"trainer"}:
        _check_values(settings.get(section, {}), f"{source}: {section}")
    for name, value in settings.get("trainer", {}).items():
        _check_trainer(value, f"{source}: trainer.{name}", name in _CLASS_SETTINGS, _names(allow))


def _walk(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], object]]:
    """Yield all values with their keys.

    Raises:
        CorruptFileError: they are nested too deep; lists that hold themselves, as YAML's aliases can make them, are.
    """
    if len(path) > MAX_DEPTH:
        raise CorruptFileError(f"a recipe is nested deeper than {MAX_DEPTH} levels; expected settings in three sections.")
    yield path, value
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _walk(inner, (*path, str(key)))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _walk(inner, (*path, number))


def _check_values(value: object, where: str) -> None:
    """Refuse classes among plain settings."""
    for path, inner in _walk(value):
        if "class_path" in path or "dict_kwargs" in path:
            raise InputError(f"{where} names a class ({_named(value)}); model and data take values alone.")
        if isinstance(inner, str):
            _check_text(inner, where)


def _check_text(text: str, where: str) -> None:
    """Refuse text that LightningCLI would parse as settings, which could name a class."""
    if "class_path" in text or "init_args" in text or "dict_kwargs" in text:
        raise InputError(f"{where} holds text that names a class ({text[:80]!r}); write settings as settings.")


def _check_trainer(value: object, where: str, takes_classes: bool, allow: Mapping[str, str]) -> None:
    """Refuse classes that are not allowed, anywhere in a setting of the trainer."""
    if isinstance(value, list):
        for inner in value:
            _check_trainer(inner, where, takes_classes, allow)
    elif isinstance(value, Mapping):
        if "class_path" not in value:
            _check_values(value, where)
            if takes_classes:
                raise InputError(f"{where} is settings without a class_path; name one of {_choices()}.")
            return
        cls = value["class_path"]
        if not isinstance(cls, str) or cls not in allow:
            raise InputError(
                f"{where} names {str(cls)[:100]}, which recipes may not; they may name {_choices()}. A class of your own is "
                "allowed on the command line: --allow-class package.Class."
            )
        if extra := set(value) - {"class_path", "init_args"}:
            raise InputError(f"{where} gives {cls} {', '.join(sorted(extra))}; expected init_args alone.")
        arguments = value.get("init_args") or {}
        if not isinstance(arguments, Mapping):
            raise InputError(f"{where}: the init_args of {cls} are no mapping; expected settings by name.")
        plain = plain_arguments(allow[cls])
        for name, inner in arguments.items():
            if name not in plain:
                known = ", ".join(sorted(plain))
                raise InputError(f"{where} sets {str(name)[:100]} of {cls}, which is no value of it; it takes {known}.")
            _check_trainer(inner, f"{where}.{name}", isinstance(inner, Mapping) and "class_path" in inner, allow)
    elif isinstance(value, str):
        _check_text(value, where)
        if takes_classes and value not in allow and not _REGISTERED.fullmatch(value):
            raise InputError(f"{where} is {value[:100]!r}, which recipes may not name; they may name {_choices()}.")


def _names(allow: Iterable[str]) -> dict[str, str]:
    """Return the ways to name each allowed class."""
    names: dict[str, str] = {}
    for path in ALLOWED:
        short = path.rpartition(".")[2]
        names |= {path: path, path.replace("pytorch_lightning", "lightning.pytorch", 1): path, short: path}
    return names | {path: path for path in allow}


def _named(value: object) -> str:
    """Return the class that a value names anywhere inside."""
    for path, inner in _walk(value):
        if path and path[-1] == "class_path":
            return str(inner)[:100]
    return "dict_kwargs"


def _choices() -> str:
    return ", ".join(sorted(path.rpartition(".")[2] for path in ALLOWED))


def plain_arguments(path: str) -> set[str]:
    """Return the arguments of a class that are named in its signature and are neither functions nor classes."""
    found = set()
    for name, parameter in inspect.signature(import_class(path)).parameters.items():
        annotation = str(parameter.annotation)
        if "Callable" not in annotation and "ype[" not in annotation and parameter.kind is not parameter.VAR_KEYWORD:
            found.add(name)
    return found


def import_class(path: str) -> type:
    """Return the class of a dotted path; importing it runs code.

    Raises:
        InputError: there is none.
    """
    module, _, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"--allow-class {path} cannot be imported ({error}); expected package.Class.") from error
    if not isinstance(found, type):
        raise InputError(f"--allow-class {path} is no class; expected package.Class.")
    return found


def check_parsed(config: Any, allow: Collection[str] = ()) -> None:
    """Refuse classes that overrides named, after LightningCLI has parsed them and before it creates anything.

    Args:
        config: LightningCLI's namespace.
        allow: dotted paths of classes that the user allows.

    Raises:
        InputError: a class or a function that is not allowed.
    """
    names = _names(allow)
    for section in SECTIONS:
        _check_parsed(config[section], section, names)


def _check_parsed(value: object, where: str, names: Mapping[str, str]) -> None:
    if isinstance(value, (list, tuple)):
        for inner in value:
            _check_parsed(inner, where, names)
        return
    inside = value if isinstance(value, Mapping) else vars(value) if type(value).__name__ == "Namespace" else None
    if inside is not None:
        cls = inside.get("class_path")
        if cls is not None and (cls not in names and not _same(cls, names)):
            raise InputError(
                f"{where} names {str(cls)[:100]}, which is not allowed; add --allow-class {str(cls)[:100]} if you trust it."
            )
        for key, inner in inside.items():
            if key == "dict_kwargs" and inner:
                raise InputError(f"{where} gives {cls} dict_kwargs; expected init_args alone.")
            _check_parsed(inner, f"{where}.{key}", names)
    elif isinstance(value, type) or inspect.isroutine(value):
        raise InputError(f"{where} is the function or class {value!r}; a setting is text, a number or a list.")


def _same(path: object, names: Mapping[str, str]) -> bool:
    """Return whether a class is an allowed one under the path of its defining module."""
    try:
        found = import_class(str(path))
    except InputError:
        return False
    return any(
        found is import_class(allowed) for allowed in set(names.values()) if allowed.rpartition(".")[2] == found.__name__
    )
