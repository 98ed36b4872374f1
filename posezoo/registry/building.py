"""Build untrained models from settings, within limits on their size."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posezoo.errors import CorruptFileError, PoseZooError
from posezoo.files.reading import reason
from posezoo.registry.papers import paper_class

if TYPE_CHECKING:
    from posezoo.lifting import ZooModule

ROOM = 4
"""How many times the weights of its file a model may have: a file leaves out networks that serve training alone."""
SPARE = 50_000_000
"""How many weights it may have beyond that."""
PARTS = 20_000
"""The most modules that a model read from a file may have."""


def build(
    paper: str,
    settings: Mapping[str, Any],
    source: Path | str = "settings",
    weights: int | None = None,
    verified: bool = False,
) -> ZooModule:
    """Return an untrained model of a paper.

    Args:
        paper: its name.
        settings: arguments of the constructor.
        source: where the settings come from, for errors.
        weights: how many numbers the file holds that the settings come from. Settings that ask for far more are refused
            before the memory is taken. Settings that the file lacks are its model's ``former_defaults``.
        verified: whether the file has the checksum that the index states, so that its settings need no such check.

    Raises:
        UnknownNameError: there is no such paper.
        CorruptFileError: its constructor does not take these settings.
    """
    cls = paper_class(paper)
    try:
        if weights is not None:
            settings = {**cls.former_defaults, **settings}
            needed = 0 if verified else _size(cls, settings)
            if needed > ROOM * weights + SPARE:
                raise CorruptFileError(f"{source}: its settings ask for {needed:,} weights, but it holds {weights:,}.")
        return cls(**settings)
    except PoseZooError as error:
        raise CorruptFileError(f"{source}: {paper} does not take these settings ({error})") from error
    except Exception as error:  # a constructor may raise anything for odd values
        raise CorruptFileError(f"{source}: {paper} does not take these settings ({reason(error)}).") from error


def _size(cls: type[ZooModule], settings: Mapping[str, Any]) -> int:
    """Return how many weights a model would have, without taking memory for them; 0 where this cannot be told.

    Raises:
        CorruptFileError: it has more than :data:`PARTS` modules.
    """
    import torch
    from torch.nn.modules.module import register_module_module_registration_hook

    thread, count = threading.get_ident(), itertools.count()

    def limit(*_: object) -> None:  # the hook is called by every thread
        if threading.get_ident() == thread and next(count) > PARTS:
            raise CorruptFileError(f"a model of more than {PARTS:,} modules.")

    hook = register_module_module_registration_hook(limit)
    try:
        with torch.device("meta"):
            return sum(int(parameter.numel()) for parameter in cls(**settings).parameters())
    except (NotImplementedError, RuntimeError):  # the constructor reads its own weights, which have no values here
        return 0
    finally:
        hook.remove()
