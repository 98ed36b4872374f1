"""The one list of models: ``index.json``, beside the weights it names. Read without torch."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from posezoo.errors import CorruptFileError, InputError, UnknownNameError
from posezoo.registry.papers import PAPERS
from posezoo.registry.weights import FORMAT
from posezoo.version import __version__


def checkpoint_folders() -> list[Path]:
    """Where weights are looked for before the hub: ``$POSEZOO_HOME``, a source checkout, the installed package's data."""
    home = os.environ.get("POSEZOO_HOME")
    checkout = Path(__file__).resolve().parents[2] / "checkpoints"
    return [*([Path(home).expanduser()] if home else []), checkout, Path(sys.prefix) / "share" / "posezoo" / "checkpoints"]


def entries() -> dict[str, dict[str, Any]]:
    """The entries of every ``index.json`` found, by ``name.tag``; of two with one name, that of the first folder.

    Raises:
        CorruptFileError: an index that is not one, or an entry that does not say which bytes it stands for.
    """
    found: dict[str, dict[str, Any]] = {}
    for folder in checkpoint_folders():
        path = folder / "index.json"
        if not path.is_file():
            continue
        try:
            table = json.loads(path.read_text(encoding="utf-8"))
            models = {name: _checked(dict(entry)) for name, entry in table["models"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorruptFileError(f"{path} is no index of models ({error}); restore it from the repository.") from error
        found = {**models, **found}
    return found


def _checked(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry that names a plain file and the bytes in it."""
    if not isinstance(entry["size"], int) or not re.fullmatch("[0-9a-f]{64}", entry["sha256"]):
        raise ValueError("an entry has no size or no sha256")
    if Path(entry["file"]).name != entry["file"]:
        raise ValueError(f"{entry['file']!r} is no name of a file")
    if entry["paper"] not in PAPERS:
        raise UnknownNameError.of("paper", entry["paper"], PAPERS)
    return entry


def find(name: str) -> tuple[str, dict[str, Any]]:
    """The full ``name.tag`` of a name, and its entry; the bare name of a paper stands for its default tag.

    Raises:
        UnknownNameError: no such model; near names are suggested.
    """
    models = entries()
    full = f"{name}.{PAPERS[name].default}" if name in PAPERS else name
    if full not in models:
        raise UnknownNameError.of("model", name, {*models, *(n.split(".")[0] for n in models)})
    return full, models[full]


def resolve(name: str) -> str:
    """The full ``name.tag`` of a name. Raises as :func:`find`."""
    return find(name)[0]


def list_models(pattern: str = "*") -> list[str]:
    """Names of the models that have weights.

    Args:
        pattern: as in a shell, ``svma*``.

    Example:
        >>> import posezoo
        >>> posezoo.list_models("svma*")
        ['svma.cmu']
    """
    return sorted(fnmatch.filter(entries(), pattern))


def info(name: str) -> dict[str, Any]:
    """The card of a model: licence, training data, command, seed, commit, measured metrics, limits, paper, sha256.

    Raises:
        UnknownNameError: no such model.
    """
    full, entry = find(name)
    return {"name": full, **entry, "paper": {"name": entry["paper"], **asdict(PAPERS[entry["paper"]])}}


def card_text(name: str) -> str | None:
    """The model card in Markdown, where it lies beside the index; None where it does not."""
    full = resolve(name)
    for folder in checkpoint_folders():
        path = folder / f"{full}.md"
        if path.is_file():
            return path.read_text(encoding="utf-8")
    return None


def check_version(name: str, entry: dict[str, Any]) -> None:
    """Refuse weights that this PoseZoo is too old for.

    Raises:
        InputError: the entry asks for a later version, or for another format.
    """
    from packaging.version import Version

    if entry["format"] != FORMAT or Version(__version__) < Version(entry["minimum_posezoo"]):
        raise InputError(
            f"{name} has format {entry['format']} and needs posezoo {entry['minimum_posezoo']} or later; this is "
            f"{__version__}, which reads format {FORMAT}: pip install --upgrade posezoo."
        )
