"""Turn tables of one row a joint into tables of one row a pose."""

from __future__ import annotations

from collections import Counter
from itertools import islice, pairwise
from pathlib import Path

import numpy as np

from posezoo.errors import InputError
from posezoo.formats.keypoints import table_rows
from posezoo.formats.keypoints.columns import split_column
from posezoo.formats.keypoints.names import joint_name
from posezoo.skeletons import SKELETONS

# Where rows follow one order of joints, there are not many more poses than rows of the joint that is there most often.
_MOST_POSES = 1.25
# So many rows in which every joint stands once tell the order of the joints.
_ENOUGH = 200


def one_row_a_pose(cells: np.ndarray, header: list[str], joint: int, path: Path) -> tuple[np.ndarray, list[str]]:
    """Turn a table of one row a joint into one row a pose; rows of one frame, person and video are a pose.

    Raises:
        InputError: a joint stands twice in a pose, or nothing tells where a pose begins.
    """
    axes = {index: axis for index, name in enumerate(header) if (axis := split_column(f"joint_{name.strip()}")[1])}
    about = [index for index in range(len(header)) if index != joint and index not in axes]
    keys = [index for index in about if table_rows.is_about(header[index])]
    joints = list(dict.fromkeys(name.strip() for name in cells[:, joint].tolist()))
    if len(joints) * len(axes) > 2000:
        raise InputError(
            f"{path}: its column {header[joint]!r} has {len(joints)} names; expected those of a person's joints."
        )
    poses: dict[tuple[str, ...], list[str]] = {}
    filled: set[tuple[tuple[str, ...], str]] = set()
    counted = None if keys else poses_of_rows([name.strip() for name in cells[:, joint].tolist()], path)
    framed = any(not table_rows.is_person(header[index]) for index in keys)
    for place, row in enumerate(cells.tolist()):
        name = row[joint].strip()
        key = tuple(row[index] for index in keys) if counted is None else (str(counted[place]),)
        if (key, name) in filled:
            column = "person" if framed else "frame"
            raise InputError(
                f"{path}: {name} stands twice in {'frame ' * framed}{', '.join(key)[:40]}; add a column `{column}`."
            )
        filled.add((key, name))
        pose = poses.setdefault(key, [*(row[index] for index in keys), *[""] * (len(joints) * len(axes))])
        start = len(keys) + joints.index(name) * len(axes)
        pose[start : start + len(axes)] = [row[index] for index in axes]
    wide = [f"{name}_{'confidence' if axis == 'c' else axis}" for name in joints for axis in axes.values()]
    return np.asarray(list(poses.values())), [*(header[index] for index in keys), *wide]


def poses_of_rows(joints: list[str], path: Path) -> list[int]:
    """Return the pose of every row of a table that says no frames, from the names of the joints.

    Raises:
        InputError: rows lack, and the order of the others does not tell where.

    Example:
        >>> poses_of_rows(["nose", "hip", "foot", "hip", "foot", "nose", "foot"], Path("a.csv"))
        [0, 0, 0, 1, 1, 2, 2]
        >>> poses_of_rows(["nose", "nose", "hip", "hip"], Path("a.csv"))
        [0, 1, 0, 1]
    """
    counts = Counter(joints)
    most, least = max(counts.values()), min(counts.values())
    if least == most and 1 + sum(one != other for one, other in pairwise(joints)) == len(counts):
        return [row % most for row in range(len(joints))]  # all rows of one joint, then those of the next
    if order := _order(joints):
        place = {name: index for index, name in enumerate(order)}
        begins = [True, *(place[other] <= place[one] for one, other in pairwise(joints))]
        if sum(begins) <= _MOST_POSES * most + 1:
            return [int(pose) for pose in np.cumsum(begins) - 1]
    starts = range(0, len(joints), len(counts))
    if all(len(set(joints[start : start + len(counts)])) == len(counts) for start in starts):
        return [row // len(counts) for row in range(len(joints))]  # in another order in every pose
    raise InputError(
        f"{path}: its joints stand there {least} to {most} times, and no column says the frame of a row; "
        "add a column `frame`."
    )


def _order(joints: list[str]) -> list[str]:
    """Return the joints in the order in which the rows of a pose have them; empty where that cannot be told."""
    count = len(set(joints))
    starts = (row for row in range(len(joints) - count + 1) if len(set(joints[row : row + count])) == count)
    # Rows that name every joint once are in the right order but for where a pose begins, unless two poses of which much
    # lacks make up such rows by chance.
    cycles = Counter(_from(min(joints), joints[start : start + count]) for start in islice(starts, _ENOUGH))
    if not cycles:
        return []
    cycle = list(cycles.most_common(1)[0][0])
    place = {name: index for index, name in enumerate(cycle)}
    first, last = place[joints[0]], place[joints[-1]]
    if (last + 1) % count == first:
        return cycle[first:] + cycle[:first]
    # Joints between the last row and the first lack in either pose; their names or numbers may tell in which.
    turned = [cycle[at % count :] + cycle[: at % count] for at in range(last + 1, last + 1 + (first - last) % count)]
    return next((order for order in turned if _is_known(order)), [])


def _from(first: str, cycle: list[str]) -> tuple[str, ...]:
    """Return a cycle from one of its joints on."""
    at = cycle.index(first)
    return (*cycle[at:], *cycle[:at])


def _is_known(order: list[str]) -> bool:
    """Return whether joints are numbered one after the other, or in the order of a named layout."""
    if all(name.isdecimal() for name in order):
        return order == sorted(order, key=int)
    plain = tuple(joint_name(name) for name in order)
    return any(layout.joints == plain for layout in SKELETONS.values())
