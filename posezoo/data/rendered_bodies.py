"""Draw pictures of bodies in poses of motion capture and mixtures of them, on demand, in batches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from posezoo.data.openmocap import load_openmocap
from posezoo.data.pictures.people import PeopleInPictures
from posezoo.data.procedural import procedural_dataset
from posezoo.data.rendered import HEAD_SIZE, MARGIN, SPLITS, Shots, in_the_wild, project
from posezoo.errors import InputError, UnknownNameError
from posezoo.files.reading import PathLike
from posezoo.poses.views import moments
from posezoo.synthetic.bodies import Bodies, load_bodies
from posezoo.synthetic.capsules import SKELETON
from posezoo.synthetic.drawing import DRAWS, draw_bodies, joints_of
from posezoo.synthetic.turning import frame

_J = {name: index for index, name in enumerate(SKELETON.joints)}
_LIMBS = {
    "arms": (("shoulder", "elbow", "wrist"), ("left_shoulder", "right_shoulder"), ("spine", "thorax")),
    "legs": (("hip", "knee", "ankle"), ("left_hip", "right_hip"), ("pelvis", "spine")),
}
_BORROWED = {"arms": 0.5, "legs": 0.35}
"""The share of poses that get the arms, and the share that get the legs, of another pose."""
_JITTER_MM = 40.0
_POSE, _LOOK = range(2)


def rendered_bodies(
    split: str = "train",
    path: PathLike | None = None,
    bodies: PathLike = "bodies.h5",
    side: int = 224,
    seed: int = 0,
    count: int = 2000,
) -> PeopleInPictures:
    """Return people of all shapes and ages, in poses of motion capture and in mixtures of them, in the wild.

    Args:
        split: ``train``, ``val`` or ``test``: other motions and pictures.
        path: OpenMocap's file, for its motions; procedural people where not given.
        bodies: what ``posezoo data prepare bodies`` wrote.
        side: of the square pictures, px.
        seed: another one gives other pictures.
        count: so many people.

    Returns:
        poses in h36m17: the joints of the bodies' own rig; 2D in px of the pictures, 3D in mm in each camera's frame.

    Raises:
        UnknownNameError: no such split.
        InputError: pictures of less than 32 px, less than one of them.
        MissingFileError, CorruptFileError: no such files, or damaged ones.
    """
    if split not in SPLITS:
        raise UnknownNameError.of("split", split, SPLITS)
    if side < 32 or count < 1:
        raise InputError(f"side {side} px, count {count}; expected 32 px or more, and one or more.")
    shapes = load_bodies(bodies)
    data = procedural_dataset(split) if path is None else load_openmocap(Path(path), split)
    key = (seed, SPLITS.index(split))
    rng = np.random.default_rng([*key, _POSE])
    rows = rng.choice(moments(data), count)
    data = data[rows]
    shots = in_the_wild(data, rng.random((count, 5)))
    poses = _mixed(torch.from_numpy(shots.poses).float(), rng)
    draws = torch.from_numpy(np.random.default_rng([*key, _LOOK]).random((count, DRAWS), dtype=np.float32))
    joints = torch.cat([joints_of(shapes, *part) for part in zip(poses.split(1000), draws.split(1000), strict=True)])
    shots = replace(shots, poses=joints.double().numpy()).framed(side)
    head = np.linalg.norm(joints[:, _J["head_top"]] - joints[:, _J["thorax"]], axis=1)
    head = head / joints[:, _J["head_top"], 2].numpy() * shots.intrinsics[:, 0, 0]
    return PeopleInPictures(
        poses=replace(
            data,
            keypoints_2d=project(shots.poses, shots.intrinsics).astype(np.float32),
            pose_3d=joints.numpy(),
            confidence=None,
            sequences=tuple(replace(clip, camera=None, image_size=(side, side)) for clip in data.sequences),
        ),
        center=np.full((count, 2), (side - 1) / 2, np.float32),
        side_px=np.full(count, side / MARGIN, np.float32),
        picture=DrawnBodies(shapes, side, poses, torch.from_numpy(shots.intrinsics).float(), draws),
        head_px=(HEAD_SIZE * head).astype(np.float32),
    )


@dataclass(frozen=True)
class DrawnBodies:
    """Draws a row when it is called, or many rows at once on any device."""

    bodies: Bodies
    side: int
    poses: Float[Tensor, "N 17 3"]
    intrinsics: Float[Tensor, "N 3 3"]
    draws: Float[Tensor, "N _"]

    def __call__(self, row: int) -> UInt8[np.ndarray, "H W 3"]:
        return np.ascontiguousarray(self.batch(np.array([row]))[0].numpy())

    def batch(self, rows: np.ndarray, device: torch.device | str = "cpu") -> UInt8[Tensor, "B H W 3"]:
        """Return the pictures of some rows."""
        identity = np.broadcast_to(np.eye(2, 3), (len(rows), 2, 3))
        return self.cut(rows, identity, self.side, device).permute(0, 2, 3, 1)

    def cut(
        self, rows: np.ndarray, matrices: Float[np.ndarray, "B 2 3"], side: int, device: torch.device | str = "cpu"
    ) -> UInt8[Tensor, "B 3 S S"]:
        """Return crops of the pictures, drawn as large as they are asked for.

        Args:
            rows: which.
            matrices: from px of the picture to px of the crop, without turning it.
            side: of the crops, px.
            device: where to draw.
        """
        index = torch.from_numpy(np.asarray(rows, np.int64))
        poses, intrinsics, draws = (values[index].to(device) for values in (self.poses, self.intrinsics, self.draws))
        crop = torch.eye(3, device=device).repeat(len(rows), 1, 1)
        crop[:, :2] = torch.from_numpy(np.asarray(matrices, np.float32)).to(device)
        return draw_bodies(self.bodies.to(device), poses, crop @ intrinsics, draws, side).permute(0, 3, 1, 2)


def _mixed(poses: Float[Tensor, "N 17 3"], rng: np.random.Generator) -> Float[Tensor, "N 17 3"]:
    """Exchange some arms or legs for another pose's, turned with the trunk; move ends of limbs a little."""
    poses = poses.clone()
    for name, (joints, (left, right), (low, high)) in _LIMBS.items():
        trunk = frame(poses[:, _J[left]] - poses[:, _J[right]], poses[:, _J[high]] - poses[:, _J[low]])
        other = torch.from_numpy(rng.permutation(len(poses)))
        turn = trunk @ trunk[other].mT
        borrowed = torch.from_numpy(rng.random(len(poses)) < _BORROWED[name])
        donor = poses[other]
        for side in ("left", "right"):
            base = _J[f"{side}_{joints[0]}"]
            for joint in joints[1:]:
                index = _J[f"{side}_{joint}"]
                taken = poses[:, base] + (turn @ (donor[:, index] - donor[:, base])[..., None])[..., 0]
                moved = torch.where(borrowed[:, None], taken, poses[:, index])
                poses[:, index] = moved + torch.from_numpy(rng.normal(0, _JITTER_MM, (len(poses), 3))).float()
    return poses


__all__ = ["DrawnBodies", "Shots", "rendered_bodies"]
