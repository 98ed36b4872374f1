"""Motion capture in BVH files, from any of the naming conventions in ``bvh_conventions.yaml``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from posezoo.errors import CorruptFileError, InputError, MissingFileError, UnknownNameError
from posezoo.geometry import bone_lengths, euler_to_matrix, forward_kinematics
from posezoo.skeletons import Skeleton, get_skeleton

_CHANNELS = {f"{axis}{kind}": (kind, axis.lower()) for axis in "XYZ" for kind in ("position", "rotation")}
# BVH is y up and right-handed; PoseZoo's world is z up: x stays, y -> z, z -> -y.
# The length of a leg, hip to ankle, from a child to a giant.
_LEG_MM = (400.0, 1300.0)
_Y_UP_TO_Z_UP = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]], dtype=torch.float64)


@dataclass(frozen=True)
class Hierarchy:
    """A BVH file as written: J joints (end sites included, named ``<parent>_end``).

    Attributes:
        joints, parents: names, and parent indices with -1 for the root.
        offsets: (J, 3) from the parent, in the file's unit.
        channels: for each joint the (kind, axis) of its channels, in order.
        motion: (T, C) channel values, degrees and the file's unit.
        frame_time: seconds.
    """

    joints: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: np.ndarray
    channels: tuple[tuple[tuple[str, str], ...], ...]
    motion: np.ndarray
    frame_time: float

    def positions(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Global positions (T, J, 3) in the file's unit and global rotations (T, J, 3, 3), float64, y up."""
        frames = len(self.motion)
        values = torch.from_numpy(self.motion)
        rotations = torch.eye(3, dtype=torch.float64).expand(frames, len(self.joints), 3, 3).clone()
        offsets = torch.from_numpy(self.offsets).expand(frames, -1, -1).clone()
        column = 0
        for joint, channels in enumerate(self.channels):
            block = values[:, column : column + len(channels)]
            column += len(channels)
            moves = [i for i, (kind, _) in enumerate(channels) if kind == "position"]
            turns = [i for i, (kind, _) in enumerate(channels) if kind == "rotation"]
            # A joint's position channels replace its offset, except at the root, where many exporters write both.
            for i in moves:
                axis = "xyz".index(channels[i][1])
                offsets[:, joint, axis] = block[:, i] + (offsets[:, joint, axis] if self.parents[joint] == -1 else 0.0)
            if turns:
                order = "".join(channels[i][1] for i in turns)
                rotations[:, joint] = euler_to_matrix(order, torch.deg2rad(block[:, turns]))
        return forward_kinematics(rotations, offsets, self.parents)


@dataclass(frozen=True)
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
        # A thousandth of a frame of grace: BVH rounds its frame time to six digits.
        count = int((len(self.pose_world_mm) - 1 - drop_first) / step + 1e-3) + 1
        rows = np.rint(drop_first + step * np.arange(max(count, 0))).astype(int)
        return Motion(self.pose_world_mm[rows], self.skeleton, fps, self.name, self.convention)


def parse_bvh(path: str | Path) -> Hierarchy:
    """Read the hierarchy and the motion of a BVH file.

    Raises:
        MissingFileError: no such file.
        CorruptFileError: not BVH, truncated, or with values that are no numbers.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(f"{path} is not there; expected a BVH file.")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise CorruptFileError(f"{path} is not text; expected a BVH file.") from error
    try:
        return _parse(lines)
    except (ValueError, IndexError, KeyError) as error:
        detail = str(error) if isinstance(error, _MalformedError) else "the file is truncated or not BVH"
        raise CorruptFileError(
            f"{path}: {detail}; expected HIERARCHY, then MOTION with as many values as declared."
        ) from error


class _MalformedError(ValueError):
    """What exactly is wrong with the text of a BVH file."""


def _parse(lines: list[str]) -> Hierarchy:
    names: list[str] = []
    parents: list[int] = []
    offsets: list[list[float]] = []
    channels: list[tuple[tuple[str, str], ...]] = []
    stack: list[int] = []
    rows = iter(enumerate(line.split() for line in lines))
    if next((words for _, words in rows if words), [""])[0] != "HIERARCHY":
        raise _MalformedError("the first line is not HIERARCHY")
    for number, words in rows:
        if not words:
            continue
        if words[0] in ("ROOT", "JOINT", "End"):
            parents.append(stack[-1] if stack else -1)
            names.append(f"{names[stack[-1]]}_end" if words[0] == "End" else words[1])
            offsets.append([0.0, 0.0, 0.0])
            channels.append(())
        elif words[0] == "{":
            stack.append(len(names) - 1)
        elif words[0] == "}":
            stack.pop()
        elif words[0] == "OFFSET":
            offsets[stack[-1]] = [float(word) for word in words[1:4]]
        elif words[0] == "CHANNELS":
            channels[stack[-1]] = tuple(_CHANNELS[word] for word in words[2 : 2 + int(words[1])])
        elif words[0] == "MOTION":
            if stack:
                raise _MalformedError(f"{len(stack)} braces are not closed before MOTION")
            break
        else:
            raise _MalformedError(f"line {number + 1} begins with {words[0]!r}")
    if not names or parents.count(-1) != 1:
        raise _MalformedError(f"{parents.count(-1)} roots")
    frames = frame_time = None
    for number, words in rows:
        if words[:1] == ["Frames:"]:
            frames = int(words[1])
        elif words[:2] == ["Frame", "Time:"]:
            frame_time = float(words[2])
            break
        elif words:
            raise _MalformedError(f"line {number + 1} begins with {words[0]!r}")
    width = sum(len(joint) for joint in channels)
    if not frames or not frame_time or frame_time <= 0:
        raise _MalformedError("no frames or no frame time")
    values = [words for _, words in rows if words]
    if len(values) != frames or any(len(row) != width for row in values):
        found = next((len(row) for row in values if len(row) != width), width)
        raise _MalformedError(f"{len(values)} frames (one of {found} values) where {frames} of {width} are declared")
    motion = np.array(values, dtype=np.float64)
    if not np.isfinite(motion).all() or not np.isfinite(offsets).all():
        raise _MalformedError("a value is NaN or infinite")
    return Hierarchy(tuple(names), tuple(parents), np.array(offsets), tuple(channels), motion, frame_time)


@lru_cache(maxsize=1)
def bvh_conventions() -> dict[str, dict[str, Any]]:
    """The naming conventions, as data: see ``bvh_conventions.yaml``."""
    return yaml.safe_load(files("posezoo.formats").joinpath("bvh_conventions.yaml").read_text())


def _sided(entry: Any, side: str) -> Any:
    """Fill ``{S}`` of a joint map with the side as the convention writes it."""
    if isinstance(entry, str):
        return entry.replace("{S}", side)
    if isinstance(entry, list):
        return [_sided(part, side) for part in entry]
    return {key: _sided(value, side) for key, value in entry.items()} if isinstance(entry, dict) else entry


def _joint_map(convention: dict[str, Any], skeleton: Skeleton, present: tuple[str, ...]) -> dict[str, Any]:
    """The convention's entry for every joint, sides filled in and alternatives settled."""
    left, right = convention["sides"]
    entries = {}
    for name in skeleton.joints:
        entry = convention["joints"][name.removeprefix("left_").removeprefix("right_")]
        entry = _sided(entry, left if name.startswith("left_") else right)
        if isinstance(entry, dict) and "any" in entry:
            entry = next((joint for joint in entry["any"] if joint in present), entry["any"][0])
        entries[name] = entry
    return entries


def _names(entry: Any) -> list[str]:
    if isinstance(entry, dict):
        return [entry["joint"]]
    return [entry] if isinstance(entry, str) else list(entry)


def _detect(hierarchy: Hierarchy, skeleton: Skeleton) -> str:
    """The convention whose joints are all in the file."""
    for name, convention in bvh_conventions().items():
        wanted = {joint for entry in _joint_map(convention, skeleton, hierarchy.joints).values() for joint in _names(entry)}
        if wanted <= set(hierarchy.joints):
            return name
    raise InputError(
        f"the BVH file names its joints {', '.join(hierarchy.joints[:6])}, ...; known conventions: "
        f"{', '.join(bvh_conventions())}. Add an entry to bvh_conventions.yaml or pass `joint_map`."
    )


def read_bvh(
    path: str | Path,
    convention: str | None = None,
    unit_mm: float | int | None = None,
    joint_map: dict[str, Any] | None = None,
) -> Motion:
    """Read a BVH file as the 17 joints of Human3.6M, in mm, z up.

    Args:
        path: the file.
        convention: a name in ``bvh_conventions.yaml``; found by the joints' names where not given.
        unit_mm: mm in one unit of the file; the convention's where not given.
        joint_map: own map, as an entry's ``joints`` with every joint spelled out; needs ``unit_mm``.

    Raises:
        MissingFileError, CorruptFileError: as :func:`parse_bvh`.
        InputError: unknown naming, or legs that no human has (the unit is wrong).
        UnknownNameError: no such convention.

    Example:
        >>> from posezoo.formats.bvh import bvh_conventions
        >>> sorted(bvh_conventions())
        ['3ds_max', 'bandai', 'character_creator', 'motionbuilder', 'posezoo']
    """
    hierarchy = parse_bvh(path)
    skeleton = get_skeleton("h36m17")
    if joint_map is not None:
        if unit_mm is None:
            raise InputError("a joint_map of one's own needs unit_mm, the mm in one unit of the file.")
        units = [unit_mm]
        name, entries = "custom", {joint: joint_map[joint] for joint in skeleton.joints}
    else:
        known = bvh_conventions()
        if convention is not None and convention not in known:
            raise UnknownNameError.of("BVH convention", convention, known)
        name = convention or _detect(hierarchy, skeleton)
        entries = _joint_map(known[name], skeleton, hierarchy.joints)
        usual = known[name]["unit_mm"]
        units = [unit_mm] if unit_mm else usual if isinstance(usual, list) else [usual]
    absent = {joint for entry in entries.values() for joint in _names(entry)} - set(hierarchy.joints)
    if absent:
        raise InputError(f"{path} lacks {', '.join(sorted(absent))}, which convention {name} expects.")

    positions, rotations = hierarchy.positions()
    columns = []
    for joint in skeleton.joints:
        entry = entries[joint]
        where = [hierarchy.joints.index(part) for part in _names(entry)]
        point = positions[:, where].mean(dim=1)
        if isinstance(entry, dict):  # a point fixed to a bone, given in the bone's own frame and the file's unit
            point = point + rotations[:, where[0]] @ torch.tensor(entry["offset"], dtype=torch.float64)
        columns.append(point)
    world = torch.stack(columns, dim=1) @ _Y_UP_TO_Z_UP.T
    leg = float(bone_lengths(world[:1], skeleton)[:, [skeleton.bones.index((1, 2)), skeleton.bones.index((2, 3))]].sum())
    unit = next((unit for unit in units if _LEG_MM[0] <= leg * unit <= _LEG_MM[1]), None)
    if unit is None:
        raise InputError(
            f"{path}: a leg of {leg * units[0]:.0f} mm in unit_mm={units[0]:g}; expected {_LEG_MM[0]:.0f} to "
            f"{_LEG_MM[1]:.0f}, so the unit is another."
        )
    world = world * unit
    return Motion(world.float().numpy(), skeleton, 1.0 / hierarchy.frame_time, Path(path).stem, name)
