"""Test robust triangulation: wrong views lose their weight, and exact views keep the point."""

from __future__ import annotations

import torch

from posezoo.geometry import Camera, h36m_cameras, triangulate
from posezoo.geometry.robust import trusted

CAMERAS = [Camera(c.K, c.R, c.t) for c in h36m_cameras("S9")]
P = torch.stack([camera.projection for camera in CAMERAS])


def seen(count: int = 500, noise_px: float = 4.0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    world = (torch.rand(count, 3, dtype=torch.float64, generator=generator) - 0.5) * 2000 + torch.tensor([0.0, 0, 1000])
    pixels = torch.stack([camera.project(world) for camera in CAMERAS])
    return world, pixels + noise_px * torch.randn(pixels.shape, dtype=torch.float64, generator=generator)


def test_one_wrong_view_is_outvoted():
    world, pixels = seen()
    pixels[2, ::5] += 60
    weights = trusted(pixels, P)
    assert weights[2, ::5].max() < 0.2 < 0.5 < weights[[0, 1, 3]].median()
    plain, robust = ((triangulate(pixels, P, w) - world).norm(dim=1).nanmean() for w in (None, weights))
    clean = (triangulate(seen()[1], P) - world).norm(dim=1).mean()
    assert robust < 1.15 * clean < 0.6 * plain


def test_noise_alone_is_not_made_worse():
    world, pixels = seen()
    plain, robust = ((triangulate(pixels, P, w) - world).norm(dim=1).mean() for w in (None, trusted(pixels, P)))
    assert robust < 1.02 * plain


def test_two_views_keep_their_confidence_and_missing_joints_have_none():
    _, pixels = seen(10)
    pixels[1, 3] = torch.nan
    confidence = torch.rand(2, 10, dtype=torch.float64) + 0.1
    weights = trusted(pixels[:2], P[:2], confidence)
    assert weights[1, 3] == 0
    kept = torch.isfinite(pixels[:2]).all(-1)
    torch.testing.assert_close(weights[kept], confidence[kept])
    of_four = trusted(pixels, P)[:, 3]
    assert of_four[1] == 0 < of_four[0]
