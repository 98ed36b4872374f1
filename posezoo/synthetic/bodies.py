"""Represent bodies by points of a parametric body's surface, moved with 17 joints."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from posezoo.errors import CorruptFileError
from posezoo.files.hdf5 import create_hdf5, open_hdf5, read_attributes, read_dataset
from posezoo.files.reading import PathLike
from posezoo.files.writing import atomic_write
from posezoo.synthetic.capsules import SKELETON
from posezoo.synthetic.turning import about, frame, limb, swing, turned

SIDES = ("left", "right")
PARTS = (
    "pelvis", "belly", "chest", "neck", "head",
    *(f"{side}_{name}" for side in SIDES for name in ("upper_arm", "forearm", "hand", "thigh", "shin", "foot")),
)  # fmt: skip
SPICE = 8
"""How many numbers in [-1, 1] complete 17 joints: where the head looks, how hands and feet are turned."""
_J = {name: index for index, name in enumerate(SKELETON.joints)}
_PIVOTS = {
    "pelvis": "pelvis", "belly": "spine", "chest": "spine", "neck": "thorax", "upper_arm": "shoulder", "forearm": "elbow",
    "hand": "wrist", "thigh": "hip", "shin": "knee", "foot": "ankle",
}  # fmt: skip
# Each joint, its parent, and the part that carries it.
_CHAIN = [("spine", "pelvis", "belly"), ("thorax", "spine", "chest")]
for _side in SIDES:
    _CHAIN += [
        (f"{_side}_shoulder", "spine", "chest"),
        (f"{_side}_elbow", f"{_side}_shoulder", f"{_side}_upper_arm"),
        (f"{_side}_wrist", f"{_side}_elbow", f"{_side}_forearm"),
        (f"{_side}_hip", "pelvis", "pelvis"),
        (f"{_side}_knee", f"{_side}_hip", f"{_side}_thigh"),
        (f"{_side}_ankle", f"{_side}_knee", f"{_side}_shin"),
    ]
_ARM, _LEG = ("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")
_NECK = 0.45
"""The place on the line from thorax to crown about which the head turns."""
KEY, _FORMAT = "posezoo_bodies", 1


def _pivot(part: str) -> str | None:
    """Return the joint that a part turns about; None for the head, which turns about the top of the neck."""
    side, _, name = part.partition("_")
    if side in SIDES:
        return f"{side}_{_PIVOTS[name]}"
    return _PIVOTS.get(part)


@dataclass(frozen=True)
class Bodies:
    """Several rest shapes of one surface.

    Attributes:
        points: (M, P, 3) mm, z up, facing -y.
        normals: (P, 3) unit vectors outwards, of the first shape.
        weights: (P, 17) how much each of :data:`PARTS` carries a point; a row adds up to one.
        joints: (M, 17, 3) mm, h36m17: inside of the surface, where the rig has them.
    """

    points: Tensor
    normals: Tensor
    weights: Tensor
    joints: Tensor

    def to(self, device: torch.device | str) -> Bodies:
        """Return the same on a device."""
        return Bodies(*(getattr(self, field.name).to(device) for field in fields(self)))

    @property
    def part(self) -> Int[Tensor, "P"]:
        """The part that carries most of each point."""
        return self.weights.argmax(1)

    def rotations(
        self, rest: Float[Tensor, "B 17 3"], pose: Float[Tensor, "B 17 3"], spice: Float[Tensor, "B 8"]
    ) -> Float[Tensor, "B 17 3 3"]:
        """Return how each of :data:`PARTS` turns from the rest to a pose; only directions of the pose's bones count."""

        def bone(of: Tensor, start: str, end: str) -> Tensor:
            return of[:, _J[end]] - of[:, _J[start]]

        def trunk(of: Tensor, side: str, low: str, high: str) -> Tensor:
            return frame(bone(of, f"right_{side}", f"left_{side}"), bone(of, low, high))

        def between(first: Tensor, second: Tensor) -> Tensor:
            mean = first + second
            return frame(mean[..., 0], mean[..., 1])

        pelvis, chest = (
            trunk(pose, side, low, high) @ trunk(rest, side, low, high).mT
            for side, low, high in (("hip", "pelvis", "spine"), ("shoulder", "spine", "thorax"))
        )
        across, front = (torch.eye(3, device=rest.device)[axis].expand(len(rest), 3) for axis in (0, 2))
        head = swing(turned(chest, bone(rest, "thorax", "head_top")), bone(pose, "thorax", "head_top")) @ chest
        head = about(bone(pose, "thorax", "head_top"), 0.9 * spice[:, 0]) @ head
        head = about(turned(head, across), 0.25 * spice[:, 1]) @ head
        parts = {
            "pelvis": pelvis,
            "belly": between(pelvis, chest),
            "chest": chest,
            "neck": between(head, chest),
            "head": head,
        }
        for number, side in enumerate(SIDES):
            arm, leg = [f"{side}_{joint}" for joint in _ARM], [f"{side}_{joint}" for joint in _LEG]
            rest_arm, pose_arm, rest_leg, pose_leg = (
                tuple(of[:, _J[joint]] for joint in joints) for joints in (arm, leg) for of in (rest, pose)
            )
            upper, fore = limb(chest, rest_arm, pose_arm, 1.9)
            fore = about(bone(pose, arm[1], arm[2]), 0.8 * spice[:, 2 + number]) @ fore
            thigh, shin = limb(pelvis, rest_leg, pose_leg, 1.0)
            parts |= {
                f"{side}_upper_arm": upper,
                f"{side}_forearm": fore,
                f"{side}_hand": about(turned(fore, front), 0.5 * spice[:, 4 + number]) @ fore,
                f"{side}_thigh": thigh,
                f"{side}_shin": shin,
                f"{side}_foot": about(turned(shin, across), 0.15 + 0.45 * spice[:, 6 + number]) @ shin,
            }
        return torch.stack([parts[part] for part in PARTS], 1)

    def wrap(
        self, rest: Float[Tensor, "B 17 3"], pose: Float[Tensor, "B 17 3"], spice: Float[Tensor, "B 8"]
    ) -> tuple[Float[Tensor, "B 17 3"], Float[Tensor, "B 17 12"]]:
        """Return where a body's own joints are in a pose, and the 3 x 4 matrix, row by row, that moves each part there.

        Args:
            rest: joints of the body.
            pose: h36m17 in any frame, mm; its pelvis is kept, its bone lengths are the body's.
            spice: see :data:`SPICE`.
        """
        turns = self.rotations(rest, pose, spice)
        turn = {part: turns[:, index] for index, part in enumerate(PARTS)}
        at = {"pelvis": pose[:, _J["pelvis"]]}
        for child, parent, part in _CHAIN:
            at[child] = at[parent] + turned(turn[part], rest[:, _J[child]] - rest[:, _J[parent]])
        thorax, crown = rest[:, _J["thorax"]], rest[:, _J["head_top"]]
        nape = thorax + _NECK * (crown - thorax)
        nape_at = at["thorax"] + turned(turn["neck"], nape - thorax)
        for joint in ("nose", "head_top"):
            at[joint] = nape_at + turned(turn["head"], rest[:, _J[joint]] - nape)
        pivots = [(nape, nape_at) if joint is None else (rest[:, _J[joint]], at[joint]) for joint in map(_pivot, PARTS)]
        offsets = [end - turned(turn[part], start) for part, (start, end) in zip(PARTS, pivots, strict=True)]
        affine = torch.cat([turns, torch.stack(offsets, 1)[..., None]], -1).flatten(2)
        return torch.stack([at[joint] for joint in SKELETON.joints], 1), affine

    def surface(
        self, points: Float[Tensor, "B P 3"], affine: Float[Tensor, "B 17 12"]
    ) -> tuple[Float[Tensor, "B P 3"], Float[Tensor, "B P 3"]]:
        """Return points of the surface and their normals, moved by what :meth:`wrap` gave."""
        blended = torch.matmul(self.weights, affine)
        x, y, z = points.unbind(-1)
        a, b, c = self.normals.unbind(-1)
        moved, normals = [], []
        for row in range(3):
            m = blended[..., 4 * row : 4 * row + 4]
            moved.append(m[..., 0] * x + m[..., 1] * y + m[..., 2] * z + m[..., 3])
            normals.append(m[..., 0] * a + m[..., 1] * b + m[..., 2] * c)
        return torch.stack(moved, -1), torch.stack(normals, -1)


def mixed(values: Float[Tensor, "M N 3"], first: Int[Tensor, "B"], second: Int[Tensor, "B"], share: Tensor) -> Tensor:
    """Return shapes between two others: what ``share`` (B,) takes of the second."""
    return torch.lerp(values[first], values[second], share[:, None, None])


def load_bodies(path: PathLike) -> Bodies:
    """Return the bodies of a file that :func:`save_bodies` wrote.

    Raises:
        MissingFileError: no such file.
        CorruptFileError: another file, or a damaged one.
    """
    with open_hdf5(path) as file:
        if read_attributes(file).get(KEY) != _FORMAT:
            raise CorruptFileError(f"{path} holds no bodies of format {_FORMAT}; make it by `posezoo data prepare bodies`.")
        shapes, count = read_dataset(file, "points").shape[:2]
        expected = {
            "points": (shapes, count, 3), "normals": (count, 3), "weights": (count, len(PARTS)), "joints": (shapes, 17, 3)
        }  # fmt: skip
        arrays = {
            name: torch.from_numpy(read_dataset(file, name, shape).astype(np.float32)) for name, shape in expected.items()
        }
    if not all(bool(torch.isfinite(values).all()) for values in arrays.values()):
        raise CorruptFileError(f"{path} holds NaN or infinite points; make it again.")
    return Bodies(**arrays)


def save_bodies(bodies: Bodies, path: PathLike) -> Path:
    """Write bodies in half precision: 2 MB for forty of 7,000 points."""
    with atomic_write(path) as temporary, create_hdf5(temporary) as file:
        file.attrs[KEY] = _FORMAT
        for field in fields(bodies):
            values = getattr(bodies, field.name).numpy().astype(np.float16)
            file.create_dataset(field.name, data=values, compression="gzip", shuffle=True, track_times=False)
    return Path(path)
