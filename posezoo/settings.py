"""Build dataclasses of numbers from the settings that a recipe or a caller gives by name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any, TypeVar

from posezoo.errors import InputError, UnknownNameError

Settings = TypeVar("Settings")


def settings_of(kind: type[Settings], given: Mapping[str, object] | None, where: str) -> Settings:
    """Return the defaults of a dataclass but for some fields; a field that is a dataclass takes settings of its own.

    Args:
        kind: a dataclass whose fields all have defaults: numbers, sequences of numbers, or dataclasses like it. A pair of
            numbers stays a pair, a sequence may be of any length.
        given: values by name; YAML's lists are sequences too.
        where: what the settings are called in a recipe.

    Raises:
        UnknownNameError: a setting that there is none of.
        InputError: a value of another kind than the default.

    Example:
        >>> from posezoo.papers.cvugcn.pairs import CalibrationError
        >>> settings_of(CalibrationError, {"focal": 0.01}, "calibration").focal
        0.01
    """
    if given is not None and not isinstance(given, Mapping):
        raise InputError(f"{where} is {given!r}; expected settings by name.")
    defaults = {
        field.name: field.default if field.default_factory is MISSING else field.default_factory()
        for field in fields(kind)  # type: ignore[arg-type]
    }
    values: dict[str, Any] = {}
    for name, value in (given or {}).items():
        if name not in defaults:
            raise UnknownNameError.of(f"setting of {where}", name, defaults)
        values[name] = _like(defaults[name], value, f"{where}.{name}")
    return kind(**values)


def check_sizes(settings: object, where: str, sizes: Sequence[str] = (), shares: Sequence[str] = ()) -> None:
    """Refuse settings that are no sizes or shares.

    Args:
        settings: a dataclass.
        where: what it is called in a recipe.
        sizes: names of fields that must be finite and 0 or more.
        shares: names of fields that must be 0 to 1.

    Raises:
        InputError: one is not.

    Example:
        >>> from types import SimpleNamespace
        >>> check_sizes(SimpleNamespace(lost=0.5), "noise", shares=["lost"])
    """
    for names, most, expected in ((sizes, math.inf, "0 or more"), (shares, 1.0, "a share, 0 to 1")):
        for name in names:
            value = getattr(settings, name)
            if not 0 <= value <= most or not math.isfinite(value):
                raise InputError(f"{where}.{name} is {value}; expected {expected}.")


def _like(default: Any, value: Any, where: str) -> Any:
    """Return a value of the kind of the default.

    Raises:
        InputError: it is of another kind.
    """
    if hasattr(default, "__dataclass_fields__"):
        return value if isinstance(value, type(default)) else settings_of(type(default), value, where)
    if not isinstance(default, Sequence):
        if not _is_number(value) or (isinstance(default, int) and value != int(value)):
            raise InputError(f"{where} is {value!r}; expected a {'whole ' if isinstance(default, int) else ''}number.")
        return type(default)(value)
    numbers: list[Any] = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [None]
    whole = all(isinstance(number, int) for number in default)
    count = "two numbers" if len(default) == 2 else "numbers"
    if not all(_is_number(number) for number in numbers) or (len(default) == 2 and len(numbers) != 2):
        raise InputError(f"{where} is {value!r}; expected {count}.")
    if not numbers or (whole and any(number != int(number) for number in numbers)):
        raise InputError(f"{where} is {value!r}; expected whole numbers, one or more.")
    return tuple(int(number) if whole else float(number) for number in numbers)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
