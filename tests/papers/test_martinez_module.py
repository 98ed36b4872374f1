"""Test Martinez et al. 2017 as published: it trains with its defaults, and keeps its weight norms."""

from __future__ import annotations

import torch

from posezoo.data import LiftingDataModule, load_dataset
from posezoo.papers.martinez import Martinez
from tests import runs


def fit(steps: int, **settings) -> tuple[Martinez, LiftingDataModule]:
    torch.manual_seed(0)
    people = load_dataset("procedural", split="train", actions=["walk"], frames_per_clip=40)
    data = LiftingDataModule({"train": people, "val": people}, batch_size=32)
    model = Martinez(width=32, **settings)
    runs.fit(model, data, max_steps=steps, max_epochs=None)
    return model.eval(), data


def test_the_published_settings_train_and_keep_every_unit_within_norm_one():
    model, data = fit(200, dropout=0.0)
    linear = [m for m in model.network.modules() if isinstance(m, torch.nn.Linear)]
    assert linear
    for layer in linear:
        assert float(layer.weight.detach().norm(dim=1).max()) <= 1 + 1e-5
    tensors = data.train_dataloader().tensors
    lifted = model.lift(tensors["keypoints_2d"]).detach()
    mean_pose = (tensors["pose_3d"] - tensors["pose_3d"].mean(0)).norm(dim=-1).mean()
    assert (lifted - tensors["pose_3d"]).norm(dim=-1).mean() < 0.8 * mean_pose


def test_without_max_norm_weights_go_where_they_like():
    model, _ = fit(60, max_norm=False)
    weights = [p.detach() for name, p in model.network.named_parameters() if name.endswith("linear.weight")]
    assert max(float(weight.norm(dim=1).max()) for weight in weights) > 1.05
