"""Read and write weights as safetensors, and read Lightning's checkpoints without executing anything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posezoo.errors import CorruptFileError, PoseZooError, SaveError
from posezoo.files.reading import reading, reason
from posezoo.registry.building import build

if TYPE_CHECKING:
    from torch import Tensor

    from posezoo.lifting import ZooModule

FORMAT = 1
"""The format of files and of the index; files of another format belong to another version of PoseZoo."""


Header = dict[str, Any]
"""A file's header: ``format``, ``paper``, ``settings``, and provenance."""


def read(path: Path) -> tuple[Header, dict[str, Tensor]]:
    """Return the header (paper, settings, provenance) and the weights of a ``.safetensors`` or ``.ckpt`` file.

    Raises:
        CorruptFileError: truncated, altered, not of PoseZoo, of another format, or more than weights.
    """
    if path.suffix != ".ckpt":
        _refuse_others(path)
    return _read_ckpt(path) if path.suffix == ".ckpt" else _read_safetensors(path)


# The first bytes of other files that users may give.
_OTHERS = {
    b"PK\x03\x04": "is a PyTorch checkpoint of another program, whose layers PoseZoo does not know; load it there",
    b"\x80": "is a PyTorch checkpoint of another program, whose layers PoseZoo does not know; load it there",
    b"\x89HDF": "is HDF5, perhaps the weights of a Keras model, which PoseZoo does not read",
    b"version https://git-lfs": "is a pointer of Git LFS, not the weights; run `git lfs pull`, or download the file itself",
    b"<!DOCTYPE": "is a web page, not weights; download the file itself",
    b"<html": "is a web page, not weights; download the file itself",
}


def _refuse_others(path: Path) -> None:
    """Raise CorruptFileError where a file was written by another program, or is only a pointer to the weights."""
    with reading(path, "weights"), open(path, "rb") as stream:
        head = stream.read(32)
    if head[8:9] == b"{":  # safetensors: the length of its header, which may begin with any byte, then JSON
        return
    for magic, what in _OTHERS.items():
        if head.startswith(magic):
            raise CorruptFileError(f"{path} {what}; expected a .safetensors that PoseZoo wrote, or a .ckpt of its models.")


def _read_safetensors(path: Path) -> tuple[Header, dict[str, Tensor]]:
    """Return the header and the weights of a file."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, RuntimeError, MemoryError) as error:
        raise CorruptFileError(
            f"{path} is no whole safetensors file ({reason(error)}); fetch or export it again."
        ) from error
    return _header(path, metadata), weights


def _header(path: Path, metadata: Mapping[str, str]) -> Header:
    """Return the content of the text beside the weights.

    Raises:
        CorruptFileError: it is not PoseZoo's, or of another format.
    """
    try:
        header = json.loads(metadata["posezoo"])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise CorruptFileError(f"{path} was not written by posezoo: its header does not say which model it is.") from error
    if not isinstance(header, dict):
        raise CorruptFileError(
            f"{path} was not written by posezoo: its header is {type(header).__name__}; expected settings."
        )
    if header.get("format") != FORMAT:
        found = str(header.get("format"))[:20]
        raise CorruptFileError(f"{path} has format {found}; this posezoo reads {FORMAT}: upgrade posezoo.")
    _check_said(path, header.get("paper"), header.get("settings"))
    return header


def _check_said(path: Path, paper: object, settings: object) -> None:
    """Refuse a header whose paper is no name or whose settings are no mapping."""
    if not isinstance(paper, str) or not isinstance(settings, dict) or not all(isinstance(key, str) for key in settings):
        raise CorruptFileError(
            f"{path} does not say which model it is of: paper {str(paper)[:40]!r} and settings of type "
            f"{type(settings).__name__}; fetch or train it again."
        )


def _read_ckpt(path: Path) -> tuple[Header, dict[str, Tensor]]:
    """Return the header of a Lightning checkpoint, and its weights as they would be published."""
    import pickle

    import torch

    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CorruptFileError(f"{path} is no checkpoint of weights alone; it was not opened any further.") from error
    except Exception as error:  # a damaged archive can raise anything in the reader
        raise CorruptFileError(
            f"{path} is no whole checkpoint ({type(error).__name__}); fetch or train it again."
        ) from error
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get("posezoo"), dict):
        raise CorruptFileError(f"{path} is no checkpoint of a posezoo model; expected one that `posezoo train` wrote.")
    paper, settings = checkpoint["posezoo"].get("paper"), checkpoint.get("hyper_parameters", {})
    _check_said(path, paper, settings)
    settings = {key: value for key, value in settings.items() if not key.startswith("_")}
    state = checkpoint.get("state_dict")
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise CorruptFileError(f"{path} holds no weights; expected a checkpoint that `posezoo train` wrote.")
    module = build(paper, settings, path, sum(value.numel() for value in state.values()))
    try:
        module.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise CorruptFileError(
            f"{path} holds weights of another architecture: {str(error).splitlines()[-1].strip()}"
        ) from error
    return {"paper": paper, "settings": settings}, module.weights()


def save(model: ZooModule, path: str | Path, **provenance: object) -> Path:
    """Write a model's weights as safetensors, whole or not at all.

    Args:
        model: of a registered class.
        path: ``.safetensors``.
        provenance: what should travel with it: seed, commit, command, data.

    Raises:
        InputError: the model's class is not registered.
        SaveError: the file cannot be written.
    """
    from safetensors.torch import save as serialize

    from posezoo.files.writing import write_whole

    path = Path(path)
    if path.suffix != ".safetensors":
        raise SaveError(f"weights are written as .safetensors, not {path.suffix or 'without ending'}.")
    header = {"format": FORMAT, "paper": model.registered(), "settings": settings_of(model), **provenance}
    weights = {key: value.detach().cpu().contiguous() for key, value in model.weights().items()}
    data = serialize(weights, metadata={"posezoo": json.dumps(header, sort_keys=True, default=str)})
    return write_whole(path, data)


def settings_of(model: ZooModule) -> dict[str, object]:
    """Return a model's constructor arguments, without LightningCLI's own entries."""
    return {key: value for key, value in model.hparams.items() if not key.startswith("_")}


def describe(path: str | Path) -> Header:
    """Return the header of a safetensors file that PoseZoo wrote: paper, settings, provenance."""
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    try:
        with safe_open(path, framework="numpy") as file:
            return _header(path, file.metadata() or {})
    except (SafetensorError, OSError, ValueError) as error:
        if isinstance(error, PoseZooError):
            raise
        raise CorruptFileError(
            f"{path} is no whole safetensors file ({reason(error)}); fetch or export it again."
        ) from error
