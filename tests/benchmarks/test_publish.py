"""Test the cards of published weights: their text comes from headers, classes and papers."""

from __future__ import annotations

import json
import shutil

import numpy as np
import publish
import pytest
import torch
from card_scores import GROUND_TRUTH, Files, Lifters

from posezoo.data import load_dataset
from posezoo.lifting.kinds import LIFTER, PICTURES, VIEWS
from posezoo.registry import PAPERS, describe
from posezoo.registry.cards import card

MODELS = json.loads((publish.CHECKPOINTS / "index.json").read_text())["models"]


@pytest.mark.parametrize("name", MODELS)
def test_a_card_says_what_training_needed_and_read(name):
    header = describe(publish.CHECKPOINTS / MODELS[name]["file"])
    kind = publish.KINDS[PAPERS[header["paper"]].kind]
    assert MODELS[name]["supervision"] == publish.trained_on(header).needed
    assert MODELS[name]["training_data"] == f"{kind.data(header)}; {publish.read(header)}"


def test_cards_say_what_training_knew_of_the_cameras():
    told = {name: entry["settings"] for name, entry in MODELS.items() if entry["settings"].get("pitch")}
    assert len(told) > 3
    for name, settings in told.items():
        words = f"their mean pitch, {settings['pitch']} rad, and its deviation, {settings['pitch_deviation']} rad"
        assert words in (publish.CHECKPOINTS / f"{name}.md").read_text(encoding="utf-8")
        assert words in card(name, MODELS[name])


@pytest.mark.parametrize(
    ("settings", "data", "needed", "words"),
    [
        ({"label_steps": 100}, {"label_fraction": 0.05}, "2D keypoints, 5 % of 3D labels", "drawn at random"),
        ({"student": "labels"}, {"label_fraction": 0.5}, "2D keypoints, 50 % of 3D labels", "drawn at random"),
        ({"student": "teacher"}, {}, "2D keypoints only", "no 3D label was read; what a teacher lifted of them"),
        ({}, {"augmentation": {}}, "2D keypoints only", publish.AUGMENTED),
    ],
)
def test_settings_change_the_words(settings, data, needed, words):
    header = {"paper": "geoselfsup", "settings": settings, "data": data}
    assert publish.trained_on(header).needed == needed
    assert publish.read(header).endswith(words)


@pytest.mark.parametrize("bits", [4, 10])
def test_rounded_weights_are_the_nearest_of_so_many_bits(bits):
    model = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.BatchNorm1d(32))
    model[0].weight.data *= torch.logspace(-6, 6, 64)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    publish.round_weights(model, bits)
    for name, tensor in model.state_dict().items():
        # NumPy splits a number into a fraction of [0.5, 1) and a power of two.
        fraction, power = np.frexp(before[name].double().numpy())
        expected = np.ldexp(
            np.copysign(np.floor(np.abs(fraction) * 2 ** (bits + 1) + 0.5), fraction) / 2 ** (bits + 1), power
        )
        np.testing.assert_array_equal(
            tensor.double().numpy(), expected if before[name].is_floating_point() else before[name]
        )


def test_ten_bits_are_those_of_float16():
    model = torch.nn.Linear(64, 64)
    publish.round_weights(model)
    torch.testing.assert_close(model.weight.half().float(), model.weight.detach(), rtol=0, atol=2**-24)


def test_every_kind_of_models_is_measured():
    assert set(publish.KINDS) == {kind.name for kind in (LIFTER, PICTURES, VIEWS)}


def test_models_that_see_clips_are_measured_on_whole_ones(tmp_path, monkeypatch):
    """Every second of two clips seen by two cameras is the first one, with all its frames; lifters get every second pose."""
    data = load_dataset("procedural", split="test", actions=["walk"], frames_per_clip=5)
    monkeypatch.setattr("card_scores.load_dataset", lambda *_, **__: data)
    files = Files(tmp_path, tmp_path, every=2)
    clips = list(dict.fromkeys((clip.subject, clip.action, clip.trial) for clip in data.sequences))
    chosen = files.load("openmocap", tmp_path, "gt", whole_clips=True)
    assert {(clip.subject, clip.action, clip.trial) for clip, _ in chosen.by_sequence()} == set(clips[::2])
    assert all(rows.frame.tolist() == [0, 1, 2, 3, 4] for _, rows in chosen.by_sequence())
    assert len(files.load("openmocap", tmp_path, "gt")) == (len(data) + 1) // 2
    assert len(files.load("procedural", None, "gt", whole_clips=True)) == len(data)


def test_without_a_run_published_weights_are_measured_again_and_stay(tmp_path, monkeypatch):
    name = "svma.cmu"
    shutil.copytree(publish.CHECKPOINTS, tmp_path / "checkpoints", ignore=shutil.ignore_patterns("*.md"))
    folder = tmp_path / "checkpoints"
    monkeypatch.setattr(publish, "CHECKPOINTS", folder)
    monkeypatch.setattr(
        Lifters,
        "measure",
        lambda self, model, files, header: {GROUND_TRUTH: {"p_mpjpe": 90.0 if model is None else 60.25, "poses": 9}},
    )
    monkeypatch.setattr("sys.argv", ["publish.py", name, "--openmocap", "o.h5", "--bandai", "b.h5"])
    weights, before = (folder / f"{name}.safetensors").read_bytes(), MODELS[name]
    publish.main()
    after = json.loads((folder / "index.json").read_text())["models"]
    assert (folder / f"{name}.safetensors").read_bytes() == weights
    assert {other: entry for other, entry in after.items() if other != name} == {
        other: entry for other, entry in MODELS.items() if other != name
    }
    measured = {"metrics", "baselines", "gap_closed"}
    assert {key: value for key, value in after[name].items() if key not in measured} == {
        key: value for key, value in before.items() if key not in measured
    }
    best = MODELS["martinez.cmu"]["metrics"][GROUND_TRUTH]["p_mpjpe"]
    assert after[name]["metrics"] == {GROUND_TRUTH: {"p_mpjpe": 60.25, "poses": 9}}
    assert after[name]["gap_closed"] == pytest.approx((90 - 60.25) / (90 - best), abs=5e-4)
    assert "| p_mpjpe (mm) | 60.25 | 90.00 |" in (folder / f"{name}.md").read_text(encoding="utf-8")
