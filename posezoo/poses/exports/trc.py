"""Write TRC, the marker files of OpenSim (Motion Analysis): one marker for each joint."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from posezoo.poses.exports.clip import Poses, frames_per_second, motion_of, numbers_of, times_of
from posezoo.poses.exports.settings import MotionSettings

_KEYS = (
    "DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units", "OrigDataRate", "OrigDataStartFrame", "OrigNumFrames",
)  # fmt: skip


_SIDES = ("left", "right")
_LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "eye", "ear")
# The markers that Pose2Sim writes and its OpenSim models read. A layout's other joints keep their names.
_POSE2SIM = {
    "pelvis": "Hip", "thorax": "Neck", "neck": "Neck", "head_top": "Head", "head": "Head", "nose": "Nose",
    **{f"{side}_{joint}": side[0].upper() + joint.capitalize() for side in _SIDES for joint in _LIMBS},
    **{f"{side}_{toe}_toe": f"{side[0].upper()}{toe.capitalize()}Toe" for side in _SIDES for toe in ("big", "small")},
}  # fmt: skip


def trc(poses: Poses, settings: MotionSettings | None = None, name: str = "poses.trc") -> str:
    """Return the text of a TRC file: mm, y up (see :func:`posezoo.poses.exports.clip.motion_of`).

    Cells are empty where a joint is unknown. Root-relative poses have their root over the origin in every frame.
    ``Frame#`` is the input's frame number plus 1, as TRC counts frames from 1; ``Time`` is the time of that frame,
    at a variable frame rate too.

    Raises:
        InputError: no clip, unknown rate, or a setting that does not belong here.
    """
    settings = settings or MotionSettings()
    rate = frames_per_second(poses, settings.fps, "TRC")
    pose = motion_of(poses, settings, "TRC", unit="mm", one_body=poses.unit != "mm")
    names = list(poses.skeleton.joints if settings.markers == "skeleton" else _pose2sim(poses.skeleton.joints))
    unit = settings.unit or "mm"
    frames, joints = pose.shape[:2]
    stated = f"{rate:.6g}"
    numbers = numbers_of(poses, frames) + 1
    times = times_of(poses, frames, settings.fps)
    seconds = (numbers - 1) / rate if times is None else times
    lines = [
        ("PathFileType", "4", "(X/Y/Z)", name),
        _KEYS,
        (stated, stated, str(frames), str(joints), unit, stated, str(numbers[0]), str(frames)),
        ("Frame#", "Time", *(cell for marker in names for cell in (marker, "", ""))),
        ("", "", *(f"{axis}{joint + 1}" for joint in range(joints) for axis in "XYZ")),
        ("",),
    ]
    known = np.isfinite(pose).all(-1, keepdims=True) & np.ones(3, bool)
    for row in range(frames):
        values = zip(pose[row].reshape(-1).tolist(), known[row].reshape(-1).tolist(), strict=True)
        cells = [f"{value + 0.0:.5f}" if there else "" for value, there in values]
        # Every cell ends in a tab, as OpenSim writes them: it does not count an empty one at the end of a line.
        lines.append((str(numbers[row]), f"{seconds[row]:.6f}", *cells, ""))
    return "\n".join("\t".join(cells) for cells in lines) + "\n"


def _pose2sim(joints: tuple[str, ...]) -> Iterator[str]:
    """Yield the marker of each joint; of two joints that have the same marker, the second keeps its own name."""
    taken: set[str] = set()
    for joint in joints:
        name = _POSE2SIM.get(joint, joint)
        yield joint if name in taken else name
        taken.add(name)
