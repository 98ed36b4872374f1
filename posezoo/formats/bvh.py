"""Motion capture in BVH files, from any of the naming conventions in ``bvh_conventions.yaml``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from posezoo.errors import InputError, UnknownNameError
from posezoo.formats.bvh_parsing import Hierarchy, parse_bvh
from posezoo.geometry import bone_lengths
from posezoo.skeletons import Skeleton, get_skeleton

__all__ = ["Hierarchy", "Motion", "bvh_conventions", "parse_bvh", "read_bvh"]

# Units other than the convention's: most exporters write cm, some m or mm.
_UNITS_MM = (10.0, 1000.0, 1.0)
# Bounds on the length of a leg, hip to ankle, and the largest sum of the bones of a leg, the trunk and the head.
_LEG_MM, _TALL_MM = (400, 1300), 2300
# A name may have a prefix: "mixamorig:Hips", "Model:Hips".
_NAMESPACE = re.compile(r"^(?:.*:|mixamorig\d*[_:]?)(?=.)")
# BVH is y up and right-handed; PoseZoo's world is z up: x stays, y -> z, z -> -y.
_Y_UP_TO_Z_UP = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]], dtype=torch.float64)


@dataclass(frozen=True, eq=False)
class Motion:
    """One clip of one person.

    Attributes:
        pose_world_mm: (T, J, 3) float32, mm, world frame, z up.
        skeleton: the layout of the joints.
        fps: frames per second.
        name: the file's name without ending.
        convention: which naming convention the file follows.
    """

    pose_world_mm: np.ndarray
    skeleton: Skeleton
    fps: float | int
    name: str
    convention: str

    def resample(self, fps: float | int, drop_first: int = 0) -> Motion:
        """Drop leading frames, then take the nearest frame at each tick of another rate (no interpolation)."""
        if fps <= 0:
            raise InputError(f"frame rate {fps}; expected a positive number.")
        step = self.fps / fps
        # Allow a thousandth of a frame, because BVH rounds its frame time to six digits.
        count = int((len(self.pose_world_mm) - 1 - drop_first) / step + 1e-3) + 1
        rows = np.rint(drop_first + step * np.arange(max(count, 0))).astype(int)
        return Motion(self.pose_world_mm[rows], self.skeleton, fps, self.name, self.convention)


@lru_cache(maxsize=1)
def bvh_conventions() -> dict[str, dict[str, Any]]:
    """Return the naming conventions, as data: see ``bvh_conventions.yaml``."""
    return yaml.safe_load(files("posezoo.formats").joinpath("bvh_conventions.yaml").read_text())


def _sided(entry: Any, side: str) -> Any:
    """Fill ``{S}`` of a joint map with the side as the convention writes it."""
    if isinstance(entry, str):
        return entry.replace("{S}", side)
    if isinstance(entry, list):
        return [_sided(part, side) for part in entry]
    return {key: _sided(value, side) for key, value in entry.items()} if isinstance(entry, dict) else entry


def _joint_map(convention: Mapping[str, Any], skeleton: Skeleton, present: tuple[str, ...]) -> dict[str, object]:
    """Return the convention's entry for every joint, sides filled in and alternatives settled."""
    left, right = convention["sides"]
    entries = {}
    for name in skeleton.joints:
        entry = convention["joints"][name.removeprefix("left_").removeprefix("right_")]
        entry = _sided(entry, left if name.startswith("left_") else right)
        if isinstance(entry, dict) and "any" in entry:
            entry = next((choice for choice in entry["any"] if set(_names(choice)) <= set(present)), entry["any"][0])
        entries[name] = entry
    return entries


def _names(entry: Any) -> list[str]:
    if isinstance(entry, dict):
        return [entry["joint"]]
    return [entry] if isinstance(entry, str) else list(entry)


def _lacking(name: str, skeleton: Skeleton, joints: tuple[str, ...]) -> tuple[list[str], int]:
    """Return what a convention expects and the file lacks, and how many names it expects."""
    entries = _joint_map(bvh_conventions()[name], skeleton, joints).values()
    wanted = {joint for entry in entries for joint in _names(entry)}
    return sorted(wanted - set(joints)), len(wanted)


def _detect(joints: tuple[str, ...], skeleton: Skeleton, path: str | Path) -> str:
    """Return the convention whose joints are all in the file."""
    lacking = {name: _lacking(name, skeleton, joints) for name in bvh_conventions()}
    for name, (absent, _) in lacking.items():
        if not absent:
            return name
    near = min(lacking, key=lambda name: len(lacking[name][0]) / lacking[name][1])
    absent, count = lacking[near]
    if 2 * len(absent) < count:
        raise InputError(
            f"{path} lacks {', '.join(absent[:6])}, which convention {near}, the nearest, expects; add or rename them, or "
            "pass `joint_map`."
        )
    raise InputError(
        f"{path} names its joints {', '.join(joints[:6])[:100]}, ...; known conventions: "
        f"{', '.join(bvh_conventions())}. Add an entry to bvh_conventions.yaml or pass `joint_map`."
    )


def read_bvh(
    path: str | Path,
    convention: str | None = None,
    unit_mm: float | int | None = None,
    joint_map: Mapping[str, object] | None = None,
    up: str | None = None,
) -> Motion:
    """Read a BVH file as the 17 joints of Human3.6M, in mm, z up.

    Namespaces before the joints' names (``mixamorig:Hips``) are not read.

    Args:
        path: the file.
        convention: a name in ``bvh_conventions.yaml``; found by the joints' names where not given.
        unit_mm: mm in one unit of the file; where not given, the convention's, or cm, m or mm where only these make the
            legs a person's.
        joint_map: own map, as an entry's ``joints`` with every joint spelled out; needs ``unit_mm``.
        up: the file's vertical axis, ``"y"`` or ``"z"``; where not given, z where the person stands along it.

    Raises:
        MissingFileError, CorruptFileError: as :func:`parse_bvh`.
        InputError: unknown naming, a person of a size that no human has (the unit is another), or one who lies along the
            z axis throughout, as in a file whose z points up.
        UnknownNameError: no such convention.

    Example:
        >>> from posezoo.formats.bvh import bvh_conventions
        >>> sorted(bvh_conventions())
        ['3ds_max', 'bandai', 'character_creator', 'motionbuilder', 'posezoo', 'rokoko']
    """
    if unit_mm is not None and not (isinstance(unit_mm, int | float) and 0 < unit_mm < math.inf):
        raise InputError(f"unit_mm is {unit_mm!r}; expected the mm in one unit of the file, such as 10 for cm.")
    hierarchy = parse_bvh(path)
    joints = tuple(_NAMESPACE.sub("", joint) for joint in hierarchy.joints)
    if len(set(joints)) < len(joints):
        joints = hierarchy.joints
    skeleton = get_skeleton("h36m17")
    units: tuple[float, ...]
    if joint_map is not None:
        if unit_mm is None:
            raise InputError("a joint_map of one's own needs unit_mm, the mm in one unit of the file.")
        if lacking := [joint for joint in skeleton.joints if joint not in joint_map]:
            raise InputError(f"joint_map lacks {', '.join(lacking)}; expected every joint of {skeleton.name}.")
        entries = {joint: joint_map[joint] for joint in skeleton.joints}
        name, units, own_mm = "custom", (float(unit_mm),), unit_mm
    else:
        known = bvh_conventions()
        if convention is not None and convention not in known:
            raise UnknownNameError.of("BVH convention", convention, known)
        name = convention or _detect(joints, skeleton, path)
        entries = _joint_map(known[name], skeleton, joints)
        usual = [float(unit) for unit in np.atleast_1d(known[name]["unit_mm"])]
        own_mm, units = usual[0], (float(unit_mm),) if unit_mm else (*usual, *_UNITS_MM)
    if up not in (None, "y", "z"):
        raise InputError(f"up is {up!r}; expected 'y' or 'z', the vertical axis of the file.")
    absent = {joint for entry in entries.values() for joint in _names(entry)} - set(joints)
    if absent:
        raise InputError(f"{path} lacks {', '.join(sorted(absent))}, which convention {name} expects.")

    where = {joint: [joints.index(part) for part in _names(entries[joint])] for joint in skeleton.joints}
    positions, rotations = hierarchy.positions()
    # (J, 3) positions in the file's unit, but for the points that are given beside a bone.
    points = torch.stack([positions[:, where[joint]].mean(dim=1) for joint in skeleton.joints], dim=1)
    unit = _unit(points, skeleton, units, path)
    legs = [place for side in ("left", "right") for joint in ("knee", "ankle") for place in where[f"{side}_{joint}"]]
    z_up = up == "z" if up else _is_z_up(hierarchy, points, skeleton, legs, path)
    for column, joint in enumerate(skeleton.joints):
        entry = entries[joint]
        if isinstance(entry, dict):  # a point fixed to a bone, in the bone's own frame and the convention's unit
            offset = torch.tensor(entry["offset"], dtype=torch.float64) * (own_mm / unit)
            offset = _Y_UP_TO_Z_UP @ offset if z_up else offset
            points[:, column] += rotations[:, where[joint][0]] @ offset
    world = (points if z_up else points @ _Y_UP_TO_Z_UP.T) * unit
    return Motion(world.float().numpy(), skeleton, 1.0 / hierarchy.frame_time, Path(path).stem, name)


def _unit(points: torch.Tensor, skeleton: Skeleton, units: tuple[float, ...], path: str | Path) -> float:
    """Return the first unit, in mm, that makes the first pose a person's: legs, and all height along the bones.

    Raises:
        InputError: there is none.
    """
    lengths = bone_lengths(points[:1], skeleton)[0]

    def chain(*joints: str) -> float:
        ends = {skeleton.index(joint) for joint in joints}
        return float(lengths[[index for index, (_, child) in enumerate(skeleton.bones) if child in ends]].sum())

    leg = chain("right_knee", "right_ankle")
    tall = leg + chain("spine", "thorax", "nose", "head_top")
    for unit in units:
        if _LEG_MM[0] <= leg * unit <= _LEG_MM[1] and tall * unit <= _TALL_MM:
            return unit
    raise InputError(
        f"{path}: a leg of {leg * units[0]:.0f} mm and a person of {tall * units[0]:.0f} mm in unit_mm={units[0]:g}; "
        f"expected {_LEG_MM[0]} to {_LEG_MM[1]} and at most {_TALL_MM}, so the unit is another: pass unit_mm."
    )


def _is_z_up(hierarchy: Hierarchy, points: torch.Tensor, skeleton: Skeleton, legs: list[int], path: str | Path) -> bool:
    """Return whether the file's z axis points up: the person stands along it in nearly all frames, and in the rest pose.

    Raises:
        InputError: along the z axis in nearly all frames, but not in the rest pose: one who lies, or a file turned later.
    """
    feet = points[:, [skeleton.index("left_ankle"), skeleton.index("right_ankle")]].mean(1)
    body = points[:, skeleton.index("thorax")] - feet
    along = body / body.norm(dim=-1, keepdim=True).clamp_min(1e-9)
    if float((along[:, 2].abs() > 0.8).double().mean()) < 0.8:
        return False
    rest = np.abs(hierarchy.offsets[legs].sum(0))
    if rest[2] > 2 * rest[1] and float(along[:, 2].median()) > 0:
        return True
    raise InputError(
        f"{path}: the person lies along the z axis in nearly all frames, as one who stands does where z points up; pass "
        "up='z', or up='y' for one who really lies."
    )
