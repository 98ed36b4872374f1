"""Define the errors of PoseZoo: one sentence that says what was found, what was expected and what to do.

Everything derives from :class:`PoseZooError`, itself a ``ValueError``; the command line turns it into
that one sentence and exit code 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PoseZooError(ValueError):
    """Base of every error that a user of PoseZoo can mend."""


class PoseZooWarning(UserWarning):
    """Warning about input that looks wrong but can be used: what was found and what to do, in one sentence."""


class InputError(PoseZooError):
    """An argument has the wrong shape, unit, value or combination."""


class UnknownNameError(PoseZooError, LookupError):
    """A name (model, skeleton, dataset, action) that PoseZoo does not know."""

    @classmethod
    def of(cls, kind: str, name: object, known: Iterable[str]) -> UnknownNameError:
        """Return the error with the names that are similar to the one given, or with all names."""
        names = sorted(known)
        # Whether letters are capitals does not count: SVMA is near svma.
        given, lower = str(name).lower(), {one.lower(): one for one in names}
        near = difflib.get_close_matches(given, lower, n=3, cutoff=0.5)
        # Of names that are equally near, the first in the alphabet comes first.
        near.sort(key=lambda one: (-difflib.SequenceMatcher(None, given, one).ratio(), one))
        near = [lower[one] for one in near]
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names) or 'none'}."
        return cls(f"unknown {kind} {name!r}; {hint}")


class CorruptFileError(PoseZooError):
    """A file that is truncated, altered, of another format, or that would run code when loaded."""


class MissingFileError(PoseZooError, FileNotFoundError):
    """A file or folder that is not there."""

    def __str__(self) -> str:
        return str(self.args[0])


class DownloadError(PoseZooError, OSError):
    """Nothing came from the hub: no connection, or a server that is down."""

    def __str__(self) -> str:
        return str(self.args[0])


class SaveError(PoseZooError, OSError):
    """A result could not be written (disk full, no permission); nothing half-written is left."""

    def __str__(self) -> str:
        return str(self.args[0])
