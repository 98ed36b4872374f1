"""Draw random postures: every joint anywhere within its anatomical limits."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from posezoo.errors import InputError
from posezoo.synthetic.body import JOINT_LIMITS, SKELETON, limits_of, pose_body, random_body

_POSES_A_BODY = 500
# How far angles stray from rest, as a share of the way to the limit (standard deviation).
_SPREAD = 0.45


def random_postures(count: int, seed: int = 0) -> Float32[np.ndarray, "N 17 3"]:
    """Draw postures of many bodies, each joint independently of the others.

    Angles are normally distributed about rest and held within :data:`JOINT_LIMITS`.

    Args:
        count: how many.
        seed: same seed, same postures.

    Returns:
        mm, h36m17, root at the origin, world frame (z up), the pelvis upright.

    Raises:
        InputError: a negative count.
    """
    if count < 0:
        raise InputError(f"{count} postures; expected 0 or more.")
    rng = np.random.default_rng(seed)
    parts = [np.empty((0, len(SKELETON), 3), np.float32)]
    for start in range(0, count, _POSES_A_BODY):
        frames = min(_POSES_A_BODY, count - start)
        parts.append(pose_body(random_body(rng), _angles(rng, frames)).numpy().astype(np.float32))
    return np.concatenate(parts)


def _angles(rng: np.random.Generator, frames: int) -> dict[str, np.ndarray]:
    """Return (frames, 3) degrees for every joint that has limits."""
    angles = {}
    for kind in JOINT_LIMITS:
        for joint in (kind,) if kind in ("trunk", "neck") else (f"left_{kind}", f"right_{kind}"):
            low, high = np.transpose(limits_of(joint) or ())
            drawn = rng.standard_normal((frames, 3)) * _SPREAD
            angles[joint] = np.where(drawn < 0, drawn * -low, drawn * high).clip(low, high)
    return angles
