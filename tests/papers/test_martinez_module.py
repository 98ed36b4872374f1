"""Test Martinez et al. 2017 as published: it trains with its defaults, and keeps its weight norms."""

from __future__ import annotations

import pytest
import torch

from posezoo.data import LiftingDataModule, load_dataset
from posezoo.errors import InputError
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


def test_poses_come_nearer_to_their_keypoints_at_the_depths_that_they_have():
    people = torch.from_numpy(load_dataset("procedural", split="test").keypoints_2d[:50])
    settings = {"width": 32, "normalization": "root", "mirrored": True}
    poses = []
    for share in (0.0, 0.5, 1.0):
        torch.manual_seed(0)
        poses.append(Martinez(**settings, ray_share=share).eval().lift(people).detach())
    torch.testing.assert_close((poses[0] + poses[2]) / 2, poses[1])
    torch.testing.assert_close(poses[0][..., 2], poses[2][..., 2])
    assert not torch.allclose(poses[0], poses[2])


@pytest.mark.parametrize("settings", [{"ray_share": 0.5}, {"normalization": "root", "ray_share": 1.5}])
def test_rays_need_a_centre_and_a_share(settings):
    with pytest.raises(InputError, match="ray_share"):
        Martinez(width=8, **settings)
