"""Load models by name, path or address."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from posezoo.errors import CorruptFileError, InputError, MissingFileError
from posezoo.files.endings import WEIGHT_ENDINGS
from posezoo.files.reading import reason
from posezoo.registry import hub
from posezoo.registry.building import build
from posezoo.registry.index import Entry, check_version, checkpoint_folders, find, list_models, registered_weights, resolve
from posezoo.registry.weights import read

if TYPE_CHECKING:
    from posezoo.lifting import LiftingModule, MultiViewModule, PictureModule, ZooModule


def locate(name: str) -> Path:
    """Return the verified file of a named model: in ``$POSEZOO_HOME``, beside the index, or from the hub.

    Where an entry's source is ``local`` its weights are on no hub; ``POSEZOO_HUB_REPO``, ``organisation/name`` or
    ``organisation/name@revision``, says where they are mirrored, and comes before the index's own source.

    Raises:
        UnknownNameError: no such model.
        MissingFileError: the weights are in no folder and on no hub.
        CorruptFileError: size or sha256 differ from the index.
        DownloadError, SaveError: as :func:`posezoo.registry.hub.fetch`.
        InputError: they need a later PoseZoo.
    """
    from posezoo.files.reading import sha256

    if own := registered_weights(name):
        return _at(own)
    full, entry = find(name)
    check_version(full, entry)
    for folder in checkpoint_folders():
        path = folder / entry["file"]
        if path.is_file():
            break
    else:
        return hub.fetch(_source(full, entry))
    again = "Remove it, and it is fetched again." if entry["source"] != "local" else "Restore it from the repository."
    if path.stat().st_size != entry["size"]:
        raise CorruptFileError(f"{path} has {path.stat().st_size} bytes; expected {entry['size']}. {again}")
    found = sha256(path)
    if found != entry["sha256"]:
        raise CorruptFileError(f"{path} has sha256 {found[:12]}..; expected {entry['sha256'][:12]}... {again}")
    return path


def _at(where: str) -> Path:
    """Return the local file of a path or of an ``hf://`` address, which is fetched."""
    return hub.fetch(hub.parse_address(where)) if where.startswith("hf://") else Path(where).expanduser()


def _source(name: str, entry: Entry) -> hub.HubFile:
    mirror = os.environ.get("POSEZOO_HUB_REPO")
    if mirror:
        try:
            where = hub.parse_address(f"hf://{mirror}/{entry['file']}")
        except InputError as error:
            raise InputError(
                f"POSEZOO_HUB_REPO is {mirror!r}; expected organisation/name or organisation/name@revision."
            ) from error
    elif entry["source"] == "local":
        raise MissingFileError(
            f"the weights of {name} are on no hub, and {entry['file']} is in none of "
            f"{', '.join(str(folder) for folder in checkpoint_folders())}; take it from the checkpoints folder of PoseZoo's "
            f"repository and put it there, or train them: {entry['command']}."
        )
    else:
        where = hub.HubFile(entry["source"]["repo"], entry["file"], entry["source"]["revision"])
    return hub.HubFile(where.repo, where.file, where.revision, entry["size"], entry["sha256"])


# Endings that always mean a file, even a missing one.
_ENDINGS = (*WEIGHT_ENDINGS, ".pkl", ".h5")


def is_path(name: str | Path) -> bool:
    """Return whether this means a file or an ``hf://`` address, rather than a name of the index."""
    text = str(name)
    return isinstance(name, Path) or text.endswith(_ENDINGS) or os.sep in text


_Lifters = Literal[
    "svma", "svma.cmu", "svma.mocap", "geoselfsup", "geoselfsup.cmu", "geoselfsup.cmu_5pct", "geoselfsup.mocap",
    "geoselfsup.mocap_5pct", "georep", "georep.cmu", "georep.mocap", "martinez", "martinez.cmu", "martinez.cmu_georep",
    "martinez.mocap",
]  # fmt: skip
_Pictures = Literal["hg3d", "hg3d.photo", "hg3d.render_small", "integral"]
_Views = Literal["cvugcn", "cvugcn.cmu", "cvugcn.mocap"]
Model = TypeVar("Model", bound="ZooModule")


@overload
def load(name: _Lifters, device: str | None = None) -> LiftingModule: ...
@overload
def load(name: _Pictures, device: str | None = None) -> PictureModule: ...
@overload
def load(name: _Views, device: str | None = None) -> MultiViewModule: ...
@overload
def load(name: str | Path, device: str | None = None, *, kind: Callable[..., Model]) -> Model: ...
@overload
def load(name: str | Path, device: str | None = None) -> Any: ...


def load(name: str | Path, device: str | None = None, *, kind: Callable[..., ZooModule] | None = None) -> ZooModule:
    """Load a model in eval mode: the LightningModule of its paper.

    Args:
        name: ``svma``, ``svma.cmu``; the path of a ``.safetensors`` that PoseZoo wrote or a Lightning ``.ckpt`` of one of
            its models (weights only: nothing in it is executed); or ``hf://organisation/name@revision/file``, such a file
            on the Hugging Face hub.
        device: where to put it; the CPU where not given.
        kind: the class that is expected, such as :class:`posezoo.lifting.LiftingModule`; any where not given. It tells type
            checkers what a path or a computed name gives.

    Raises:
        UnknownNameError: no such model; near names are suggested.
        MissingFileError, CorruptFileError: the file is not there, altered, truncated, or of another architecture.
        DownloadError, SaveError, InputError: as :func:`posezoo.registry.locate`; InputError also of another ``kind``.

    Example:
        >>> import posezoo
        >>> model = posezoo.load("svma")
        >>> model.skeleton.name, model.unit
        ('h36m17', 'relative')
    """
    import torch  # takes a second, which listing models does not need

    text = str(name)
    of_the_index = not is_path(name) and not registered_weights(text)
    path = _at(text) if is_path(name) else locate(text)
    if path.is_dir():
        inside = sorted(file.name for file in path.glob("[!.]*.safetensors"))
        found = f"give the file in it: {', '.join(inside[:4])}" if inside else "it holds no .safetensors"
        raise InputError(f"{path} is a folder; expected a .safetensors file that PoseZoo wrote, or a .ckpt ({found}).")
    if not path.is_file():
        raise MissingFileError(f"{path} is not there; expected a .safetensors or .ckpt file, or one of {list_models()}.")
    header, weights = read(path)
    stated = find(text)[1]["paper"] if of_the_index else header["paper"]
    if stated != header["paper"]:
        raise CorruptFileError(
            f"the index says that {name} is of {stated}, but {path} is of {header['paper']}; mend the index."
        )
    count = sum(value.numel() for value in weights.values())
    model = build(header["paper"], header["settings"], path, count, verified=of_the_index)
    try:
        model.load_weights(weights)
    except (RuntimeError, KeyError, TypeError, AttributeError) as error:
        first = str(error).strip().splitlines()[-1].strip()
        raise CorruptFileError(
            f"{path} holds weights of another architecture than its header's, a {header['paper']} of its settings: {first}"
        ) from error
    # mypy takes abstract classes, as the kinds are, for callables but not for ``type[...]``.
    if kind is not None and not (isinstance(kind, type) and isinstance(model, kind)):
        expected = getattr(kind, "__name__", kind)
        of_kind = f", of kind {kind.kind}" if hasattr(kind, "kind") else ""
        raise InputError(f"{name} is a {type(model).__name__}, of kind {model.kind}; expected a {expected}{of_kind}.")
    model.zoo_name = path.stem if is_path(name) else resolve(text)
    try:
        torch.zeros(1, device=device or "cpu").cpu()  # raises where nothing can be computed, as on torch's meta
        return model.to(device or "cpu").eval()
    except (RuntimeError, AssertionError, ValueError) as error:
        raise InputError(
            f"the model cannot be put on the device {device!r} ({reason(error)}); cpu is always there."
        ) from error
