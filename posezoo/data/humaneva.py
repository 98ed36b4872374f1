"""HumanEva-I as VideoPose3D's archives have it. Sigal et al., IJCV 2010."""

from __future__ import annotations

import hashlib
import math
import re
from functools import partial
from pathlib import Path

import numpy as np
import torch

from posezoo.data.prepared import Clip, Part, Prepared, read_prepared, sources_digest, write_prepared
from posezoo.errors import CorruptFileError, InputError, MissingFileError, UnknownNameError
from posezoo.files.reading import PathLike
from posezoo.formats.videopose3d import Views, positions_2d, positions_3d
from posezoo.geometry import Camera, rotation_vector_to_matrix
from posezoo.geometry.intrinsics import fit_intrinsics
from posezoo.poses.posedata import PoseData, Sequence
from posezoo.skeletons import convert, get_skeleton

_SKELETON = get_skeleton("humaneva15")
# Layouts of archives without metadata, by the number of joints.
_DETECTED = {15: _SKELETON, 17: get_skeleton("coco17")}
_SIZE, _FPS = (640, 480), 60.0
_SPLITS = {"train": "Train", "val": "Train", "test": "Validate"}
# The published calibration of the cameras C1 C2 C3: places, mm, and quaternions (w, x, y, z), camera to world.
_S1 = (
    ((0.424207, -0.4983646, -0.5802981, 0.4847012), (4062.227, 663.2477, 1528.397)),
    ((0.6503354, -0.7481602, -0.0919284, 0.0941766), (844.8131, -3805.2092, 1504.9929)),
    ((0.0664734, -0.0690535, 0.7416416, -0.6639132), (-797.67377, 3916.3174, 1433.6602)),
)
_CAMERAS = {
    "S1": _S1,
    "S2": (
        ((0.4214752, -0.4961493, -0.5838273, 0.4851187), (4112.9121, 626.4929, 1545.2988)),
        ((0.6501393, -0.7476588, -0.0954617, 0.0959808), (923.5740, -3877.9243, 1504.5518)),
        ((0.0699353, -0.0712403, 0.7421637, -0.662742), (-781.4915, 3838.8853, 1444.9929)),
    ),
    "S3": _S1,
}
_NAMES = ("C1", "C2", "C3")
_FITTED = 20_000  # how many points a camera's intrinsics are fitted to
_FITS_PX = 5.0


def prepare_humaneva(source: PathLike, out: PathLike) -> Prepared:
    """Convert HumanEva-I once.

    The archives have no intrinsics. They are fitted to the annotated 2D of each camera and the same joints in 3D, in the
    published place of the camera; a camera that no intrinsics bring within 5 px (root mean square) stays unknown, and is
    named. Triangulation through such cameras has no error of calibration but that of their places.

    Args:
        source: the folder with ``data_3d_humaneva15.npz`` and ``data_2d_humaneva15_gt.npz``; other ``data_2d_humaneva15_*``
            are detections, by the end of their names. 2D that runs on after the 3D is cut.
        out: the HDF5 file to write.

    Returns:
        whether it was written, and what is missing.

    Raises:
        MissingFileError: one of the two files.
        CorruptFileError: damaged, or of another layout.
        SaveError: the file cannot be written.
    """
    folder = Path(source)
    poses = folder / "data_3d_humaneva15.npz"
    archives = {
        path.stem.removeprefix("data_2d_humaneva15_"): path for path in sorted(folder.glob("data_2d_humaneva15_*.npz"))
    }
    if not poses.is_file() or "gt" not in archives:
        raise MissingFileError(f"{folder} lacks data_3d_humaneva15.npz or data_2d_humaneva15_gt.npz of VideoPose3D.")
    worlds = positions_3d(poses, len(_SKELETON))
    views = {name: positions_2d(path, (len(_SKELETON), 17)) for name, path in archives.items()}
    cameras, notes = _calibrate(worlds, views["gt"])
    parts = [
        Part("/".join(key), partial(_clips, key, world, views, cameras))
        for key, world in sorted(worlds.items())
        if key[0].split("/")[0] in ("Train", "Validate") and key[0].split("/")[-1] in _CAMERAS
    ]
    if not parts:
        raise CorruptFileError(f"{poses} holds {', '.join(sorted({s for s, _ in worlds}))}; expected Train/S1 and so on.")
    # Files that were prepared without cameras are prepared again.
    digest = hashlib.sha256(f"{sources_digest([poses, *archives.values()], folder)} with cameras".encode()).hexdigest()
    return write_prepared(out, "humaneva", _SKELETON, parts, digest, lambda found: _differences(found) + notes)


def _in_camera(world_m: np.ndarray, subject: str, view: int) -> np.ndarray:
    """Return points in metres, world frame, in mm and the camera's frame."""
    turn, place = _CAMERAS[subject][view]
    return (world_m.astype(np.float64) * 1000.0 - np.asarray(place)) @ _matrix(turn)  # points are rows, hence R transposed


def _calibrate(
    worlds: dict[tuple[str, str], np.ndarray], annotated: Views
) -> tuple[dict[tuple[str, int], Camera], list[str]]:
    """Return the cameras of each subject by view, and a sentence for each camera that cannot be calibrated."""
    cameras, notes = dict[tuple[str, int], Camera](), list[str]()
    for subject, places in _CAMERAS.items():
        for view, (turn, place) in enumerate(places):
            points, pixels = [], []
            for key, world in sorted(worlds.items()):
                views = annotated.clips.get(key, [])
                seen = views[view] if view < len(views) else None
                if key[0].split("/")[-1] == subject and seen is not None:
                    count = min(len(world), len(seen))
                    points.append(_in_camera(world[:count], subject, view).reshape(-1, 3))
                    pixels.append(seen[:count].reshape(-1, 2))
            if not points:
                continue
            three, two = np.concatenate(points), np.concatenate(pixels)
            step = max(1, len(three) // _FITTED)
            try:
                found = fit_intrinsics(three[::step], two[::step])
            except InputError as error:
                notes.append(f"camera {_NAMES[view]} of {subject} has no intrinsics: {error}")
                continue
            if found.error_px > _FITS_PX:
                notes.append(
                    f"camera {_NAMES[view]} of {subject} has no intrinsics: the best are {found.error_px:.1f} px off the "
                    f"annotated 2D; expected {_FITS_PX:g} px at most."
                )
                continue
            R = _matrix(turn).T
            cameras[subject, view] = Camera(
                K=found.K, R=R, t=-R @ np.asarray(place), distortion=found.distortion, image_size=_SIZE, name=_NAMES[view]
            )
    return cameras, notes


def _clips(
    key: tuple[str, str], world: np.ndarray, views: dict[str, Views], cameras: dict[tuple[str, int], Camera]
) -> list[Clip]:
    """Return a chunk as its three cameras see it; a detector that lacks the chunk is left out."""
    part, subject = key[0].split("/")[0], key[0].split("/")[-1]
    named = re.fullmatch(r"(\w+?) (\d+)(?: (chunk\d+))?", key[1])
    action, trial = (named[1], " ".join(filter(None, named.groups()[1:]))) if named else (key[1], "")
    found: dict[str, list[np.ndarray | None]] = {}
    for name, archive in views.items():
        own = archive.clips.get(key)
        if name == "gt" and (own is None or any(view is None for view in own)):
            raise CorruptFileError(f"{'/'.join(key)} has 3D but no 2D in data_2d_humaneva15_gt.npz.")
        if own is None:
            continue
        counts = [len(view) for view in own if view is not None]
        if len(own) != len(_CAMERAS[subject]) or min(counts, default=len(world)) < len(world):
            raise CorruptFileError(
                f"{name}: {'/'.join(key)} has cameras of {counts} frames; "
                f"expected {len(_CAMERAS[subject])} of {len(world)} at least."
            )
        found[name] = [
            None
            if view is None
            else convert(view[: len(world)], archive.layout or _DETECTED[view.shape[1]], _SKELETON).keypoints
            for view in own
        ]
    clips = []
    for view in range(len(_CAMERAS[subject])):
        pose = _in_camera(world, subject, view)
        seen = {name: one for name, values in found.items() if (one := values[view]) is not None}
        more = {name: values for name, values in seen.items() if name != "gt"}
        # The subject's name tells whether a clip trains or tests, as in the archives.
        sequence = Sequence(f"{part}/{subject}", action, trial, view, cameras.get((subject, view)), _SIZE, _FPS)
        clips.append(Clip(sequence, pose, seen["gt"], more=more))
    return clips


def _matrix(quaternion: tuple[float, float, float, float]) -> np.ndarray:
    """Return the (3, 3) rotation of a quaternion (w, x, y, z), which takes a camera's frame to the world's."""
    w, axis = quaternion[0], torch.tensor(quaternion[1:], dtype=torch.float64)
    return rotation_vector_to_matrix(axis / axis.norm() * 2 * math.atan2(float(axis.norm()), w)).numpy()


def _differences(found: dict[str, list[tuple[Sequence, int]]]) -> list[str]:
    subjects = {clip.subject for part in found.values() for clip, _ in part}
    return [
        f"{name} is not there."
        for split in ("Train", "Validate")
        for s in _CAMERAS
        if (name := f"{split}/{s}") not in subjects
    ]


def load_humaneva(
    path: PathLike,
    split: str = "test",
    keypoints: str = "gt",
    views: tuple[int, ...] = (0, 1, 2),
    actions: tuple[str, ...] | None = None,
) -> PoseData:
    """Read poses of a prepared file.

    Args:
        path: what :func:`prepare_humaneva` wrote.
        split: ``train``, ``test`` (HumanEva's "Validate"), or ``val``: training clips whose last chunk number is odd, which
            are trained on, too.
        keypoints: ``gt``, a detector's name, or ``detected`` for the only one.
        views: of the cameras C1 C2 C3.
        actions: such as ``("Walking", "Jog", "Box")``; all where not given.

    Returns:
        humaneva15; 2D px, 3D mm, camera frame; clips have the cameras that :func:`prepare_humaneva` could fit.

    Raises:
        MissingFileError, CorruptFileError: no such file, or altered.
        UnknownNameError: no such split.
        InputError: no such view, action or keypoints.
    """
    if split not in _SPLITS:
        raise UnknownNameError.of("split", split, _SPLITS)
    if not views or not set(views) <= {0, 1, 2}:
        raise InputError(f"views {tuple(views)}; HumanEva's cameras are 0 to 2.")

    def keep(clip: Sequence) -> bool:
        odd = re.search(r"chunk\d*[13579]$", clip.trial) is not None
        return (
            clip.subject.startswith(_SPLITS[split])
            and clip.view in views
            and (actions is None or clip.action in actions)
            and (split != "val" or odd)
        )

    return read_prepared(path, "humaneva", keep, keypoints)
