"""Test that a process that only predicts does not load Lightning, and that its poses are the same."""

from __future__ import annotations

import copy
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from pytorch_lightning import LightningModule

import posezoo
from posezoo.lifting.lightning import PREDICT_ONLY, PredictingModule

PEOPLE = {"split": "test", "actions": ["walk"], "frames_per_clip": 4}
HEAVY = ("pytorch_lightning", "torchmetrics", "torch._dynamo", "scipy", "matplotlib", "plotly", "rich", "pandas")
MODELS = ("svma", "geoselfsup", "georep", "martinez")


def run(code: str, *arguments: str, **environment: str) -> str:
    """Run Python in another process; return what it prints."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
def test_the_command_imports_nothing_that_prediction_does_not_need(people, tmp_path):
    np.savez(tmp_path / "people.npz", keypoints_2d=people.keypoints_2d, skeleton="h36m17")
    code = f"import sys; from posezoo.cli import main; print(main(), [m for m in {HEAVY!r} if m in sys.modules])"
    out = run(code, "predict", str(tmp_path / "people.npz"), "-o", str(tmp_path / "out.npz"))
    assert out.splitlines()[-1] == "0 []"
    expected = posezoo.load("geoselfsup").predict(people.keypoints_2d, "h36m17")
    np.testing.assert_allclose(np.load(tmp_path / "out.npz")["pose_3d"], expected.pose_3d, atol=1e-5)


@pytest.mark.slow
def test_every_kind_of_model_predicts_without_lightning(people, tmp_path):
    np.save(tmp_path / "keypoints.npy", people.keypoints_2d)
    code = f"""
import sys, numpy as np, posezoo
keypoints = np.load(sys.argv[1])
poses = {{name: posezoo.load(name).predict(keypoints, "h36m17", (1000, 1000)).pose_3d for name in {MODELS!r}}}
poses["hg3d"] = posezoo.load("hg3d").predict_image(np.full((300, 300, 3), 128, np.uint8)).pose_3d
assert posezoo.load("cvugcn").kind == "views"
assert not [module for module in {HEAVY!r} if module in sys.modules]
np.savez(sys.argv[2], **poses)
"""
    run(code, str(tmp_path / "keypoints.npy"), str(tmp_path / "poses.npz"), **{PREDICT_ONLY: "1"})
    found = np.load(tmp_path / "poses.npz")
    for name in MODELS:
        expected = posezoo.load(name).predict(people.keypoints_2d, "h36m17", (1000, 1000)).pose_3d
        np.testing.assert_allclose(found[name], expected, atol=1e-4, err_msg=name)
    assert np.isfinite(found["hg3d"]).all()


def test_in_other_processes_models_are_lightnings():
    assert isinstance(posezoo.load("svma"), LightningModule)


class Small(PredictingModule):
    def __init__(self, width: int, depth: int = 2, *rest: int, **more: int) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(width, depth)
        self.save_hyperparameters()


class Choosy(PredictingModule):
    def __init__(self, width: int, depth: int = 2) -> None:
        super().__init__()
        self.save_hyperparameters(ignore="depth")


class Naming(PredictingModule):
    def __init__(self, width: int, depth: int = 2) -> None:
        super().__init__()
        self.save_hyperparameters("depth")


def test_settings_are_kept_as_lightning_keeps_them():
    assert Small(3, 4, 5, height=6).hparams == {"width": 3, "depth": 4, "height": 6}
    assert Choosy(3).hparams == {"width": 3}
    assert Naming(3).hparams == {"depth": 2}
    assert Small(3).hparams.depth == 2
    with pytest.raises(AttributeError, match="no setting 'widht'; known: width, depth"):
        _ = Small(3).hparams.widht


def test_device_and_type_are_those_of_the_weights():
    assert (Small(3).device, Small(3).dtype) == (torch.device("cpu"), torch.float32)
    assert Small(3).to(torch.bfloat16).dtype == torch.bfloat16
    assert Choosy(3).device == torch.device("cpu")


def test_what_only_lightning_gives_is_named():
    with pytest.raises(AttributeError, match=f"'log'; with {PREDICT_ONLY}=1 models predict"):
        Small(3).log("x", 1.0)


def test_copies_are_whole():
    model = Small(3)
    copied = copy.deepcopy(model)
    assert copied.hparams == model.hparams
    assert torch.equal(copied.layer.weight, model.layer.weight)
