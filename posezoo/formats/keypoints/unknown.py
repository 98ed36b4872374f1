"""Say what a file without keypoints that PoseZoo can read holds, what was expected, and the nearest thing that works."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import numpy as np

from posezoo.formats.keypoints.containers import Content
from posezoo.formats.keypoints.depth import USE, is_3d_name

_EXPECTED = {
    "csv": "columns <joint>_x and <joint>_y (nose_x, nose_y, ...)",
    "mat": "an array `keypoints` (poses, joints, 2), LSP's `joints` or MPII's `RELEASE`",
    "xml": "CVAT's <annotations> with skeletons of points",
}
_KEYPOINTS = "`keypoints` (poses, joints, 2) in pixels, or people with `keypoints` of x, y each"
# What names in files say about them, most telling first: names, what such a file is, what to do.
_KINDS = (
    (
        {"poses", "pose_body", "root_orient", "betas", "body_pose", "global_orient", "thetas"},
        "parameters of a body model (SMPL)",
        "take the positions of its joints, project them with posezoo.geometry.project, and give those",
    ),
    (
        {"bbox", "bboxes", "boxes", "box", "xyxy", "labels"},
        "boxes of a detector of objects",
        "run a detector of poses (posezoo detect VIDEO -o keypoints.npz, or yolo11n-pose.pt)",
    ),
    ({"state_dict", "hyper_parameters", "model"}, "a model or its settings", "give it as the model, and keypoints after it"),
    ({"loss", "lr", "epoch", "coco/AP"}, "a log of a training or of its scores", "give what that program predicted"),
)


def unrecognised(content: Content) -> str:
    """Return one sentence on a file of no known format."""
    value = content.value
    names = _names(content)
    for name in names:
        if is_3d_name(name):
            return f"{content.path} {_held(content)}: {_short(name)!r} are 3D poses. {USE}."
    expected = _EXPECTED.get(content.kind, _KEYPOINTS)
    return f"{content.path} {_held(content)}; expected {expected}: {_nearest(value, names)}."


def _names(content: Content) -> list[str]:
    """Return the names that a file has for what it holds: columns, keys, or those of a list's first object."""
    value = content.value
    if content.kind == "csv":
        return list(map(str, value[0]))
    if isinstance(value, list):
        value = next((entry for entry in value if isinstance(entry, Mapping)), {})
    return sorted(map(str, value)) if isinstance(value, Mapping) else []


def _held(content: Content) -> str:
    """Return what a file is, in a few words."""
    value, names = content.value, _names(content)
    listed = ", ".join(map(_short, names[:8])) + (", ..." if len(names) > 8 else "")
    if content.kind == "csv":
        return f"is a table with the header {','.join(value[0])[:60]!r}"
    if content.kind == "xml":
        return f"is XML of <{_short(str(getattr(value, 'tag', '?')))}>"
    if isinstance(value, Mapping):
        shapes = [f"{_short(str(name))} {array.shape}" for name, array in _arrays(value)[:6]]
        return f"holds {', '.join(shapes) or listed}" if value else f"is empty{' at its top' * (content.kind == 'hdf5')}"
    if isinstance(value, list) and value:
        of = f"objects with {listed}" if names else f"values such as {_short(repr(value[0]))}"
        return f"holds a list of {len(value)} {of}"
    return f"holds {_short(repr(value))}" if value or value == 0 else "is empty"


def _nearest(value: object, names: Sequence[str]) -> str:
    """Return what to do with it."""
    plain = {name.strip().lower() for name in names}
    found = next(((what, advice) for known, what, advice in _KINDS if known & plain), None)
    if found is not None:
        return f"these are {found[0]}; {found[1]}"
    arrays = _poses(value)
    if len(arrays) > 1:
        listed = ", ".join(_short(name) for name in arrays[:6])
        return f"{listed} may each be keypoints; save the right one alone, or name it `keypoints`"
    near = [name for name in names if difflib.get_close_matches(name.lower(), ["keypoints", "people"], cutoff=0.7)]
    if near:
        return f"{_short(near[0])!r} is near; rename it, or see posezoo data schema"
    return "save the keypoints alone, as the program that found them writes them, or as posezoo data schema shows"


def _arrays(value: Mapping[object, object]) -> list[tuple[object, np.ndarray]]:
    # The datasets of HDF5 would be read one by one.
    named = value.items() if isinstance(value, dict) else ()
    return [(name, array) for name, array in named if isinstance(array, np.ndarray) and array.ndim]


def _poses(value: object) -> list[str]:
    """Return the names of arrays that may be keypoints by their shapes."""
    arrays = _arrays(value) if isinstance(value, Mapping) else []
    return [str(name) for name, array in arrays if array.ndim in (3, 4) and array.shape[-1] in (2, 3)]


def _short(name: str) -> str:
    """Return at most 40 printable characters; names in a damaged file may have any length and any characters."""
    return "".join(letter if letter.isprintable() else "?" for letter in name[:40])
