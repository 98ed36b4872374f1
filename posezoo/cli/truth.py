"""Compare what ``posezoo predict`` wrote with ground truth in another file."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posezoo.errors import CorruptFileError, InputError, PoseZooWarning

if TYPE_CHECKING:
    import numpy as np

    from posezoo.data import Prediction
    from posezoo.skeletons import Skeleton

MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0}
"""Units of ground truth."""
MARKERS = (".trc", ".c3d")
# What else a prediction has for each joint; it is of no use beside poses in another layout.
_NOT_POSES: dict[str, Any] = dict.fromkeys(("keypoints_2d", "confidence", "filled", "reprojection_px", "view_count"))
# The frame of markers before they are turned: a laboratory's axes.
_LABORATORY = "world (the file's axes)"


def read_truth(path: Path) -> Prediction:
    """Read ground truth: a prediction's file; ``.npz`` or ``.json`` with ``pose_3d``, ``skeleton``, ``unit``; TRC or C3D.

    Arrays may say their frames too: ``frame`` (N,), ``time_s`` (N,) or ``fps``.

    Raises:
        InputError: what is needed is not there, has the wrong shape, or is in another unit than the file says.
        MissingFileError, CorruptFileError: the file is not there, or damaged.
    """
    from posezoo.cli.truth_moments import moments_of
    from posezoo.data import Prediction
    from posezoo.poses.prediction_files import FORMAT
    from posezoo.skeletons import get_skeleton

    ending = path.suffix.lower()
    if ending in MARKERS:
        return _read_markers(path)
    if ending not in (".npz", ".json"):
        raise InputError(f"--truth {path}: expected a name that ends in .npz, .json, .trc or .c3d.")
    content = content_of(path)
    if not isinstance(content, dict) or "pose_3d" not in content:
        found = ", ".join(map(str, content)) if isinstance(content, dict) and content else "none"
        raise InputError(f"{path} has no pose_3d (its arrays: {found[:120]}); expected pose_3d (N, J, 3) and skeleton.")
    if str(content.get("format")) == FORMAT:
        return Prediction.load(path)
    if "skeleton" not in content:
        raise InputError(f"{path} does not say its layout; add skeleton, such as 'h36m17', beside pose_3d.")
    skeleton = get_skeleton(str(content["skeleton"]))
    pose = pose_of(content, path)
    if pose.ndim != 3 or pose.shape[1:] != (len(skeleton), 3):
        raise InputError(f"{path}: pose_3d has shape {pose.shape}; expected (N, {len(skeleton)}, 3) for {skeleton.name}.")
    check_layout(pose, skeleton, path, "say that skeleton")
    unit, labels = unit_of(content, pose, skeleton, path), moments_of(content, len(pose), path)
    if unit == "relative":
        return Prediction(pose, skeleton, "relative", **labels)
    return Prediction(in_mm(pose, skeleton, unit, path), skeleton, "mm", **labels)


def content_of(path: Path) -> object:
    """Return what an ``.npz`` or ``.json`` holds; None for other endings."""
    from posezoo.files.arrays import load_npz
    from posezoo.files.reading import load_json

    ending = path.suffix.lower()
    return load_npz(path) if ending == ".npz" else load_json(path) if ending == ".json" else None


def pose_of(content: Mapping[str, object], path: Path) -> np.ndarray:
    """Return ``pose_3d`` as float32, of whatever shape it has.

    Raises:
        CorruptFileError: it holds something else than numbers.
    """
    import numpy as np

    try:
        return np.asarray(content["pose_3d"], dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise CorruptFileError(f"{path}: pose_3d holds something else than numbers ({str(error)[:80]}).") from error


def check_layout(pose: np.ndarray, skeleton: Skeleton, path: Path, advice: str) -> None:
    """Refuse ``pose_3d`` (N, J, 3) whose joints are another layout's: each would be compared with another joint.

    Raises:
        InputError: as told by the proportions of bodies; see :func:`posezoo.poses.plausibility.layout_of_3d`.
    """
    from posezoo.poses.plausibility import layout_of_3d

    layout = layout_of_3d(pose, skeleton)
    if layout is not None:
        raise InputError(
            f"{path}: as {skeleton.name} the joints of pose_3d make no person, as {layout} they do; {advice}, or bring "
            f"pose_3d into {skeleton.name} (posezoo.skeletons.convert)."
        )


def unit_of(content: Mapping[str, object], pose: np.ndarray, skeleton: Skeleton, path: Path) -> str:
    """Return the unit that ground truth states; where it states none, the one that makes legs as long as people's.

    Raises:
        InputError: it states another one, or none and no unit makes such legs.
    """
    from posezoo.geometry.rig_fit import leg_length, likely_unit

    if content.get("unit") is not None:
        unit = str(content["unit"])
        if unit not in (*MM, "relative"):
            raise InputError(f"{path}: unit is {unit!r}; expected mm, cm, m or relative.")
        return unit
    leg = leg_length(pose, skeleton)
    likely = (likely_unit(leg) or "mm") if leg == leg else "unknown"
    if likely == "unknown":
        raise InputError(f"{path} does not say the unit of pose_3d; add unit: mm, cm or m, or relative where it has none.")
    return likely


def in_mm(pose: np.ndarray, skeleton: Skeleton, unit: str, path: Path) -> np.ndarray:
    """Return poses (..., J, 3) in mm. Metres that are called mm would score a thousandth of their error.

    Raises:
        InputError: another unit makes legs as long as people's, and the one that the file says does not.

    Warns:
        PoseZooWarning: no unit does.
    """
    import numpy as np

    from posezoo.geometry.rig_fit import leg_length, likely_unit

    pose = pose * np.float32(MM[unit])
    leg = leg_length(pose.reshape(-1, len(skeleton), 3), skeleton)
    likely = likely_unit(leg, unit)
    if likely is not None:
        found = f"{path}: with unit {unit} the legs of pose_3d are {leg:.3g} mm long; expected 400 to 1300 mm"
        if likely != "unknown":
            raise InputError(f"{found}: say unit {likely}.")
        warnings.warn(f"{found}; check the scale.", PoseZooWarning, stacklevel=2)
    return pose


def _read_markers(path: Path) -> Prediction:
    import numpy as np

    from posezoo.data import Prediction
    from posezoo.formats.markers import read_markers

    markers = read_markers(path)
    layout, poses = markers.poses(path)
    return Prediction(
        poses.astype(np.float32),
        layout,
        "mm",
        frame=_LABORATORY,
        fps=markers.rate_hz,
        frame_number=markers.frame,
        time_s=markers.frame / markers.rate_hz,
    )


def common(result: Prediction, truth: Prediction, path: Path) -> tuple[Prediction, Prediction]:
    """Return the common rows of both, the truth in the result's layout and relative to its root.

    Raises:
        InputError: see :func:`matched`; or no pose of which the root and three joints are known in both.
    """
    import numpy as np

    from posezoo.cli.truth_moments import check_moments, matched
    from posezoo.poses.people import rows_of
    from posezoo.skeletons import convert

    rows, others = matched(result, truth, path)
    layout = result.skeleton
    known = convert(truth.pose_3d, truth.skeleton, layout).keypoints
    check_moments(result, replace(truth, pose_3d=known, skeleton=layout, **_NOT_POSES), (rows, others), path)
    here, there = rows_of(result, rows), rows_of(truth, others)
    poses = _about_root(known[others], layout)
    if not (np.isfinite(poses).all(-1) & np.isfinite(here.pose_3d).all(-1)).sum(-1).max() > 3:
        raise InputError(f"{path} and the prediction have no pose in common of which joints are known in both.")
    return here, replace(there, pose_3d=poses.astype(np.float32), skeleton=layout, **_NOT_POSES)


def beside(result: Prediction, truth: Prediction, path: Path) -> tuple[Prediction, Prediction]:
    """Return a result and its ground truth for drawing; markers of a laboratory are turned into the result's axes.

    One rotation serves the whole clip, as the camera stood still. Other ground truth keeps its layout and its axes.

    Raises:
        InputError: see :func:`common`.
    """
    from posezoo.cli.truth_moments import matched
    from posezoo.poses.people import rows_of

    if truth.frame != _LABORATORY:
        rows, others = matched(result, truth, path)
        here, there = rows_of(result, rows), rows_of(truth, others)
        return here, replace(there, frame_number=here.frame_number)
    here, there = common(result, truth, path)
    _, rotation = _of_clip(there.pose_3d, _about_root(here.pose_3d, here.skeleton))
    return here, replace(there, pose_3d=there.pose_3d @ rotation.T, frame=here.frame, frame_number=here.frame_number)


def score(result: Prediction, truth: Prediction, path: Path) -> dict[str, float | int]:
    """Return the errors of a result, in the truth's unit.

    ``p_mpjpe`` aligns each pose by a similarity of its own. ``clip_mpjpe`` turns and scales all poses by one rotation and
    one scale, about their roots: what is left is also what differs from frame to frame.

    Raises:
        InputError: see :func:`common`.
    """
    import numpy as np

    from posezoo.cli.truth_moments import aligned_error, known_in_both

    here, there = common(result, truth, path)
    pred, target, mask = known_in_both(_about_root(here.pose_3d, here.skeleton), there.pose_3d)
    scale, rotation = _of_clip(pred, target)
    left = np.linalg.norm(scale * pred @ rotation.T - target, axis=-1)
    return {
        "poses": len(pred),
        "joints": int(mask.any(0).sum()),
        "p_mpjpe": aligned_error(pred, target, mask),
        "clip_mpjpe": float(left[mask].mean()),
    }


def _about_root(poses: np.ndarray, layout: Skeleton) -> np.ndarray:
    """Return poses (N, J, 3) about their root: models of several cameras give them where they stand in the world."""
    return poses - poses[:, layout.root : layout.root + 1]


def _of_clip(source: np.ndarray, target: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the scale and the rotation that bring a clip's root-relative poses closest to others (joints of both)."""
    import numpy as np

    known = np.isfinite(source).all(-1) & np.isfinite(target).all(-1)
    one, other = source[known].astype(np.float64), target[known].astype(np.float64)
    left, singular, right = np.linalg.svd(other.T @ one)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    return float((singular * sign).sum() / max((one**2).sum(), 1e-12)), (left * sign) @ right
