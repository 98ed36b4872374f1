"""``annot.mat`` and ``camera.calibration`` of MPI-INF-3DHP's training sequences."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from posezoo.data.mpi_inf_3dhp.facts import CAMERAS, JOINTS_OF_28, TRAINING_SIZE
from posezoo.errors import CorruptFileError, InputError
from posezoo.files.matlab import load_mat
from posezoo.files.reading import read_bytes, reading
from posezoo.geometry import Camera

_JOINTS = 28
_AXES = {"annot2": 2, "annot3": 3, "univ_annot3": 3}


def read_training_sequence(path: Path) -> dict[int, dict[str, np.ndarray]]:
    """Read the annotations of each of the eight cameras, in the joints of the test set.

    Args:
        path: ``annot.mat``: ``annot2``, ``annot3`` and ``univ_annot3`` are cells, one a camera, of (N, 28 * 2 or 3).

    Returns:
        by camera: ``annot2`` (N, 17, 2) px, ``annot3`` and ``univ_annot3`` (N, 17, 3) mm, camera frame.

    Raises:
        MissingFileError, CorruptFileError: no such file, damaged, or another layout.
    """
    content = load_mat(path)
    found: dict[int, dict[str, np.ndarray]] = {camera: {} for camera in CAMERAS}
    for key, axes in _AXES.items():
        cells = content.get(key)
        cells = cells.reshape(-1) if isinstance(cells, np.ndarray) and cells.dtype == object else np.empty(0, object)
        if len(cells) <= max(CAMERAS):
            raise CorruptFileError(f"{path}, {key!r} holds {len(cells)} cameras; expected 14.")
        for camera in CAMERAS:
            values = cells[camera]
            if not isinstance(values, np.ndarray) or values.ndim != 2 or values.shape[1] != _JOINTS * axes:
                shape = getattr(values, "shape", None)
                raise CorruptFileError(
                    f"{path}, {key!r}, camera {camera} has shape {shape}; expected (N, {_JOINTS * axes})."
                )
            pose = values.reshape(-1, _JOINTS, axes)[:, list(JOINTS_OF_28)].astype(np.float32)
            if not np.isfinite(pose).all():
                raise CorruptFileError(f"{path}, {key!r}, camera {camera} holds NaN or infinite values; get it again.")
            found[camera][key] = pose
    return found


def read_calibration(path: Path) -> dict[int, Camera]:
    """Read the cameras of ``camera.calibration``, by number; seven lines each, matrices row by row, mm.

    Raises:
        MissingFileError, CorruptFileError: no such file, or another layout.
    """
    cameras: dict[int, Camera] = {}
    with reading(path, "MPI-INF-3DHP's calibration"):
        lines = [line.split() for line in read_bytes(path, "a calibration").decode().splitlines() if line.strip()]
        blocks = [{line[0]: line[1:] for line in lines[start : start + 7]} for start in range(1, len(lines), 7)]
        for block in blocks:
            intrinsic, extrinsic = (np.asarray(block[key], np.float64).reshape(4, 4) for key in ("intrinsic", "extrinsic"))
            u, _, v = np.linalg.svd(extrinsic[:3, :3])  # printed with few digits, so take the nearest rotation
            size = tuple(int(float(edge)) for edge in block.get("size", TRAINING_SIZE))
            number = int(block["name"][0])
            try:
                cameras[number] = Camera(intrinsic[:3, :3], u @ v, extrinsic[:3, 3], None, size, str(number))
            except InputError as error:
                raise CorruptFileError(f"{path}, camera {number}: {error}") from error
    if not set(CAMERAS) <= set(cameras):
        raise CorruptFileError(f"{path} holds cameras {sorted(cameras)}; expected 0 to 13.")
    return cameras
