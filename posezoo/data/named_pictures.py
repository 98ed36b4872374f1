"""Load datasets of people in pictures by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from posezoo.data.coco.pictures import coco_pictures
from posezoo.data.h36m.pictures import h36m_pictures
from posezoo.data.lsp.pictures import lsp_pictures
from posezoo.data.mpi_inf_3dhp.pictures import mpi_inf_3dhp_pictures
from posezoo.data.mpii.pictures import mpii_pictures
from posezoo.data.pictures.people import PeopleInPictures
from posezoo.data.rendered import rendered_people
from posezoo.data.rendered_bodies import rendered_bodies
from posezoo.errors import InputError, UnknownNameError

PICTURES: dict[str, Callable[..., PeopleInPictures]] = {
    "rendered_studio": partial(rendered_people, "studio"),
    "rendered_wild": partial(rendered_people, "wild"),
    "rendered_bodies": rendered_bodies,
    "mpii": mpii_pictures,
    "lsp": lsp_pictures,
    "coco": coco_pictures,
    "h36m": h36m_pictures,
    "mpi_inf_3dhp": mpi_inf_3dhp_pictures,
}
"""The loaders of :func:`load_pictures`. A loader takes ``split`` and its own settings."""


def load_pictures(dataset: str, split: str = "test", **settings: object) -> PeopleInPictures:
    """Load the people in pictures of a named dataset.

    Args:
        dataset: ``rendered_studio``, ``rendered_wild`` (which need no file), ``rendered_bodies``, ``mpii``, ``lsp``,
            ``coco``, ``h36m`` or ``mpi_inf_3dhp``.
        split: ``train``, ``val`` or ``test``.
        settings: what else the dataset takes, such as ``count=100`` or ``path="mpii/"``.

    Raises:
        UnknownNameError: no such dataset.
        InputError: a setting that it does not have.

    Example:
        >>> from posezoo.data.pictures import load_pictures
        >>> people = load_pictures("rendered_studio", "test", side=64, count=5)
        >>> people.read(0).shape
        (64, 64, 3)
    """
    known = _parameters(dataset)
    settings = {key: value for key, value in settings.items() if key != "path" or value is not None}
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise InputError(f"dataset {dataset} has no setting {', '.join(unknown)}; it takes {', '.join(known)}.")
    return PICTURES[dataset](split=split, **settings)


def options_of(dataset: str, options: Mapping[str, Any]) -> dict[str, object]:
    """Return the options that a dataset knows: rendered pictures have a size, photographs have none to choose.

    Raises:
        UnknownNameError: no such dataset.
        InputError: an option that no dataset knows.
    """
    everything = {name for each in PICTURES for name in _parameters(each)} | set(PICTURES)
    unknown = sorted(set(options) - everything)
    if unknown:
        raise InputError(
            f"no dataset of pictures has a setting {', '.join(unknown)}; known: {', '.join(sorted(everything))}."
        )
    own = dict(options.get(dataset, {}))
    return {name: value for name, value in options.items() if name in _parameters(dataset)} | own


def _parameters(dataset: str) -> Mapping[str, object]:
    if dataset not in PICTURES:
        raise UnknownNameError.of("dataset of pictures", dataset, PICTURES)
    return inspect.signature(PICTURES[dataset]).parameters
