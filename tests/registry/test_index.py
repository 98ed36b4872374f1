"""Test the index of models: its schema, its folders, and the error of a damaged one."""

from __future__ import annotations

import copy
import json
import re

import jsonschema
import pytest

import posezoo
from posezoo.cli import main
from posezoo.errors import CorruptFileError, InputError, UnknownNameError
from posezoo.registry import DEFAULT_LIFTER, PAPERS, card_text, locate, resolve
from posezoo.registry.cards import card
from posezoo.skeletons import get_skeleton
from tests.registry.conftest import CHECKPOINTS

INDEX = json.loads((CHECKPOINTS / "index.json").read_text())
SCHEMA = json.loads((CHECKPOINTS / "index.schema.json").read_text())


def refused_by_schema(model: dict) -> bool:
    return not jsonschema.Draft202012Validator(SCHEMA).is_valid({"format": 1, "models": {"svma.cmu": model}})


def test_the_index_follows_its_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(INDEX, SCHEMA)
    assert list(INDEX["models"]) == sorted(INDEX["models"])


@pytest.mark.parametrize("key", SCHEMA["$defs"]["model"]["required"])
def test_the_schema_asks_for_every_field(key):
    model = copy.deepcopy(INDEX["models"]["svma.cmu"])
    assert not refused_by_schema(model)
    del model[key]
    assert refused_by_schema(model)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("size", 25_000_000), ("size", "3 MB"), ("sha256", "1d56"), ("format", 2), ("minimum_posezoo", "latest"),
        ("unit", "m"),
        ("source", "hub"), ("source", {"repo": "a/b", "revision": "main"}), ("source", {"repo": "b", "revision": "0" * 40}),
        ("file", "../svma.safetensors"), ("file", "svma.ckpt"), ("metrics", {}), ("metrics", {"x": {}}),
        ("licence", "free for all"),
        ("metrics", {"x": {"p_mpjpe": "55"}}), ("limits", ""), ("commit", "3d55a7c"), ("extra", 1),
    ],
)  # fmt: skip
def test_the_schema_refuses(key, value):
    assert refused_by_schema({**INDEX["models"]["svma.cmu"], key: value})


@pytest.mark.parametrize("name", posezoo.list_models())
def test_every_card_says_what_the_index_says(name):
    entry, text = INDEX["models"][name], card_text(name)
    assert text is not None
    assert name.split(".")[0] == entry["paper"] in PAPERS
    assert get_skeleton(entry["skeleton"]).name == entry["skeleton"]
    for needed in (entry["sha256"], entry["limits"], entry["licence"], entry["data_licence"], PAPERS[entry["paper"]].title):
        assert needed in text
    for title, scores in entry["metrics"].items():
        assert title in text
        for metric in ("mpjpe", "p_mpjpe"):
            if metric in scores:
                assert f"| {metric} (mm) | {scores[metric]:.2f} |" in text
    assert card(name, entry).split("## Measured")[0] == text.split("## Measured")[0]


def test_the_lifter_for_whoever_names_none_is_the_one_that_a_wheel_holds():
    assert resolve(DEFAULT_LIFTER) == INDEX["default"]
    assert INDEX["default"] in INDEX["models"]


def test_names():
    assert {"martinez.cmu", "svma.cmu"} <= set(posezoo.list_models())
    assert posezoo.list_models("svma*") == ["svma.cmu", "svma.mocap"]
    assert posezoo.list_models("nothing*") == []
    card = posezoo.info("svma")
    assert card["name"] == "svma.mocap"
    assert card["paper"]["year"] == 2021
    with pytest.raises(UnknownNameError, match="did you mean svma"):
        posezoo.load("svmo")
    with pytest.raises(UnknownNameError):
        posezoo.info("svma.h36m")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Return a ``POSEZOO_HOME`` with an index of one local model."""
    entry = {**INDEX["models"]["cvugcn.cmu"], "file": "mine.safetensors"}
    (tmp_path / "index.json").write_text(json.dumps({"format": 1, "models": {"cvugcn.mine": entry}}))
    (tmp_path / "mine.safetensors").write_bytes((CHECKPOINTS / "cvugcn.cmu.safetensors").read_bytes())
    monkeypatch.setenv("POSEZOO_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("place", ["missing", "index.json"])
def test_a_home_that_is_no_folder_is_named(home, place, monkeypatch):
    monkeypatch.setenv("POSEZOO_HOME", str(home / place))
    with pytest.raises(InputError, match=f"POSEZOO_HOME is .*{place}, which is no folder"):
        posezoo.load("svma")


def test_a_limit_that_is_no_number_is_not_the_fault_of_the_index(home, monkeypatch):
    monkeypatch.setenv("POSEZOO_MAX_BYTES", "much")
    with pytest.raises(InputError, match=r"^POSEZOO_MAX_BYTES is 'much'"):
        posezoo.list_models()


def rewritten(home, **changes):
    """Return the home's index with changes to its one entry."""
    entry = json.loads((home / "index.json").read_text())["models"]["cvugcn.mine"]
    (home / "index.json").write_text(json.dumps({"format": 1, "models": {"cvugcn.mine": {**entry, **changes}}}))


def test_models_of_ones_own_join_the_list(home):
    assert posezoo.list_models("cvugcn*") == ["cvugcn.cmu", "cvugcn.mine", "cvugcn.mocap"]
    assert locate("cvugcn.mine") == home / "mine.safetensors"
    assert posezoo.load("cvugcn.mine").zoo_name == "cvugcn.mine"
    assert card_text("cvugcn.mine") is None


@pytest.mark.parametrize("text", ["{", "[]", '{"models": 3}', '{"models": {"x": 1}}', '{"models": {"x": {}}}', "\udcff"])
def test_a_damaged_index_is_named(home, text):
    (home / "index.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(CorruptFileError, match=re.escape(str(home / "index.json"))):
        posezoo.list_models()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"file": "../other.safetensors"}, CorruptFileError),
        ({"file": "/etc/passwd"}, CorruptFileError),
        ({"sha256": "abc"}, CorruptFileError),
        ({"paper": "unheard_of"}, CorruptFileError),
        ({"paper": 3}, CorruptFileError),
        ({"source": {"repo": 3}}, CorruptFileError),
        ({"minimum_posezoo": "soon"}, CorruptFileError),
        ({"metrics": [1]}, CorruptFileError),
        ({"minimum_posezoo": "99.0.0"}, InputError),
        ({"format": 2}, InputError),
    ],
)
def test_entries_that_this_posezoo_must_not_follow(home, change, error):
    rewritten(home, **change)
    with pytest.raises(error):
        posezoo.load("cvugcn.mine")


def test_the_card_is_that_of_the_folder_that_has_the_entry(home, capsys):
    """Weights of one's own under a name of the zoo have no card of the zoo's."""
    entry = json.loads((home / "index.json").read_text())["models"]["cvugcn.mine"]
    (home / "index.json").write_text(json.dumps({"format": 1, "models": {"cvugcn.cmu": {**entry, "licence": "MIT"}}}))
    assert card_text("cvugcn.cmu") is None
    assert main(["info", "cvugcn.cmu"]) == 0
    assert "MIT" in capsys.readouterr().out
    (home / "cvugcn.cmu.md").write_text("# mine")
    assert card_text("cvugcn.cmu") == "# mine"
    assert str(card_text("cvugcn.mocap")).startswith("# cvugcn.mocap")


def test_scores_of_fine_tuned_weights_need_no_label(home, capsys):
    title = "2D held out of fine-tuning, no 3D label"
    rewritten(
        home, metrics={title: {"poses": 40, "score_relative": 0.5}}, baselines={title: {"svma": {"score_relative": 0.75}}}
    )
    assert main(["info", "cvugcn.mine"]) == 0
    assert "score_relative 0.5" in " ".join(capsys.readouterr().out.split())
