"""Render pictures of people, deterministically and on demand."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8

from posezoo.data.openmocap import load_openmocap
from posezoo.data.pictures.people import HEAD_BOX, PeopleInPictures, boxes_around, evenly
from posezoo.data.procedural import procedural_dataset
from posezoo.errors import InputError, UnknownNameError
from posezoo.geometry import look_at, rotation_about
from posezoo.poses.posedata import PoseData
from posezoo.poses.views import moments, world_poses
from posezoo.synthetic.capsules import SKELETON
from posezoo.synthetic.scenes import DOMAINS, View

MARGIN = 1.3
"""A picture's side over a crop's, for crops that are shifted, turned and enlarged."""

# OpenMocap's subjects by domain: everyday motions in the studio; playground, dance and ball in the wild.
_ACTORS = {"studio": ("CMU02", "CMU03", "CMU07"), "wild": ("CMU01", "CMU05", "CMU06")}
SPLITS = ("train", "val", "test")
_CAMERAS, _PICTURE = range(2)
_FLOOR_BELOW_ROOT_MM = 900.0
HEAD_SIZE = 0.71 * HEAD_BOX  # a head reaches from the upper neck, 0.29 of the way from thorax to crown


def rendered_people(
    domain: str = "studio",
    split: str = "train",
    path: str | Path | None = None,
    side: int = 320,
    seed: int = 0,
    count: int | None = None,
) -> PeopleInPictures:
    """Return people of capsules in two worlds.

    ``studio``: a plain room, five outfits, the four cameras of Human3.6M without their distortion, everyday motions.
    ``wild``: any background, clothes and light, occluders, blur and noise; cameras 2 to 8 m away, from below or above,
    rolled; other people, other motions. Both hold 3D; a training on ``wild`` must not read it.

    Args:
        domain: ``studio`` or ``wild``.
        split: ``train``, ``val`` or ``test``: other motions, bodies and pictures.
        path: OpenMocap's file, for its motions; procedural people where not given.
        side: of the square pictures, px.
        seed: another one gives other pictures, and in the wild other cameras.
        count: so many people, evenly over all; all where not given.

    Returns:
        poses in h36m17, 2D in px of the pictures, 3D in mm in each camera's frame.

    Raises:
        UnknownNameError: no such domain or split.
        InputError: pictures of less than 32 px, less than one of them.
        MissingFileError, CorruptFileError: no OpenMocap file at ``path``.

    Example:
        >>> people = rendered_people("wild", "test", side=64, count=10)
        >>> people.read(3).shape, len(people)
        ((64, 64, 3), 10)
    """
    if domain not in DOMAINS:
        raise UnknownNameError.of("domain", domain, DOMAINS)
    if split not in SPLITS:
        raise UnknownNameError.of("split", split, SPLITS)
    if side < 32:
        raise InputError(f"side is {side} px; expected 32 or more.")
    data = _motions(domain, split, path)
    key = (seed, sorted(DOMAINS).index(domain), SPLITS.index(split))
    rows = moments(data) if domain == "wild" else np.arange(len(data))
    # Drawn for all people, so that `count` changes no picture.
    draws = np.random.default_rng([*key, _CAMERAS]).random((len(rows), 5))
    if count is not None:
        chosen = evenly(len(rows), count)
        rows, draws = rows[chosen], draws[chosen]
    data = data[rows]
    shots = (in_the_wild(data, draws) if domain == "wild" else _in_the_studio(data)).framed(side)
    actor = np.array([int(re.sub(r"\D", "", clip.subject.split("/")[-1])) for clip in data.sequences])[data.sequence]
    thorax, crown = (shots.poses[:, SKELETON.index(joint)] for joint in ("thorax", "head_top"))
    head = np.linalg.norm(crown - thorax, axis=1) / crown[:, 2] * shots.intrinsics[:, 0, 0]
    return PeopleInPictures(
        poses=replace(
            data,
            keypoints_2d=project(shots.poses, shots.intrinsics).astype(np.float32),
            pose_3d=shots.poses.astype(np.float32),
            sequences=tuple(replace(clip, camera=None, image_size=(side, side)) for clip in data.sequences),
        ),
        center=np.full((len(data), 2), (side - 1) / 2, np.float32),
        side_px=np.full(len(data), side / MARGIN, np.float32),
        picture=_Pictures(domain, side, shots, key, rows, actor),
        head_px=(HEAD_SIZE * head).astype(np.float32),
    )


def _motions(domain: str, split: str, path: str | Path | None) -> PoseData:
    """Return the people who move in a domain, before the cameras of Human3.6M."""
    if path is None:
        return procedural_dataset(split, seed=sorted(DOMAINS).index(domain))
    data = load_openmocap(path, split)
    data = data[np.isin([name.split("/")[0] for name in data.subject], _ACTORS[domain])]
    if not len(data):
        raise InputError(
            f"{path} holds none of {', '.join(_ACTORS[domain])} in the {split} split, who move in the {domain}."
        )
    return data


@dataclass(frozen=True)
class Shots:
    """N poses (mm, camera frame), intrinsics of any scale, the vertical in each camera's frame, how high each stands."""

    poses: np.ndarray
    intrinsics: np.ndarray
    up: np.ndarray
    floor_mm: np.ndarray

    def framed(self, side: int) -> Shots:
        """Return the same, with intrinsics of square pictures around the people."""
        center, around = boxes_around(project(self.poses, self.intrinsics))
        zoom = side / (MARGIN * around.astype(np.float64))
        frame = np.zeros((len(zoom), 3, 3))
        frame[:, 0, 0] = frame[:, 1, 1] = zoom
        frame[:, :2, 2] = (side - 1) / 2 - zoom[:, None] * center
        frame[:, 2, 2] = 1.0
        return replace(self, intrinsics=frame @ self.intrinsics)


def _in_the_studio(data: PoseData) -> Shots:
    """Return poses before the cameras that saw them."""
    cameras = [clip.camera for clip in data.sequences]
    assert data.pose_3d is not None
    intrinsics, turns, moves = (
        np.stack([getattr(camera, name).double().numpy() for camera in cameras])[data.sequence] for name in ("K", "R", "t")
    )
    floor = -np.einsum("nji,nj->ni", turns, moves)[:, 2]
    return Shots(data.pose_3d.astype(np.float64), intrinsics, turns[:, :, 2], floor)


def in_the_wild(data: PoseData, draws: Float[np.ndarray, "N 5"]) -> Shots:
    """See poses by cameras anywhere: 2 to 8 m away, 15 degrees below to 45 above, rolled by 30 at most."""
    distance = 2000.0 * 4.0 ** draws[:, 0]
    around = 2 * np.pi * draws[:, 1]
    above = np.deg2rad(-15.0 + 60.0 * draws[:, 2] ** 1.5)
    roll = np.deg2rad(30.0 * (draws[:, 3] + draws[:, 4] - 1.0))
    way = np.stack([np.cos(above) * np.cos(around), np.cos(above) * np.sin(around), np.sin(above)], 1)
    center = torch.from_numpy(distance[:, None] * way)
    turns, moves = look_at(center, torch.zeros_like(center))
    tilted = rotation_about("z", torch.from_numpy(roll)) @ turns
    poses = world_poses(data, SKELETON).double() @ tilted.mT + moves[:, None]  # the root stays straight ahead
    floor = distance * np.sin(above) + _FLOOR_BELOW_ROOT_MM
    return Shots(poses.numpy(), np.broadcast_to(np.eye(3), (len(data), 3, 3)), tilted[:, :, 2].numpy(), floor)


def project(poses: Float[np.ndarray, "N J 3"], intrinsics: Float[np.ndarray, "N 3 3"]) -> Float[np.ndarray, "N J 2"]:
    """Return where points in camera frames lie in the picture, in px."""
    pixels = poses @ intrinsics.swapaxes(1, 2)
    return pixels[..., :2] / pixels[..., 2:]


@dataclass(frozen=True)
class _Pictures:
    """Renders a row when it is called."""

    domain: str
    side: int
    shots: Shots
    key: tuple[int, ...]
    source: np.ndarray  # each row's number in its split, which seeds its random numbers
    actor: np.ndarray

    def __call__(self, row: int) -> UInt8[np.ndarray, "H W 3"]:
        shots = self.shots
        view = View(
            shots.poses[row], shots.intrinsics[row], shots.up[row], float(shots.floor_mm[row]), (self.side, self.side)
        )
        rng = np.random.default_rng([*self.key, _PICTURE, int(self.source[row])])
        return DOMAINS[self.domain](view, rng, int(self.actor[row]))
