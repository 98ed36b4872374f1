"""Test maps of limbs against OpenCV's thick lines, and against distances computed pixel by pixel."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from posezoo.data import load_dataset
from posezoo.errors import InputError
from posezoo.geometry import center_and_scale, skeleton_maps
from posezoo.skeletons import Skeleton, get_skeleton

H36M = get_skeleton("h36m17")
ARM = Skeleton("arm", ("elbow", "wrist"), (-1, 0))


def poses(count: int, size: int) -> torch.Tensor:
    """Return joints anywhere in a picture, and a little outside."""
    generator = torch.Generator().manual_seed(0)
    return (torch.rand(count, len(H36M), 2, generator=generator) * 1.2 - 0.1) * size


def by_distance(keypoints: torch.Tensor, size: int, width: float) -> torch.Tensor:
    """Return the maps by definition: every pixel's distance from every bone's line, in doubles."""
    v, u = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    pixels = torch.stack([u, v], -1).double()
    maps = []
    for parent, child in H36M.bones:
        a, b = (keypoints[:, joint].double()[:, None, None] for joint in (parent, child))
        share = ((pixels - a) * (b - a)).sum(-1) / (b - a).square().sum(-1)
        nearest = a + share.clamp(0, 1)[..., None] * (b - a)
        maps.append((pixels - nearest).norm(dim=-1) <= width / 2)
    return torch.stack(maps, 1)


@pytest.mark.parametrize(("size", "width"), [(64, 2.0), (64, 5.0), (32, 1.0)])
def test_a_pixel_is_set_where_it_lies_within_half_a_width_of_the_bone(size, width):
    keypoints = poses(20, size).double()
    maps = skeleton_maps(keypoints, H36M, size, width)
    assert set(maps.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(maps.bool(), by_distance(keypoints, size, width))


@pytest.mark.parametrize(("size", "width"), [(256, 8), (64, 2)])
def test_limbs_are_those_that_opencv_draws(size, width):
    people = torch.from_numpy(load_dataset("procedural", split="test").keypoints_2d[::997])
    keypoints = center_and_scale(people, H36M.root, distance=size / 5)[0] + size / 2
    maps = skeleton_maps(keypoints, H36M, size, float(width))
    drawn = np.zeros((len(keypoints), len(H36M.bones), size, size), np.uint8)
    for pose, pictures in zip(keypoints.numpy(), drawn, strict=True):
        for (parent, child), picture in zip(H36M.bones, pictures, strict=True):
            ends = [tuple(round(float(v) * 16) for v in pose[joint]) for joint in (parent, child)]
            cv2.line(picture, *ends, 1, width, cv2.LINE_8, 4)
    assert (maps.numpy() == drawn).mean() > 0.995
    # OpenCV draws thin lines up to a pixel wider than asked for.
    assert 0.6 < float(maps.sum()) / drawn.sum() < 1.0


def test_level_upright_and_pointlike_bones():
    across = skeleton_maps(torch.tensor([[[2.0, 3.0], [5.0, 3.0]]]), ARM, 8, 1.0)[0, 0]
    assert across.nonzero().tolist() == [[3, 2], [3, 3], [3, 4], [3, 5]]
    upright = skeleton_maps(torch.tensor([[[3.0, 5.0], [3.0, 2.0]]]), ARM, 8, 1.0)[0, 0]
    torch.testing.assert_close(upright, across.mT)
    point = skeleton_maps(torch.tensor([[[3.0, 3.0], [3.0, 3.0]]]), ARM, 8, 2.0)[0, 0]
    assert point.nonzero().tolist() == [[2, 3], [3, 2], [3, 3], [3, 4], [4, 3]]


def test_bones_of_missing_joints_and_bones_outside_leave_their_maps_empty():
    keypoints = poses(1, 64)
    wrist = H36M.index("left_wrist")
    keypoints[:, wrist] = torch.nan
    full = skeleton_maps(keypoints, H36M, 64, 2.0)
    bone = [child for _, child in H36M.bones].index(wrist)
    assert full[:, bone].sum() == 0
    assert full.sum() > 0
    assert skeleton_maps(torch.full((1, 2, 2), 900.0), ARM, 64, 2.0).sum() == 0


def test_moving_a_pose_by_whole_pixels_moves_its_maps():
    keypoints = torch.rand(3, len(H36M), 2, generator=torch.Generator().manual_seed(1)).double() * 20 + 10
    maps = skeleton_maps(keypoints, H36M, 64, 3.0)
    moved = skeleton_maps(keypoints + torch.tensor([5.0, 11.0]), H36M, 64, 3.0)
    torch.testing.assert_close(moved, maps.roll((11, 5), (2, 3)))


@pytest.mark.parametrize(("size", "width"), [(0, 2.0), (64, 0.0), (64, float("nan"))])
def test_maps_without_pixels_and_limbs_without_width_are_refused(size, width):
    with pytest.raises(InputError, match=r"size|width"):
        skeleton_maps(poses(1, 64), H36M, size, width)
