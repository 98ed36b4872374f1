"""Hold what tests of several cameras see."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from posezoo.data import load_dataset
from posezoo.papers.cvugcn import CVUGCN
from posezoo.registry import save

FRAMES = 12


@pytest.fixture(scope="module")
def seen():
    """Return two people in two views, (2, 2, FRAMES, 17, 2) px by person and view, in mm, and the cameras."""
    data = load_dataset("procedural", split="test", actions=["walk"], frames_per_clip=FRAMES)
    clips = {(clip.subject, clip.view): (clip, rows) for clip, rows in data.by_sequence() if clip.trial == "1"}
    cameras = [replace(clips["S9", view][0].camera, name=f"c{view}") for view in (0, 1)]
    world = [cameras[0].camera_to_world(torch.from_numpy(clips[who, 0][1].pose_3d).double()) for who in ("S9", "S11")]
    world[1] = world[1] + torch.tensor([600.0, 0, 0])
    pixels = torch.stack([torch.stack([camera.project(poses) for camera in cameras]) for poses in world])
    return pixels.numpy(), [poses.numpy() for poses in world], cameras


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    return save(CVUGCN(width=8, refinement=False).eval(), tmp_path_factory.mktemp("weights") / "small.safetensors")


@pytest.fixture(scope="module")
def four(seen):
    """Return four cameras around the people of ``seen``, named, and what each sees of the first person."""
    _, world, cameras = seen
    cameras = [replace(camera, name=f"cam{number}") for number, camera in zip((1, 2), cameras, strict=True)]
    turned = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
    cameras += [replace(camera, R=camera.R.double() @ turned, name=f"cam1{number}") for number, camera in enumerate(cameras)]
    return [camera.project(torch.from_numpy(world[0])).numpy() for camera in cameras], world[0], cameras
