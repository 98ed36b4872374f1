"""Parse the text of BVH files: hierarchy, channels and motion."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from posezoo.errors import CorruptFileError, MissingFileError
from posezoo.files.reading import as_path, check_size, read_bytes
from posezoo.geometry import euler_to_matrix, forward_kinematics

# With hands and face bodies have some 200 joints; a mocap system takes up to a few thousand frames a second.
_MOST_JOINTS = 1000
_SHORTEST, _LONGEST = 1e-4, 10.0
# A position and a rotation in double precision.
_BYTES_PER_JOINT = 96
_CHANNELS = {f"{axis}{kind}": (kind, axis.lower()) for axis in "XYZ" for kind in ("position", "rotation")}


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
        """Return global positions (T, J, 3) in the file's unit and global rotations (T, J, 3, 3), float64, y up."""
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


def parse_bvh(path: str | Path) -> Hierarchy:
    """Read the hierarchy and the motion of a BVH file.

    Raises:
        MissingFileError: no such file.
        CorruptFileError: not BVH, truncated, or with values that are no numbers.
    """
    path = as_path(path)
    if not os.path.exists(path):
        raise MissingFileError(f"{path} is not there; expected a BVH file.")
    data = read_bytes(path, "BVH")
    # Only names may be other than ASCII, and their encoding does not matter.
    lines = data.removeprefix(b"\xef\xbb\xbf").decode("latin-1").splitlines()
    if b"\0" in data:
        raise CorruptFileError(f"{path} is not text; expected a BVH file.")
    try:
        hierarchy = _parse(lines)
        check_size(len(hierarchy.motion) * len(hierarchy.joints) * _BYTES_PER_JOINT, path, len(data))
        return hierarchy
    except CorruptFileError:
        raise
    except (ValueError, IndexError, KeyError) as error:
        detail = str(error) if isinstance(error, _MalformedError) else "the file is truncated or not BVH"
        raise CorruptFileError(
            f"{path}: {detail}; expected HIERARCHY, then MOTION with as many values as declared."
        ) from error


class _MalformedError(ValueError):
    """Error that names what is wrong with the text of a BVH file."""


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
            if len(names) > _MOST_JOINTS:
                raise _MalformedError(f"more than {_MOST_JOINTS} joints and end sites, as no body has")
        elif words[0] == "{":
            stack.append(len(names) - 1)
        elif words[0] == "}":
            stack.pop()
        elif words[0] == "OFFSET":
            offsets[stack[-1]] = [float(word) for word in words[1:4]]
        elif words[0] == "CHANNELS":
            channels[stack[-1]] = tuple(_CHANNELS[word.capitalize()] for word in words[2 : 2 + int(words[1])])
        elif words[0] == "MOTION":
            if stack:
                raise _MalformedError(f"{len(stack)} braces are not closed before MOTION")
            break
        else:
            raise _MalformedError(f"line {number + 1} begins with {words[0][:40]!r}")
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
            raise _MalformedError(f"line {number + 1} begins with {words[0][:40]!r}")
    width = sum(len(joint) for joint in channels)
    if not frames or not frame_time or frame_time <= 0:
        raise _MalformedError("no frames or no frame time")
    if not _SHORTEST <= frame_time <= _LONGEST:
        raise _MalformedError(f"a frame time of {frame_time:g} s; expected {_SHORTEST:g} to {_LONGEST:g}")
    values = [words for _, words in rows if words]
    if len(values) != frames or any(len(row) != width for row in values):
        found = next((len(row) for row in values if len(row) != width), width)
        raise _MalformedError(f"{len(values)} frames (one of {found} values) where {frames} of {width} are declared")
    motion = np.array(values, dtype=np.float64)
    if not np.isfinite(motion).all() or not np.isfinite(offsets).all():
        raise _MalformedError("a value is NaN or infinite")
    return Hierarchy(tuple(names), tuple(parents), np.array(offsets), tuple(channels), motion, frame_time)
