"""Test Chen, Lin et al. 2019: generators that learn, a regressor on few labels, codes for users, injection."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

import posezoo
from posezoo.data import LiftingDataModule, PoseData
from posezoo.errors import InputError
from posezoo.papers.georep import GeoRep, GeoRepDataModule
from posezoo.papers.martinez import Martinez
from posezoo.registry import describe, save
from posezoo.training.stopping import StopAfter
from tests import runs

PEOPLE = {"split": "train", "actions": ["walk"], "frames_per_clip": 10}

TINY = {
    "skeleton": "h36m17", "width": 4, "levels": 1, "points": 12, "map_size": 16, "limb_px": 40.0, "regression_width": 32,
}  # fmt: skip


def run(model: pl.LightningModule, data: pl.LightningDataModule, steps: int) -> None:
    runs.fit(model, data, callbacks=[StopAfter(steps)])


def fit(people: PoseData, representation_steps: int, label_steps: int, data: dict | None = None, **settings) -> GeoRep:
    torch.manual_seed(0)
    steps = {"representation_steps": representation_steps, "label_steps": label_steps}
    model = GeoRep(**{**TINY, **settings, **steps})
    module = GeoRepDataModule(
        {"train": people, "val": people}, skeleton="h36m17", **{"batch_size": 16, "label_count": 20, **(data or {})}
    )
    run(model, module, representation_steps + label_steps)
    return model.eval()


@pytest.fixture(scope="module")
def trained(people) -> GeoRep:
    return fit(people, 60, 60)


def synthesis_error(model: GeoRep, people: PoseData) -> float:
    torch.manual_seed(3)
    data = GeoRepDataModule({"train": people}, skeleton="h36m17", label_count=0)
    batch = data.on_after_batch_transfer({"pose_world": data.tensors(people, "train")["pose_world"][:64]}, 0)
    with torch.no_grad():
        return float(model.synthesis_losses(batch)["reconstruction"])


def test_generators_learn_to_see_from_another_side(people, trained):
    before = synthesis_error(GeoRep(**TINY).eval(), people)
    after = synthesis_error(trained, people)
    empty = float(trained.generator.encoder.maps(torch.from_numpy(people.keypoints_2d[:64])).sum() / 64)
    assert after < before
    assert after < 0.9 * empty  # better than drawing nothing


def test_the_regressor_learns_while_the_encoder_stays_as_it_is(people):
    model = fit(people, 3, 0)
    weights = {name: values.clone() for name, values in model.generator.state_dict().items()}
    again = GeoRep(**TINY, representation_steps=0, label_steps=80)
    again.start_from(model)
    data = GeoRepDataModule({"train": people, "val": people}, skeleton="h36m17", batch_size=16, label_count=40)
    before = again.eval().evaluate(people)["mpjpe"]
    again.train()
    run(again, data, 80)
    for name, values in again.generator.state_dict().items():
        torch.testing.assert_close(values, weights[name], rtol=0, atol=0)
    assert again.eval().evaluate(people)["mpjpe"] < 0.6 * before


def test_only_the_labels_asked_for_count(people):
    data = GeoRepDataModule({"train": people}, skeleton="h36m17", label_count=20)
    data.tensors(people, "train")
    drawn = {tuple(two[1].tolist()) for two in data.labelled["keypoints_2d"].numpy()}
    used = np.asarray([tuple(two[1].tolist()) in drawn for two in people.keypoints_2d])
    assert used.sum() == 20
    other = people.pose_3d.copy()
    other[~used] += 1000 * np.random.default_rng(0).normal(size=other[~used].shape).astype(np.float32)
    settings = {"data": {"cameras": "real"}}
    one, two = (fit(replace(people, pose_3d=pose), 2, 10, **settings) for pose in (people.pose_3d, other))
    for name, values in one.weights().items():
        assert torch.equal(values, two.weights()[name]), name


def test_with_real_cameras_view_synthesis_needs_no_3d_at_all(people):
    settings = {"data": {"cameras": "real", "label_count": 0}}
    with_labels, without = (fit(data, 4, 0, **settings) for data in (people, replace(people, pose_3d=None)))
    for name, values in with_labels.weights().items():
        assert torch.equal(values, without.weights()[name]), name


@pytest.mark.parametrize(
    ("settings", "data"),
    [
        ({}, {"cameras": "virtual"}),  # DG + AUG
        ({"consistency": False}, {"cameras": "virtual"}),  # SG + AUG
        ({"consistency": False}, {"cameras": "real"}),  # SG
        ({"consistency": False}, {"cameras": "real", "same_view": True}),  # AE
        ({"consistency": False, "pictures": True}, {"cameras": "real"}),  # LSG
        ({"eta": 2, "regression_dropout": 0.5}, {}),
    ],
)
def test_every_bar_of_figure_6_trains_and_predicts(people, settings, data):
    model = fit(people, 2, 3, data=data, **settings)
    pose = model.predict(people.keypoints_2d[:6])
    assert pose.pose_3d.shape == (6, 17, 3)
    assert pose.unit == "mm"
    assert np.isfinite(pose.pose_3d).all()
    assert np.abs(pose.pose_3d[:, 0]).max() < 1.0
    assert (model.inverse is None) == (settings.get("consistency") is False)


def test_the_baseline_sees_coordinates_and_has_no_code(people):
    model = fit(people, 0, 60, representation=False, data={"label_count": 60})
    assert model.evaluate(people)["mpjpe"] < 150
    with pytest.raises(InputError, match="no representation"):
        model.encode(people.keypoints_2d[:2])


def test_codes_for_users(people, trained):
    keypoints = people.keypoints_2d[:4]
    codes = trained.encode(keypoints)
    assert codes.shape == (4, 12, 3)
    assert isinstance(codes, np.ndarray)
    np.testing.assert_allclose(trained.encode(keypoints[2]), codes[2], atol=1e-5)
    assert trained.encode(torch.from_numpy(keypoints).reshape(2, 2, 17, 2)).shape == (2, 2, 12, 3)
    with pytest.raises(InputError, match="shape"):
        trained.encode(keypoints[..., :1])


def test_interpolation_goes_from_one_pose_to_the_other(people, trained):
    first, second = people.keypoints_2d[0], people.keypoints_2d[37]
    between = trained.interpolate(first, second, steps=5)
    assert (between.codes.shape, between.maps.shape, between.pose_3d.shape) == ((5, 12, 3), (5, 16, 16, 16), (5, 17, 3))
    ends = trained.predict(np.stack([first, second])).pose_3d
    np.testing.assert_allclose(between.pose_3d[[0, -1]], ends, atol=1e-2)
    np.testing.assert_allclose(between.codes[2], (between.codes[0] + between.codes[-1]) / 2, atol=1e-5)
    with pytest.raises(InputError, match="2 steps"):
        trained.interpolate(first, second, steps=1)


def test_weights_are_one_generator_and_the_regressor_and_start_another_training(people, trained, tmp_path):
    path = save(trained, tmp_path / "georep.safetensors")
    assert describe(path)["paper"] == "georep"
    loaded = posezoo.load(path)
    keypoints = people.keypoints_2d[:8]
    np.testing.assert_allclose(loaded.predict(keypoints).pose_3d, trained.predict(keypoints).pose_3d, atol=1e-3)
    assert not [name for name in trained.weights() if name.startswith("inverse")]
    for name, values in loaded.inverse.state_dict().items():
        torch.testing.assert_close(values, loaded.generator.state_dict()[name])


def test_martinez_with_the_code_injected(people, trained, tmp_path):
    settings = {"width": 16, "dropout": 0.0, "normalization": "root", "max_norm": False}
    representation = {name: TINY[name] for name in ("width", "levels", "points", "map_size", "limb_px")}
    torch.manual_seed(0)
    model = Martinez(**settings, flip=True, representation=representation)
    model.start_from(trained)
    keypoints = torch.from_numpy(people.keypoints_2d[:5])
    np.testing.assert_allclose(model.eval().encode(keypoints), trained.encode(keypoints), atol=1e-5)
    model.train()
    data = LiftingDataModule({"train": people, "val": people}, batch_size=16)
    run(model, data, 40)
    np.testing.assert_allclose(model.eval().encode(keypoints), trained.encode(keypoints), atol=1e-5)
    assert float(model.injection.codes.deviation.max()) > 0
    lifted = model.predict(people.keypoints_2d).pose_3d
    loaded = posezoo.load(save(model, Path(tmp_path) / "injected.safetensors"))
    np.testing.assert_allclose(loaded.predict(people.keypoints_2d).pose_3d, lifted, atol=1e-2)
    model.injection.linear.weight.data.zero_()
    assert np.abs(model.predict(people.keypoints_2d).pose_3d - lifted).max() > 1.0
    with pytest.raises(InputError, match="georep"):
        Martinez(**settings).start_from(trained)
    with pytest.raises(RuntimeError):
        Martinez(**settings, representation={**representation, "points": 13}).start_from(trained)


def test_contradictions_are_refused(people):
    with pytest.raises(InputError, match="nothing to train"):
        GeoRep(**TINY, representation_steps=0, label_steps=0)
    with pytest.raises(InputError, match="representation is off"):
        GeoRep(**TINY, representation=False)
    with pytest.raises(InputError, match="label_count"):
        fit(people, 0, 2, data={"label_count": 0})
