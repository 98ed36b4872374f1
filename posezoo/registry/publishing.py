"""Write a model as a repository of the Hugging Face hub: its weights, a card for the hub, and an index of one model."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from posezoo.errors import DownloadError, InputError, PoseZooError, SaveError
from posezoo.registry.cards import COUNTS, THEIRS, card, label, unit_of
from posezoo.registry.hub import parse_address
from posezoo.registry.index import Entry, card_text, find, registered_weights, resolve
from posezoo.registry.loading import is_path, load, locate
from posezoo.registry.papers import find_paper
from posezoo.registry.weights import FORMAT, Header, describe, with_header
from posezoo.version import __version__

if TYPE_CHECKING:
    from posezoo.lifting import ZooModule

METRICS = {"mpjpe": "MPJPE", "p_mpjpe": "P-MPJPE", "n_mpjpe": "N-MPJPE", "pckh": "PCKh@0.5"}
ORIGIN = ("command", "seed", "commit", "versions", "started_from", "data", "finetuned_from", "pitch_of", "poses", "epochs")
"""The keys of a header that go into the index."""
REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


def write_folder(
    model: str | Path, repo: str, folder: Path, *, licence: str = "", limits: str = "", training_data: str = ""
) -> Path:
    """Write the files to upload: weights, ``README.md`` and ``index.json``; the folder can serve as ``$POSEZOO_HOME``.

    Args:
        model: a name, or the path of a ``.safetensors`` of one's own.
        repo: ``organisation/name``.
        folder: to write to, all files or none; new, empty, or with these very files.
        licence, limits, training_data: of weights of one's own, as the index has them of others: an identifier such as
            ``apache-2.0``, what the model is not for, what it was trained on.

    Raises:
        InputError: no such repository can be, the folder holds something, or weights of one's own without those three, or
            a name with them.
        SaveError: the folder cannot be written.
    """
    from posezoo.files.writing import write_folder_whole

    if not REPOSITORY.fullmatch(repo):
        raise InputError(f"{repo!r} is no repository of the hub; expected organisation/name.")
    registered = registered_weights(str(model))
    if isinstance(model, Path) or str(model).endswith(".safetensors") or registered:
        path = locate(str(model)) if registered else Path(model)
        name, entry, weights = _entry_of(path, repo, licence, limits, training_data)
        text = card(name, entry, origin=THEIRS)
    else:
        if licence or limits or training_data:
            raise InputError(
                f"{model} has a card already, whose licence, limits and training data stay: leave those options out."
            )
        (name, entry), weights = find(str(model)), locate(str(model)).read_bytes()
        text = card_text(name) or card(name, entry)
    index = {"format": FORMAT, "models": {name: entry}}
    files = {
        entry["file"]: weights,
        "index.json": (json.dumps(index, indent=2) + "\n").encode(),
        "README.md": f"---\n{header(name, entry)}\n---\n\n{_with_usage(text, repo, name, entry)}".encode(),
    }
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        there = {found.name for found in folder.iterdir()} if folder.is_dir() else set()
        if there == set(files) and all((folder / file).read_bytes() == data for file, data in files.items()):
            return folder  # of a call before, such as one that was killed when it had written them
    except OSError as error:
        raise SaveError(f"{folder} cannot be written: {error.strerror}.") from error
    if there:
        raise InputError(f"{folder} is not empty; name another folder.")
    return write_folder_whole(folder, files)


def index_entry(path: Path, model: ZooModule, about: Mapping[str, object], **said: str) -> Entry:
    """Return the index entry that a file and its model determine: everything but metrics and baselines.

    Args:
        path: the file.
        model: what was loaded from it.
        about: its header.
        said: licence, data_licence, limits, supervision, training_data: what neither tells.
    """
    from posezoo.files.reading import sha256
    from posezoo.lifting.kinds import get_kind

    kind = get_kind(model.kind)
    return {
        "paper": about["paper"],
        "file": path.name,
        "source": "local",  # until it is on a hub: `posezoo publish` says what to write here
        "size": path.stat().st_size,
        "sha256": sha256(path),
        "format": FORMAT,
        "minimum_posezoo": __version__,
        "input": kind.input,
        "skeleton": model.skeleton.name,
        "normalisation": kind.normalisation,
        "unit": model.unit,
        "parameters": sum(tensor.numel() for tensor in model.weights().values()),
        **said,
        **{key: about[key] for key in ORIGIN if key in about},
        "settings": about["settings"],
    }


def _entry_of(path: Path, repo: str, licence: str, limits: str, training_data: str) -> tuple[str, Entry, bytes]:
    """Return name, index entry and content of a file that is in no index, without the folders of this machine.

    A file named like its paper takes the repository's name.
    """
    missing = [
        option for option, text in (("licence", licence), ("limits", limits), ("training data", training_data)) if not text
    ]
    if missing:
        raise InputError(f"{path} is in no index: say its {', '.join(missing)} too (licence=, limits=, training_data=).")
    told = describe(path)
    public: dict[str, str] = {key: _public_name(str(told[key])) for key in ("started_from", "finetuned_from") if key in told}
    if "command" in told:
        public["command"] = without_folders(str(told["command"]))
    unknown: Header = {"command": "not recorded", "seed": None, "commit": "not recorded", "versions": {}}
    about = {**unknown, **told, **public}
    data = with_header(path, **public)
    paper, stem = about["paper"], path.stem
    if stem == paper:
        stem = re.sub(r"\W+", "_", repo.split("/")[1].lower())
    said = {"licence": licence, "data_licence": "", "limits": limits, "training_data": training_data}
    entry = index_entry(path, load(path), about, supervision=find_paper(paper).supervision, **said)
    name = stem if stem == paper or stem.startswith(f"{paper}.") else f"{paper}.{stem}"
    metrics, baselines = _held_out(about)
    own = {"file": f"{name}.safetensors", "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return name, {**entry, **own, "metrics": metrics, "baselines": baselines}, data


def without_folders(command: str) -> str:
    """Return a command without the folders of its files, which exist on one machine only.

    Example:
        >>> without_folders("posezoo finetune /home/me/svma.safetensors data/my2d.json --pitch estimate")
        'posezoo finetune svma.safetensors my2d.json --pitch estimate'
    """
    try:
        words = shlex.split(command)
    except ValueError:
        return command
    return shlex.join(word if word.startswith("hf://") else word.rstrip("/").rpartition("/")[2] for word in words)


def _public_name(name: str) -> str:
    """Return a public name of the model that weights were trained from: a name of the zoo, an address, or a file's name."""
    if name.startswith("hf://"):
        return name
    if is_path(name):
        return Path(name).name
    return resolve(name)


def _held_out(about: Entry) -> tuple[Entry, Entry]:
    """Return fine-tuning's metrics on the held-out poses, and those of the original model."""
    found = about.get("validation")
    if not isinstance(found, dict) or "after" not in found or "finetuned_from" not in about:
        return {}, {}
    title = "2D held out of fine-tuning, no 3D label"

    def relative(scores: dict[str, float]) -> dict[str, float]:
        # The critic changes in training too, so that its scores cannot be compared.
        return {f"{name}_relative": value for name, value in scores.items() if name not in ("critic", "score")}

    after = {"poses": found["poses"], **relative(found["after"])}
    return {title: after}, {title: {about["finetuned_from"]: relative(found["before"])}}


def header(name: str, entry: Entry) -> str:
    """Return the card's YAML for the hub: licence, library, tags, and every measured figure as ``model-index``."""
    from huggingface_hub import EvalResult, ModelCardData

    results = [
        EvalResult(
            task_type="keypoint-detection",
            task_name="3D human pose estimation",
            dataset_type=re.sub(r"\W+", "-", title.lower()).strip("-"),
            dataset_name=title,
            metric_type=metric,
            metric_name=f"{METRICS[metric]} ({unit_of(metric)})" if metric in METRICS else label(metric),
            metric_value=value,
        )
        for title, measured in entry["metrics"].items()
        for metric, value in measured.items()
        if metric not in COUNTS
    ]
    data = ModelCardData(
        license=entry["licence"].lower(),
        library_name="posezoo",
        pipeline_tag="keypoint-detection",
        tags=["3d-human-pose-estimation", "pose-estimation", "pytorch-lightning", "safetensors", entry["paper"]],
        model_name=name,
        eval_results=results or None,
        base_model=_base_model(entry),
    )
    return data.to_yaml()


def _base_model(entry: Entry) -> str | None:
    """Return the repository, or else the name, of the model that weights were fine-tuned from; None without one."""
    name = entry.get("finetuned_from")
    if name is None:
        return None
    if str(name).startswith("hf://"):
        return parse_address(str(name)).repo
    try:
        source = find(str(name))[1]["source"]
    except PoseZooError:
        return Path(str(name)).stem
    return str(source["repo"] if isinstance(source, dict) else name)


def _with_usage(text: str, repo: str, name: str, entry: Mapping[str, object]) -> str:
    """Return the card with a section on how to load the model."""
    from posezoo.lifting.kinds import get_kind

    call = get_kind(find_paper(entry["paper"]).kind).usage
    return f"""{text.rstrip()}

## Use

```python
import posezoo

model = posezoo.load("hf://{repo}@main/{entry["file"]}")  # a commit in main's place stays what it is
out = {call}
```

This folder's `index.json` names the file and its sha256; with it in `$POSEZOO_HOME`, `posezoo.load("{name}")` works offline.
"""


def upload(folder: Path, repo: str, *, private: bool = False) -> str:
    """Send a folder of :func:`write_folder` to the hub, in one commit.

    In a repository that holds other models already, its ``README.md`` and ``index.json`` stay theirs: the card is
    ``NAME.md`` there.

    Returns:
        the commit: what an index's entry is to name as its source's revision.

    Raises:
        InputError: no token, or one that may not write there.
        DownloadError: no connection, or a server that is down.
    """
    from huggingface_hub import HfApi, errors

    api = HfApi(library_name="posezoo", library_version=__version__)
    name = next(iter(json.loads((folder / "index.json").read_text(encoding="utf-8"))["models"]))
    try:
        api.create_repo(repo, private=private, exist_ok=True)
        others = [file for file in api.list_repo_files(repo) if file.endswith(".safetensors")]
        if [file for file in others if not (folder / file).exists()]:
            (folder / "README.md").rename(folder / f"{name}.md")
            (folder / "index.json").unlink()
        return api.upload_folder(repo_id=repo, folder_path=folder, commit_message=f"{name}, posezoo {__version__}").oid
    except errors.LocalTokenNotFoundError as error:
        raise InputError(f"{repo} was not written: there is no token; set HF_TOKEN or run `hf auth login`.") from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403, 404):
            raise InputError(
                f"{repo} was not written (status {status}): the token may not write there; set HF_TOKEN to one that may."
            ) from error
        raise DownloadError(f"{repo} was not written: the hub answers with status {status}; try again later.") from error
    except errors.HFValidationError as error:
        raise InputError(f"{repo}: {str(error).splitlines()[0]}") from error
    except ValueError as error:  # the hub finds the card's header wrong
        raise InputError(f"{repo} was not written: {' '.join(str(error).split())}") from error
    except Exception as error:  # a proxy or a broken answer can raise anything in the client's transport
        raise DownloadError(f"{repo} was not written ({str(error).splitlines()[0]}); check the connection.") from error
