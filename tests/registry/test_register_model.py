"""Test models from outside: a class of this file and one of an installed package do all that the zoo's own models do."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import posezoo
from posezoo.cli import main
from posezoo.errors import InputError, MissingFileError, UnknownNameError
from posezoo.geometry import center_and_scale
from posezoo.lifting import LiftingModule
from posezoo.lifting.kinds import Kind, get_kind, register_kind
from posezoo.registry import describe, publishing, unregister_model
from posezoo.training import train

QUICK = [
    "--data.batch_size", "256", "--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false",
]  # fmt: skip

SOURCE = '''
import torch
from torch import nn
import posezoo
from posezoo.geometry import center_and_scale
from posezoo.lifting import LiftingModule


class Mine(LiftingModule):
    """Keep the 2D pose, and let a linear layer say the depths."""

    def __init__(self, skeleton: str = "h36m17", rate: float = 0.01) -> None:
        super().__init__(skeleton, unit="relative")
        self.save_hyperparameters()
        self.depth = nn.Linear(2 * len(self.skeleton), len(self.skeleton))

    def lift(self, keypoints_2d):
        flat = center_and_scale(keypoints_2d, self.skeleton.root)[0]
        depth = self.depth(flat.flatten(1))
        return torch.cat([flat, (depth - depth[:, :1])[..., None]], -1)

    def training_step(self, batch, batch_idx):
        label = batch["pose_3d"] / center_and_scale(batch["pose_3d"][..., :2], self.skeleton.root)[2]
        return nn.functional.mse_loss(self.lift(batch["keypoints_2d"])[..., 2], label[..., 2])

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.hp.rate)
'''


class Mine(LiftingModule):
    """Keep the 2D pose, and let a linear layer say the depths."""

    def __init__(self, skeleton: str = "h36m17", rate: float = 0.01) -> None:
        super().__init__(skeleton, unit="relative")
        self.save_hyperparameters()
        self.depth = nn.Linear(2 * len(self.skeleton), len(self.skeleton))

    def lift(self, keypoints_2d: Tensor) -> Tensor:
        flat = center_and_scale(keypoints_2d, self.skeleton.root)[0]
        depth = self.depth(flat.flatten(1))
        return torch.cat([flat, (depth - depth[:, :1])[..., None]], -1)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        label = batch["pose_3d"] / center_and_scale(batch["pose_3d"][..., :2], self.skeleton.root)[2]
        return nn.functional.mse_loss(self.lift(batch["keypoints_2d"])[..., 2], label[..., 2])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.hp.rate)


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """Register the class under a name, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    yield posezoo.register_model("mine", title="Depths by a line", authors="Nobody", year=2026)(Mine)
    unregister_model("mine")


def keypoints() -> np.ndarray:
    return np.random.default_rng(0).uniform(100, 900, (5, 17, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Train the class briefly; return the run's folder."""
    folder = tmp_path_factory.mktemp("mine") / "run"
    posezoo.register_model("mine")(Mine)
    train("mine", folder, QUICK, steps=8)
    unregister_model("mine")
    return folder


@pytest.fixture
def published(mine, run):
    """Return the folder that would be uploaded."""
    said = {"licence": "mit", "limits": "none known", "training_data": "procedural people"}
    return publishing.write_folder(run / "mine.safetensors", "me/mine", Path("hub"), **said)


def test_a_class_of_this_file_trains_is_saved_and_loaded(mine, run):
    report = json.loads((run / "metrics.json").read_text())
    assert report["metrics"]["test/p_mpjpe"] > 0
    weights = run / "mine.safetensors"
    assert describe(weights)["paper"] == "mine"
    by_path, by_checkpoint = posezoo.load(weights), posezoo.load(run / "checkpoints" / "last.ckpt")
    assert type(by_path) is type(by_checkpoint) is mine
    lifted = by_path.predict(keypoints()).pose_3d
    np.testing.assert_array_equal(lifted, by_checkpoint.predict(keypoints()).pose_3d)
    shutil.copytree(run, "again")
    (Path("again") / "mine.safetensors").unlink()
    longer = train("mine", "again", QUICK, steps=12, resume=True)
    assert (posezoo.load(longer).predict(keypoints()).pose_3d != lifted).any()


def test_it_is_exported_listed_and_described(mine, run, capsys):
    exported = posezoo.export(posezoo.load(run / "mine.safetensors"), "mine.pt", skeleton="coco17")
    assert exported.inputs[0].shape == ("batch", 17, 2)
    assert exported.metadata["paper"] == "Nobody: Depths by a line, 2026"
    assert "mine" in posezoo.list_models()
    assert posezoo.info("mine")["paper"]["kind"] == "lifter"
    assert main(["list", "mine"]) == main(["info", "mine"]) == 0
    assert "no weights" in capsys.readouterr().out


def test_it_is_published(published):
    assert sorted(path.name for path in published.iterdir()) == ["README.md", "index.json", "mine.safetensors"]
    card = (published / "README.md").read_text()
    assert 'Nobody, "Depths by a line", 2026' in card
    assert "model.predict(" in card


def test_a_published_folder_is_a_home_that_loads_by_name(mine, run, published, monkeypatch):
    monkeypatch.setenv("POSEZOO_HOME", str(published))
    assert posezoo.list_models("mine*") == ["mine"]
    expected = posezoo.load(run / "mine.safetensors").predict(keypoints()).pose_3d
    np.testing.assert_array_equal(posezoo.load("mine").predict(keypoints()).pose_3d, expected)
    unregister_model("mine")
    assert "mine" in posezoo.list_models()  # its index still names it
    with pytest.raises(UnknownNameError, match="register_model"):
        posezoo.load("mine")
    posezoo.register_model("mine")(mine)


def test_weights_that_a_class_declares_are_loaded_by_its_name(mine, run):
    with pytest.raises(MissingFileError, match="no weights"):
        posezoo.load("mine")
    posezoo.register_model("mine", weights=run / "mine.safetensors")(mine)
    assert posezoo.load("mine").zoo_name == "mine"
    said = {"licence": "mit", "limits": "none known", "training_data": "procedural people"}
    assert publishing.write_folder("mine", "me/mine", Path("hub"), **said)


def test_a_recipe_names_a_class_from_outside(mine):
    Path("mine.yaml").write_text("paper: mine\nsteps: 2\nmodel: {rate: 0.5}\ndata: {batch_size: 64}\n")
    assert describe(train("mine.yaml", "run", QUICK))["settings"]["rate"] == 0.5


def test_a_class_without_a_name_is_refused_before_it_trains(tmp_path, monkeypatch):
    import pytorch_lightning as pl

    from posezoo.data import LiftingDataModule

    monkeypatch.chdir(tmp_path)

    class Unnamed(Mine):
        pass

    trainer = pl.Trainer(max_steps=1, accelerator="cpu", logger=False, enable_progress_bar=False)
    with pytest.raises(InputError, match="register_model"):
        trainer.fit(Unnamed(), LiftingDataModule(batch_size=64))


@pytest.mark.parametrize(
    ("name", "cls", "words"),
    [
        ("svma", Mine, "paper of PoseZoo"),
        ("Mine!", Mine, "lower-case"),
        ("other", nn.Linear, "LiftingModule"),
        (Mine, Mine, r"takes a name.*register_model\(\"my_model\"\)"),
    ],
)
@pytest.mark.usefixtures("without_type_checks")
def test_names_and_classes_that_cannot_be_registered(name, cls, words):
    with pytest.raises(InputError, match=words):
        posezoo.register_model(name)(cls)


def test_a_name_belongs_to_one_class(mine):
    posezoo.register_model("mine")(mine)  # as a cell of a notebook does that runs twice

    class Another(Mine):
        pass

    with pytest.raises(InputError, match="another name"):
        posezoo.register_model("mine")(Another)


def test_a_kind_of_ones_own(mine):
    kind = Kind("sounds", "a sound", "none", "model.hear(sound)", "procedural", "posezoo.data.LiftingDataModule", "json")
    assert register_kind(kind) is register_kind(kind) is get_kind("sounds")
    with pytest.raises(InputError, match="another name"):
        register_kind(Kind("sounds", "", "", "", "", "", ""))
    with pytest.raises(UnknownNameError, match="sounds"):
        get_kind("sound")


@pytest.fixture
def installed(tmp_path):
    """Write a package with an entry point, as pip leaves it in a folder of the path."""
    (tmp_path / "theirs_package.py").write_text(SOURCE)
    info = tmp_path / "theirs_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs_package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[posezoo.papers]\ntheirs = theirs_package:Mine\nbroken = not_installed_package:Nothing\n"
    )
    return tmp_path


@pytest.mark.slow
def test_an_installed_package_brings_a_model(installed):
    script = f"""
import json, sys
sys.path.insert(0, {str(installed)!r})
import posezoo
names = posezoo.list_models()
assert "torch" not in sys.modules
from posezoo.cli import main
from posezoo.registry import publishing
from pathlib import Path
from posezoo.training import train
weights = train("theirs", "run", {QUICK!r}, steps=2)
model = posezoo.load(weights)
posezoo.export(model, "theirs.pt")
said = dict(licence="mit", limits="none", training_data="procedural people")
publishing.write_folder(weights, "me/theirs", Path("hub"), **said)
try:
    posezoo.load("broken")
except posezoo.PoseZooError as error:
    broken = str(error)
print(json.dumps([names, type(model).__module__, sorted(p.name for p in Path("hub").iterdir()), broken, main(["list"])]))
"""
    ran = subprocess.run([sys.executable, "-c", script], cwd=installed, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    names, module, published, broken, listed = json.loads(ran.stdout.strip().splitlines()[-1])
    assert {"theirs", "broken"} <= set(names)
    assert module == "theirs_package"
    assert published == ["README.md", "index.json", "theirs.safetensors"]
    assert "not_installed_package" in broken
    assert listed == 0
