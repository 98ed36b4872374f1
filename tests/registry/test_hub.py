"""Test downloads through the hub's real client: the weights are those of the index, or there are none."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

import posezoo
from posezoo.errors import CorruptFileError, DownloadError, InputError, MissingFileError, SaveError
from posezoo.registry import locate
from posezoo.registry.hub import HubFile, fetch, parse_address
from tests.registry.conftest import CHECKPOINTS, REPO
from tests.registry.hub_server import COMMIT, Fault, Hub

NAME = "cvugcn.cmu"
WHOLE = (CHECKPOINTS / f"{NAME}.safetensors").read_bytes()
ALTERED = bytes([*WHOLE[:-1], WHOLE[-1] ^ 1])


def cached(tmp_path: Path) -> list[Path]:
    """Return every file of weights in the cache, under whatever name."""
    files = [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.suffix != ".lock"]
    return [path for path in files if path.name != "CACHEDIR.TAG" and path.stat().st_size > 1000]


def test_a_model_on_the_hub_is_fetched_once_and_then_needs_no_hub(hub):
    path = locate(NAME)
    assert path.read_bytes() == WHOLE
    assert hub.count("GET", f"/{REPO}/resolve/{COMMIT}/") == 1
    before = len(hub.requests)
    assert posezoo.load("cvugcn.cmu").zoo_name == NAME
    hub.close()
    assert locate(NAME) == path
    assert len(hub.requests) == before


def test_it_follows_the_hubs_redirect(hub):
    hub.redirect = True
    assert locate(NAME).read_bytes() == WHOLE
    assert hub.count("GET", "/cdn/") == 1


@pytest.mark.parametrize(
    "faults",
    [
        [Fault(status=500)],
        [Fault("HEAD", status=500)],
        [Fault("HEAD", status=503), Fault(status=502)],
        [Fault(cut=5000)],
        [Fault(cut=5000), Fault(cut=70_000), Fault(cut=0)],
        [Fault(cut=5000, stall=True)],
        [Fault(body=ALTERED)],
        [Fault(body=b"<html>a proxy's page</html>")],
        [Fault(body=WHOLE[:-100])],
        [Fault(body=WHOLE + b"more")],
    ],
    ids=["500", "500 head", "503, 502", "cut", "cut thrice", "stalled", "altered", "page", "short", "long"],
)
def test_what_goes_wrong_once_is_mended(hub, tmp_path, faults):
    hub.faults = list(faults)
    assert locate(NAME).read_bytes() == WHOLE
    assert not hub.faults
    assert [path.read_bytes() for path in cached(tmp_path)] == [WHOLE] * len(cached(tmp_path))


def test_a_cut_download_goes_on_where_it_ended(hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 50_000)  # what it keeps of a cut download
    hub.faults = [Fault(cut=600_000)]
    locate(NAME)
    ranges = [headers["range"] for method, _, headers in hub.requests if method == "GET" and "range" in headers]
    assert len(ranges) == 1
    assert 0 < int(ranges[0].removeprefix("bytes=").rstrip("-")) <= 600_000


@pytest.mark.parametrize("served", [ALTERED, WHOLE[:-100], WHOLE + b"more", b"x", WHOLE[::-1]])
def test_other_bytes_than_the_index_names_are_refused_and_removed_after_two_tries(hub, tmp_path, served, entry):
    hub.files[REPO, entry["file"]] = served
    with pytest.raises(CorruptFileError, match=f"{entry['size']}|{entry['sha256'][:12]}"):
        locate(NAME)
    assert hub.count("GET", "/resolve/") == 2
    assert cached(tmp_path) == []


def test_a_file_that_was_damaged_in_the_cache_is_fetched_again(hub):
    path = locate(NAME)
    path.resolve().write_bytes(ALTERED)
    assert locate(NAME).read_bytes() == WHOLE
    assert hub.count("GET", "/resolve/") == 2


@pytest.mark.parametrize(
    ("fault", "error", "says"),
    [
        (Fault("HEAD", status=404, headers={"X-Error-Code": "RepoNotFound"}), MissingFileError, "no repository"),
        (Fault("HEAD", status=404, headers={"X-Error-Code": "EntryNotFound"}), MissingFileError, "no file"),
        (Fault("HEAD", status=404, headers={"X-Error-Code": "RevisionNotFound"}), MissingFileError, "no revision"),
        (Fault("HEAD", status=403, headers={"X-Error-Code": "GatedRepo"}), MissingFileError, "terms"),
        (Fault("HEAD", status=403), (MissingFileError, DownloadError), "403"),
        (Fault("GET", status=403), MissingFileError, "HF_TOKEN"),
        (Fault("GET", status=418), DownloadError, "418"),
    ],
)
def test_refusals_say_what_to_do(hub, fault, error, says):
    hub.faults = [fault] * 3
    with pytest.raises(error, match=says) as caught:
        locate(NAME)
    assert "\n" not in str(caught.value)
    assert "hf://pose/zoo@" in str(caught.value)


def test_a_hub_that_stays_down_is_given_up(hub, tmp_path):
    hub.faults = [Fault(status=503)] * 50
    with pytest.raises(DownloadError, match="503"):
        locate(NAME)
    assert hub.count("GET", "/resolve/") == 3
    hub.faults = [Fault("HEAD", status=503)] * 50
    with pytest.raises(DownloadError, match="503"):
        locate(NAME)
    assert cached(tmp_path) == []


def test_no_connection_at_all(hub):
    hub.close()
    with pytest.raises(DownloadError, match="cannot be reached"):
        locate(NAME)


def test_a_private_repository_needs_the_token(hub, monkeypatch):
    hub.token = "hf_secret"
    with pytest.raises(MissingFileError, match="HF_TOKEN") as caught:
        locate(NAME)
    assert "hf_" not in str(caught.value)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert locate(NAME).read_bytes() == WHOLE


def test_offline_mode(hub, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(DownloadError, match="HF_HUB_OFFLINE is set"):
        locate(NAME)
    assert hub.requests == []
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    path = locate(NAME)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert locate(NAME) == path


def test_a_cache_that_cannot_be_written(hub, tmp_path, monkeypatch):
    from huggingface_hub import constants

    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(SaveError, match="HF_HOME"):
        locate(NAME)


@pytest.mark.parametrize(("number", "says"), [(errno.ENOSPC, "full"), (errno.EROFS, "read-only"), (errno.EACCES, "denied")])
def test_a_full_or_read_only_cache_says_so(hub, tmp_path, monkeypatch, number, says):
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("huggingface_hub.file_download.http_get", fail)
    with pytest.raises(SaveError, match=says):
        locate(NAME)
    assert cached(tmp_path) == []


def test_what_is_cached_is_read_from_a_cache_that_cannot_be_written(hub, monkeypatch):
    path = locate(NAME)
    monkeypatch.setattr("filelock.FileLock.acquire", lambda *_, **__: (_ for _ in ()).throw(PermissionError(13, "no")))
    assert locate(NAME) == path


def _locate(_: int) -> str:
    return str(locate(NAME))


def test_ten_processes_at_once_download_once(hub):
    with multiprocessing.get_context("fork").Pool(10) as pool:
        paths = set(pool.map(_locate, range(10), chunksize=1))
    assert len(paths) == 1
    assert Path(paths.pop()).read_bytes() == WHOLE
    assert hub.count("GET", "/resolve/") == 1


def test_addresses(hub, entry):
    assert parse_address("hf://a/b/sub/x.ckpt") == HubFile("a/b", "sub/x.ckpt", "main")
    assert parse_address("hf://a/b@refs%2Fpr%2F1/x.ckpt").revision == "refs/pr/1"
    for address in ("hf://a/b", "hf://a/b@main", "hf://a/x.ckpt", "hf://a/b@/x.ckpt", "hf://a/b/../x.ckpt", "hf://"):
        with pytest.raises(InputError, match="hf://organisation/name@revision/file"):
            posezoo.load(address)
    assert posezoo.load(f"hf://{REPO}@main/{entry['file']}").zoo_name == NAME
    with pytest.raises(MissingFileError, match="no revision v2"):
        posezoo.load(f"hf://{REPO}@v2/{entry['file']}")


def test_an_address_is_held_against_the_checksum_that_the_hub_declares(hub, entry):
    import hashlib

    wanted = HubFile(REPO, entry["file"])
    hub.declared[REPO, entry["file"]] = hashlib.sha1(b"blob %d\0" % len(WHOLE) + WHOLE).hexdigest()  # as git names it
    assert fetch(wanted).read_bytes() == WHOLE
    for declared in (hashlib.sha1(b"other").hexdigest(), hashlib.sha256(b"other").hexdigest()):
        file = f"{len(declared)}.safetensors"
        hub.files[REPO, file], hub.declared[REPO, file] = WHOLE, declared
        with pytest.raises(CorruptFileError, match="checksum"):
            fetch(HubFile(REPO, file))


def test_a_branch_that_moved_on_is_followed(hub, entry):
    wanted = HubFile(REPO, entry["file"])
    assert fetch(wanted).read_bytes() == WHOLE
    hub.files[REPO, entry["file"]], hub.commit = ALTERED, "f" * 40
    assert fetch(wanted).read_bytes() == ALTERED
    hub.close()
    assert fetch(wanted).read_bytes() == ALTERED


def test_a_mirror_comes_before_the_indexs_own_source(hub, entry, monkeypatch, tmp_path):
    hub.files["my/mirror", entry["file"]] = WHOLE
    monkeypatch.setenv("POSEZOO_HUB_REPO", "my/mirror")
    locate(NAME)
    assert hub.count("GET", "/my/mirror/resolve/main/") == 1
    monkeypatch.setenv("POSEZOO_HUB_REPO", "mirror")
    with pytest.raises(InputError, match="POSEZOO_HUB_REPO"):
        locate(NAME)
    monkeypatch.delenv("POSEZOO_HUB_REPO")
    index = tmp_path / "home" / "index.json"
    index.write_text(json.dumps({"format": 1, "models": {NAME: {**entry, "source": "local"}}}))
    with pytest.raises(MissingFileError, match=r"on no hub.*posezoo train cvugcn"):
        locate(NAME)
    monkeypatch.setenv("POSEZOO_HUB_REPO", f"my/mirror@{COMMIT}")
    assert locate(NAME).read_bytes() == WHOLE


@pytest.mark.slow
def test_the_clients_environment_is_heeded_by_a_program_of_its_own(tmp_path):
    """Run a program with ``HF_ENDPOINT``, ``HF_HOME``, ``HF_TOKEN``, ``HTTP_PROXY`` and ``HF_HUB_OFFLINE`` set."""
    server = Hub()
    server.token = "hf_of_the_environment"
    server.files["my/mirror", f"{NAME}.safetensors"] = WHOLE
    (tmp_path / "index.json").write_bytes((CHECKPOINTS / "index.json").read_bytes())
    program = (
        "import sys, posezoo.registry.loading as loading, posezoo.registry.index as index, pathlib\n"
        f"loading.checkpoint_folders = index.checkpoint_folders = lambda: [pathlib.Path({str(tmp_path)!r})]\n"
        "try:\n    print(loading.locate('cvugcn.cmu'))\nexcept Exception as error:\n    print(type(error).__name__, error)\n"
    )
    plain = {key: value for key, value in os.environ.items() if "proxy" not in key.lower() and not key.startswith("HF_")}
    plain |= {"POSEZOO_HUB_REPO": "my/mirror", "HF_HOME": str(tmp_path / "hf"), "HF_TOKEN": "hf_of_the_environment"}

    def run(**environment: str) -> str:
        command = [sys.executable, "-c", program]
        return subprocess.run(command, env=plain | environment, capture_output=True, text=True, check=True).stdout

    offline = run(HF_HUB_OFFLINE="1", HF_ENDPOINT=server.url)
    assert "HF_HUB_OFFLINE" in offline
    assert server.requests == []
    by_proxy = run(HF_ENDPOINT="http://hub.invalid", HTTP_PROXY=server.url)
    assert any(path.startswith("http://hub.invalid/my/mirror/") for _, path, _ in server.requests), by_proxy
    path = run(HF_ENDPOINT=server.url).strip()
    assert Path(path).is_relative_to(tmp_path / "hf")
    assert Path(path).read_bytes() == WHOLE
    server.close()


def test_an_interrupted_download_leaves_nothing_under_the_good_name(hub, tmp_path, monkeypatch):
    def interrupted(url: str, temp_file, **_: object) -> None:
        temp_file.write(WHOLE[:5000])
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("huggingface_hub.file_download.http_get", interrupted)
        with pytest.raises(KeyboardInterrupt):
            locate(NAME)
    assert cached(tmp_path) == []
    assert locate(NAME).read_bytes() == WHOLE
