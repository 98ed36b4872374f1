"""Test a pitch that is learned: what moves it, and that it travels with the weights."""

from __future__ import annotations

import math

import pytest
import torch

import posezoo
from posezoo.errors import InputError
from posezoo.geometry import random_view
from posezoo.networks import LearnedPitch
from posezoo.papers.geoselfsup import GeoSelfSup
from posezoo.papers.svma import SVMA
from posezoo.registry import save

SMALL = {"skeleton": "h36m17", "width": 16, "critic_width": 16, "learn_pitch": True}


def of_geoselfsup(model: GeoSelfSup, keypoints: torch.Tensor) -> dict[str, torch.Tensor]:
    return model.lifter_losses(model.normalize(keypoints)[:, None])[0]


def of_svma(model: SVMA, keypoints: torch.Tensor) -> dict[str, torch.Tensor]:
    assert model.critic is not None
    terms, view = model.generator_losses(model.normalize(keypoints))
    return {**terms, "adversarial": -model.critic(view).mean()}


PAPERS = pytest.mark.parametrize(
    ("build", "terms_of"),
    [
        (lambda **given: GeoSelfSup(normalization="joints", **SMALL, **given), of_geoselfsup),
        (lambda **given: SVMA(dropout=0.0, **SMALL, **given), of_svma),
    ],
    ids=["geoselfsup", "svma"],
)


def test_people_who_stand_upright_tell_the_pitch():
    """Turned about gravity's axis, what points down points the same way as before; about any other it does not."""
    torch.manual_seed(0)
    down = torch.tensor([0.0, math.cos(0.3), math.sin(0.3)])  # of a camera that looks down by 0.3 rad
    pitch = LearnedPitch(0.05, 0.1)
    optimizer = torch.optim.Adam(pitch.parameters(), lr=0.02)
    for _ in range(200):
        optimizer.zero_grad()
        (random_view(64, *pitch()) @ down - down).square().sum(-1).mean().backward()
        optimizer.step()
    mean, deviation = (value.item() for value in pitch())
    assert mean == pytest.approx(0.3, abs=0.01)
    assert 0 < deviation < 0.05


@PAPERS
def test_the_critic_alone_moves_the_pitch(build, terms_of):
    torch.manual_seed(0)
    model = build(pitch=0.1, pitch_deviation=0.05)
    terms = terms_of(model, torch.randn(8, 17, 2) * 100)
    for name, term in terms.items():
        moved = torch.autograd.grad(term, list(model.learned_pitch.parameters()), retain_graph=True, allow_unused=True)
        assert all(gradient is not None and gradient != 0 for gradient in moved) == (name == "adversarial"), name
    optimized = {id(p) for optimizer in model.configure_optimizers()[0] for g in optimizer.param_groups for p in g["params"]}
    assert {id(p) for p in model.learned_pitch.parameters()} <= optimized


@PAPERS
def test_a_pitch_travels_with_the_weights_and_gives_way_to_one_that_is_told(build, terms_of, tmp_path):
    model = build(pitch=0.1, pitch_deviation=0.05)
    with torch.no_grad():
        model.learned_pitch.mean.fill_(0.2)
    again = posezoo.load(save(model, tmp_path / "model.safetensors"))
    assert [value.item() for value in again.pitch_of_cameras()] == pytest.approx([0.2, 0.05])
    again.prepare_finetuning(1e-3, pitch=0.3)
    assert again.mean_pitch == pytest.approx(0.3)
    assert not any(parameter.requires_grad for parameter in again.learned_pitch.parameters())
    with pytest.raises(InputError, match="learn_pitch"):
        build(discriminator=False)
