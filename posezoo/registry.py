"""Names to weights: what there is, where it lies, whether it is whole, and how it becomes a model.

Only the last step needs torch; names and cards are read without it.
"""

from __future__ import annotations

import fnmatch
import importlib
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posezoo.errors import CorruptFileError, MissingFileError, SaveError, UnknownNameError

if TYPE_CHECKING:
    from posezoo.lifting import ZooModule

FORMAT = 1


@dataclass(frozen=True)
class Paper:
    """A paper of the zoo: where its classes are, and what to cite.

    Attributes:
        module, datamodule: class names in ``posezoo.papers.<name>``.
        default: the tag that the bare name stands for.
        title, authors, venue, year: the citation.
        supervision: what its training needs, in words.
        unsupervised: whether it learns from 2D keypoints alone, and so can be fine-tuned on them.
    """

    module: str
    datamodule: str
    default: str
    title: str
    authors: str
    venue: str
    year: int
    supervision: str
    unsupervised: bool = False


PAPERS: dict[str, Paper] = {
    "cvugcn": Paper(
        "CVUGCN", "CVUGCNDataModule", "cmu",
        "Weakly-supervised Cross-view 3D Human Pose Estimation",
        "Hua, Li, Zhang, Ding, Liu", "arXiv", 2021, "2D annotations of two calibrated cameras",
    ),
    "geoselfsup": Paper(
        "GeoSelfSup", "GeoSelfSupDataModule", "cmu",
        "Unsupervised 3D Pose Estimation with Geometric Self-Supervision",
        "Chen, Tyagi, Agrawal, Drover, MV, Stojanov, Rehg", "CVPR", 2019, "2D keypoints only", True,
    ),
    "georep": Paper(
        "GeoRep", "GeoRepDataModule", "cmu",
        "Weakly-Supervised Discovery of Geometry-Aware Representation for 3D Human Pose Estimation",
        "Chen, Lin, Liu, Qian, Wang, Lin", "CVPR", 2019, "2D keypoints of several cameras, a few 3D labels",
    ),
    "hg3d": Paper(
        "HG3D", "HG3DDataModule", "render_small",
        "Towards 3D Human Pose Estimation in the Wild: a Weakly-supervised Approach",
        "Zhou, Huang, Sun, Xue, Wei", "ICCV", 2017, "pictures with 3D labels, pictures with 2D labels",
    ),
    "integral": Paper(
        "Integral", "IntegralDataModule", "render_small",
        "Integral Human Pose Regression",
        "Sun, Xiao, Wei, Liang, Wei", "ECCV", 2018, "pictures with 3D labels, pictures with 2D labels",
    ),
    "martinez": Paper(
        "Martinez", "MartinezDataModule", "cmu",
        "A simple yet effective baseline for 3d human pose estimation",
        "Martinez, Hossain, Romero, Little", "ICCV", 2017, "3D labels",
    ),
    "svma": Paper(
        "SVMA", "SVMADataModule", "cmu",
        "SVMA: A GAN-based model for Monocular 3D Human Pose Estimation",
        "Deng, Sun, Zhu", "arXiv", 2021, "2D keypoints only", True,
    ),
}  # fmt: skip
"""Adding a paper is one entry here."""


def checkpoint_folders() -> list[Path]:
    """Where weights are looked for: ``$POSEZOO_HOME``, a source checkout, the installed package's data."""
    home = os.environ.get("POSEZOO_HOME")
    checkout = Path(__file__).resolve().parent.parent / "checkpoints"
    return [*([Path(home)] if home else []), checkout, Path(sys.prefix) / "share" / "posezoo" / "checkpoints"]


def _index() -> dict[str, dict[str, Any]]:
    """The entries of every ``index.json`` found; those found first win."""
    entries: dict[str, dict[str, Any]] = {}
    for folder in reversed(checkpoint_folders()):
        path = folder / "index.json"
        if not path.is_file():
            continue
        try:
            table = json.loads(path.read_text(encoding="utf-8"))
            entries |= {name: {**entry, "folder": str(folder)} for name, entry in table["models"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorruptFileError(f"{path} is no index of models ({error}); restore it from the repository.") from error
    return entries


def resolve(name: str) -> str:
    """The full ``name.tag`` of a name; the bare name of a paper stands for its default tag.

    Raises:
        UnknownNameError: no such model; near names are suggested.
    """
    models = _index()
    full = f"{name}.{PAPERS[name].default}" if name in PAPERS else name
    if full not in models:
        raise UnknownNameError.of("model", name, {*models, *(n.split(".")[0] for n in models)})
    return full


def list_models(pattern: str = "*") -> list[str]:
    """Names of the models that have weights.

    Args:
        pattern: as in a shell, ``svma*``.

    Example:
        >>> import posezoo
        >>> posezoo.list_models("svma*")
        ['svma.cmu']
    """
    return sorted(fnmatch.filter(_index(), pattern))


def info(name: str) -> dict[str, Any]:
    """The card of a model: licence, training data, command, seed, commit, measured metrics, paper, sha256.

    Raises:
        UnknownNameError: no such model.
    """
    full = resolve(name)
    entry = dict(_index()[full])
    entry.pop("folder")
    return {"name": full, **entry, "paper": {"name": full.split(".")[0], **asdict(PAPERS[full.split(".")[0]])}}


def locate(name: str) -> Path:
    """The verified file of a named model.

    Raises:
        UnknownNameError: no such model.
        MissingFileError: the index names a file that is not there.
        CorruptFileError: size or sha256 differ from the index.
    """
    from posezoo.data.files import sha256

    full = resolve(name)
    entry = _index()[full]
    path = Path(entry["folder"]) / entry["file"]
    if not path.is_file():
        raise MissingFileError(f"the weights of {full} are not at {path}; restore them from the repository.")
    if path.stat().st_size != entry["size"]:
        raise CorruptFileError(
            f"{path} has {path.stat().st_size} bytes; expected {entry['size']}. Restore it from the repository."
        )
    found = sha256(path)
    if found != entry["sha256"]:
        raise CorruptFileError(f"{path} has sha256 {found[:12]}..; expected {entry['sha256'][:12]}... Restore it.")
    return path


def load(name: str | Path, device: str | None = None) -> Any:
    """A model in eval mode: the LightningModule of its paper.

    Args:
        name: ``svma``, ``svma.cmu``, or the path of a ``.safetensors`` that PoseZoo wrote or a Lightning ``.ckpt`` of
            one of its models (weights only: nothing in it is executed).
        device: where to put it; the CPU where not given.

    Raises:
        UnknownNameError: no such model; near names are suggested.
        MissingFileError, CorruptFileError: the file is not there, altered, truncated, or of another architecture.

    Example:
        >>> import posezoo
        >>> model = posezoo.load("svma")
        >>> model.skeleton.name, model.unit
        ('h36m17', 'relative')
    """
    text = str(name)
    is_path = isinstance(name, Path) or text.endswith((".safetensors", ".ckpt")) or os.sep in text
    path = Path(name) if is_path else locate(text)
    if not path.is_file():
        raise MissingFileError(f"{path} is not there; expected a .safetensors or .ckpt file, or one of {list_models()}.")
    header, weights = _read_ckpt(path) if path.suffix == ".ckpt" else _read_safetensors(path)
    paper, settings = header["paper"], header["settings"]
    model = build(paper, settings, path)
    try:
        model.load_weights(weights)
    except (RuntimeError, KeyError) as error:
        first = str(error).strip().splitlines()[-1].strip()
        raise CorruptFileError(f"{path} holds weights of another architecture than {paper} {settings}: {first}") from error
    model.zoo_name = path.stem if is_path else resolve(text)
    return model.to(device or "cpu").eval()


def paper_class(paper: str, kind: str = "module") -> Any:
    """The LightningModule (or with ``kind="datamodule"`` the DataModule) class of a paper.

    Raises:
        UnknownNameError: no such paper.
    """
    if paper not in PAPERS:
        raise UnknownNameError.of("paper", paper, PAPERS)
    return getattr(importlib.import_module(f"posezoo.papers.{paper}"), getattr(PAPERS[paper], kind))


def build(paper: str, settings: dict[str, Any], source: Path | str = "settings") -> ZooModule:
    """An untrained model of a paper.

    Raises:
        UnknownNameError: no such paper.
        CorruptFileError: settings that its constructor does not take.
    """
    try:
        return paper_class(paper)(**settings)
    except TypeError as error:
        raise CorruptFileError(f"{source}: {paper} does not take these settings ({error}).") from error


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

    from posezoo.data.files import atomic_write

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
