"""Lift pictures of a camera at once: find, lift and draw one person."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from posezoo.files.opencv import opencv
from posezoo.lifting.module import LiftingModule
from posezoo.skeletons import Skeleton, get_skeleton
from posezoo.video.detectors import Detector
from posezoo.viz.panels import orthographic
from posezoo.viz.scene import PALETTES, side_of, to_plot

AZIMUTH_DEG, ELEVATION_DEG = 35.0, 12.0
"""The direction from which the pose is drawn: from the camera's right, so that depth is visible, and from above."""


MIN_CONFIDENCE = 0.3
"""The least mean confidence of a person, as in :func:`posezoo.video.read_video`."""


@dataclass(frozen=True)
class Seen:
    """A picture and the person in it.

    Attributes:
        picture: RGB.
        skeleton: the model's layout.
        keypoints_2d: px; None where nobody was found, or too few joints to lift.
        pose_3d: camera frame, root-relative, in the model's unit; None as ``keypoints_2d``.
    """

    picture: UInt8[np.ndarray, "H W 3"]
    skeleton: Skeleton
    keypoints_2d: Float[np.ndarray, "J 2"] | None = None
    pose_3d: Float[np.ndarray, "J 3"] | None = None


def lift_pictures(pictures: Iterable[np.ndarray], detector: Detector, model: LiftingModule) -> Iterator[Seen]:
    """Find, lift and yield the largest person of each picture; nothing is tracked, smoothed or filled.

    Args:
        pictures: (H, W, 3) uint8 RGB.
        detector: finds people.
        model: lifts them.
    """
    layout = get_skeleton(detector.skeleton)
    for picture in pictures:
        found = detector.detect(picture)
        people = np.asarray(found.keypoints, dtype=np.float32)[found.confidence.mean(1) >= MIN_CONFIDENCE]
        if not len(people):
            yield Seen(picture, model.skeleton)
            continue
        spread = np.nan_to_num(np.nanmax(people, 1) - np.nanmin(people, 1)).prod(-1)
        person = people[int(spread.argmax())]
        with warnings.catch_warnings():  # about people who lie down or stand on their heads
            warnings.simplefilter("ignore")
            result = model.predict(person[None], layout, picture.shape[1::-1], incomplete="nan")
        assert result.keypoints_2d is not None
        if np.isnan(result.pose_3d).all():
            yield Seen(picture, model.skeleton)
            continue
        yield Seen(picture, model.skeleton, result.keypoints_2d[0], result.pose_3d[0])


def side_by_side(seen: Seen) -> UInt8[np.ndarray, "H _ 3"]:
    """Return the picture with the skeleton on it, and beside it the pose as seen from the camera's right."""
    cv2 = opencv()
    left = seen.picture.copy()
    height = len(left)
    right = np.full((height, height, 3), 255, np.uint8)
    if seen.keypoints_2d is not None and seen.pose_3d is not None:
        flat = orthographic(to_plot(np.asarray(seen.pose_3d, dtype=np.float64)), AZIMUTH_DEG, ELEVATION_DEG)[0]
        reach = max(float(np.abs(flat - flat[seen.skeleton.root]).max()), 1e-9)
        drawn = (flat - flat[seen.skeleton.root]) * [1, -1] * (0.45 * height / reach) + height / 2
        for canvas, points in ((left, seen.keypoints_2d), (right, drawn)):
            for parent, child in seen.skeleton.bones:
                ends = np.asarray(points)[[parent, child]]
                if np.isfinite(ends).all():
                    colour = PALETTES[0][side_of(seen.skeleton, child)]
                    rgb = tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))
                    a, b = (tuple(int(value) for value in np.clip(end.round(), -9999, 9999)) for end in ends)
                    cv2.line(canvas, a, b, rgb, max(2, height // 160), cv2.LINE_AA)
    return np.concatenate([left, right], axis=1)
