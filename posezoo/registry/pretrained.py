"""Provide the hub's usual methods: ``from_pretrained`` and ``push_to_hub``.

They are not those of ``huggingface_hub.ModelHubMixin``: loading, saving and the card would override all of its hooks, so
that the upload alone would be left of it, and every prediction would wait 0.6 s for the import of its base class.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from posezoo.errors import InputError, MissingFileError
from posezoo.files.reading import load_json
from posezoo.registry import hub, publishing
from posezoo.registry.loading import load
from posezoo.registry.weights import save

if TYPE_CHECKING:
    from posezoo.lifting import ZooModule

INDEX = "index.json"


def from_pretrained(
    repo: str | Path,
    *,
    revision: str = "main",
    file: str | None = None,
    device: str | None = None,
    kind: type[ZooModule] | None = None,
) -> ZooModule:
    """Return the model of a repository on the hub, or of a folder with the same files.

    Args:
        repo: ``organisation/name``, or the folder.
        revision: a commit, a branch or a tag.
        file: which weights, where the repository holds several.
        device, kind: as :func:`posezoo.load` takes them.

    Raises:
        InputError: no such repository can be, or it holds several models and ``file`` says none of them.
        MissingFileError, CorruptFileError, DownloadError, SaveError: as :func:`posezoo.load`.
    """
    folder = Path(repo).expanduser()
    local = folder.is_dir()
    if not local and not publishing.REPOSITORY.fullmatch(str(repo)):
        raise InputError(f"{str(repo)!r} is no repository of the hub and no folder; expected organisation/name.")
    if file is None:
        index = folder / INDEX if local else hub.fetch(hub.HubFile(str(repo), INDEX, revision))
        if not index.is_file():
            raise MissingFileError(f"{folder} has no {INDEX}; say which weights: file='NAME.safetensors'.")
        files = [str(entry["file"]) for entry in load_json(index)["models"].values()]
        if len(files) != 1:
            raise InputError(f"{repo} holds {len(files)} models; say which: file={' or '.join(map(repr, files))}.")
        file = files[0]
    where = folder / file if local else f"hf://{repo}@{revision.replace('/', '%2F')}/{file}"
    return load(where, device) if kind is None else load(where, device, kind=kind)


def push_to_hub(model: ZooModule, repo: str, *, licence: str, limits: str, training_data: str, private: bool = False) -> str:
    """Upload a model with a card and an index of one, as ``posezoo publish`` does.

    Args:
        model: of a registered class.
        repo: ``organisation/name``; made where it does not exist.
        licence, limits, training_data: what the card says, see :func:`posezoo.registry.publishing.write_folder`.
        private: whether a repository that is made now is for its owner alone.

    Returns:
        the address that :func:`posezoo.load` takes, with the commit.

    Raises:
        InputError, DownloadError, SaveError: as :func:`posezoo.registry.publishing.upload`.
    """
    with tempfile.TemporaryDirectory() as temporary:
        path = save(model, Path(temporary) / f"{model.registered()}.safetensors")
        said = {"licence": licence, "limits": limits, "training_data": training_data}
        folder = publishing.write_folder(path, repo, Path(temporary) / "hub", **said)
        (entry,) = json.loads((folder / INDEX).read_text(encoding="utf-8"))["models"].values()
        return f"hf://{repo}@{publishing.upload(folder, repo, private=private)}/{entry['file']}"
