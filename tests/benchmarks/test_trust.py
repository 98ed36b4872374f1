"""Test that tables and recipes of benchmarks are data, as recipes of ``train`` are: nothing that they name is called."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.benchmarks.own_table import TABLE, call_here, small, write_own

EVIL = {"class_path": "subprocess.Popen", "init_args": {"args": ["touch", "ran"]}}


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_own(tmp_path)


def refused(own: Path) -> str:
    """Measure the first row, check that the row fails and nothing was called, and return what is said."""
    done = call_here(own, "--row", "one")
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr + done.stdout
    assert not list(own.rglob("ran"))
    assert not list(own.glob("results/own/**/one-0.json"))
    recorded = [json.loads(path.read_text())["error"] for path in own.glob("results/own/**/one-0.failed.json")]
    return "".join(recorded) or done.stderr


@pytest.mark.parametrize(
    "recipe",
    [
        {"trainer": {"strategy": EVIL}},
        {"trainer": {"logger": [EVIL]}},
        {"trainer": {"profiler": EVIL}},
        {"trainer": {"callbacks": [{"class_path": "pytorch_lightning.callbacks.ModelCheckpoint", "dict_kwargs": EVIL}]}},
        {"model": {"width": EVIL}},
        {"data": {"batch_size": EVIL}},
        {"optimizer": EVIL},
    ],
)
def test_recipes_of_benchmarks_take_values_alone(own, recipe):
    (own / "recipes" / "small.yaml").write_text(yaml.safe_dump({"smoke": {**small(2), **recipe}}))
    assert re.search(r"names a class|may not|dict_kwargs|optimizer", refused(own))


@pytest.mark.parametrize("settings", [{"model": {"width": EVIL}}, {"train": {"batch_size": EVIL}}, {"train": EVIL}])
def test_rows_of_tables_take_values_alone(own, settings: dict[str, Any]):
    table = {**TABLE, "rows": {"one": {**TABLE["rows"]["one"], **settings}}}
    (own / "tables" / "own_table1.yaml").write_text(yaml.safe_dump(table))
    refused(own)


def test_tables_make_no_objects(own):
    (own / "tables" / "own_table1.yaml").write_text("title: !!python/object/apply:os.system ['touch ran']\n")
    refused(own)
