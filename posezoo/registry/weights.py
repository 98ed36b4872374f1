"""Files of weights: safetensors, written and read, and Lightning's checkpoints, of which nothing is executed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posezoo.errors import CorruptFileError, SaveError
from posezoo.files.reading import reading
from posezoo.registry.papers import build

if TYPE_CHECKING:
    from posezoo.lifting import ZooModule

FORMAT = 1
"""Of files and of the index. A file of another format is refused: it is for another PoseZoo."""


def read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a ``.safetensors`` or ``.ckpt`` says of itself (paper, settings, provenance), and its weights.

    Raises:
        CorruptFileError: truncated, altered, not of PoseZoo, of another format, or more than weights.
    """
    if path.suffix != ".ckpt":
        _refuse_others(path)
    return _read_ckpt(path) if path.suffix == ".ckpt" else _read_safetensors(path)


# First bytes of what people hold instead.
_OTHERS = {
    b"PK\x03\x04": "is a PyTorch checkpoint of another program, whose layers PoseZoo does not know; load it there",
    b"\x80": "is a PyTorch checkpoint of another program, whose layers PoseZoo does not know; load it there",
    b"\x89HDF": "is HDF5, perhaps the weights of a Keras model, which PoseZoo does not read",
    b"version https://git-lfs": "is a pointer of Git LFS, not the weights; run `git lfs pull`, or download the file itself",
    b"<!DOCTYPE": "is a web page, not weights; download the file itself",
    b"<html": "is a web page, not weights; download the file itself",
}


def _refuse_others(path: Path) -> None:
    """CorruptFileError where a file is one of other programs, or stands for the weights that it should be."""
    with reading(path, "weights"), open(path, "rb") as stream:
        head = stream.read(32)
    for magic, what in _OTHERS.items():
        if head.startswith(magic):
            raise CorruptFileError(f"{path} {what}; expected a .safetensors that PoseZoo wrote, or a .ckpt of its models.")


def _read_safetensors(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header and the weights of a file."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise CorruptFileError(f"{path} is no whole safetensors file ({error}); fetch or export it again.") from error
    try:
        header = json.loads(metadata["posezoo"])
        if header["format"] != FORMAT:
            raise CorruptFileError(f"{path} has format {header['format']}; this posezoo reads {FORMAT}: upgrade posezoo.")
        return {"paper": header["paper"], "settings": header["settings"], **header}, weights
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise CorruptFileError(f"{path} was not written by posezoo: its header does not say which model it is.") from error


def _read_ckpt(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a Lightning checkpoint says of itself, and its weights as they would be published."""
    import pickle

    import torch

    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CorruptFileError(f"{path} is no checkpoint of weights alone; it was not opened any further.") from error
    except Exception as error:  # whatever a damaged archive makes of the reader
        raise CorruptFileError(
            f"{path} is no whole checkpoint ({type(error).__name__}); fetch or train it again."
        ) from error
    if not isinstance(checkpoint, dict) or "posezoo" not in checkpoint:
        raise CorruptFileError(f"{path} is no checkpoint of a posezoo model; expected one that `posezoo train` wrote.")
    paper = checkpoint["posezoo"]["paper"]
    settings = {key: value for key, value in checkpoint["hyper_parameters"].items() if not key.startswith("_")}
    module = build(paper, settings, path)
    try:
        module.load_state_dict(checkpoint["state_dict"])
    except RuntimeError as error:
        raise CorruptFileError(
            f"{path} holds weights of another architecture: {str(error).splitlines()[-1].strip()}"
        ) from error
    return {"paper": paper, "settings": settings}, module.weights()


def save(model: ZooModule, path: str | Path, **provenance: Any) -> Path:
    """Write a model's weights as safetensors, whole or not at all.

    Args:
        model: of a paper in the zoo.
        path: ``.safetensors``.
        provenance: what should travel with it: seed, commit, command, data.

    Raises:
        SaveError: the file cannot be written.
    """
    from safetensors.torch import save as serialize

    from posezoo.files.writing import atomic_write

    path = Path(path)
    if path.suffix != ".safetensors":
        raise SaveError(f"weights are written as .safetensors, not {path.suffix or 'without ending'}.")
    header = {"format": FORMAT, "paper": model.paper, "settings": settings_of(model), **provenance}
    weights = {key: value.detach().cpu().contiguous() for key, value in model.weights().items()}
    data = serialize(weights, metadata={"posezoo": json.dumps(header, sort_keys=True, default=str)})
    with atomic_write(path) as temporary:
        temporary.write_bytes(data)
    return path


def settings_of(model: ZooModule) -> dict[str, Any]:
    """A model's constructor arguments, without what LightningCLI notes among them."""
    return {key: value for key, value in model.hparams.items() if not key.startswith("_")}


def describe(path: str | Path) -> dict[str, Any]:
    """The header of a safetensors file that PoseZoo wrote: paper, settings, provenance."""
    return _read_safetensors(Path(path))[0]
