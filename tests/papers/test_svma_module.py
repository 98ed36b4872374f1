"""Test SVMA: switches, the views that it trains on, and that it learns from 2D alone."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from posezoo.errors import InputError
from posezoo.lifting import evaluate
from posezoo.papers.svma import SVMA, SVMADataModule
from posezoo.papers.svma.networks import Generator
from tests import runs

PEOPLE = {"split": "train", "actions": ["walk", "squat"], "frames_per_clip": 20}

SMALL = {"width": 64, "critic_width": 64, "dropout": 0.0}


def test_defaults_are_the_papers():
    hp = SVMA().hparams
    paper = {"lambda_angle": 1, "lambda_camera": 1, "lambda_symmetry": 0.01, "lambda_3d": 0.1, "lambda_svma": 10}
    assert {name: hp[name] for name in paper} == paper
    assert (hp.learning_rate, hp.beta1, hp.beta2, hp.distance) == (5.5e-5, 0.7, 0.9, 10)
    assert hp.discriminator
    assert hp.multi_angle


def test_the_generator_has_the_papers_blocks():
    generator = Generator(17, 0, 64, 10.0, 0.5)
    assert (len(generator.shared.blocks), len(generator.pose.blocks), len(generator.camera.blocks)) == (1, 2, 2)
    pose, camera = generator(torch.randn(4, 17, 2) / 10)
    assert pose.shape == (4, 17, 3)
    assert camera.shape == (4, 2, 3)
    # At the start the camera is the weak-perspective one that the normalisation implies.
    np.testing.assert_allclose(camera.detach().mean(0), [[0.1, 0, 0], [0, 0.1, 0]], atol=0.02)


@pytest.mark.parametrize("output", ["depth", "offsets"])
def test_both_readings_of_the_3n_outputs_work(output):
    generator = Generator(17, 0, 32, 10.0, 0.0, pose_output=output).eval()
    last = generator.pose.head.out_features
    assert last == (17 if output == "depth" else 51)
    keypoints = torch.randn(4, 17, 2) / 10
    pose = generator.lift(keypoints)
    assert pose.shape == (4, 17, 3)
    torch.testing.assert_close(pose[:, 0, 2], torch.full((4,), 10.0))  # the root stands at d
    if output == "depth":
        torch.testing.assert_close(pose[..., :2] / pose[..., 2:], keypoints)


def test_a_pitch_beyond_the_horizon_is_refused():
    with pytest.raises(InputError, match="pitch"):
        SVMA(pitch=2.0)


@pytest.mark.parametrize(
    ("switches", "expected"),
    [
        ({}, {"angle", "symmetry", "camera", "3d", "svma"}),
        ({"multi_angle": False}, {"angle", "symmetry", "camera", "svma"}),
    ],
)
def test_switches_leave_out_their_terms(people, switches, expected):
    model = SVMA(**SMALL, **switches)
    terms, new_view = model.generator_losses(model.normalize(torch.from_numpy(people.keypoints_2d[:32])))
    assert set(terms) == expected
    assert new_view.shape == (32, 17, 2)


@pytest.mark.parametrize("switches", [{}, {"discriminator": False}, {"multi_angle": False}, {"flip": True, "pitch": 0.2}])
def test_every_row_of_the_ablation_trains(people, switches):
    model = SVMA(**SMALL, **switches)
    before = copy.deepcopy(model.generator.state_dict())
    data = SVMADataModule({"train": people, "val": people}, batch_size=64)
    trainer = runs.fit(model, data, max_steps=4)
    assert trainer.global_step == 4
    assert (model.critic is None) == (not switches.get("discriminator", True))
    moved = [name for name, value in model.generator.state_dict().items() if not torch.equal(value, before[name])]
    assert any("pose.head" in name for name in moved)
    assert all(torch.isfinite(value).all() for value in model.state_dict().values())


def test_training_reads_no_3d(people):
    from dataclasses import replace

    blind = {split: replace(people, pose_3d=None) for split in ("train", "val")}
    runs.fit(SVMA(**SMALL), SVMADataModule(blind, batch_size=64), max_steps=4)
    seeing = SVMADataModule({"train": people}, batch_size=64)
    assert set(next(iter(seeing.train_dataloader()))) == {"keypoints_2d"}


def test_the_same_seed_gives_the_same_weights_whether_or_not_labels_exist(people):
    from dataclasses import replace

    results = []
    for data in (people, people, replace(people, pose_3d=None)):
        pl.seed_everything(3, verbose=False)
        model = SVMA(**SMALL)
        runs.fit(model, SVMADataModule({"train": data, "val": data}, batch_size=64, seed=3), max_steps=6)
        results.append(model.state_dict())
    for other in results[1:]:
        assert all(torch.equal(value, other[name]) for name, value in results[0].items())


@pytest.mark.parametrize(("rate", "of_cameras"), [(8e-3, 1e-3), (2e-4, 2e-4)])
def test_a_student_learns_cameras_at_a_thousandth_at_most(rate, of_cameras):
    model = SVMA(**SMALL, student="teacher", student_learning_rate=rate)
    [optimizer], _ = model.configure_optimizers()
    rates = {id(value): group["initial_lr"] for group in optimizer.param_groups for value in group["params"]}
    for name, value in model.generator.named_parameters():
        assert rates.pop(id(value)) == (of_cameras if name.startswith("camera.") else rate), name
    assert not rates


@pytest.mark.slow
def test_the_critic_learns_to_tell_and_the_generator_to_agree(people):
    model = SVMA(**SMALL, learning_rate=1e-3, flip=True, pitch=0.22, average_decay=0.9)
    data = SVMADataModule({"train": people, "val": people}, batch_size=256)
    real = model.normalize(torch.from_numpy(people.keypoints_2d))
    torch.manual_seed(0)
    before = {name: float(term.detach()) for name, term in model.generator_losses(real)[0].items()}
    flat, start = evaluate(None, people)["p_mpjpe"], evaluate(model.eval(), people)["p_mpjpe"]
    runs.fit(model.train(), data, max_steps=900)  # after 300 some machines' cameras are none yet
    torch.manual_seed(0)
    after = {name: float(term.detach()) for name, term in model.generator_losses(real)[0].items()}
    for name in ("svma", "camera", "3d"):
        assert after[name] < 0.6 * before[name], (name, before[name], after[name])
    end = evaluate(model.eval(), people)["p_mpjpe"]
    assert end < min(flat, start), (flat, start, end)


def test_weights_travel_without_the_copy_and_come_back(people):
    model = SVMA(**SMALL, average_decay=0.5)
    runs.fit(model, SVMADataModule({"train": people, "val": people}, batch_size=64), max_steps=4)
    weights = model.weights()
    assert {name.split(".")[0] for name in weights} == {"generator", "critic"}
    other = SVMA(**SMALL, average_decay=0.5)
    other.load_weights(weights)
    keypoints = people.keypoints_2d[:10]
    np.testing.assert_array_equal(other.eval().predict(keypoints).pose_3d, model.eval().predict(keypoints).pose_3d)


def test_the_texts_four_reprojections_are_two_of_either_pose(people):
    """Check Eq. 9: X by both cameras beside the input, X_rot by both; each norm over N joints and m, n poses."""
    torch.manual_seed(0)
    model = SVMA(**SMALL, reprojections="four").eval()
    real = model.normalize(torch.from_numpy(people.keypoints_2d[:6]))
    poses, cameras = torch.randn(2, 6, 17, 3), torch.randn(2, 6, 2, 3)
    given = iter(zip(poses, cameras, strict=True))
    model.generate = lambda *_, **__: next(given)
    terms, _ = model.generator_losses(real)

    def seen(pose: int, camera: int) -> np.ndarray:
        return np.einsum("bij,bnj->bni", cameras[camera].numpy(), poses[pose].numpy())

    first, second = [real.numpy(), seen(0, 0), seen(0, 1)], [seen(1, 0), seen(1, 1)]
    expected = sum(
        np.sqrt(((one[k] - other[k]) ** 2).sum()) / (len(group) * 17)
        for group in (first, second)
        for i, one in enumerate(group)
        for other in group[i + 1 :]
        for k in range(6)
    )
    assert terms["svma"].item() == pytest.approx(expected / 6, rel=1e-4)
    with pytest.raises(InputError, match="expected 'all' or 'four'"):
        SVMA(**SMALL, reprojections="eight")


def test_the_scale_of_new_views_is_restored_or_left(people):
    for restored in (True, False):
        torch.manual_seed(0)
        model = SVMA(**SMALL, restore_scale=restored).eval()
        real = model.normalize(torch.from_numpy(people.keypoints_2d[:6]))
        pose, camera = torch.randn(6, 17, 3), torch.randn(6, 2, 3)
        plain = torch.einsum("bij,bnj->bni", camera, pose)
        view = model.seen(pose, camera)
        torch.testing.assert_close(view, model.normalize(plain) if restored else plain)
        assert (abs(view[:, 1:].norm(dim=-1).mean(1) - 0.1).max() < 1e-5) == restored
        assert model.generator_losses(real)[1].shape == real.shape
