"""Parse YAML, each text once."""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import Any

import yaml


def parse_yaml(text: str) -> Any:
    """Return what YAML says, for the caller to change: a plan of many runs parses the same few recipes hundreds of times.

    Raises:
        yaml.YAMLError: the text is not YAML. For odd numbers, dates and keys PyYAML lets any error of Python through.

    Example:
        >>> first = parse_yaml("steps: [1, 2]")
        >>> first["steps"].append(3)
        >>> parse_yaml("steps: [1, 2]")
        {'steps': [1, 2]}
    """
    return copy.deepcopy(_parsed(text))


@lru_cache(maxsize=256)
def _parsed(text: str) -> Any:
    return yaml.safe_load(text)
