"""Test the picture network that starts from ImageNet: its layers, its heatmaps, and the weights that it starts from."""

from __future__ import annotations

import imagenet_start
import pytest
import torch
from safetensors.torch import save_file

import posezoo
from posezoo.errors import CorruptFileError, InputError
from posezoo.papers.hg3d import HG3D
from posezoo.papers.hg3d.efficientnet import STAGES, EfficientNetLite0, _SameConv2d
from posezoo.papers.hg3d.networks import HourglassWithDepth
from posezoo.registry import save
from tests.papers.hg3d_samples import TINY, data_of, trained_parts

PYRAMID = {**TINY, "backbone": "efficientnet_lite0"}


def test_the_published_number_of_parameters():
    """Compare with timm's ``tf_efficientnet_lite0``: 4,652,008 with the last convolution and the classifier."""
    own = sum(parameter.numel() for parameter in EfficientNetLite0().parameters())
    assert own + (320 * 1280 + 2 * 1280) + (1280 * 1000 + 1000) == 4_652_008


def test_padding_is_tensorflow_s():
    """Sum windows of three by hand: at stride 2 an even side is padded after its end alone, at stride 1 on both sides."""
    row = torch.tensor([1.0, 2.0, 4.0, 8.0]).expand(1, 1, 4, 4)
    for stride, expected in ((2, [7.0, 12.0]), (1, [3.0, 7.0, 14.0, 12.0])):
        convolution = _SameConv2d(1, 1, 3, stride, bias=False)
        torch.nn.init.zeros_(convolution.weight)
        convolution.weight.data[0, 0, 0] = 1.0  # the upper row of the window: below the picture at no place
        below = convolution(row)[0, 0, -1]
        assert below.tolist() == expected


def test_a_kernel_for_each_channel_stays_in_32_bits_on_a_cpu():
    """In bfloat16 CPUs take ten times as long for its gradient; all others are mixed as everywhere."""
    torch.manual_seed(0)
    features = torch.rand(2, 8, 16, 16)
    own, all_channels = _SameConv2d(8, 8, 3, groups=8, bias=False), _SameConv2d(8, 8, 3, bias=False)
    exact = own(features)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(own(features), exact)
        assert own(features.bfloat16()).dtype == torch.float32
        assert all_channels(features).dtype == torch.bfloat16


def test_shapes_and_what_depth_sees():
    network = HourglassWithDepth(16, 8, 1, 1, 128, "efficientnet_lite0").eval()
    picture = torch.rand(2, 3, 128, 128) - 0.5
    heatmaps, depth = network(picture)
    assert [tuple(maps.shape) for maps in heatmaps] == [(2, 16, 32, 32)]
    assert depth.shape == (2, 16)
    watched = [network.pose.encoder.stem.linear.weight, network.pose.from_heatmaps[-1].weight]
    assert all(gradient.abs().max() > 0 for gradient in torch.autograd.grad(depth.sum(), watched))


def test_pictures_of_160_px():
    """Maps of 40 px become 32 px before they are pooled, so that weights of 128 px fit; a flat picture has one depth."""
    small, large = (HG3D(**{**PYRAMID, "size": size}).eval() for size in (128, 160))
    large.load_weights(small.weights())
    features = torch.full((1, small.network.depth.shrink[0][0].branch[0].num_features, 40, 40), 0.3)
    with torch.no_grad():
        torch.testing.assert_close(large.network.depth(features), small.network.depth(features[..., :32, :32]))
        heatmaps, depth = large.network(torch.zeros(1, 3, 160, 160))
    assert heatmaps[-1].shape == (1, 16, 40, 40)
    assert depth.shape == (1, 16)
    with pytest.raises(InputError, match="multiple of 32"):
        HG3D(**{**PYRAMID, "size": 144})


def test_heatmaps_begin_empty():
    torch.manual_seed(0)
    heatmaps, _ = HourglassWithDepth(16, 8, 1, 1, 64, "efficientnet_lite0")(torch.rand(4, 3, 64, 64) - 0.5)
    assert heatmaps[0].abs().max() < 0.05  # of peaks of 1


def test_the_optimizer_is_a_switch():
    assert isinstance(HG3D(**TINY).configure_optimizers(), torch.optim.RMSprop)
    model = HG3D(**TINY, optimizer="adam", learning_rate=1e-3)
    optimizer = model.configure_optimizers()
    assert isinstance(optimizer, torch.optim.Adam)
    assert optimizer.param_groups[0]["lr"] == 1e-3
    with pytest.raises(InputError, match="optimizer is 'sgd'; expected one of rmsprop, adam"):
        HG3D(**TINY, optimizer="sgd")


def test_it_trains_in_stages_and_is_loaded_again(studio, wild, tmp_path):
    model = HG3D(**PYRAMID, weight_depth=0.0, weight_geometry=0.0, frozen_stages=2)
    before = {name: value.clone() for name, value in model.network.pose.encoder.state_dict().items()}
    assert trained_parts(model, data_of(studio, wild)) == {"pose"}
    after = model.network.pose.encoder.state_dict()
    kept = {".".join(name.split(".")[:2]) for name in before if torch.equal(before[name], after[name])}
    assert {"stem.linear", "stem.norm", "stages.0", "stages.1"} <= kept
    assert not any(torch.equal(before[name], after[name]) for name in before if ".2.0.expand.linear.weight" in name)
    again = posezoo.load(save(model, tmp_path / "pyramid.safetensors"))
    assert isinstance(again, HG3D)
    picture = torch.randint(0, 255, (2, 3, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        torch.testing.assert_close(again.locate(picture), model.eval().locate(picture))


def test_stages_that_are_not_there_cannot_be_frozen():
    for settings in ({"backbone": "efficientnet_lite0", "frozen_stages": 8}, {"frozen_stages": 1}):
        with pytest.raises(InputError, match=r"frozen_stages is .; expected 0 to 7, and 0 for an hourglass"):
            HG3D(**TINY, **settings)


def test_an_unknown_backbone_is_named():
    with pytest.raises(InputError, match="backbone is 'resnet'; expected one of hourglass, efficientnet_lite0"):
        HG3D(**TINY, backbone="resnet")


def _as_timm(name: str) -> str:
    """Return timm's name of a parameter of ours, written down apart from what is tested."""
    place, layer, end = name.rsplit(".", 2)
    if place == "stem":
        return f"{'conv_stem' if layer == 'linear' else 'bn1'}.{end}"
    _, stage, block, part = place.split(".")
    order = ["depthwise", "reduce"] if stage == "0" else ["expand", "depthwise", "reduce"]
    convolution = {"expand": "conv_pw", "depthwise": "conv_dw", "reduce": "conv_pw" if stage == "0" else "conv_pwl"}[part]
    return f"blocks.{stage}.{block}.{convolution if layer == 'linear' else f'bn{order.index(part) + 1}'}.{end}"


def _as_lite_pytorch(name: str) -> str:
    """Return the name of the same parameter in ``efficientnet_lite_pytorch``."""
    place, layer, end = name.rsplit(".", 2)
    if place == "stem":
        return f"{'_conv_stem' if layer == 'linear' else '_bn0'}.{end}"
    _, stage, block, part = place.split(".")
    number = sum(count for *_, count in STAGES[: int(stage)]) + int(block)
    convolution = {"expand": "_expand_conv", "depthwise": "_depthwise_conv", "reduce": "_project_conv"}[part]
    norm = {"expand": "_bn0", "depthwise": "_bn1", "reduce": "_bn2"}[part]
    return f"_blocks.{number}.{convolution if layer == 'linear' else norm}.{end}"


@pytest.mark.parametrize(("naming", "suffix"), [(_as_timm, ".safetensors"), (_as_lite_pytorch, ".pth")])
def test_weights_of_imagenet_are_found_under_both_names(naming, suffix, tmp_path, monkeypatch):
    encoder = EfficientNetLite0()
    for value in encoder.state_dict().values():
        if value.is_floating_point():
            value.normal_()
    given = {naming(name): value.clone() for name, value in encoder.state_dict().items()}
    assert len(given) == len(encoder.state_dict())
    head = {"_conv_head.weight": torch.zeros(4), "_bn1.weight": torch.zeros(4)} if suffix == ".pth" else {}
    head |= {"conv_head.weight": torch.zeros(4), "bn2.weight": torch.zeros(4)} if suffix != ".pth" else {}
    path, out = tmp_path / f"imagenet{suffix}", tmp_path / "start.safetensors"
    (save_file if suffix == ".safetensors" else torch.save)({**given, **head}, path)
    monkeypatch.setattr("sys.argv", ["imagenet_start.py", str(path), str(out), "--size", "64", "--width", "8"])
    imagenet_start.main()
    model = posezoo.load(out)
    assert (model.hp.size, model.hp.width, model.hp.backbone) == (64, 8, "efficientnet_lite0")
    for name, value in model.network.pose.encoder.state_dict().items():
        assert torch.equal(value, encoder.state_dict()[name]), name
    del given[naming("stages.3.1.reduce.linear.weight")]
    with pytest.raises(CorruptFileError, match=r"lack stages\.3\.1\.reduce\.linear\.weight"):
        imagenet_start.with_imagenet(given, size=64, width=8, modules=1)
