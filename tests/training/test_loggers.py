"""Test Lightning's own loggers: they log into the run's folder, a lacking package is named, and nothing is advertised."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest
import yaml
from reproduction import worker

from posezoo.cli import main
from posezoo.training import read_recipe, train
from posezoo.training.loggers import in_run_folder, overrides_in_run_folder
from posezoo.training.stopping import StopAfter

QUICK = [
    "--data.dataset", "procedural", "--data.path", "null", "--data.batch_size", "64", "--trainer.accelerator", "cpu",
    "--model.width", "8", "--trainer.log_every_n_steps", "1", "--trainer.limit_val_batches", "0",
]  # fmt: skip
TENSORBOARD = "pytorch_lightning.loggers.TensorBoardLogger"
# Neither package is among those of the tests. These have the names that Lightning calls, and write down what they are told.
STAND_INS = {
    "tensorboardX/__init__.py": """
import os
class SummaryWriter:
    def __init__(self, log_dir):
        os.makedirs(log_dir, exist_ok=True)
        self.path = os.path.join(log_dir, "told.txt")
    def add_scalar(self, name, value, step):
        with open(self.path, "a") as file:
            print(name, step, file=file)
    def add_summary(self, summary, step):
        with open(self.path, "a") as file:
            print(summary, file=file)
    def _get_file_writer(self): return self
    def flush(self): pass
    close = flush
""",
    "tensorboardX/summary.py": "def hparams(params, metrics): return params, None, None",
    "mlflow/__init__.py": "def set_tracking_uri(uri): pass",
    "mlflow/entities.py": """
class Param:
    def __init__(self, key, value): self.text = f"{key} = {value}"
class Metric:
    def __init__(self, key, value, timestamp, step): self.text = f"{key} {step}"
""",
    "mlflow/tracking.py": """
from types import SimpleNamespace
context = SimpleNamespace()
class MlflowClient:
    def __init__(self, uri): self.uri = uri
    def get_experiment_by_name(self, name): return None
    def create_experiment(self, name, artifact_location): return "0"
    def create_run(self, experiment_id, tags): return SimpleNamespace(info=SimpleNamespace(run_id="1"))
    def get_run(self, run_id): return None
    def log_batch(self, run_id, params=(), metrics=()):
        with open("told.txt", "a") as file:
            print(self.uri, *(each.text for each in (*params, *metrics)), sep="\\n", file=file)
""",
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch, brief_people):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def _stand_ins(tmp_path, monkeypatch):
    """Put packages on the path that stand for TensorBoard's and MLflow's."""
    import lightning_fabric.loggers.tensorboard as fabric
    import pytorch_lightning.loggers.mlflow as mlflow
    import pytorch_lightning.loggers.tensorboard as lightning

    for name, text in STAND_INS.items():
        path = tmp_path / "packages" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    for name in [name for name in sys.modules if name.split(".")[0] in ("mlflow", "tensorboardX")]:
        monkeypatch.delitem(sys.modules, name)
    for module in (fabric, lightning):
        monkeypatch.setattr(module, "_TENSORBOARD_AVAILABLE", False)
    monkeypatch.setattr(fabric, "_TENSORBOARDX_AVAILABLE", True)
    monkeypatch.setattr(mlflow, "_MLFLOW_AVAILABLE", True)
    yield
    for name in [name for name in sys.modules if name.split(".")[0] in ("mlflow", "tensorboardX")]:
        del sys.modules[name]


@pytest.fixture
def heard(monkeypatch):
    """Return what Lightning's logger lets through; training says a warning."""
    logger, found = logging.getLogger("pytorch_lightning"), list[str]()
    handler = logging.Handler()
    monkeypatch.setattr(handler, "emit", lambda record: found.append(record.getMessage()))
    monkeypatch.setattr(StopAfter, "on_train_start", lambda *_: logger.warning("something is wrong"))
    monkeypatch.setattr(logger, "handlers", [handler])
    level = logger.level
    logger.setLevel(logging.INFO)
    yield found
    assert logger.level == logging.INFO
    logger.setLevel(level)


def test_training_advertises_nothing_and_hides_no_warning(heard):
    train("martinez.cmu", "python", QUICK, steps=1)
    assert any("litlogger" in note for note in heard)  # in Python the caller says what is logged
    heard.clear()
    assert main(["train", "martinez.cmu", *QUICK, "--steps", "1"]) == 0
    assert heard == ["something is wrong"]


def test_runs_of_reproduce_advertise_nothing_and_hide_no_warning(heard):
    recipe = {
        "paper": "martinez", "steps": 1, "model": {"width": 8}, "data": {"dataset": "procedural", "batch_size": 64},
        "trainer": {"limit_val_batches": 0},
    }  # fmt: skip
    Path("run").mkdir()
    worker.train(Path("run"), {"recipe": recipe, "devices": 1, "accelerator": "cpu", "train_path": ""})
    assert heard == ["something is wrong"]


@pytest.mark.parametrize(
    ("logger", "package", "install"),
    [
        (["TensorBoardLogger"], "tensorboard", "tensorboard"),
        (["TensorBoardLogger", "--trainer.logger.save_dir", "x"], "tensorboard", "tensorboard"),
        (["[CSVLogger, TensorBoardLogger]"], "tensorboard", "tensorboard"),
        (["MLFlowLogger"], "mlflow", "mlflow"),
        (["WandbLogger"], "wandb", "'posezoo[wandb]'"),
    ],
)
def test_a_logger_without_its_package_says_what_to_install(logger, package, install, monkeypatch, capsys):
    for name in (package, "tensorboardX"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr("posezoo.training.loggers.find_spec", lambda name: None)
    assert main(["train", "martinez.cmu", *QUICK, "--trainer.logger", *logger]) == 2
    name = logger[0].strip("[]").rpartition(" ")[2]
    said = f"--trainer.logger {name} needs {package}, which is not installed; pip install {install} brings it."
    assert [line for line in capsys.readouterr().err.splitlines() if "error" in line] == [f"posezoo train: error: {said}"]
    assert not Path("runs").exists()


@pytest.mark.usefixtures("_stand_ins")
def test_tensorboard_logs_into_the_folder_of_each_run():
    train("martinez.cmu", "first", [*QUICK, "--trainer.logger", "TensorBoardLogger"], steps=2)
    told = Path("first/lightning_logs/version_0/told.txt").read_text()
    assert "train/loss 1\n" in told
    assert "lr-Adam 1\n" in told
    assert "'model/width': 8" in told
    # What the run wrote down is a recipe, whose own run has a folder of its own.
    assert read_recipe("first/config.yaml")[1]["trainer"]["logger"]["class_path"] == TENSORBOARD
    train("first/config.yaml", "second", steps=1)
    assert Path("second/lightning_logs/version_0/told.txt").is_file()
    assert not Path("first/lightning_logs/version_1").exists()


@pytest.mark.usefixtures("_stand_ins")
def test_a_recipe_may_name_mlflow():
    recipe = {"paper": "martinez", "steps": 2, "trainer": {"logger": "MLFlowLogger"}}
    Path("own.yaml").write_text(yaml.safe_dump(recipe))
    train("own.yaml", "run", QUICK)
    told = Path("told.txt").read_text().splitlines()
    assert {"file:./mlruns", "model/width = 8", "train/loss 1", "lr-Adam 1"} <= set(told)


def test_the_runs_folder_goes_to_loggers_that_need_one_and_have_none(tmp_path):
    with_folder = {"class_path": TENSORBOARD, "init_args": {"save_dir": str(tmp_path), "name": "n"}}
    assert in_run_folder({"class_path": TENSORBOARD, "init_args": {"name": "n"}}, tmp_path) == with_folder
    own = {"class_path": "CSVLogger", "init_args": {"save_dir": "x"}}
    for kept in (own, True, None, "MLFlowLogger", "mine.TensorBoardLogger", {"init_args": {}}, {"class_path": 3}):
        assert in_run_folder([kept], tmp_path) == [kept]


@pytest.mark.parametrize("option", ["--trainer.logger", "--trainer.logger+", "--trainer.logger.class_path"])
@pytest.mark.parametrize(
    "name", ["TensorBoardLogger", TENSORBOARD, TENSORBOARD.replace("pytorch_lightning", "lightning.pytorch")]
)
def test_overrides_get_the_runs_folder_in_each_way_to_write_them(option, name, tmp_path):
    filled = {"class_path": name, "init_args": {"save_dir": str(tmp_path)}}
    rest = ["--model.width", "8", "--trainer.logger.save_dir", "x"]
    for given in ([option, name], [f"{option}={name}"]):
        words = overrides_in_run_folder([*given, *rest], tmp_path)
        assert words[-4:] == rest
        word, equals, text = words[0].partition("=")
        assert word == option.removesuffix(".class_path")
        assert yaml.safe_load(text if equals else words[1]) == filled
    for kept in ([option], [option, "[TensorBoardLogger"], ["--model.width", name], ["--data.path=CSVLogger"]):
        assert overrides_in_run_folder(kept, tmp_path) == kept
