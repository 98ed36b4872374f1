"""Read recipes, the YAML files of training runs."""

from __future__ import annotations

from collections.abc import Collection
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from posezoo.errors import CorruptFileError, MissingFileError, UnknownNameError
from posezoo.files.reading import read_bytes, reason
from posezoo.files.yaml import parse_yaml
from posezoo.registry import PAPERS, find_paper
from posezoo.training.allowed import check_recipe

MAX_BYTES = 1 << 20
"""The largest file that is read as a recipe."""


def list_recipes() -> list[str]:
    """Return names of the recipes in the package."""
    return sorted(
        entry.name.removesuffix(".yaml") for entry in files("posezoo.recipes").iterdir() if entry.name.endswith(".yaml")
    )


def read_recipe(recipe: str | Path, allow: Collection[str] = ()) -> tuple[str, dict[str, Any]]:
    """Return the paper of a recipe, and its settings as LightningCLI takes them.

    Args:
        recipe: a name in :func:`list_recipes`; the name of a paper, for its defaults; or the path of a YAML file with
            ``paper``, ``steps`` (batches to train on), ``start`` (weights to start from), ``model``, ``data``, ``trainer``.
        allow: dotted paths of classes that ``trainer`` may name beside Lightning's own.

    Raises:
        UnknownNameError: there is no such recipe, or no such paper.
        MissingFileError: there is no such file.
        CorruptFileError: the file is not YAML, or is no recipe.
        InputError: the recipe names a class or function that it may not, see :mod:`posezoo.training.allowed`.
    """
    if str(recipe) in list_recipes():
        text = files("posezoo.recipes").joinpath(f"{recipe}.yaml").read_text(encoding="utf-8")
    elif str(recipe) in PAPERS:
        return str(recipe), {}
    elif Path(recipe).suffix in (".yaml", ".yml"):
        if not Path(recipe).exists():
            raise MissingFileError(f"{recipe} is not there; expected a YAML recipe, or one of {', '.join(list_recipes())}.")
        text = _read(Path(recipe))
    else:
        raise UnknownNameError.of("recipe", recipe, [*list_recipes(), *PAPERS])
    try:
        settings = parse_yaml(text)
    except (yaml.YAMLError, ValueError, OverflowError, TypeError, KeyError, AttributeError) as error:
        # For odd numbers, dates and keys PyYAML lets any error of Python through.
        raise CorruptFileError(f"{recipe} is not YAML ({reason(error)}); write it again.") from error
    except (RecursionError, MemoryError) as error:
        raise CorruptFileError(f"{recipe} is nested too deep to be read; expected a recipe.") from error
    if not isinstance(settings, dict) or "paper" not in settings:
        raise CorruptFileError(f"{recipe} does not say `paper:`; expected one of {', '.join(PAPERS)}.")
    check_recipe(settings, recipe, allow)
    paper = settings.pop("paper")
    find_paper(paper)
    return paper, settings


def _read(path: Path) -> str:
    """Return the text of a recipe.

    Raises:
        InputError: a folder, or a file that may not be read.
        CorruptFileError: an empty or large file, or one that is not UTF-8.
    """
    data = read_bytes(path, "a recipe")
    if len(data) > MAX_BYTES:
        raise CorruptFileError(f"{path} holds {len(data):,} bytes; expected a recipe of at most {MAX_BYTES:,}.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CorruptFileError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8.") from error
