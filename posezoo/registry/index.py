"""Read the index of models, ``index.json``, beside the weights that it names. No torch."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

from posezoo.errors import CorruptFileError, InputError, MissingFileError, PoseZooError, UnknownNameError
from posezoo.files.reading import load_json
from posezoo.registry.papers import PAPERS, external
from posezoo.registry.weights import FORMAT
from posezoo.version import __version__

DEFAULT_LIFTER = "geoselfsup"
"""The default lifter: trained without 3D labels, fills in missing joints, and is small enough for a wheel."""

Entry = dict[str, Any]
"""A model's entry in an index; ``checkpoints/index.schema.json`` describes it."""


def checkpoint_folders() -> list[Path]:
    """Return the folders where weights are looked for before the hub.

    They are ``$POSEZOO_HOME``, ``checkpoints`` of a source checkout, and the data of the installed package.

    Raises:
        InputError: ``$POSEZOO_HOME`` is no folder.
    """
    home = os.environ.get("POSEZOO_HOME")
    if home and not Path(home).expanduser().is_dir():
        raise InputError(
            f"the environment variable POSEZOO_HOME is {home}, which is no folder; make it, or unset the variable."
        )
    package = Path(str(files("posezoo")))
    return [*([Path(home).expanduser()] if home else []), package.parent / "checkpoints", package / "checkpoints"]


def entries() -> dict[str, Entry]:
    """Return the entries of every ``index.json`` found, by ``name.tag``; of one name, that of the first folder.

    Raises:
        CorruptFileError: an index that is not one, or an entry that does not say which bytes it stands for.
    """
    found: dict[str, Entry] = {}
    for _, models in _indices():
        found = {**models, **found}
    return found


def _indices() -> Iterator[tuple[Path, dict[str, Entry]]]:
    """Yield the folders that have an ``index.json``, in the order in which they count, with its entries.

    Raises:
        CorruptFileError: as :func:`entries`.
    """
    for folder in checkpoint_folders():
        path = folder / "index.json"
        if not path.is_file():
            continue
        try:
            table = load_json(path)
            models = {str(name): _checked(dict(entry)) for name, entry in table["models"].items()}
        except (CorruptFileError, InputError):  # the latter is of a setting or of the disk, not of the file
            raise
        except (PoseZooError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorruptFileError(f"{path} is no index of models ({error}); restore it from the repository.") from error
        yield folder, models


_TYPES: dict[str, type | tuple[type, ...]] = {
    "paper": str, "file": str, "size": int, "sha256": str, "format": int, "minimum_posezoo": str, "source": (str, dict),
    "input": str, "skeleton": str, "normalisation": str, "unit": str, "parameters": int, "settings": dict, "metrics": dict,
    "baselines": dict, "licence": str, "data_licence": str, "limits": str, "training_data": str, "supervision": str,
    "command": str, "commit": str,
}  # fmt: skip


def _checked(entry: Entry) -> Entry:
    """Return an entry that names a plain file and the bytes in it.

    Raises:
        ValueError, KeyError: it lacks a field, or a field is something else than it should be.
    """
    for name, expected in _TYPES.items():
        if not isinstance(entry[name], expected) or isinstance(entry[name], bool):
            raise ValueError(f"{name} of an entry is {type(entry[name]).__name__}")
    if not re.fullmatch("[0-9a-f]{64}", entry["sha256"]):
        raise ValueError("an entry has no sha256")
    if Path(entry["file"]).name != entry["file"] or "\0" in entry["file"]:
        raise ValueError(f"{entry['file']!r} is no name of a file")
    source = entry["source"]
    if source != "local" and not (
        isinstance(source, dict) and isinstance(source.get("repo"), str) and isinstance(source.get("revision"), str)
    ):
        raise ValueError("the source of an entry is neither 'local' nor a repository with its revision")
    if not re.fullmatch(r"\d+(\.\d+)*\w*", entry["minimum_posezoo"]):
        raise ValueError(f"{entry['minimum_posezoo']!r} is no version")
    for table in (entry["metrics"], *entry["baselines"].values()):
        if not all(isinstance(scores, dict) for scores in table.values()):
            raise ValueError("metrics or baselines of an entry are no tables")
    return entry


def find(name: str) -> tuple[str, Entry]:
    """Return the full ``name.tag`` of a name, and its entry; the bare name of a paper stands for its default tag.

    Raises:
        UnknownNameError: there is no such model; near names are suggested.
        MissingFileError: there is such a paper, but no weights of it.
    """
    models = entries()
    full = f"{name}.{PAPERS[name].default}" if name in PAPERS and PAPERS[name].default else name
    if full in models:
        return full, models[full]
    if name in PAPERS:
        tags = ", ".join(each for each in models if each.partition(".")[0] == name)
        raise MissingFileError(
            f"the paper {name} is known, but it has no weights{f' called {full}; there are {tags}' if tags else ''}: "
            "train it, and load the file that training writes."
        )
    raise UnknownNameError.of("model", name, {*models, *(n.split(".")[0] for n in models)})


def registered_weights(name: str) -> str:
    """Return the file or address of a registered model's weights; empty where the index names them, or there are none.

    Raises:
        InputError: the package that has the model cannot be imported.
    """
    return PAPERS[name].weights if name in PAPERS and name not in entries() else ""


def resolve(name: str) -> str:
    """Return the full ``name.tag`` of a name. Raises as :func:`find`."""
    return name if registered_weights(name) else find(name)[0]


def list_models(pattern: str = "*") -> list[str]:
    """Return the names of the models that have weights, and of those that :func:`posezoo.register_model` registered.

    Args:
        pattern: as in a shell, ``svma*``.

    Example:
        >>> import posezoo
        >>> posezoo.list_models("svma*")
        ['svma.cmu', 'svma.mocap']

    Raises:
        InputError: the pattern is no text.
    """
    if not isinstance(pattern, str):
        raise InputError(f"pattern is {pattern!r}; expected a text, such as 'svma*'.")
    models = entries()
    tagged = {name.partition(".")[0] for name in models}
    return sorted(fnmatch.filter([*models, *(name for name in external() if name not in tagged)], pattern))


def info(name: str) -> Entry:
    """Return the card of a model: licence, training data, command, seed, commit, metrics, limits, paper, sha256.

    Of a paper without weights the card holds what is known of the paper.

    Raises:
        UnknownNameError: there is no such model.
        InputError: the package that has it cannot be imported.
    """
    try:
        full, entry = find(name)
    except MissingFileError:
        full, entry = name, {"paper": name, "supervision": PAPERS[name].supervision, "metrics": {}, "baselines": {}}
    paper = entry["paper"]
    return {"name": full, **entry, "paper": {"name": paper, **(asdict(PAPERS[paper]) if paper in PAPERS else {})}}


def card_text(name: str) -> str | None:
    """Return the model card in Markdown, where it lies beside the index of the model's entry; None where it does not."""
    full = info(name)["name"]
    folder = next((folder for folder, models in _indices() if full in models), None)
    path = None if folder is None else folder / f"{full}.md"
    return path.read_text(encoding="utf-8") if path is not None and path.is_file() else None


def check_version(name: str, entry: Entry) -> None:
    """Refuse weights that need a newer PoseZoo.

    Raises:
        InputError: the entry asks for a later version, or for another format.
    """
    from packaging.version import Version

    if entry["format"] != FORMAT or Version(__version__) < Version(entry["minimum_posezoo"]):
        raise InputError(
            f"{name} has format {entry['format']} and needs posezoo {entry['minimum_posezoo']} or later; this is "
            f"{__version__}, which reads format {FORMAT}: pip install --upgrade posezoo."
        )
