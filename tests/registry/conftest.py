"""Share a hub on loopback for the real client, and an installation that has an index and no weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.registry.hub_server import COMMIT, Hub

CHECKPOINTS = Path(__file__).resolve().parents[2] / "checkpoints"
REPO = "pose/zoo"


@pytest.fixture
def entry() -> dict[str, Any]:
    """Return the index entry of the smallest model, as if it were on the hub."""
    index = json.loads((CHECKPOINTS / "index.json").read_text())
    return {**index["models"]["cvugcn.cmu"], "source": {"repo": REPO, "revision": COMMIT}}


@pytest.fixture
def hub(tmp_path, monkeypatch, entry) -> Iterator[Hub]:
    """Serve the model's weights on a hub; give this machine an index that names them."""
    from huggingface_hub import constants

    server = Hub()
    server.files[REPO, entry["file"]] = (CHECKPOINTS / entry["file"]).read_bytes()
    home = tmp_path / "home"
    home.mkdir()
    (home / "index.json").write_text(json.dumps({"format": 1, "models": {"cvugcn.cmu": entry}}))
    monkeypatch.setattr("posezoo.registry.index.checkpoint_folders", lambda: [home])
    monkeypatch.setattr("posezoo.registry.loading.checkpoint_folders", lambda: [home])
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True, raising=False)  # unknown to older versions
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.3)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.delenv("POSEZOO_HUB_REPO", raising=False)
    monkeypatch.setattr("time.sleep", lambda _: None)  # between the attempts of the client and ours
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    yield server
    server.close()
