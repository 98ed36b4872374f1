"""Test Sun et al. 2018, with and without the representation of Chen, Lin et al. 2019."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import posezoo
from posezoo.data.pictures import PeopleInPictures, PicturesDataModule, load_pictures
from posezoo.errors import InputError
from posezoo.networks import fuse_batch_norm
from posezoo.papers.georep import GeoRep
from posezoo.papers.hg3d.networks import HourglassWithDepth
from posezoo.papers.integral import Integral, losses
from posezoo.papers.integral.networks import ResNet, VolumeHead, soft_argmax
from posezoo.registry import save
from posezoo.training.running import begin_from
from tests import runs

TINY = {"size": 64, "layers": 18, "width": 8, "head_width": 16}
CODE = {"width": 4, "levels": 1, "points": 8, "map_size": 16, "limb_px": 40.0}


@pytest.fixture(scope="module")
def studio() -> PeopleInPictures:
    return load_pictures("rendered_studio", "train", side=80, count=12)


def run(model: Integral, labelled: PeopleInPictures, annotated: PeopleInPictures | None, steps: int, **settings) -> Integral:
    kinds = {"dataset": labelled, "annotated": annotated}
    given = {kind: None if people is None else {"train": people, "val": people} for kind, people in kinds.items()}
    options = {"batch_size": 6, "augment": False, **settings}
    data = PicturesDataModule(**given, skeleton="h36m17", size=64, **options)
    runs.fit(model, data, max_steps=steps, num_sanity_val_steps=0)
    return model.eval()


@pytest.mark.parametrize(("layers", "parameters"), [(18, 11_689_512 - 513_000), (50, 25_557_032 - 2_049_000)])
def test_the_resnet_is_the_published_one(layers, parameters):
    """Compare sizes with He et al. 2016, less the classifier's 1000 x 513 or 1000 x 2049."""
    network = ResNet(layers)
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert network.eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 512 if layers == 18 else 2048, 2, 2)


def test_volumes_are_a_quarter_of_the_picture():
    assert VolumeHead(32, 17, 16, width=8).eval()(torch.zeros(2, 32, 2, 2)).shape == (2, 17, 16, 16, 16)


def test_the_soft_argmax_is_the_mean_of_the_softmax():
    volumes = 3 * torch.randn(2, 3, 4, 5, 6)
    places, certainty = soft_argmax(volumes)
    weights = np.exp(volumes.double().numpy())
    z, y, x = np.meshgrid(*[(np.arange(n) + 0.5) / n - 0.5 for n in (4, 5, 6)], indexing="ij")
    for row in range(2):
        for joint in range(3):
            share = weights[row, joint] / weights[row, joint].sum()
            expected = [(share * grid).sum() for grid in (x, y, z)]
            np.testing.assert_allclose(places[row, joint], expected, atol=1e-5)
            assert certainty[row, joint].item() == pytest.approx(min(1, 4 * share.sum(0).max()), abs=1e-5)


def test_the_loss_by_hand():
    pred = torch.tensor([[[0.1, 0.2], [0.5, 0.5]]])
    target = torch.tensor([[[0.3, 0.2], [float("nan"), 0.0]]])
    known = torch.tensor([[True, False]])
    assert losses.joints(pred, target, known).item() == pytest.approx(0.1)


@pytest.mark.parametrize(
    "network",
    [
        HourglassWithDepth(5, 8, 2, 1, 64),
        HourglassWithDepth(5, 8, 1, 1, 64, "efficientnet_lite0"),
        ResNet(18, 8),
        ResNet(50, 8),
        VolumeHead(8, 5, 4, 8),
    ],
)
def test_folding_batch_norms_changes_nothing(network):
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2.0)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias)
    given = torch.randn(2, 8, 4, 4) if isinstance(network, VolumeHead) else torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        whole, folded = network.eval()(given), fuse_batch_norm(network)(given)
    if isinstance(network, HourglassWithDepth):
        whole, folded = whole[1], folded[1]
    torch.testing.assert_close(folded, whole, rtol=1e-4, atol=1e-3 * float(whole.abs().max()))


@pytest.mark.slow
def test_it_learns_people_by_heart(studio):
    people = studio[np.arange(4) * 3]
    model = Integral(**TINY, learning_rate=2e-3)
    before = model.eval().evaluate(people)
    after = run(model.train(), people, None, 100, batch_size=4).evaluate(people)
    assert after["mpjpe"] < 0.5 * before["mpjpe"]
    assert after["pckh"] > before["pckh"] + 20


def test_depths_of_pictures_with_2d_labels_get_no_gradient(studio):
    """Change the depths of a picture without 3D labels, beside a picture with them: no gradient changes."""
    weights = []
    for shift in (0.0, 500.0):
        pose = studio.poses.pose_3d.copy()
        pose[:, :, 2] += shift * np.random.default_rng(1).random(pose.shape[:2], dtype=np.float32)
        other = replace(studio, poses=replace(studio.poses, pose_3d=pose))
        torch.manual_seed(0)
        weights.append(run(Integral(**TINY), studio, other, 2).state_dict())
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_regression_3_adds_the_code_of_a_fixed_encoder(studio, tmp_path):
    georep = GeoRep("h36m17", **CODE, representation_steps=1, label_steps=1)
    start = save(georep, tmp_path / "georep.safetensors")
    torch.manual_seed(0)
    model = Integral(**TINY, representation=CODE)
    begin_from(model, start)
    encoder = {name: values.clone() for name, values in georep.generator.encoder.state_dict().items()}
    trained = run(model, studio, None, 4)
    for name, values in trained.injection.encoder.state_dict().items():
        assert torch.equal(values, encoder[name]), name
    assert not torch.allclose(trained.injection.codes.mean, torch.zeros_like(trained.injection.codes.mean))
    picture = torch.from_numpy(studio.read(0)[8:72, 8:72].transpose(2, 0, 1).copy())[None]
    with_code = trained.locate(picture)[0]
    with torch.no_grad():
        trained.injection.linear.weight.add_(1.0)
        assert not torch.allclose(with_code, trained.locate(picture)[0])  # and it matters
    loaded = posezoo.load(save(trained, tmp_path / "integral.safetensors"))
    np.testing.assert_allclose(loaded.predict_image(studio.read(0)).pose_3d, trained.predict_image(studio.read(0)).pose_3d)
    plain = Integral(**TINY)
    with pytest.raises(InputError, match="georep"):
        begin_from(plain, start)


def test_poses_with_unknown_joints_get_no_code():
    model = Integral(**TINY, representation=CODE).eval()
    keypoints = torch.rand(2, 17, 2) * 60
    keypoints[1, 3] = float("nan")
    added = model.inject(model.injection, keypoints)
    assert added[0].abs().max() > 0
    assert added[1].abs().max() == 0
    with pytest.raises(InputError, match="multiple of 32"):
        Integral(size=100)
    with pytest.raises(InputError, match="18"):
        Integral(layers=20)
