"""List the papers: where their classes are, and what to cite.

A paper comes from one of three places: a folder of ``posezoo/papers`` with its ``paper.yaml``, an entry point of an
installed package, or a class that :func:`register_model` decorates. Names and citations are read without torch.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar, overload

from posezoo.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from pytorch_lightning import LightningDataModule

    from posezoo.lifting import ZooModule

    Model = TypeVar("Model", bound=type[ZooModule])

GROUP = "posezoo.papers"
"""The group of entry points. The value of one is a class, as ``package.module:Class``."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Paper:
    """A paper: where its classes are, and what to cite.

    Attributes:
        module: the name of the LightningModule's class.
        datamodule: the name of the DataModule's class, in the package of the paper; empty for that of the kind.
        default: the tag that the bare name stands for; empty where the bare name is all there is.
        title: the title, or what the model is called.
        authors: family names, with commas.
        venue: where it was published.
        year: when; None where it was not.
        supervision: what training needs, in words.
        unsupervised: whether the model learns from 2D keypoints alone, and so can be fine-tuned on them.
        kind: the kind of model, see :mod:`posezoo.lifting.kinds`.
        reads: what training reads, as the card of published weights says it; ``supervision`` where not given.
        weights: a file or an ``hf://`` address of the weights that the bare name stands for.
    """

    module: str
    datamodule: str
    default: str
    title: str
    authors: str = ""
    venue: str = ""
    year: int | None = None
    supervision: str = "not stated"
    unsupervised: bool = False
    kind: str = "lifter"
    reads: str = ""
    weights: str = ""


class _Papers(Mapping[str, Paper]):
    """All papers by name, those of the package first. Classes of entry points are imported when their paper is asked for."""

    def __init__(self) -> None:
        self.registered: dict[str, tuple[Paper, type[ZooModule], type[LightningDataModule] | None]] = {}

    def __getitem__(self, name: str) -> Paper:
        if name in self.registered:
            return self.registered[name][0]
        if name in _own():
            return _own()[name]
        if name in (outside := _entry_points()):
            _import(outside[name])
            return self.registered[name][0]
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return name in _own() or name in self.registered or name in _entry_points()

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*_own(), *self.registered, *_entry_points()]))

    def __len__(self) -> int:
        return sum(1 for _ in self)


PAPERS = _Papers()
"""Every paper by name."""


def _own() -> Mapping[str, Paper]:
    """Return the papers of this package, read from the ``paper.yaml`` in their folders."""
    folders = files("posezoo.papers").iterdir()
    return _described(tuple(sorted(each.name for each in folders if each.joinpath("paper.yaml").is_file())))


@cache
def _described(names: tuple[str, ...]) -> Mapping[str, Paper]:
    import yaml

    folder = files("posezoo.papers")
    texts = {name: folder.joinpath(name, "paper.yaml").read_text(encoding="utf-8") for name in names}
    return {name: Paper(**yaml.safe_load(text)) for name, text in texts.items()}


def _entry_points() -> dict[str, EntryPoint]:
    """Return the models of installed packages by name, without importing them."""
    return {point.name: point for point in entry_points(group=GROUP)}


def _import(point: EntryPoint) -> None:
    """Import the class of an entry point, and register it unless its own decorator did.

    Raises:
        InputError: it cannot be imported, is no model, or registers under another name.
    """
    where = f"the entry point {point.name} = {point.value}"
    try:
        found = point.load()
    except Exception as error:  # the package is not ours: whatever its import raises
        raise InputError(
            f"{where} of group {GROUP} cannot be imported ({error}); mend or uninstall that package."
        ) from error
    if point.name not in PAPERS.registered:
        register_model(point.name)(found)
    if PAPERS.registered[point.name][1] is not found:
        raise InputError(f"{where} names another class than the one registered as {point.name!r}; give both one name.")


def external() -> list[str]:
    """Return the names of the papers that are not of this package."""
    return [name for name in PAPERS if name not in _own()]


def register_model(
    name: str,
    *,
    datamodule: type[LightningDataModule] | None = None,
    weights: str | Path = "",
    title: str = "",
    authors: str = "",
    venue: str = "",
    year: int | None = None,
    supervision: str = "not stated",
) -> Callable[[Model], Model]:
    """Return a decorator that adds a class, defined anywhere, to the models of the zoo.

    The class then trains by its name (``posezoo.training.train("name", ...)`` or ``paper: name`` in a recipe), is saved and
    loaded, exported, published, and listed. Weights name the paper, never a module: import the module that registers the
    class before loading them. A package that declares an entry point of the group ``posezoo.papers`` is imported on demand.

    Args:
        name: lower-case letters, digits and underscores.
        datamodule: the DataModule that trains it; that of its kind where not given.
        weights: a file or an ``hf://`` address of weights, which ``posezoo.load(name)`` then takes.
        title: what to cite; the class's name where not given.
        authors: family names, with commas.
        venue: where it was published.
        year: when it was published.
        supervision: what its training needs, in words.

    Raises:
        InputError: the name cannot be one or belongs to another class, or the class is no model of a known kind.

    Example:
        >>> import posezoo
        >>> from posezoo.lifting import LiftingModule
        >>> @posezoo.register_model("example_of_mine", title="An example")
        ... class Mine(LiftingModule):
        ...     def lift(self, keypoints_2d):
        ...         ...  # pixels to poses
        >>> "example_of_mine" in posezoo.list_models()
        True
        >>> from posezoo.registry import unregister_model
        >>> unregister_model("example_of_mine")
    """
    if not isinstance(name, str):  # @register_model without a name gets the class
        raise InputError(f'register_model takes a name, not {name!r}: @posezoo.register_model("my_model").')
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r} cannot name a model; expected lower-case letters, digits and underscores.")
    if name in _own():
        raise InputError(f"{name!r} is a paper of PoseZoo; give your model another name.")

    def register(cls: Model) -> Model:
        from posezoo.lifting import FineTuning, ZooModule
        from posezoo.lifting.kinds import get_kind

        if not (isinstance(cls, type) and issubclass(cls, ZooModule)):
            raise InputError(
                f"{cls!r} is no model; expected a subclass of posezoo.lifting.LiftingModule or of another kind's base class."
            )
        if not hasattr(cls, "kind"):
            raise InputError(f"{cls.__name__} does not say its kind; extend the base class of one, or set `kind`.")
        get_kind(cls.kind)
        before = PAPERS.registered.get(name)
        if before is not None and (before[1].__module__, before[1].__qualname__) != (cls.__module__, cls.__qualname__):
            raise InputError(f"{name!r} is {before[1].__module__}.{before[1].__qualname__}; give your model another name.")
        paper = Paper(
            module=cls.__name__,
            datamodule="" if datamodule is None else datamodule.__name__,
            default="",
            title=title or cls.__name__,
            authors=authors,
            venue=venue,
            year=year,
            supervision=supervision,
            unsupervised=issubclass(cls, FineTuning),
            kind=cls.kind,
            weights=str(weights),
        )
        PAPERS.registered[name] = (paper, cls, datamodule)
        cls.paper = name
        return cls

    return register


def unregister_model(name: str) -> None:
    """Forget a class that :func:`register_model` registered.

    Raises:
        UnknownNameError: no class was registered under this name.
    """
    if name not in PAPERS.registered:
        raise UnknownNameError.of("registered model", name, PAPERS.registered)
    PAPERS.registered.pop(name)[1].paper = ""


@overload
def paper_class(paper: str, kind: Literal["module"] = "module") -> type[ZooModule]: ...
@overload
def paper_class(paper: str, kind: Literal["datamodule"]) -> type[LightningDataModule]: ...


def paper_class(paper: str, kind: str = "module") -> type[ZooModule] | type[LightningDataModule]:
    """Return a paper's LightningModule class, or with ``kind="datamodule"`` its DataModule class.

    Raises:
        UnknownNameError: there is no such paper.
        InputError: the package that has it cannot be imported.
    """
    entry = find_paper(paper)
    if kind == "module":
        return PAPERS.registered[paper][1] if paper in PAPERS.registered else _class(f"{GROUP}.{paper}.{entry.module}")
    own = PAPERS.registered[paper][2] if paper in PAPERS.registered else None
    if own is not None:
        return own
    if entry.datamodule:
        return _class(f"{GROUP}.{paper}.{entry.datamodule}")
    from posezoo.lifting.kinds import get_kind

    return _class(get_kind(entry.kind).datamodule)


def _class(path: str) -> type:
    """Return the class of a dotted path in this package."""
    module, _, name = path.rpartition(".")
    found: type = getattr(importlib.import_module(module), name)
    return found


def find_paper(paper: object) -> Paper:
    """Return the entry of a paper.

    Raises:
        UnknownNameError: there is no such paper.
        InputError: the package that has it cannot be imported.
    """
    if not isinstance(paper, str) or paper not in PAPERS:
        unknown = UnknownNameError.of("paper", paper, PAPERS)
        raise UnknownNameError(f"{unknown} A model of your own is known once its module, with @register_model, is imported.")
    return PAPERS[paper]
