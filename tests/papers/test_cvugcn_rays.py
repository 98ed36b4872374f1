"""Test Hua et al. 2021, Eq. 1, against its rows written out in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from posezoo.errors import InputError
from posezoo.geometry import h36m_cameras, triangulate
from posezoo.papers.cvugcn import CVUGCN
from posezoo.papers.cvugcn.rays import triangulate_rays
from posezoo.papers.cvugcn.rig import Rig

CAMERAS = h36m_cameras("S9")[:2]
RIG = Rig.of_cameras(CAMERAS)


def seen(noise_px: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    world = torch.randn(4, 5, 3, generator=generator) * torch.tensor([300.0, 300.0, 400.0]) + torch.tensor([0, 0, 1000.0])
    in_cameras = RIG.to_cameras(world)
    pixels = RIG.project(in_cameras)
    return in_cameras, pixels + noise_px * torch.randn(pixels.shape, generator=generator)


def test_exact_keypoints_give_the_point_in_either_frame():
    in_cameras, pixels = seen()
    torch.testing.assert_close(triangulate_rays(pixels, RIG), in_cameras, atol=0.5, rtol=0)


@pytest.mark.parametrize("weights", [None, (1.0, 0.25)])
def test_it_is_the_last_singular_vector_of_the_printed_rows(weights):
    _, pixels = seen(20.0)
    confidence = None if weights is None else torch.tensor(weights)[None, :, None].expand(4, 2, 5)
    found = triangulate_rays(pixels, RIG, confidence).double().numpy()
    K, R, t = (values[0].double().numpy() for values in (RIG.K, RIG.R, RIG.t))
    for own, other in ((0, 1), (1, 0)):
        turn = R[other] @ R[own].T
        matrices = {own: np.eye(3, 4), other: np.c_[turn, t[other] - turn @ t[own]]}
        for pose in range(4):
            for joint in range(5):
                rows = []
                for view, matrix in matrices.items():
                    ray = np.linalg.solve(K[view], [*pixels[pose, view, joint].double().numpy(), 1.0])
                    rows.append((1.0 if weights is None else weights[view]) * np.cross(ray, matrix, axisb=0).T)
                vector = np.linalg.svd(np.concatenate(rows))[2][-1]
                np.testing.assert_allclose(found[pose, own, joint], vector[:3] / vector[3], rtol=1e-4, atol=0.05)


def test_frames_have_points_of_their_own_and_differ_from_rows_of_pixels():
    _, pixels = seen(20.0)
    both = RIG.to_world(triangulate_rays(pixels, RIG))
    assert (both[:, 0] - both[:, 1]).norm(dim=-1).max() > 0.1
    assert (both[:, 0] - triangulate(pixels, RIG.projections)).norm(dim=-1).max() > 0.1


def test_what_cannot_be_had_is_nan():
    _, pixels = seen()
    pixels[0, 1, 2] = torch.nan
    weight = torch.ones(4, 2, 5)
    weight[1, 0, 3] = 0.0
    found = triangulate_rays(pixels, RIG, weight)
    assert torch.isnan(found[0, :, 2]).all()
    assert torch.isnan(found[1, :, 3]).all()
    assert int(torch.isnan(found).sum()) == 12
    twice = Rig(RIG.K[:, :1].repeat(1, 2, 1, 1), RIG.R[:, :1].repeat(1, 2, 1, 1), RIG.t[:, :1].repeat(1, 2, 1))
    assert torch.isnan(triangulate_rays(pixels[:, :1].repeat(1, 2, 1, 1), twice)).all()  # one camera is no pair


def test_the_model_says_which_way_it_triangulates():
    _, pixels = seen(20.0)
    rays, dlt = (CVUGCN(width=8, triangulation=name).coarse(pixels, RIG) for name in ("rays", "dlt"))
    torch.testing.assert_close(rays, triangulate_rays(pixels, RIG))
    torch.testing.assert_close(dlt, RIG.to_cameras(triangulate(pixels, RIG.projections)))
    assert CVUGCN(width=8).hp.triangulation == "rays"
    with pytest.raises(InputError, match="expected 'rays' or 'dlt'"):
        CVUGCN(width=8, triangulation="svd")
