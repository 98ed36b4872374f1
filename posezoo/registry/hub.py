"""Download weights from the Hugging Face hub by its own client, which handles cache, tokens, proxies and offline mode.

What the client does not do is done here: it compares sizes, not checksums, so a file of the right length and the wrong
bytes would stay in its cache for good.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from posezoo.errors import CorruptFileError, DownloadError, InputError, MissingFileError, PoseZooError, SaveError
from posezoo.terminal import is_silent
from posezoo.version import __version__

ATTEMPTS = 3
PAUSE_S = 0.5
"""Seconds before the second attempt at a server that is down; doubled before each further attempt."""

_TRANSIENT = {408, 429, 500, 502, 503, 504}
_ADDRESS = re.compile(r"hf://(?P<repo>[^/@]+/[^/@]+)(@(?P<revision>[^/]+))?/(?P<file>[^@]+)")


@dataclass(frozen=True)
class HubFile:
    """A file on the hub.

    Attributes:
        repo: ``organisation/name``.
        file: its path in the repository.
        revision: a commit, where nobody should be able to move it; a branch or a tag.
        size, sha256: what it must be; None where nobody said, and the hub's own checksum is held against it.
    """

    repo: str
    file: str
    revision: str = "main"
    size: int | None = None
    sha256: str | None = None

    @property
    def fixed(self) -> bool:
        """Whether its bytes can never change, so that the cache can be used without asking the hub."""
        return self.sha256 is not None or re.fullmatch("[0-9a-f]{40}", self.revision) is not None

    def __str__(self) -> str:
        return f"hf://{self.repo}@{self.revision}/{self.file}"


def parse_address(address: str) -> HubFile:
    """Read ``hf://organisation/name@revision/file``; without a revision, ``main``. A slash in a revision is ``%2F``.

    Raises:
        InputError: not such an address.

    Example:
        >>> parse_address("hf://pose/zoo@v1/svma.cmu.safetensors")
        HubFile(repo='pose/zoo', file='svma.cmu.safetensors', revision='v1', size=None, sha256=None)
    """
    match = _ADDRESS.fullmatch(address)
    if not match or ".." in match["file"].split("/"):
        raise InputError(f"{address!r} is no address of a file on the hub; expected hf://organisation/name@revision/file.")
    return HubFile(match["repo"], match["file"], unquote(match["revision"] or "main"))


def fetch(wanted: HubFile) -> Path:
    """Return the verified file in the client's cache; download it if it is not there.

    A file that is not what it should be is removed and fetched once more. Of processes that ask for a file at once, one
    downloads it.

    Raises:
        MissingFileError: the hub has no such repository, revision or file, or shows it to nobody without the right token.
        DownloadError: no connection, or a server that stays down.
        CorruptFileError: what came twice is not what was expected; it was removed.
        SaveError: the cache is full or cannot be written.
    """
    from filelock import FileLock
    from huggingface_hub import constants

    if wanted.fixed:
        with suppress(PoseZooError):  # a file in the cache needs no lock, no connection and no writable folder
            return _verified(_download(wanted, local_files_only=True), wanted)
    name = hashlib.sha256(str(wanted).encode()).hexdigest()[:32]
    lock = Path(constants.HF_HUB_CACHE) / ".locks" / f"posezoo-{name}.lock"
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock):
            return _fetch(wanted)
    except OSError as error:
        if isinstance(error, PoseZooError):
            raise
        raise _of_cache(error) from error


def _fetch(wanted: HubFile) -> Path:
    """Return the file while no other process fetches it; check one cached and at most two downloaded files."""
    if wanted.fixed:
        with suppress(MissingFileError, DownloadError, CorruptFileError):  # another process fetched it meanwhile
            return _verified(_download(wanted, local_files_only=True), wanted, remove=True)
    with suppress(CorruptFileError):
        return _verified(_download(wanted), wanted, remove=True)
    return _verified(_download(wanted), wanted, remove=True)


def _verified(path: Path, wanted: HubFile, *, remove: bool = False) -> Path:
    try:
        size = path.stat().st_size
        if wanted.size is not None and size != wanted.size:
            raise CorruptFileError(f"{wanted} came with {size} bytes; expected {wanted.size}. Try again later.")
        expected, found = _checksums(path, wanted)
        if expected != found:
            raise CorruptFileError(
                f"{wanted} came with checksum {found[:12]}..; expected {expected[:12]}... Try again later."
            )
    except CorruptFileError:
        if remove:
            _remove(path)
        raise
    return path


def _checksums(path: Path, wanted: HubFile) -> tuple[str, str]:
    """Return a file's expected and actual checksum; without an expected one, the hub's declared one.

    The client names the files of its cache by that: the sha256 of large files, the object name in git of others.
    """
    data = path.read_bytes()
    declared = path.resolve().name
    if wanted.sha256 is None and re.fullmatch("[0-9a-f]{40}", declared):
        return declared, hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    found = hashlib.sha256(data).hexdigest()
    if wanted.sha256 is None and not re.fullmatch("[0-9a-f]{64}", declared):
        return found, found  # a file system without links: the cache does not tell
    return wanted.sha256 or declared, found


def _remove(path: Path) -> None:
    """Take a file out of the cache: the link by its name, and the bytes it points to."""
    blob = path.resolve()
    for each in {path, blob}:
        with suppress(OSError):
            each.unlink()


def _download(wanted: HubFile, *, local_files_only: bool = False) -> Path:
    """Download by the client, report its errors in one sentence, and retry where the server is down."""
    from huggingface_hub import errors, hf_hub_download
    from huggingface_hub.utils import disable_progress_bars

    from posezoo.files.writing import save_reason

    if is_silent():
        disable_progress_bars()

    for attempt in range(ATTEMPTS):
        try:
            return Path(
                hf_hub_download(
                    wanted.repo,
                    wanted.file,
                    revision=wanted.revision,
                    local_files_only=local_files_only,
                    library_name="posezoo",
                    library_version=__version__,
                )
            )
        except errors.GatedRepoError as error:
            raise MissingFileError(
                f"{wanted}: its owners ask you to accept terms at the hub first; then set HF_TOKEN or run `hf auth login`."
            ) from error
        except errors.RepositoryNotFoundError as error:
            raise MissingFileError(
                f"{wanted}: the hub has no repository {wanted.repo}, or it is private; for a private one set HF_TOKEN "
                "or run `hf auth login`."
            ) from error
        except errors.RevisionNotFoundError as error:
            raise MissingFileError(f"{wanted}: {wanted.repo} has no revision {wanted.revision}; check its name.") from error
        except errors.LocalEntryNotFoundError as error:
            raise _of_connection(wanted, error) from error
        except errors.EntryNotFoundError as error:
            raise MissingFileError(f"{wanted}: {wanted.repo} has no file {wanted.file}; check its name.") from error
        except errors.HfHubHTTPError as error:
            status = error.response.status_code
            if status in (401, 403):
                raise MissingFileError(
                    f"{wanted}: the hub refuses it (status {status}); set HF_TOKEN to a token that may read {wanted.repo}."
                ) from error
            if status not in _TRANSIENT or attempt + 1 == ATTEMPTS:
                raise DownloadError(f"{wanted}: the hub answers with status {status}; try again later.") from error
        except errors.HFValidationError as error:
            raise InputError(f"{wanted}: {str(error).splitlines()[0]}") from error
        except OSError as error:
            if save_reason(error):
                raise _of_cache(error) from error
            if attempt + 1 == ATTEMPTS:
                raise DownloadError(
                    f"{wanted} could not be fetched whole ({_first_line(error)}); try again later."
                ) from error
        except Exception as error:  # a proxy, a certificate or a broken answer can raise anything in the client's transport
            if attempt + 1 == ATTEMPTS:
                raise DownloadError(
                    f"{wanted} could not be fetched ({_first_line(error)}); check the connection."
                ) from error
        time.sleep(PAUSE_S * 2**attempt)
    raise AssertionError("the last attempt returns or raises")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def _of_cache(error: OSError) -> SaveError:
    from huggingface_hub import constants

    from posezoo.files.writing import save_reason

    what = save_reason(error) or _first_line(error)
    return SaveError(f"the hub's cache at {constants.HF_HUB_CACHE} cannot be written: {what}; HF_HOME names another folder.")


def _of_connection(wanted: HubFile, error: Exception) -> DownloadError:
    """Return the error of a file that is not in the cache while the hub was not or could not be asked."""
    from huggingface_hub import constants

    where = f"it is not in the cache at {constants.HF_HUB_CACHE}"
    if constants.HF_HUB_OFFLINE:
        return DownloadError(f"{wanted}: HF_HUB_OFFLINE is set and {where}; unset it, or put the file into $POSEZOO_HOME.")
    status = getattr(getattr(error.__cause__, "response", None), "status_code", None)
    what = (
        f"answers with status {status}"
        if status
        else f"at {os.environ.get('HF_ENDPOINT', constants.ENDPOINT)} cannot be reached"
    )
    return DownloadError(
        f"{wanted}: the hub {what} and {where}; check the connection, HF_ENDPOINT and the proxy's settings."
    )
