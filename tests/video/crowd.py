"""Make people whom several cameras see, and score what is found of them."""

from __future__ import annotations

import numpy as np
import torch

from posezoo.geometry import Camera, triangulate
from posezoo.poses.tracking import Track


def people(count: int = 2, frames: int = 20, seed: int = 0) -> np.ndarray:
    """Return (P, T, J, 3) mm: bodies of plausible size that sway, a metre apart."""
    generator = np.random.default_rng(seed)
    body = generator.normal(size=(count, 1, 17, 3)) * [150, 150, 400] + [0, 0, 900]
    body[..., 0] += 1000 * np.arange(count)[:, None, None]
    phase = np.linspace(0, 4, frames)[:, None, None]
    return body + 80 * np.sin(phase + generator.uniform(0, 6, (count, 1, 17, 3)))


def tracks(world: np.ndarray, cameras: list[Camera], noise_px: float = 2.0) -> list[list[Track]]:
    """Return each view's tracks, in the order of the people."""
    generator = np.random.default_rng(1)
    result = []
    for camera in cameras:
        seen = camera.project(torch.from_numpy(world)).numpy()
        seen = seen + noise_px * generator.standard_normal(seen.shape)
        result.append([Track(0, one, np.full(one.shape[:2], 0.9)) for one in seen])
    return result


def error_mm(person, cameras, world) -> float:
    """Return the mean distance between the triangulated joints of a person and their places, mm."""
    points = triangulate(torch.from_numpy(person.keypoints).double().movedim(0, 1), cameras).numpy()
    return float(np.nanmean(np.linalg.norm(points - world[person.frames], axis=-1)))
