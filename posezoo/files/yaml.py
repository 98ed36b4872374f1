"""Parse YAML, each text once."""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import Any

import yaml


def parse_yaml(text: str) -> Any:
    """Return what YAML says, for the caller to change: a plan of many runs parses the same few recipes hundreds of times.

    Raises:
        yaml.YAMLError: the text is not YAML, or names a key twice. For odd numbers, dates and keys PyYAML lets any error of
            Python through.

    Example:
        >>> first = parse_yaml("steps: [1, 2]")
        >>> first["steps"].append(3)
        >>> parse_yaml("steps: [1, 2]")
        {'steps': [1, 2]}
    """
    return copy.deepcopy(_parsed(text))


@lru_cache(maxsize=256)
def _parsed(text: str) -> Any:
    return yaml.load(text, _Loader)  # safe: no tag of it constructs an object


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which takes the last of two values of one key; here they are an error, as YAML 1.2 says."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                line = key_node.start_mark.line + 1
                raise yaml.constructor.ConstructorError(None, None, f"line {line} has {key!r} again", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)
