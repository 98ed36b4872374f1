"""Whether this process can compute with several threads: a process that was forked after its parent did cannot."""

from __future__ import annotations

import os

import torch

from posezoo.errors import InputError

_computed_in: set[int] = set()


def check_process() -> None:
    """Refuse to predict in a forked process that would wait for its parent's threads without end.

    The threads among which torch shares its operations (OpenMP's) exist in the parent alone. An operation that is shared in
    the child waits for them forever. With one thread nothing is shared.

    Raises:
        InputError: the parent has predicted, and torch uses several threads here.
    """
    if _computed_in and os.getpid() not in _computed_in and torch.get_num_threads() > 1:
        raise InputError(
            f"this process was forked after its parent had predicted, and torch's {torch.get_num_threads()} threads are not "
            "here; call torch.set_num_threads(1) in it, or start it by spawn or forkserver."
        )
    _computed_in.add(os.getpid())
