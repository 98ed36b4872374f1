"""Predict and score by the kind of the model, for ``posezoo predict`` and ``posezoo eval``.

Each module has ``predict(model, options)``, which returns an exit code, and ``evaluate(model, options)``, which returns
:class:`Scores`. :attr:`posezoo.lifting.kinds.Kind.commands` names the module of a kind.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType

from posezoo.lifting.kinds import get_kind


@dataclass(frozen=True)
class Scores:
    """Scores that ``posezoo eval`` prints.

    Attributes:
        result: metrics by name; tables by action or scene are dictionaries.
        title: the data that were scored, in words.
        baseline: the name of what stands beside the model; empty where nothing does.
        beside: the baseline's metrics.
        error: the metric of the table by action.
    """

    result: dict[str, object]
    title: str
    baseline: str = ""
    beside: Mapping[str, object] = field(default_factory=dict)
    error: str = "MPJPE"


def commands_of(kind: str) -> ModuleType:
    """Return the module that predicts and scores for a kind of models."""
    return importlib.import_module(get_kind(kind).commands)
