"""Test writing a folder for the hub, and its upload through the real client."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest
import torch
import yaml
from huggingface_hub import ModelCard

import posezoo
from posezoo.cli import main
from posezoo.errors import DownloadError, InputError
from posezoo.registry import build, paper_class, pretrained, publishing, resolve, save
from tests.registry.conftest import CHECKPOINTS
from tests.registry.hub_server import COMMIT, Fault

OWN = {"licence": "mit", "limits": "Not for anything but this test.", "training_data": "Random numbers."}


@pytest.mark.parametrize("name", posezoo.list_models())
def test_the_card_is_one_that_the_hub_understands(name, tmp_path):
    folder = publishing.write_folder(name, "pose/zoo", tmp_path / "out")
    entry = json.loads((CHECKPOINTS / "index.json").read_text())["models"][name]
    card = ModelCard.load(folder / "README.md")
    assert card.data.license == "apache-2.0"
    assert card.data.library_name == "posezoo"
    results = {(each.dataset_name, each.metric_type): each.metric_value for each in card.data.eval_results}
    assert results == {
        (title, metric): value
        for title, scores in entry["metrics"].items()
        for metric, value in scores.items()
        if metric not in publishing.COUNTS
    }
    assert "p_mpjpe" in {metric for _, metric in results}
    for part in (
        "## Limits",
        entry["limits"],
        "## Use",
        f'posezoo.load("hf://pose/zoo@main/{entry["file"]}")',
        "## Measured",
    ):
        assert part in card.text
    assert sorted(file.name for file in folder.iterdir()) == sorted(["README.md", "index.json", entry["file"]])
    assert hashlib.sha256((folder / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]


def test_the_folder_is_a_home(tmp_path, monkeypatch):
    folder = publishing.write_folder("cvugcn.cmu", "pose/zoo", tmp_path / "out")
    assert publishing.write_folder("cvugcn.cmu", "pose/zoo", tmp_path / "out") == folder  # after a call that was killed
    monkeypatch.setattr("posezoo.registry.index.checkpoint_folders", lambda: [folder])
    monkeypatch.setattr("posezoo.registry.loading.checkpoint_folders", lambda: [folder])
    assert posezoo.list_models() == ["cvugcn.cmu"]
    assert posezoo.load("cvugcn.cmu").zoo_name == "cvugcn.cmu"


def test_weights_of_ones_own(tmp_path):
    path = save(build("martinez", {"width": 8}), tmp_path / "mine.safetensors", seed=5)
    with pytest.raises(InputError, match="licence, limits, training data"):
        publishing.write_folder(path, "me/mine", tmp_path / "out")
    folder = publishing.write_folder(path, "me/mine", tmp_path / "out", **OWN)
    text = (folder / "README.md").read_text()
    assert yaml.safe_load(text.split("---")[1])["license"] == "mit"
    assert OWN["limits"] in text
    assert "that PoseZoo trained" not in text
    index = json.loads((folder / "index.json").read_text())
    assert index["models"]["martinez.mine"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_is_refused(tmp_path, capsys):
    for repo in ("zoo", "a/b/c", "a /b", ""):
        with pytest.raises(InputError, match="organisation/name"):
            publishing.write_folder("cvugcn.cmu", repo, tmp_path / "out")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("do not lose")
    other = publishing.write_folder("martinez.cmu", "pose/zoo", tmp_path / "other")
    for folder in (tmp_path / "full", other):
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        with pytest.raises(InputError, match="not empty"):
            publishing.write_folder("cvugcn.cmu", "pose/zoo", folder)
        assert before == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert main(["publish", "cvugcn.cmu", "--repo", "pose/zoo", "-o", str(tmp_path / "x")]) == 2
    assert main(["publish", "nobody", "--repo", "pose/zoo", "--dry-run", "-o", str(tmp_path / "x")]) == 2
    assert "\n" not in capsys.readouterr().err.splitlines()[0]
    assert not (tmp_path / "x").exists()


def test_a_dry_run_leaves_the_folder_and_asks_no_hub(hub, tmp_path, monkeypatch, capsys, entry):
    shutil.copyfile(CHECKPOINTS / entry["file"], tmp_path / "home" / entry["file"])
    monkeypatch.chdir(tmp_path)
    assert main(["publish", "cvugcn.cmu", "--repo", "pose/zoo", "--dry-run"]) == 0
    assert "Nothing was uploaded" in capsys.readouterr().out
    assert (tmp_path / "cvugcn.cmu-hub" / "README.md").is_file()
    assert hub.requests == []


def test_an_upload_arrives_whole(hub, tmp_path, monkeypatch, capsys, entry):
    shutil.copyfile(CHECKPOINTS / entry["file"], tmp_path / "home" / entry["file"])
    hub.token = "hf_writer"
    assert main(["publish", "cvugcn.cmu", "--repo", "new/place"]) == 2
    assert "HF_TOKEN" in capsys.readouterr().err
    assert hub.uploaded == {}
    monkeypatch.setenv("HF_TOKEN", "hf_writer")
    assert main(["publish", "cvugcn.cmu", "--repo", "new/place", "--private"]) == 0
    assert f'posezoo.load("hf://new/place@{COMMIT}/{entry["file"]}")' in capsys.readouterr().out
    assert hashlib.sha256(hub.uploaded[entry["sha256"]]).hexdigest() == entry["sha256"]
    assert set(hub.uploaded) == {"README.md", "index.json", entry["sha256"]}
    assert hub.uploaded["README.md"].startswith(b"---\n")
    large = [each["value"] for each in hub.commits if each["key"] == "lfsFile"]
    assert [(each["path"], each["oid"]) for each in large] == [(entry["file"], entry["sha256"])]


def test_another_models_card_stays_its_own(hub, tmp_path, entry):
    shutil.copyfile(CHECKPOINTS / entry["file"], tmp_path / "home" / entry["file"])
    hub.files["pose/shared", "other.safetensors"] = b"x"
    folder = publishing.write_folder("cvugcn.cmu", "pose/shared", tmp_path / "out")
    assert publishing.upload(folder, "pose/shared") == COMMIT
    assert "README.md" not in hub.uploaded
    assert b"# cvugcn.cmu" in hub.uploaded["cvugcn.cmu.md"]


def test_a_hub_that_is_down(hub, tmp_path, entry):
    shutil.copyfile(CHECKPOINTS / entry["file"], tmp_path / "home" / entry["file"])
    folder = publishing.write_folder("cvugcn.cmu", "pose/zoo", tmp_path / "out")
    hub.faults = [Fault("POST", status=500)] * 20
    with pytest.raises(DownloadError, match="500"):
        publishing.upload(folder, "pose/zoo")
    hub.faults = []
    hub.close()
    with pytest.raises(DownloadError, match="connection"):
        publishing.upload(folder, "pose/zoo")


def test_a_finetuned_model_says_what_is_true_of_it(tmp_path):
    scores = {"before": {"bone_spread": 0.2, "critic": 3.0}, "after": {"bone_spread": 0.1, "critic": 9.0}}
    about = {
        "command": "posezoo finetune svma /home/me/secret/my2d.json --pitch estimate",
        "finetuned_from": "svma",
        "pitch_of": {"rad": 0.3, "how": "estimated"},
        "poses": 1200,
        "epochs": 4,
        "validation": {"poses": 300, **scores},
    }
    path = save(build("svma", {"width": 8, "critic_width": 8}), tmp_path / "svma.safetensors", **about)
    folder = publishing.write_folder(path, "me/My-Gym", tmp_path / "out", **OWN)
    card = ModelCard.load(folder / "README.md")
    start = resolve("svma")
    assert (card.data.base_model, card.data.model_name) == (start, "svma.my_gym")
    found = {(each.metric_name, each.metric_value) for each in card.data.eval_results}
    assert found == {("bone_spread (relative)", 0.1)}
    assert "| bone_spread (relative) | 0.1000 | 0.2000 |" in card.text
    assert "estimated of the cameras: a mean pitch of 0.300 rad" in card.text
    assert "from their calibration" not in card.text
    assert f"fine-tuned from `{start}` on 2D keypoints alone: 1200 poses, 4 epochs" in card.text
    assert "posezoo finetune svma my2d.json" in card.text
    assert not [file for file in folder.iterdir() if b"/home/me" in file.read_bytes()]
    assert pretrained.from_pretrained(folder).zoo_name == "svma.my_gym"


def test_a_card_says_that_the_pitch_of_the_cameras_was_learned(tmp_path):
    model = build("svma", {"width": 8, "critic_width": 8, "pitch": 0.1, "learn_pitch": True})
    path = save(model, tmp_path / "svma.safetensors", command="posezoo train svma.cmu --model.learn_pitch true")
    card = (publishing.write_folder(path, "me/learned", tmp_path / "out", **OWN) / "README.md").read_text()
    assert "known of the cameras: nothing; their pitch was learned, from 0.1 rad on" in card
    assert "from their calibration" not in card


def test_models_are_pushed_and_had_again_in_the_hubs_own_words(hub, tmp_path, monkeypatch):
    hub.token = "hf_writer"
    monkeypatch.setenv("HF_TOKEN", "hf_writer")
    model = build("martinez", {"width": 8}).eval()
    assert model.push_to_hub("new/place", **OWN) == f"hf://new/place@{COMMIT}/martinez.place.safetensors"
    weights = next(data for name, data in hub.uploaded.items() if name not in ("README.md", "index.json"))
    hub.files |= {
        ("new/place", "index.json"): hub.uploaded["index.json"],
        ("new/place", "martinez.place.safetensors"): weights,
    }
    again = type(model).from_pretrained("new/place")
    for name, value in model.weights().items():
        assert torch.equal(again.weights()[name], value)
    with pytest.raises(InputError, match="expected a SVMA"):
        paper_class("svma").from_pretrained("new/place", revision=COMMIT)
    with pytest.raises(InputError, match="expected organisation/name"):
        type(model).from_pretrained("place")


def test_a_card_of_the_zoo_keeps_its_licence(tmp_path, capsys):
    command = ["publish", "cvugcn.cmu", "--repo", "pose/zoo", "--dry-run", "-o", str(tmp_path / "out"), "--licence", "mit"]
    assert main(command) == 2
    assert "has a card already" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
