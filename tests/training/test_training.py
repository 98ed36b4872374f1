"""Test runs: every recipe parses, training resumes and repeats, distributed runs agree."""

from __future__ import annotations

import json
import os
import re
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import posezoo
from posezoo.cli import main
from posezoo.data import LiftingDataModule, load_dataset
from posezoo.errors import CorruptFileError, InputError, MissingFileError, UnknownNameError
from posezoo.registry import PAPERS, describe, paper_class, save
from posezoo.skeletons import list_skeletons
from posezoo.training import list_recipes, read_recipe, train
from posezoo.training.stopping import StopAfter

PEOPLE = {"split": "train", "actions": ["walk"], "frames_per_clip": 30}

QUICK = [
    "--data.dataset", "procedural", "--data.path", "null", "--data.batch_size", "64", "--trainer.accelerator", "cpu",
    "--trainer.enable_progress_bar", "false", "--trainer.log_every_n_steps", "1",
]  # fmt: skip
TINY = [*QUICK, "--model.width", "16", "--trainer.limit_train_batches", "3", "--data.keypoints", "gt"]
TINY_SVMA = [*QUICK, "--model.width", "16", "--model.critic_width", "16", "--model.cosine_steps", "null"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch, brief_people):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("recipe", list_recipes())
def test_every_recipe_sets_only_what_its_paper_takes(recipe):
    import inspect

    paper, settings = read_recipe(recipe)
    for section, kind in (("model", "module"), ("data", "datamodule")):
        known = inspect.signature(paper_class(paper, kind)).parameters
        assert set(settings[section]) <= set(known)
    defaults = {name: p.default for name, p in inspect.signature(paper_class(paper)).parameters.items()}
    same = [name for name, value in settings["model"].items() if defaults[name] == value]
    assert not same, f"{recipe} repeats the paper's defaults: {same}"


@pytest.mark.parametrize("paper", PAPERS)
def test_every_paper_can_be_built_from_its_registration(paper):
    model = paper_class(paper)()
    assert model.skeleton.name in list_skeletons()
    assert type(model).__module__.startswith(f"posezoo.papers.{paper}")


def test_a_run_leaves_weights_metrics_logs_and_provenance():
    weights = train("svma.cmu", "run", TINY_SVMA, steps=3)
    assert weights == Path("run/svma.cmu.safetensors")
    report = json.loads(Path("run/metrics.json").read_text())
    assert report["metrics"]["test/p_mpjpe"] > 0
    assert report["seed"] == 0
    assert set(report["versions"]) == {"posezoo", "python", "torch", "pytorch_lightning"}
    assert Path("run/logs/metrics.csv").stat().st_size > 0
    header = describe(weights)
    assert (header["paper"], header["settings"]["width"]) == ("svma", 16)
    keypoints = load_dataset("procedural", split="test", actions=["walk"], frames_per_clip=2).keypoints_2d
    from_weights = posezoo.load(weights).predict(keypoints).pose_3d
    from_checkpoint = posezoo.load("run/checkpoints/last.ckpt").predict(keypoints).pose_3d
    np.testing.assert_array_equal(from_weights, from_checkpoint)


def test_the_same_seed_gives_the_same_weights_and_another_gives_others():
    files = [
        train("svma.cmu", name, [*TINY_SVMA, "--seed_everything", str(seed)], steps=3)
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    a, b, c = (posezoo.load(path).weights() for path in files)
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not all(torch.equal(a[name], c[name]) for name in a)


@pytest.mark.parametrize(
    "recipe",
    [
        "svma.cmu",
        "martinez.cmu",
        *(pytest.param(f"{paper}.cmu", marks=pytest.mark.slow) for paper in ("geoselfsup", "georep", "cvugcn")),
    ],
)
def test_a_resumed_run_ends_exactly_where_an_unbroken_one_does(recipe):
    tiny = [*QUICK, "--model.width", "16", "--trainer.limit_train_batches", "3", "--trainer.max_steps", "-1"]
    tiny += ["--data.keypoints", "gt"]
    if recipe == "georep.cmu":
        tiny += ["--data.detector_errors", "false", "--model.representation_steps", "4", "--model.label_steps", "2"]
    whole = train(recipe, "whole", [*tiny, "--trainer.max_epochs", "2"])
    train(recipe, "broken", [*tiny, "--trainer.max_epochs", "1"])
    with pytest.raises(InputError, match="--resume"):
        train(recipe, "broken", tiny)
    resumed = train(recipe, "broken", [*tiny, "--trainer.max_epochs", "2"], resume=True)
    first, second = posezoo.load(whole).weights(), posezoo.load(resumed).weights()
    # Permutations, flips, dropout and views are those that the unbroken run drew.
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


@pytest.mark.parametrize(
    ("recipe", "start", "settings"),
    [
        ("svma.mocap", "svma.cmu", ["--model.width", "16", "--model.critic_width", "16", "--model.one_body", "false"]),
        # It has begun to train the regressor, whose inputs it has standardised, before it breaks off.
        (
            "georep.mocap",
            None,
            ["--model.width", "4", "--model.points", "12", "--model.map_size", "16", "--model.regression_width", "32",
             "--model.representation_steps", "1", "--model.label_steps", "5", "--data.postures", "0"],
        ),
    ],
)  # fmt: skip
def test_a_resumed_run_knows_its_teacher_and_its_statistics(recipe, start, settings):
    tiny = [*QUICK, *settings, "--data.keypoints", "gt", "--data.augmentation", "{batches: 3}"]
    whole = train(recipe, "whole", [*tiny, "--trainer.max_epochs", "2"], steps=6, start=start)
    train(recipe, "broken", [*tiny, "--trainer.max_epochs", "1"], steps=6, start=start)
    resumed = train(recipe, "broken", [*tiny, "--trainer.max_epochs", "2"], steps=6, start=start, resume=True)
    first, second = posezoo.load(whole).weights(), posezoo.load(resumed).weights()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []
    assert describe(resumed).get("started_from") == start


@pytest.mark.parametrize("steps", [6, 7])
def test_a_run_that_has_all_its_steps_is_resumed_without_one_more(steps):
    """Resume a run that was killed while it was tested: it has trained to its end."""
    tiny = [*QUICK, "--model.width", "16", "--trainer.limit_train_batches", "3"]
    weights = posezoo.load(train("martinez.cmu", "run", tiny, steps=steps)).weights()
    again = posezoo.load(train("martinez.cmu", "run", tiny, steps=steps, resume=True)).weights()
    assert [name for name in weights if not torch.equal(weights[name], again[name])] == []


@pytest.mark.parametrize("recipe", ["svma.cmu", "martinez.cmu"])
def test_steps_are_batches_however_many_optimizers_there_are(recipe):
    train(recipe, "run", [*QUICK, "--model.width", "16"], steps=5)
    checkpoint = torch.load("run/checkpoints/last.ckpt", weights_only=True)
    assert checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]["total"]["completed"] == 5
    for wrong in (0, -3):
        with pytest.raises(InputError, match="steps"):
            train(recipe, "other", QUICK, steps=wrong)


def test_wrong_settings_are_one_sentence(capsys):
    Path("own.npz").write_bytes(b"not a folder")
    cases = [
        (["train", "svma.cmux"], "did you mean svma.cmu"),
        (["train", "none.yaml"], "not there"),
        (["train", "svma.cmu", "--model.widht", "3"], "widht"),
        (["train", "svma.cmu", "--model.width", "wide"], "wide"),
        (["train", "svma.cmu", "--trainer.max_epoch", "3"], "max_epoch"),
        (["train", "svma.cmu", "--data.path", "none.h5"], "none.h5"),
        (["train", "svma.cmu", "--resume"], "no run to resume"),
        (["train", "svma.cmu", "--data.path", "null"], "lives in a file"),
        (["train", "svma.cmu", *QUICK[:4], "--trainer.devices", "0"], "devices"),
        (["train", "svma.cmu", *QUICK[:4], "--data.batch_size", "0"], "batch_size"),
        (["train", "svma.cmu", "--out", "own.npz"], "no folder"),
        (["train", "svma.cmu", "--device", "tpu"], "--device is 'tpu'; expected cpu, cuda"),
    ]
    for arguments, expected in cases:
        assert main(arguments) == 2, arguments
        errors = [line for line in capsys.readouterr().err.splitlines() if "error:" in line]
        assert len(errors) == 1, (arguments, errors)
        assert expected in errors[0], (arguments, errors)


def test_a_device_is_the_trainers_unless_it_says_otherwise(monkeypatch):
    asked = []
    monkeypatch.setattr("posezoo.training.train", lambda recipe, out, overrides, **_: asked.append(overrides))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for rest in ([], ["--device", "cuda:1"], ["--device", "cuda:1", "--trainer.devices", "2"]):
        assert main(["train", "svma.cmu", *rest]) == 0
    given = ["--trainer.accelerator=cuda", "--trainer.devices=[1]"]
    assert asked == [[], given, [*given, "--trainer.devices", "2"]]


def test_recipes_of_ones_own():
    Path("own.yaml").write_text("paper: svma\nmodel: {width: 8}\n")
    assert read_recipe("own.yaml") == ("svma", {"model": {"width": 8}})
    for text, error, words in (
        ("model: {}", CorruptFileError, "does not say `paper:`"),
        ("paper: [", CorruptFileError, "not YAML"),
        ("paper: svma\nmodel: {width: 8}\nsteps: 3\nmodel: {width: 16}", CorruptFileError, "line 4 has 'model' again"),
        ("paper: svma\nmodel: {width: 8, width: 16}", CorruptFileError, "line 2 has 'width' again"),
        ("paper: x", UnknownNameError, "x"),
    ):
        Path("own.yaml").write_text(text)
        with pytest.raises(error, match=words):
            read_recipe("own.yaml")
    Path("own.yaml").write_text("paper: svma\nmodel: &m {width: 8}\ndata: {<<: *m, seed: 1}\n")
    assert read_recipe("own.yaml")[1]["data"] == {"width": 8, "seed": 1}
    with pytest.raises(MissingFileError):
        read_recipe("other.yaml")


def test_a_run_may_start_from_other_weights(capsys):
    first = train("svma.cmu", "first", TINY_SVMA, steps=2)
    # A learning rate of almost zero changes nothing but the running statistics of batch norm.
    second = train("svma.cmu", "second", [*TINY_SVMA, "--model.learning_rate", "1e-30"], steps=2, start=first)
    a, b = posezoo.load(first).weights(), posezoo.load(second).weights()
    assert all(torch.equal(a[name], b[name]) for name in a if "norm" not in name)
    assert describe(second)["started_from"] == str(first)
    assert main(["train", "svma.cmu", "--out", "third", *TINY_SVMA, "--model.width", "8", "--start", str(first)]) == 2
    assert "another architecture" in capsys.readouterr().err
    assert main(["train", "martinez.cmu", "--out", "third", *QUICK, "--start", str(first)]) == 2
    assert "this recipe trains martinez" in capsys.readouterr().err


def test_supervised_training_needs_labels(people):
    with pytest.raises(InputError, match="labels=False"):
        LiftingDataModule({"train": replace(people, pose_3d=None)}).train_dataloader()


@pytest.mark.slow
def test_wandb_without_an_account_is_refused_in_a_sentence(monkeypatch, tmp_path, capsys):
    wandb = pytest.importorskip("wandb")
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    arguments = ["--model.width", "16", "--logger", "wandb", "--steps", "1", "--out", "run"]
    try:
        assert main(["train", "martinez.cmu", *QUICK, *arguments]) == 2
    finally:
        wandb.teardown()  # it keeps the environment of its first use
    assert re.search(r"Weights & Biases cannot be used \(No API key .*WANDB_MODE=offline", capsys.readouterr().err)


@pytest.mark.slow
def test_wandb_offline_needs_no_account(monkeypatch):
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_RUN_GROUP", "svma/table4 openmocap")
    monkeypatch.setenv("WANDB_NAME", "a row")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    logged = []
    monkeypatch.setattr(wandb.sdk.wandb_run.Run, "log_artifact", lambda self, artifact: logged.append(artifact))
    train("martinez.cmu", "run", [*QUICK, "--model.width", "16", "--trainer.max_steps", "2"], logger="wandb")
    try:
        run = wandb.run
        assert (run.group, run.name) == ("svma/table4 openmocap", "a row")
        config = dict(run.config)
        assert {"paper", "seed", "commit", "versions", "model", "data", "trainer"} <= set(config)
        assert (config["model"]["width"], config["trainer"]["max_steps"]) == (16, 2)
        folder = Path(run.dir)
        (table,) = folder.glob("media/table/test/p_mpjpe_mm*.json")
        shown = json.loads(table.read_text())
        assert shown["columns"] == ["action", *posezoo.skeletons.get_skeleton("h36m17").joints]
        assert len(shown["data"]) > 1
        (picture,) = folder.glob("media/images/test/poses*.png")
        assert picture.stat().st_size > 10_000
        assert dict(run.summary)["lr-Adam"] > 0
    finally:
        wandb.finish()
    assert list(Path("run/wandb").glob("offline-run-*/run-*.wandb"))
    (weights,) = (artifact for artifact in logged if artifact.type == "model")  # tables are artifacts, too
    assert (weights.name, weights.type, list(weights.manifest.entries)) == (
        "martinez.cmu",
        "model",
        ["martinez.cmu.safetensors"],
    )
    assert weights.metadata["seed"] == 0


def test_saving_refuses_other_endings_and_missing_folders():
    model = paper_class("martinez")(width=8)
    with pytest.raises(posezoo.errors.SaveError, match="safetensors"):
        save(model, "model.pt")
    with pytest.raises(posezoo.errors.SaveError):
        save(model, "nowhere/model.safetensors")
    assert list(Path().iterdir()) == []


def test_a_run_says_how_far_it_is_and_keeps_its_settings_and_its_best(capsys):
    train("svma.cmu", "run", TINY_SVMA[:-2] + ["--trainer.enable_progress_bar", "null"], steps=10, seed=3)
    shown = capsys.readouterr().out
    assert "10 steps in place of" in shown
    assert "step 5 of 10, 0:00:0" in shown
    assert "step 10 of 10" in shown
    assert "Epoch" not in shown
    assert Path("run/checkpoints/best.ckpt").is_file()
    again, settings = read_recipe("run/config.yaml")
    assert (again, settings["steps"], settings["seed_everything"], settings["data"]["seed"]) == ("svma", 10, 3, 3)
    assert settings["model"]["width"] == 16


def test_a_run_that_sigterm_ends_does_not_exit_as_if_it_had_succeeded(monkeypatch):
    monkeypatch.setattr(StopAfter, "on_train_batch_end", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as end:
        train("svma.cmu", "run", TINY_SVMA, steps=3)
    assert end.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == before
    assert not list(Path("run").glob("*.safetensors"))


def test_nothing_is_printed_without_progress(capfd):
    train("svma.cmu", "run", TINY_SVMA, steps=2, progress=False)
    assert "weights" not in capfd.readouterr().out


@pytest.mark.slow
def test_training_leaves_the_filters_of_warnings_alone():
    import subprocess
    import sys

    script = "import warnings; before = list(warnings.filters); import posezoo.training\n"
    script += "print(sorted({str(f[1] and f[1].pattern) for f in warnings.filters if f not in before}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "dataloader" not in done.stdout
    assert "eval mode" not in done.stdout


@pytest.mark.parametrize(
    ("override", "near"), [("--model.widht", "--model.width"), ("--trainer.max_epoch", "--trainer.max_epochs")]
)
def test_a_mistyped_setting_gets_a_suggestion(override, near):
    with pytest.raises(UnknownNameError, match=f"did you mean {near}"):
        train("svma.cmu", "run", [override, "8"])


def test_results_say_which_data_they_saw_but_not_where_they_lay():
    from posezoo.training.provenance import without_folders

    options = {"rendered_bodies": {"bodies": "/home/me/bodies.h5", "count": 3}}
    said = without_folders(
        {"path": "/a/b.h5", "annotated_path": "/a/lsp.h5", "source": "x", "dataset": "lsp", "options": options}
    )
    assert said == {"dataset": "lsp", "options": {"rendered_bodies": {"bodies": "bodies.h5", "count": 3}}}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        (["--model.learning_rate", "0.5"], "model.learning_rate"),
        (["--model.width", "24"], "model.width 16, not 24"),
        (["--data.batch_size", "32"], "data.batch_size"),
        (["--seed_everything", "7"], "has seed_everything 0, not 7: give --seed_everything 0"),
    ],
)
def test_a_run_is_resumed_with_the_settings_that_it_began_with(changes, named):
    train("martinez.cmu", "run", TINY, steps=3)
    before = {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    with pytest.raises(InputError, match=named):
        train("martinez.cmu", "run", [*TINY, *changes], steps=6, resume=True)
    assert {path: path.read_bytes() for path in before} == before


def test_a_setting_of_null_is_one_that_a_resumed_run_must_share():
    train("svma.cmu", "run", TINY_SVMA, steps=2)
    with pytest.raises(InputError, match=r"has model\.cosine_steps null, not 20: give --model\.cosine_steps null"):
        train("svma.cmu", "run", [*TINY_SVMA, "--model.cosine_steps", "20"], steps=4, resume=True)
    train("svma.cmu", "run", TINY_SVMA, steps=4, resume=True)
    assert read_recipe("run/config.yaml")[1]["model"]["cosine_steps"] is None


def test_quiet_training_prints_nothing(capfd):
    assert main(["train", "martinez.cmu", *TINY, "--steps", "1", "--out", "run", "--quiet"]) == 0
    assert capfd.readouterr() == ("", "")


def test_an_interrupted_training_says_so(monkeypatch, capsys):
    def press_ctrl_c(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(StopAfter, "on_train_batch_end", press_ctrl_c)
    assert main(["train", "martinez.cmu", *TINY, "--steps", "3", "--out", "run"]) == 130
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("--model.learning_rate", "-1", "Invalid learning rate: -1"),
        ("--model.beta1", "2", "Invalid beta parameter"),
        ("--data.batch_size", "1", "raise data.batch_size"),
        ("--model.width", "0", "model.width is 0; expected a positive number"),
        ("--model.distance", "0", "model.distance is 0"),
        ("--model.cosine_steps", "-3", "model.cosine_steps is -3"),
        ("--trainer.accumulate_grad_batches", "2", "not supported for manual optimization"),
    ],
)
def test_settings_that_only_training_uses_are_refused_in_a_sentence(setting, value, words, capsys):
    assert main(["train", "svma.cmu", *TINY, setting, value, "--steps", "3", "--out", "run"]) == 2
    assert words in capsys.readouterr().err
