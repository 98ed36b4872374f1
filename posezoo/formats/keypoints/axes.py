"""Bring arrays of keypoints to (N, J, D), whichever of their axes counts frames."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from posezoo.errors import InputError
from posezoo.skeletons import SKELETONS

# A movement between two frames, relative to the size of a pose, that no person makes.
_LEAST_JUMP = 0.2


def frames_first(keypoints: np.ndarray, confidence: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray | None]:
    """Bring (cameras or people, frames, J, D) to (frames, people, J, D), where motion says which axis counts frames.

    From one frame to the next a person moves little; from one person, or one camera, to another keypoints jump. Where
    nothing tells, the first axis counts frames.
    """
    if keypoints.ndim != 4 or keypoints.shape[1] < 2:
        return keypoints, confidence
    steps = [_step(keypoints[..., :2]), _step(keypoints[..., :2].swapaxes(0, 1))]
    if (keypoints.shape[0] == 1 and steps[1] < _LEAST_JUMP) or steps[1] < min(_LEAST_JUMP, 0.5 * steps[0]):
        keypoints = keypoints.swapaxes(0, 1)
        confidence = None if confidence is None else confidence.swapaxes(0, 1)
    return keypoints, confidence


def _step(points: np.ndarray) -> float:
    """Return how far joints move along the first axis, over the size of a pose; the median."""
    points = points.astype(np.float64)
    if len(points) < 2:
        return float("inf")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        moved = np.nanmedian(np.linalg.norm(np.diff(points, axis=0), axis=-1))
        extent = np.nanmedian((np.nanmax(points, axis=2) - np.nanmin(points, axis=2)).max(-1))
    return float(moved / extent) if extent > 0 else float("inf")


def _reshaping(shape: tuple[int, ...]) -> str:
    """Return what brings another shape to the expected one, where that can be told."""
    for axis, length in enumerate(shape[:-1]):
        if length in (2, 3) and shape[-1] > 3:
            return f": bring x and y to the end (numpy.moveaxis(keypoints, {axis}, -1))"
    counts = {len(layout) for layout in SKELETONS.values()}
    for axes in (2, 3):
        if len(shape) == 2 and shape[1] % axes == 0 and shape[1] // axes in counts:
            what = "x, y" if axes == 2 else "x, y, confidence"
            return f": if a row is {what} of each joint, keypoints.reshape(-1, {shape[1] // axes}, {axes})"
    return ""


def flatten(keypoints: np.ndarray, path: Path) -> tuple[np.ndarray, int, int]:
    """Return (J, D), (frames, J, D) or (frames, people, J, D) as (N, J, D), with the numbers of frames and people."""
    if not 2 <= keypoints.ndim <= 4 or keypoints.shape[-1] not in (2, 3):
        raise InputError(
            f"{path}: keypoints have shape {keypoints.shape}; expected (N, joints, 2), or 3 with the confidence last"
            f"{_reshaping(keypoints.shape)}."
        )
    frames = keypoints.shape[0] if keypoints.ndim > 2 else 1
    people = keypoints.shape[1] if keypoints.ndim == 4 else 1
    return keypoints.reshape(frames * people, *keypoints.shape[-2:]), frames, people
