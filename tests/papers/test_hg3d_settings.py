"""Test the settings of Zhou et al. 2017: units of the released code and of the text, stages, rates, averages."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from posezoo.data import Prediction
from posezoo.errors import InputError
from posezoo.papers.hg3d import HG3D, losses
from posezoo.skeletons import get_skeleton
from tests.papers.hg3d_samples import TINY, data_of, run, trained_parts

MPII = get_skeleton("mpii16")


def test_the_default_weights_are_the_released_code_s_in_our_units():
    """Compare with the released code's losses on crops from -1 to 1: the same up to one factor for all three."""
    generator = torch.Generator().manual_seed(0)
    maps, targets = torch.rand(2, 3, 16, 64, 64, generator=generator)
    known = torch.ones(3, 16, dtype=torch.bool)
    depth, labels = torch.randn(2, 3, 16, generator=generator)  # from -1 to 1 over the crop
    model = HG3D(**TINY)
    code = {
        "heatmaps": (maps - targets).square().mean(),
        "depth": 0.1 * (depth - labels).square().mean(),
    }
    ours = {
        "heatmaps": losses.heatmaps(maps, targets, known),
        "depth": model.hp.weight_depth * losses.depth(32 * depth, 32 * labels),
    }
    factor = ours["heatmaps"] / code["heatmaps"]
    torch.testing.assert_close(ours["depth"], factor * code["depth"])
    # Eq. 3 is a sum over a batch's mean in both; ours is of poses 32 times as large.
    groups, ones = losses.groups_of(MPII), [torch.ones(count) for count in (4, 4, 2, 2)]
    pose = torch.randn(3, 16, 3, generator=generator)
    by_code = 0.01 * losses.geometry(pose, ones, groups).mean()
    by_us = model.hp.weight_geometry * losses.geometry(32 * pose, ones, groups).mean()
    torch.testing.assert_close(by_us, (64 * 64 * 16) * by_code, rtol=1e-4, atol=1e-4)


def test_the_text_s_reading_is_a_switch():
    code, text = HG3D(**TINY), HG3D(**TINY, reading="text")
    assert (text.hp.weight_depth, text.hp.weight_geometry) == (0.1, 0.01)
    assert HG3D(**TINY, reading="text", weight_geometry=0.3).hp.weight_geometry == 0.3
    starts = [{MPII.joints[start] for start, _ in model.groups[2]} for model in (code, text)]
    assert starts == [{"upper_neck"}, {"thorax"}]
    for model in (code, text):
        model.canonical_mm.copy_(torch.linspace(100, 500, 15))
    # Ratios within a group alone: the code's bones are 1 on average, shoulders and hips exactly.
    assert all(float(group.mean()) == pytest.approx(1) for group in code.canonical())
    assert torch.equal(code.canonical()[2], torch.ones(2))
    assert float(torch.cat(text.canonical()).mean()) == pytest.approx(1)
    with pytest.raises(InputError, match="reading is 'book'"):
        HG3D(**TINY, reading="book")
    with pytest.raises(InputError, match="give one of them"):
        HG3D(**TINY, cosine=True, decay_steps=5)


def test_stage_1_takes_the_2d_of_both_kinds_and_leaves_depth_alone(studio, wild):
    model = HG3D(**TINY, weight_depth=0.0, weight_geometry=0.0)
    assert trained_parts(model, data_of(studio, wild)) == {"pose"}


def test_the_rate_falls_to_a_tenth():
    model = HG3D(**TINY, drop_step=3, learning_rate=1e-2)
    configured = model.configure_optimizers()
    rates = []
    for _ in range(5):
        rates.append(configured["optimizer"].param_groups[0]["lr"])
        configured["optimizer"].step()
        configured["lr_scheduler"]["scheduler"].step()
    np.testing.assert_allclose(rates, [1e-2] * 3 + [1e-3] * 2)


def test_the_average_predicts_and_is_what_is_published(studio):
    torch.manual_seed(0)
    model = run(HG3D(**TINY, average_decay=0.5), data_of(studio, None), 3).eval()
    weights = model.weights()
    assert not any(name.startswith("average") for name in weights)
    latest = model.network.state_dict()
    assert any(not torch.equal(latest[name], weights[f"network.{name}"]) for name in latest)
    plain = HG3D(**TINY)
    plain.load_weights(weights)
    picture = torch.randint(0, 255, (2, 3, 64, 64), dtype=torch.uint8)
    for one, other in zip(model.locate(picture), plain.eval().locate(picture), strict=True):
        torch.testing.assert_close(one, other)
    again = HG3D(**TINY, average_decay=0.5)
    again.load_weights(weights)  # to train on from
    torch.testing.assert_close(again.eval().locate(picture)[0], plain.locate(picture)[0])


def test_a_model_says_when_it_doubts_a_pose(tmp_path):
    model = HG3D(**TINY).eval()
    pictures = [np.zeros((70, 60, 3), np.uint8)] * 2
    with pytest.warns(UserWarning, match="2 of 2 poses are doubtful"):
        result = model.predict_images(pictures)
    assert result.doubtful.tolist() == [True, True]
    assert any("doubtful" in note for note in result.notes)
    for name in ("out.npz", "out.json"):
        assert Prediction.load(result.save(tmp_path / name)).doubtful.tolist() == [True, True]
    model.doubtful_below = 0.0
    assert model.predict_images(pictures).doubtful is None


def test_mirror_images_are_averaged():
    """A mirrored picture gives the mirrored pose, which holds of the mean alone; and the mean is that of both maps."""
    torch.manual_seed(0)
    model, single = HG3D(**TINY, mirrored=True).eval(), HG3D(**TINY).eval()
    single.load_weights(model.weights())
    picture = torch.randint(0, 256, (3, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    pose, confidence = model.locate(picture)
    other, other_confidence = model.locate(picture.flip(-1))
    back = other[:, MPII.mirror]
    back[..., 0] = 63 - back[..., 0]
    torch.testing.assert_close(back, pose, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(other_confidence[:, MPII.mirror], confidence, rtol=1e-3, atol=1e-4)
    depths = [single.locate(image)[0][..., 2] for image in (picture, picture.flip(-1))]
    torch.testing.assert_close(pose[..., 2], (depths[0] + depths[1][:, MPII.mirror]) / 2, rtol=1e-3, atol=1e-3)
