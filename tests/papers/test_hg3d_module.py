"""Zhou et al. 2017: the network's shapes, what each picture contributes, and poses that come out where people are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from posezoo.data.crops import crop_matrix
from posezoo.data.images import PeopleInPictures
from posezoo.data.pictures import load_pictures
from posezoo.errors import InputError
from posezoo.papers.hg3d import HG3D, HG3DDataModule
from posezoo.papers.hg3d.networks import HourglassWithDepth
from posezoo.skeletons import get_skeleton

MPII = get_skeleton("mpii16")
TINY = {"size": 64, "width": 8, "stacks": 2, "modules": 1}


@pytest.fixture(scope="module")
def studio() -> PeopleInPictures:
    return load_pictures("rendered", "train", domain="studio", side=80, count=24)


@pytest.fixture(scope="module")
def wild() -> PeopleInPictures:
    return load_pictures("rendered", "train", domain="wild", side=80, count=24)


def run(model: HG3D, data: HG3DDataModule, steps: int) -> HG3D:
    trainer = pl.Trainer(
        max_steps=steps, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, num_sanity_val_steps=0, limit_val_batches=0, max_epochs=-1,
    )  # fmt: skip
    trainer.fit(model, data)
    return model


def data_of(labelled: PeopleInPictures | None, annotated: PeopleInPictures | None, **settings) -> HG3DDataModule:
    kinds = {"labelled": labelled, "annotated": annotated}
    given = {kind: None if people is None else {"train": people, "val": people} for kind, people in kinds.items()}
    return HG3DDataModule(**given, size=64, **{"batch_size": 6, **settings})


def test_the_published_network():
    network = HourglassWithDepth(16)
    with torch.no_grad():
        heatmaps, depth = network.eval()(torch.zeros(1, 3, 256, 256))
    assert [tuple(maps.shape) for maps in heatmaps] == [(1, 16, 64, 64)] * 2
    assert depth.shape == (1, 16)
    # Four poolings of 64 x 64 maps leave 4 x 4 of 256 channels.
    assert network.depth.depth.in_features == 256 * 16
    assert len(network.depth.shrink) == 8
    assert all(len(steps) == 2 for steps in network.depth.shrink[::2])


def test_depth_sees_heatmaps_and_features():
    network = HourglassWithDepth(16, 8, 2, 1, 64).eval()
    picture = torch.rand(1, 3, 64, 64)
    before = network(picture)[1]
    with torch.no_grad():
        network.pose.from_heatmaps[-1].weight.mul_(3.0)
    assert not torch.allclose(before, network(picture)[1])
    depth = network(picture)[1].sum()
    gradients = torch.autograd.grad(
        depth, [network.pose.stem[0].weight, network.pose.hourglasses[0].stay[0].branch[2].weight]
    )
    assert all(gradient.abs().max() > 0 for gradient in gradients)  # end to end


def test_what_each_kind_of_picture_contributes(studio, wild):
    """Eq. 2: depth on labelled pictures, geometry on the others, where it is that of the annotated 2D."""
    model = HG3D(**TINY, weight_geometry=1.0)
    model.log = model.log_dict = lambda *given, **options: None
    data = data_of(studio, wild, augment=False)
    batch = next(iter(data.train_dataloader()))[0]
    assert {kind: len(part["picture"]) for kind, part in batch.items()} == {"labelled": 3, "annotated": 3}
    assert "depth" not in batch["annotated"]

    def loss(**changes) -> float:
        torch.manual_seed(0)
        model.hp.update(changes)
        with torch.no_grad():
            value = model.training_step(batch, 0)
        model.hp.update({"weight_geometry": 1.0, "weight_depth": 0.1, "labelled_geometry": False})
        return float(value)

    whole, no_geometry, no_depth = loss(), loss(weight_geometry=0.0), loss(weight_depth=0.0)
    assert no_geometry < whole
    assert no_depth < whole
    assert loss(labelled_geometry=True) > whole
    alone = {"labelled": batch["labelled"]}
    model.training_step(alone, 0)
    # Wrong depths of the labelled change the loss by weight x squared error / pictures of the batch.
    batch["labelled"]["depth"][0, 3] += 640.0
    pred = float(torch.sqrt(torch.tensor((loss() - whole) / 0.1 * 6)))
    assert pred == pytest.approx(640.0, rel=0.1)


def test_joints_that_are_not_annotated_do_not_count(wild):
    holes = wild.poses.keypoints_2d.copy()
    holes[:, :3] = np.nan
    people = replace(wild, poses=replace(wild.poses, keypoints_2d=holes))
    model = HG3D(**TINY, weight_geometry=0.01)
    run(model, data_of(None, people), 2)
    assert all(torch.isfinite(values).all() for values in model.state_dict().values())


def test_without_3d_no_3d_is_read(wild):
    weights = []
    for people in (wild, replace(wild, poses=replace(wild.poses, pose_3d=None))):
        torch.manual_seed(0)
        weights.append(run(HG3D(**TINY, weight_geometry=0.01), data_of(None, people), 3).state_dict())
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_it_learns_people_by_heart(studio):
    """Four pictures, 120 steps: joints are found, depths too, and the skeleton is that of the training people."""
    people = studio[np.arange(4) * 6]
    torch.manual_seed(0)
    model = HG3D(size=64, width=24, stacks=1, modules=1, learning_rate=2e-3)
    before = model.eval().evaluate(people)
    run(model.train(), data_of(people, None, batch_size=4, augment=False), 120)
    after = model.eval().evaluate(people)
    assert after["pckh"] > 60 > before["pckh"]
    assert after["mpjpe"] < 0.3 * before["mpjpe"]
    assert after["poses"] == 4
    assert after["pictures_left_out"] == 0
    assert set(after["per_action"]) <= set(people.poses.action)
    pose = torch.from_numpy(model.predict_image(people.read(0)).pose_3d)
    from posezoo.geometry import bone_lengths

    assert bone_lengths(pose, MPII).sum().item() == pytest.approx(float(model.canonical_mm.sum()), rel=1e-4)


class Oracle(torch.nn.Module):
    """Heatmaps of the brightest place, whatever the joint, and depths 0 to 15."""

    def forward(self, picture):
        gray = torch.nn.functional.avg_pool2d(picture.mean(1, keepdim=True) + 0.5, 4)
        return [gray.expand(-1, 16, -1, -1)], torch.arange(16.0).expand(len(picture), -1)


def test_predictions_are_in_px_of_the_picture(monkeypatch):
    model = HG3D(**TINY).eval()
    monkeypatch.setattr(model, "for_inference", lambda network: Oracle())
    picture = np.zeros((300, 400, 3), np.uint8)
    picture[118:122, 238:242] = 255
    for box in (None, (200, 80, 90, 100), (150, -20, 300, 290)):
        result = model.predict_image(picture, box)
        side = 400 if box is None else 1.25 * max(box[2:])
        np.testing.assert_allclose(result.keypoints_2d[0], np.full((16, 2), [239.5, 119.5]), atol=side / 64 * 2.5)
        assert result.image_size == (400, 300)
        assert result.unit == "mm"
        # A joint's depth counts in 64ths of the crop; all joints lie in one place, so bones are as long as depths differ.
        steps = result.pose_3d[0, :, 2]
        np.testing.assert_allclose(np.diff(steps), np.diff(steps)[0], rtol=1e-3)
        assert abs(steps[MPII.root]) < 1e-4
    matrix = crop_matrix(np.array([244.5, 129.5]), 125.0, 64)
    np.testing.assert_allclose(matrix @ [244.5, 129.5, 1], [31.5, 31.5])


def test_bad_pictures_and_boxes(tmp_path):
    model = HG3D(**TINY).eval()
    picture = np.zeros((50, 60, 3), np.uint8)
    for image, box, words in (
        (picture[..., 0], None, "uint8"),
        (picture.astype(np.float32), None, "uint8"),
        (picture, (0, 0, 10), "x, y, width"),
        (picture, (70, 0, 10, 10), "outside"),
        (picture, (0, 0, 0, 10), "empty"),
        (picture, (0, float("nan"), 5, 10), "px"),
    ):
        with pytest.raises(InputError, match=words):
            model.predict_image(image, box)
    with pytest.raises(InputError, match="multiples of 64"):
        HG3D(size=100)
    with pytest.raises(InputError, match="nothing to train on"):
        HG3DDataModule()


def test_sizes_must_agree(studio):
    with pytest.raises(InputError, match="one size"):
        run(HG3D(size=128, width=8, stacks=1, modules=1), data_of(studio, None), 1)
