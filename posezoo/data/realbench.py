"""Real people in real video: detections of several synchronised, calibrated cameras, with a triangulated truth.

A folder holds ``truth.npz`` (``world_mm`` (F, 17, 3) h36m17, z up; ``refined_K``, ``refined_R``, ``refined_t``,
``distortion`` and ``image_size`` of each of V cameras; ``fps``) and ``detections.npz`` (for each detector ``NAME`` (V, F, J,
2) px, ``NAME_confidence`` (V, F, J), and where the detector has its own 3D ``NAME_world_m`` (V, F, J, 3)).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from posezoo.errors import CorruptFileError, InputError, MissingFileError, UnknownNameError
from posezoo.files.arrays import load_npz
from posezoo.geometry import Camera, project
from posezoo.poses.missing import convert_found
from posezoo.poses.posedata import PoseData, Sequence
from posezoo.skeletons import Skeleton, convert, get_skeleton

DETECTOR = "mediapipe_heavy"
"""The detector that ``detected`` means."""
_LAYOUTS = {33: "mediapipe33", 25: "body25b"}
_H36M = get_skeleton("h36m17")
_SIDES = ("left", "right")

LIMBS = Skeleton(
    "limbs12",
    tuple(f"{side}_{joint}" for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist") for side in _SIDES),
    (-1, 0, 0, 1, 2, 3, 0, 1, 6, 7, 8, 9),
)
"""The joints that are scored, which detectors and motion capture define alike."""


def load_realbench(path: str | Path, split: str = "test", keypoints: str = "detected") -> PoseData:
    """Read what the cameras saw of one recording.

    Args:
        path: the folder.
        split: ``test``; there is no other.
        keypoints: ``detected`` (those of :data:`DETECTOR`), ``gt`` (the truth, projected), or the name of a detector.

    Returns:
        h36m17; ``action`` names the camera. Frames in which a limb or the nose was not found are left out; the nose of a
        head that looks away is put between its ears.

    Raises:
        MissingFileError, CorruptFileError: the folder lacks a file, or a file lacks an array.
        InputError: another split.
        UnknownNameError: no such detector.
    """
    if split != "test":
        raise InputError(f"realbench has no {split} split; it is for measuring alone: use test.")
    truth, found = _read(Path(path), "truth.npz"), _read(Path(path), "detections.npz")
    try:
        world = torch.from_numpy(truth["world_mm"]).double()
        cameras = [
            Camera(K, R, t, distortion, tuple(int(side) for side in size), f"camera {view + 1}")
            for view, (K, R, t, distortion, size) in enumerate(
                zip(*(truth[f"refined_{part}"] for part in "KRt"), truth["distortion"], truth["image_size"], strict=True)
            )
        ]
    except KeyError as error:
        raise CorruptFileError(f"{path}/truth.npz lacks {error}; expected what posezoo.data.realbench describes.") from error
    pose = torch.stack([camera.world_to_camera(world) for camera in cameras])
    if keypoints == "gt":
        two = np.stack([project(points, camera, frame="camera") for points, camera in zip(pose, cameras, strict=True)])
    else:
        two = _detections(found, keypoints)
    views, frames = two.shape[:2]
    two = two.reshape(-1, len(_H36M), 2).astype(np.float32)
    data = PoseData(
        skeleton=_H36M,
        keypoints_2d=two,
        pose_3d=pose.float().numpy().reshape(-1, len(_H36M), 3),
        sequence=np.repeat(np.arange(views, dtype=np.int32), frames),
        frame=np.tile(np.arange(frames, dtype=np.int32), views),
        sequences=tuple(
            Sequence("realbench", camera.name, "", view, camera, camera.image_size, float(truth.get("fps", 0)) or None)
            for view, camera in enumerate(cameras)
        ),
    )
    labels = convert(data.pose_3d, _H36M, LIMBS).keypoints
    return data[np.isfinite(two).all((1, 2)) & np.isfinite(labels).all((1, 2))]


def detector_poses(path: str | Path, data: PoseData, keypoints: str = "detected") -> np.ndarray | None:
    """Read the 3D that a detector gives by itself for the poses of :func:`load_realbench`; None where it gives none.

    Returns:
        (N, 12, 3) mm, :data:`LIMBS`, camera frame.
    """
    found = _read(Path(path), "detections.npz")
    name = f"{DETECTOR if keypoints == 'detected' else keypoints}_world_m"
    if name not in found:
        return None
    own = 1000.0 * found[name][data.sequence, data.frame]
    return convert(own, _LAYOUTS[own.shape[1]], LIMBS).keypoints


def _detections(found: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Return (V, F, 17, 2) px of a detector."""
    name = DETECTOR if name == "detected" else name
    names = [key for key in found if f"{key}_confidence" in found]
    if name not in names:
        raise UnknownNameError.of("detector", name, ["detected", "gt", *names])
    points = found[name].astype(np.float64)
    joints = points.shape[2]
    if joints not in _LAYOUTS:
        raise CorruptFileError(f"detections.npz: {name} has {joints} joints; expected {sorted(_LAYOUTS)}.")
    if _LAYOUTS[joints] == "mediapipe33":
        return convert(points, "mediapipe33", _H36M).keypoints
    # BODY_25B begins with COCO's 17 joints.
    return convert_found(points[:, :, :17], get_skeleton("coco17"), _H36M).keypoints


def _read(folder: Path, name: str) -> dict[str, np.ndarray]:
    path = folder / name
    if not path.is_file():
        raise MissingFileError(f"{path} is not there; expected the folder of truth.npz and detections.npz (path=).")
    return load_npz(path)
