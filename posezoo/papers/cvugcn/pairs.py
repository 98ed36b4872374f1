"""Make pairs of synchronised cameras: their keypoints, and their calibration with errors."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from posezoo.data import PoseData
from posezoo.errors import InputError, UnknownNameError
from posezoo.geometry import Camera, rotation_vector_to_matrix
from posezoo.poses.views import synchronised
from posezoo.skeletons import Skeleton, convert

PAIRS = {"P1": (0, 1), "P2": (0, 2), "P3": (1, 3), "P4": (2, 3)}
"""Adjacent cameras of Human3.6M, Hua et al. 2021, Sec. 5.2: c1 and c2, c1 and c3, c2 and c4, c3 and c4."""
OTHERS = {"C12": (0, 1), "C13": (0, 2), "C23": (1, 2)}
"""Pairs of three cameras, as HumanEva-I has them."""
_NUMBERED = re.compile(r"c([1-9])c([1-9])")


def pairs_by_name(names: Sequence[str] | None) -> list[tuple[int, int]]:
    """Return the pairs of these names, those of Human3.6M where none are given; ``c1c4`` is the first and the fourth camera.

    Raises:
        UnknownNameError: no such pair.
    """
    known = {**PAIRS, **OTHERS}
    for name in names or ():
        numbered = _NUMBERED.fullmatch(name)
        if numbered and numbered[1] != numbered[2]:
            known[name] = (int(numbered[1]) - 1, int(numbered[2]) - 1)
        if name not in known:
            raise UnknownNameError.of("camera pair", name, known)
    return [known[name] for name in names or PAIRS]


@dataclass(frozen=True)
class CalibrationError:
    """The error of a calibration, which refinement corrects in the paper.

    Each camera gets an error of its own, the same wherever the same seed is used.

    Args:
        rotation_deg: angle about a random axis.
        translation_mm: length of a shift of the camera's centre in a random direction.
        focal: relative error of the focal length; its sign is random.
        seed: of the draws.

    Raises:
        InputError: a negative size.
    """

    rotation_deg: float = 0.0
    translation_mm: float = 0.0
    focal: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.rotation_deg, self.translation_mm, self.focal) < 0:
            raise InputError(f"calibration errors are sizes and cannot be negative: {self}.")

    def apply(self, camera: Camera) -> Camera:
        """Return the camera with its calibration error."""
        if not (self.rotation_deg or self.translation_mm or self.focal):
            return camera
        place = ",".join(f"{x:.1f}" for x in camera.center.tolist())
        generator = torch.Generator().manual_seed(zlib.crc32(f"{self.seed}/{camera.name}/{place}".encode()))
        axis, direction = torch.nn.functional.normalize(torch.randn(2, 3, dtype=torch.float64, generator=generator), dim=1)
        sign = 1.0 if torch.rand(1, generator=generator) < 0.5 else -1.0
        turned = rotation_vector_to_matrix(axis * np.deg2rad(self.rotation_deg)) @ camera.R.double()
        K = camera.K.double().clone()
        K[:2, :2] *= 1 + sign * self.focal
        center = camera.center.double() + self.translation_mm * direction
        return replace(camera, K=K, R=turned, t=-turned @ center)


def paired_tensors(
    data: PoseData,
    pairs: Sequence[tuple[int, int]],
    skeleton: Skeleton,
    *,
    noise_px: float = 0.0,
    calibration: CalibrationError | None = None,
    target: PoseData | None = None,
    labels: bool = False,
    undistort: bool = True,
    seed: int = 0,
) -> dict[str, Tensor]:
    """Return the tensors of camera pairs, M pairs of V = 2 views.

    Args:
        data: views of the same clips, with cameras.
        pairs: of cameras.
        skeleton: the layout handed out.
        noise_px: standard deviation of Gaussian noise on the keypoints.
        calibration: how far the cameras are off; not at all where not given.
        target: the same poses as annotated; the data themselves, before noise, where not given.
        labels: whether to hand out 3D, too.
        undistort: take the lens' distortion out of the keypoints, which the paper does not mention.
        seed: of the noise.

    Returns:
        ``keypoints_2d`` and ``target_2d`` (M, 2, J, 2) px, ``K`` (M, 2, 3, 3), ``R``
        (M, 2, 3, 3), ``t`` (M, 2, 3), ``pair`` (M,) which of ``pairs``, ``row`` (M,) the row of the first view in
        ``data``; with labels ``pose_3d`` (M, 2, J, 3) mm, camera frames.

    Raises:
        InputError: clips without a camera, joints that cannot be had, or no common frame.
    """
    error = calibration or CalibrationError()
    rows, which = synchronised(data, pairs)
    believed: dict[int, Camera] = {}
    for clip in data.sequences:
        if clip.camera is None:
            raise InputError(f"clip {clip.subject} {clip.action} has no calibrated camera; pairs of views need them.")
        believed.setdefault(id(clip.camera), error.apply(clip.camera))
    number = {key: index for index, key in enumerate(believed)}
    of_clip = np.asarray([number[id(clip.camera)] for clip in data.sequences])
    camera = of_clip[data.sequence]
    lenses = list(believed.values()) if undistort else []
    seen = _undistorted(data, skeleton, lenses, camera, noise_px, seed)
    annotated = seen if noise_px == 0 else None
    if target is not None or annotated is None:
        annotated = _undistorted(target or data, skeleton, lenses, camera, 0.0, seed)
    tensors = {"keypoints_2d": seen[rows], "target_2d": annotated[rows]}
    for name in ("K", "R", "t"):
        values = torch.stack([getattr(c, name).float() for c in believed.values()])
        tensors[name] = values[torch.from_numpy(camera[rows])]
    tensors |= {"pair": torch.from_numpy(which), "row": torch.from_numpy(rows[:, 0])}
    if labels:
        if data.pose_3d is None:
            raise InputError("there is no 3D to score against.")
        pose = convert(data.pose_3d, data.skeleton, skeleton)
        tensors["pose_3d"] = torch.from_numpy(np.ascontiguousarray(pose.keypoints[rows], dtype=np.float32))
    return tensors


def _undistorted(
    data: PoseData, skeleton: Skeleton, cameras: list[Camera], camera: np.ndarray, noise_px: float, seed: int
) -> Tensor:
    """Return (N, J, 2) px in the layout, with noise, as ``cameras`` would see them without distortion."""
    keypoints = convert(data.keypoints_2d, data.skeleton, skeleton)
    if keypoints.missing:
        raise InputError(f"{data.skeleton.name} cannot give {', '.join(keypoints.missing)} of {skeleton.name}.")
    pixels = np.array(keypoints.keypoints, dtype=np.float32)  # a copy, because the loop below changes it
    if noise_px:
        pixels = pixels + noise_px * np.random.default_rng(seed).standard_normal(pixels.shape, dtype=np.float32)
    undistorted = torch.from_numpy(pixels)
    for index, one in enumerate(cameras):
        mine = torch.from_numpy(np.flatnonzero(camera == index))
        undistorted[mine] = one.undistort(undistorted[mine].double()).float()
    return undistorted
