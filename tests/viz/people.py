"""Make people to draw."""

from __future__ import annotations

import numpy as np

from posezoo.skeletons import get_skeleton
from posezoo.viz import Clip
from posezoo.viz.scene import PALETTES

H36M = get_skeleton("h36m17")
J = {name: index for index, name in enumerate(H36M.joints)}


def facing_the_camera(frames: int = 1) -> np.ndarray:
    """Return (T, 17, 3) camera frame: somebody who looks at the camera, so their right is on the image's left; nose forward.

    The right hand is raised and held towards the camera; later frames lean to one side.
    """
    half = {"hip": (130, 0, 0), "knee": (130, 440, 0), "ankle": (130, 880, 0)}
    half |= {"shoulder": (160, -500, 0), "elbow": (200, -250, 0), "wrist": (210, 0, 0)}
    joints = {
        "pelvis": (0, 0, 0),
        "spine": (0, -250, 0),
        "thorax": (0, -500, 0),
        "nose": (0, -620, -80),
        "head_top": (0, -760, 0),
    }
    for name, (x, y, z) in half.items():
        joints |= {f"left_{name}": (x, y, z), f"right_{name}": (-x, y, z)}
    joints |= {"right_elbow": (-300, -600, -200), "right_wrist": (-320, -800, -300)}
    pose = np.array([joints[name] for name in H36M.joints], dtype=np.float64)
    lean = np.linspace(0.0, 0.3, frames)[:, None]
    poses = np.repeat(pose[None], frames, 0)
    poses[..., 0] -= lean * poses[..., 1]
    return poses + [100.0, 200.0, 4000.0]


def clip_of(points: np.ndarray, /, **changes) -> Clip:
    """Return a clip as a camera of 1000 px sees it."""
    pixels = points[..., :2] / points[..., 2:] * 1000.0 + 500.0
    return Clip(**({"keypoints_2d": pixels, "poses": {"truth": points}, "skeleton": "h36m17"} | changes))


def coloured(pixels: np.ndarray, side: str, palette: dict[str, str] = PALETTES[0]) -> np.ndarray:
    """Return (N, 2) columns and rows of an RGB picture near the colour of a side."""
    colour = np.array([int(palette[side][i : i + 2], 16) for i in (1, 3, 5)])
    rows, columns = np.nonzero(np.abs(pixels[..., :3].astype(int) - colour).max(-1) < 30)
    return np.stack([columns, rows], axis=1)


def assert_upright_facing_us(pixels: np.ndarray) -> None:
    """Assert that somebody who faces us stands upright, their right on our left: nothing is mirrored."""
    left, right, centre = (coloured(pixels, side) for side in ("left", "right", "centre"))
    assert min(len(left), len(right), len(centre)) > 20
    assert right[:, 0].mean() < left[:, 0].mean()
    hand = right[right[:, 1].argmin()]  # the right one is raised
    assert hand[1] < left[:, 1].min()
    assert hand[0] < centre[:, 0].mean()
    feet = max(left[:, 1].max(), right[:, 1].max())
    assert centre[:, 1].mean() < (hand[1] + feet) / 2
