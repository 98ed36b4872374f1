"""Read and write weights as safetensors, and read Lightning's checkpoints without executing anything."""

from __future__ import annotations

import itertools
import json
import math
import pickletools
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posezoo.errors import CorruptFileError, PoseZooError, SaveError
from posezoo.files.reading import check_file, check_size, reading, reason
from posezoo.registry.building import build

if TYPE_CHECKING:
    from torch import Tensor

    from posezoo.lifting import ZooModule

FORMAT = 1
"""The format of files and of the index; files of another format belong to another version of PoseZoo."""


# Of what PyTorch writes three are enough.
_DEEPEST_TUPLE = 16
# Values in the settings of one model.
_MOST_VALUES = 10_000
Header = dict[str, Any]
"""A file's header: ``format``, ``paper``, ``settings``, and provenance."""


def read(path: Path) -> tuple[Header, dict[str, Tensor]]:
    """Return the header (paper, settings, provenance) and the weights of a ``.safetensors`` or ``.ckpt`` file.

    Raises:
        CorruptFileError: truncated, altered, not of PoseZoo, of another format, more than weights, or weights that are NaN
            or infinite.
    """
    if path.suffix != ".ckpt":
        _refuse_others(path)
    header, weights = _read_ckpt(path) if path.suffix == ".ckpt" else _read_safetensors(path)
    for name, values in weights.items():
        # The sum costs a third of isfinite().all(), and is not finite where a value is not.
        if values.is_floating_point() and not math.isfinite(float(values.sum())) and not bool(values.isfinite().all()):
            raise CorruptFileError(f"{path} holds NaN or infinite values in {name}; train or export it again.")
    return header, weights


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
        # The text of a value that shares its parts may be far longer than the file.
        named = repr(paper[:40]) if isinstance(paper, str) else f"of type {type(paper).__name__}"
        raise CorruptFileError(
            f"{path} does not say which model it is of: paper {named} and settings of type "
            f"{type(settings).__name__}; fetch or train it again."
        )
    if sum(1 for _ in itertools.islice(_values(settings), _MOST_VALUES + 1)) > _MOST_VALUES:
        raise CorruptFileError(f"{path} has more than {_MOST_VALUES:,} settings; expected those of a model: get it again.")


def _values(value: object) -> Iterator[object]:
    """Yield what nested containers hold, as often as they refer to it."""
    rest = [value]
    while rest:
        inner = rest.pop()
        yield inner
        if isinstance(inner, dict):
            rest += [*inner.keys(), *inner.values()]
        elif isinstance(inner, list | tuple | set | frozenset):
            rest += inner


def _read_ckpt(path: Path) -> tuple[Header, dict[str, Tensor]]:
    """Return the header of a Lightning checkpoint, and its weights as they would be published."""
    import pickle

    import torch

    _check_archive(path)
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
    if not all(value.layout is torch.strided and value.device.type == "cpu" for value in state.values()):
        raise CorruptFileError(f"{path} holds sparse weights, or some without values; expected what `posezoo train` wrote.")
    # Views may show the same values without end.
    held = sum({value.untyped_storage().data_ptr(): value.untyped_storage().nbytes() for value in state.values()}.values())
    module = build(paper, settings, path, min(held, sum(value.numel() for value in state.values())))
    try:
        module.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise CorruptFileError(
            f"{path} holds weights of another architecture: {str(error).splitlines()[-1].strip()}"
        ) from error
    return {"paper": paper, "settings": settings}, module.weights()


def _check_archive(path: Path) -> None:
    """Refuse an archive that unpacks into far more than it holds, and the format of PyTorch before 1.6, which has no sizes.

    Raises:
        CorruptFileError: one of these; or no archive.
    """
    size = check_file(path, "a checkpoint")
    with reading(path, "a checkpoint"), zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if sum(info.compress_size for info in members) > size:
            raise CorruptFileError(f"{path} has members that overlap, as no program writes them: get it again.")
        check_size(sum(info.file_size for info in members), path, size)
        for info in members:
            if info.filename.endswith("data.pkl") and _tuples_within(archive.read(info)) > _DEEPEST_TUPLE:
                raise CorruptFileError(f"{path} nests tuples deeper than {_DEEPEST_TUPLE} levels, as no checkpoint does.")


def _tuples_within(data: bytes) -> int:
    """Return how deep the tuples of a pickle nest, without making any: as a key, nested and shared ones hash for ever."""
    stack: list[int | None] = []  # the depth of each value; None for a mark
    memo: dict[object, int | None] = {}
    deepest = 0
    for code, argument, _ in pickletools.genops(data):
        if code.name in ("BINPUT", "LONG_BINPUT", "PUT", "MEMOIZE"):
            memo[len(memo) if code.name == "MEMOIZE" else argument] = stack[-1]
        elif code.name in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(memo[argument])
        elif code.name == "MARK":
            stack.append(None)
        else:
            taken = code.stack_before
            if pickletools.markobject in taken:
                mark = len(stack) - 1 - stack[::-1].index(None)
                start = mark - taken.index(pickletools.markobject)
            else:
                start = len(stack) - len(taken)
            depth = 1 + max((inner or 0 for inner in stack[start:]), default=0) if "TUPLE" in code.name else 0
            stack[start:] = [depth] * len(code.stack_after)
            deepest = max(deepest, depth)
    return deepest


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


def with_header(path: Path, **changed: object) -> bytes:
    """Return the content of a safetensors file that PoseZoo wrote, with other values of some keys of its header."""
    from safetensors.torch import save as serialize

    header, weights = _read_safetensors(path)
    return serialize(weights, metadata={"posezoo": json.dumps({**header, **changed}, sort_keys=True)})


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
    except (SafetensorError, OSError, ValueError, RuntimeError, MemoryError) as error:
        if isinstance(error, PoseZooError):
            raise
        raise CorruptFileError(
            f"{path} is no whole safetensors file ({reason(error)}); fetch or export it again."
        ) from error
