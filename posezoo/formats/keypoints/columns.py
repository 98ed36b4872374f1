"""Tell which joint and which coordinate each column of a table is, from its name."""

from __future__ import annotations

import re
from pathlib import Path

from posezoo.errors import InputError
from posezoo.formats.keypoints.names import are_joints
from posezoo.formats.keypoints.table_rows import FRAMES, find

_CONFIDENCES = (
    "confidence",
    "conf",
    "score",
    "likelihood",
    "visibility",
    "visible",
    "vis",
    "presence",
    "probability",
    "prob",
)
_AXES = {"x": "x", "y": "y", "z": "z", **dict.fromkeys((*_CONFIDENCES, "c", "p", "v"), "c")}
_AXIS = "|".join(sorted(_AXES, key=len, reverse=True))
_PIXELS = re.compile(r"(?P<name>.+[xyuv])[\s_]*[(\[]?(?:px|pixels?)[)\]]?", re.IGNORECASE)
# PoseZoo's own tables have pelvis_u_px, pelvis_v_px beside the 3D.
_UV = re.compile(r"(?P<joint>.+)_(?P<axis>[uv])")
# nose_x, nose.x, "nose x", "nose (x)", noseX; x1, y1, v1; x_nose.
_ENDING = re.compile(rf"(?P<joint>.*[^\s_.:/|-])(?:[\s_.:/|-]+[(\[]?|[(\[])(?P<axis>{_AXIS})[)\]]?", re.IGNORECASE)
_CAMEL = re.compile(r"(?P<joint>.*[a-z0-9])(?P<axis>[XYZ]|Score|Confidence|Visibility)")
_COUNTED = re.compile(rf"(?P<axis>{_AXIS})[\s_.]?(?P<joint>\d+)", re.IGNORECASE)
_BEGINNING = re.compile(r"(?P<axis>[xyz])[\s_.](?P<joint>.+)", re.IGNORECASE)
_NUMBER = re.compile(r"(?:[a-z]*?(?:kp|kpt|keypoint|joint|landmark|lm|point|pt|part|marker)s?)?[\s_.]*(\d+)", re.IGNORECASE)

# Names with coordinates or a score in such tables that are not joints.
NO_JOINTS = {"bbox", "box", "bb", "center", "centre", "centroid", "instance", "person", "image", "frame", "pose", "tracking"}
_JOINTS = ("joint", "bodypart", "body_part", "bodyparts", "keypoint", "landmark", "part", "node", "name", "label", "marker")
_JOINT_COLUMNS = {*_JOINTS, *(f"{name}_{end}" for name in _JOINTS for end in ("name", "id", "index"))}


def split_column(name: str) -> tuple[str, str | None]:
    """Return the joint and the axis ("x", "y", "z", or "c" for confidence) of a column; no axis for other columns.

    Example:
        >>> [split_column(name) for name in ("left_hip_x", "nose.score", "Nose (y)", "kneeX", "v33", "frame")]
        [('left_hip', 'x'), ('nose', 'c'), ('Nose', 'y'), ('knee', 'x'), ('33', 'c'), ('frame', None)]
        >>> split_column("nose_x (px)"), split_column("nose_v_px"), split_column("nose_x_mm")
        (('nose', 'x'), ('nose', 'y'), ('nose_x_mm', None))
    """
    text = name.strip()
    if pixels := _PIXELS.fullmatch(text):
        text = pixels["name"]
        if match := _UV.fullmatch(text):
            return match["joint"], {"u": "x", "v": "y"}[match["axis"].lower()]
    for pattern in (_COUNTED, _ENDING, _CAMEL, _BEGINNING):
        if match := pattern.fullmatch(text):
            return match["joint"].strip(), _AXES[match["axis"].lower()]
    return text, None


def joint_column(header: list[str]) -> int | None:
    """Return the column that names the joint in a table of one row a joint, which has an x and a y column; else None."""
    names = [name.strip().lower().replace(" ", "_") for name in header]
    if not {"x", "y"} <= set(names):
        return None
    named = [index for index, name in enumerate(names) if name in _JOINT_COLUMNS]
    # In a table of one point a row with frames, `id` is the number of the joint.
    counted = (
        [index for index, name in enumerate(names) if name in ("id", "idx")] if find(header, FRAMES) is not None else []
    )
    return next(iter([*named, *counted]), None)


def by_number(joints: tuple[str, ...], path: Path) -> tuple[str, ...] | None:
    """Return the joints in the order of their numbers where they are numbered (``kp0``, ``landmark_12``, 7), else None.

    Raises:
        InputError: numbers are left out.
    """
    matches = [_NUMBER.fullmatch(joint) for joint in joints]
    numbers = [int(match[1]) for match in matches if match]
    if not numbers or len(numbers) < len(joints):
        return None
    order = sorted(range(len(joints)), key=numbers.__getitem__)
    first = min(numbers)
    if first not in (0, 1) or sorted(numbers) != list(range(first, first + len(numbers))):
        raise InputError(f"{path}: its {len(numbers)} joints are numbered {first} to {max(numbers)}; some are left out.")
    return tuple(joints[index] for index in order)


def unused_names(joints: tuple[str, ...]) -> list[str]:
    """Return the names that are no joint's; none where no name is, which is told from the layout."""
    odd = [joint for joint in joints if not are_joints((joint,))]
    return odd if len(odd) * 2 <= len(joints) else []
