"""Test the encoder of skeleton maps, its codes, and their injection."""

from __future__ import annotations

import pytest
import torch

from posezoo.errors import InputError
from posezoo.geometry import random_view
from posezoo.networks import BatchNorm2d, Injection, SkeletonEncoder, encode_all, fuse_batch_norm, rotate
from posezoo.skeletons import get_skeleton

MPII = get_skeleton("mpii16")


def small(**settings) -> SkeletonEncoder:
    torch.manual_seed(0)
    encoder = SkeletonEncoder(MPII, **{"width": 4, "points": 6, **settings})
    for module in encoder.modules():  # as if it had been trained: statistics that are not the first ones
        if isinstance(module, BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 2.0)
    return encoder.eval()


def poses(count: int = 5) -> torch.Tensor:
    return torch.rand(count, 16, 2, generator=torch.Generator().manual_seed(1)) * 200 + 300


def test_parameters_of_the_published_size():
    # Half a U-Net's channels, 15 maps of 64 px: convolutions of 9 weights, a scale and a shift of each channel.
    channels, expected, before = (32, 64, 128, 256, 512), 0, 15
    for count in channels:
        expected += 9 * (before * count + count * count) + 2 * 2 * count
        before = count
    expected += 4 * 4 * 512 * 3 * 512 + 3 * 512
    assert sum(p.numel() for p in SkeletonEncoder(MPII).parameters()) == expected


def test_a_code_knows_neither_where_in_the_picture_a_person_is_nor_how_large():
    encoder, keypoints = small(), poses()
    with torch.no_grad():
        torch.testing.assert_close(encoder.encode(keypoints * 2.0 + 512.0), encoder.encode(keypoints))
        assert not torch.allclose(encoder.encode(keypoints.flip(1)), encoder.encode(keypoints))


def test_rotations_follow_each_other_and_turn_every_triple():
    torch.manual_seed(0)
    code, (first, second) = torch.randn(4, 5, 6), (random_view(4, elevation=0.5) for _ in range(2))
    torch.testing.assert_close(rotate(rotate(code, first), second), rotate(code, second @ first))
    torch.testing.assert_close(rotate(code, first)[..., :3], rotate(code[..., :3], first))
    torch.testing.assert_close(rotate(code, first)[..., 3:], rotate(code[..., 3:].contiguous(), first))
    torch.testing.assert_close(rotate(code, first).norm(dim=(1, 2)), code.norm(dim=(1, 2)))


def test_batch_norm_folded_into_convolutions_changes_nothing():
    encoder, keypoints = small(), poses(70)
    with torch.no_grad():
        torch.testing.assert_close(
            fuse_batch_norm(encoder).encode(keypoints), encoder.encode(keypoints), atol=1e-5, rtol=1e-5
        )
        torch.testing.assert_close(encode_all(encoder, keypoints), encoder.encode(keypoints), atol=1e-5, rtol=1e-5)
    assert not any(isinstance(module, BatchNorm2d) for module in fuse_batch_norm(encoder).modules())


def test_pictures_hide_what_is_behind_and_change_clothes_in_training_alone():
    encoder, keypoints = small(pictures=True), poses()
    picture = encoder.maps(keypoints)
    assert picture.shape == (5, 3, 64, 64)
    assert 0 <= picture.min() < picture.max() <= 1
    torch.testing.assert_close(encoder.maps(keypoints), picture, rtol=0, atol=0)
    maps = small().maps(keypoints)
    empty = maps.sum(1) == 0
    # The background is one for all poses; the last bone hides whatever it crosses, so it has one colour.
    backs = picture.where(empty[:, None], torch.nan)
    assert (backs - backs[:1]).abs().nan_to_num().max() < 1e-6
    last = picture.movedim(1, -1)[maps[:, -1] == 1]
    torch.testing.assert_close(last, last[:1].expand_as(last))
    encoder.train()
    torch.manual_seed(0)
    assert not torch.allclose(encoder.maps(keypoints), encoder.maps(keypoints))


def test_an_injected_encoder_stays_as_it_is():
    injection = Injection(MPII, 8, {"width": 4, "points": 6})
    injection.train()
    assert not injection.encoder.training
    assert injection.linear.training
    trained = [name for name, p in injection.named_parameters() if p.requires_grad]
    assert trained == ["linear.weight", "linear.bias"]
    codes = torch.randn(30, 6, 3) * 5 + 1
    injection.codes.fit(codes)
    standard = injection.codes(codes).flatten(1)
    torch.testing.assert_close(injection(codes), standard @ injection.linear.weight.T + injection.linear.bias)


@pytest.mark.parametrize("wrong", [{"map_size": 40}, {"map_size": 8}, {"width": 0}, {"points": 0}, {"extent": 0.0}])
def test_sizes_that_leave_nothing_are_refused(wrong):
    with pytest.raises(InputError, match="map_size"):
        SkeletonEncoder(MPII, **wrong)
    with pytest.raises(InputError, match="representation"):
        Injection(MPII, 8, {"layers": 3})
