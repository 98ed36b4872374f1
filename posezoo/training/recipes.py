"""Recipes: the YAML files that say how weights were, and are to be, trained."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from posezoo.errors import CorruptFileError, MissingFileError, UnknownNameError
from posezoo.registry import PAPERS, find_paper


def list_recipes() -> list[str]:
    """Names of the recipes in the package."""
    return sorted(
        entry.name.removesuffix(".yaml") for entry in files("posezoo.recipes").iterdir() if entry.name.endswith(".yaml")
    )


def read_recipe(recipe: str | Path) -> tuple[str, dict[str, Any]]:
    """The paper of a recipe, and its settings as LightningCLI takes them.

    Args:
        recipe: a name in :func:`list_recipes`; the name of a paper, for its defaults; or the path of a YAML file with
            ``paper``, ``steps`` (batches to train on), ``start`` (weights to start from), ``model``, ``data``, ``trainer``.

    Raises:
        UnknownNameError: no such recipe, or no such paper.
        MissingFileError: no such file.
        CorruptFileError: not YAML, or without a paper.
    """
    if str(recipe) in list_recipes():
        text = files("posezoo.recipes").joinpath(f"{recipe}.yaml").read_text(encoding="utf-8")
    elif str(recipe) in PAPERS:
        return str(recipe), {}
    elif Path(recipe).suffix in (".yaml", ".yml"):
        if not Path(recipe).is_file():
            raise MissingFileError(f"{recipe} is not there; expected a YAML recipe, or one of {', '.join(list_recipes())}.")
        text = Path(recipe).read_text(encoding="utf-8")
    else:
        raise UnknownNameError.of("recipe", recipe, list_recipes())
    try:
        settings = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise CorruptFileError(f"{recipe} is not YAML ({str(error).splitlines()[0]}).") from error
    if not isinstance(settings, dict) or "paper" not in settings:
        raise CorruptFileError(f"{recipe} does not say `paper:`; expected one of {', '.join(PAPERS)}.")
    paper = settings.pop("paper")
    find_paper(paper)
    return paper, settings
