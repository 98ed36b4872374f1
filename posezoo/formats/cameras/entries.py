"""Build one camera from the values of a file, under any known names and in any known form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from posezoo.errors import CorruptFileError, InputError, PoseZooError
from posezoo.files.reading import reading
from posezoo.formats.cameras.lenses import check_pinhole, distortion_of, shared_lens
from posezoo.geometry import Camera, rotation_vector_to_matrix

VECTORS = ("rvec", "rotation_vector")
# The names that different programs give to the same value; those of distortion are in `lenses`.
NAMES = {
    "K": (
        "K", "k_matrix", "matrix", "intrinsics", "intrinsic", "camera_matrix", "cameraMatrix", "intrinsicMat", "mtx", "M",
    ),
    "R": ("R", "rotation", "rotation_matrix", "Rot", *VECTORS),
    "t": ("t", "T", "translation", "translation_vector", "tvec"),
    "extrinsics": ("extrinsics", "extrinsic", "RT", "Rt", "world_to_camera", "w2c", "extrinsic_matrix"),
    "pose": ("camera_to_world", "cam_to_world", "c2w"),
    "projection": ("P", "projection", "projection_matrix"),
    "image_size": ("image_size", "resolution", "size", "imgSize", "image_resolution"),
}  # fmt: skip
FOCAL = ("fx", "fy", "cx", "cy")
# Radians: twice around, more than any program writes.
_LONGEST_VECTOR = 4 * np.pi
# Shorter focal lengths, and centres below 1, are shares of the picture: a lens of 12 degrees has 4.8 widths.
_SHORTEST_PX = 5.0
# Names under which programs group the values of one camera.
_GROUPS = ("intrinsics", "intrinsic", "extrinsics", "extrinsic", "pose", "calibration")


def camera_of(entry: Mapping[str, object], path: Path, scale: float = 1.0) -> Camera:
    """Build a camera from a mapping.

    Intrinsics are a 3x3 or 2x3 matrix, or ``fx fy cx cy``. Where the camera stands is given as R (3x3, or a Rodrigues
    vector) and t, as a 3x4 or 4x4 matrix of both, as a matrix from camera to world under such a name, or by a 3x4
    projection matrix. ``T`` beside ``fx fy cx cy`` is the camera's centre, as Campus, Shelf and Panoptic have it in the
    files of VoxelPose.

    Args:
        entry: names and values.
        path: of the file, for errors.
        scale: of translations to mm.

    Raises:
        CorruptFileError: something lacks, or is of another form.
        InputError: a lens that is no pinhole with radial and tangential distortion, or values that contradict each other.
    """
    name = _name_of(entry)
    where = f"{path}, camera {name!r}" if name else str(path)
    entry = {**entry, **{key: value for group in _GROUPS for key, value in _inside(entry, group).items()}}
    entry = {key: value for key, value in entry.items() if key not in _GROUPS or not isinstance(value, Mapping)}
    found: dict[str, object] = {}
    for key, names in NAMES.items():
        for candidate in names:
            if entry.get(candidate) is not None:
                found[key] = entry[candidate]
                break
    try:
        check_pinhole(entry, where)
        K, R, t = _matrices(found, entry, where)
        size = found.get("image_size")
        flat = [] if size is None else np.ravel(np.asarray(size, dtype=np.float64)).tolist()
        image_size = (int(flat[0]), int(flat[1])) if len(flat) > 1 else None
        distortion = distortion_of(entry, where)
        return Camera(K, R, np.asarray(t).reshape(3) * scale, distortion, image_size, name)
    except PoseZooError as error:
        raise type(error)(str(error) if str(path) in str(error) else f"{where}: {error}") from error
    except (TypeError, ValueError, OverflowError, IndexError, np.linalg.LinAlgError) as error:
        with reading(where, "a camera"):
            raise error


def _name_of(entry: Mapping[str, object]) -> str:
    """Return a camera's name, which NumPy's archives have as an array; empty where there is none."""
    name = entry.get("name", "")
    name = name.item() if isinstance(name, (np.ndarray, np.generic)) and name.size == 1 else name
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name)


def _inside(entry: Mapping[str, object], group: str) -> Mapping[str, object]:
    """Return the values that stand together under a name, none where there is no such group."""
    value = entry.get(group)
    return value if isinstance(value, Mapping) else {}


def _matrices(
    found: dict[str, object], entry: Mapping[str, object], where: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return K (3, 3), R (3, 3) and t (3,), world to camera."""
    focal = all(entry.get(name) is not None for name in FOCAL)
    if focal:
        fx, fy, cx, cy = (float(np.ravel(np.asarray(entry[name]))[0]) for name in FOCAL)
        found.setdefault("K", [[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    K = None if "K" not in found else _intrinsics(found["K"], where)
    if (
        K is not None
        and focal
        and not np.allclose(K[[0, 1, 0, 1], [0, 1, 2, 2]], (fx, fy, cx, cy), rtol=2e-3, equal_nan=True)
    ):
        raise InputError(
            f"{where}: fx fy cx cy are {[fx, fy, cx, cy]}, and K is {K.tolist()}; expected the same: remove the wrong one."
        )
    both = _both(found, where)
    if K is not None and both is not None:
        return K, rotation_of(both[:3, :3]), both[:3, 3]
    if both is None and "projection" in found and not {"R", "t"} <= set(found):
        P = np.asarray(found["projection"], dtype=np.float64).reshape(3, 4)
        if not abs(np.linalg.det(P[:, :3])) > 0:
            raise CorruptFileError(f"{where}: the projection matrix is singular; expected K [R | t].")
        return _from_projection(P, K)
    lacking = [key for key in ("K", "R", "t") if key not in found and (both is None or key == "K")]
    if lacking or K is None:
        raise CorruptFileError(f"{where} lacks {', '.join(lacking)}; a camera needs K, R and t.")
    R, t = np.asarray(found["R"], dtype=np.float64), np.asarray(found["t"], dtype=np.float64)
    if R.size == 4 or (R.size == 3 and np.linalg.norm(R) > _LONGEST_VECTOR):
        what = "4 numbers, perhaps a quaternion" if R.size == 4 else f"{np.ravel(R).tolist()}, perhaps angles in degrees"
        raise InputError(f"{where}: R is {what}; expected a 3x3 matrix or a Rodrigues vector in radians.")
    R = rotation_of(_matrix_of_both(R, where)[:3, :3] if R.size in (12, 16) else R)
    if focal and entry.get("t") is None and entry.get("T") is not None:
        t = -R @ t.reshape(3)
    return K, R, t.reshape(3)


def _both(found: Mapping[str, object], where: str) -> np.ndarray | None:
    """Return the matrix (4, 4) of R and t, world to camera, None where they stand apart."""
    apart = {key: found[key] for key in ("R", "t") if key in found}
    ways = [_matrix_of_both(found["extrinsics"], where)] if "extrinsics" in found else []
    if "pose" in found:
        ways.append(np.linalg.inv(_matrix_of_both(found["pose"], where)))
    if np.asarray(found.get("R", ()), dtype=np.float64).size in (12, 16):
        whole = _matrix_of_both(apart.pop("R"), where)
        if whole[:3, 3].any():  # else it is a rotation alone in a matrix of this size
            ways.append(whole)
    for other in ways[1:]:
        _check_agreement(ways[0], {"R": other[:3, :3], "t": other[:3, 3]}, where)
    if ways:
        _check_agreement(ways[0], apart, where)
    return ways[0] if ways else None


def _intrinsics(values: object, where: str) -> np.ndarray:
    K = np.asarray(values, dtype=np.float64)
    if K.size == 6:
        K = np.concatenate([K.reshape(2, 3), [[0.0, 0.0, 1.0]]])
    K = K.reshape(3, 3)
    if K[2, :2].any() and not K[:2, 2].any():
        raise InputError(
            f"{where}: K stands transposed, as MATLAB has it; transpose K and R, so that x_cam = R @ x_world + t."
        )
    if K[2, 2] == 0:
        raise CorruptFileError(f"{where}: K is singular ({K.tolist()}); expected focal lengths, a centre and 0 0 1.")
    K = K / K[2, 2]
    if K[0, 0] < 0 or K[1, 1] < 0:
        raise InputError(
            f"{where}: K has the focal lengths {K[0, 0]:g} and {K[1, 1]:g} px; expected positive ones: turn the camera's "
            "axes, in R and t too, so that x points right, y down and z forward."
        )
    if 0 < K[0, 0] < _SHORTEST_PX and ((K[:2, 2] > 0) & (K[:2, 2] < 1)).all():
        raise InputError(
            f"{where}: K has a focal length of {K[0, 0]:.3g}, expected px; K of a picture whose sides count as 1 needs its "
            "first row multiplied by the picture's width, the second by its height."
        )
    return K


def _matrix_of_both(values: object, where: str) -> np.ndarray:
    """Return (4, 4) of a 3x4 or 4x4 matrix of rotation and translation."""
    both = np.asarray(values, dtype=np.float64)
    if both.size not in (12, 16):
        raise CorruptFileError(f"{where}: extrinsics have shape {both.shape}; expected a 3x4 or 4x4 matrix [R | t].")
    both = both.reshape(-1, 4)
    return both if len(both) == 4 else np.concatenate([both, [[0.0, 0.0, 0.0, 1.0]]])


def _check_agreement(both: np.ndarray, found: Mapping[str, object], where: str) -> None:
    """Refuse an R or a t beside a matrix of both (4, 4) that says otherwise.

    They may say the same of the way back, from camera to world, as some files do beside a matrix of that kind.
    """
    R, t = both[:3, :3], both[:3, 3]
    for key, ways in {"R": (R, R.T), "t": (t, -R.T @ t)}.items():
        value = np.asarray(found.get(key, ()), dtype=np.float64)
        if value.size != ways[0].size:
            continue  # lacking, or a rotation of another form
        close = [np.abs(value.reshape(way.shape) - way).max() <= 2e-3 * max(1e-9, np.abs(way).max()) for way in ways]
        if np.isfinite(both).all() and not any(close):
            raise InputError(
                f"{where}: {key} is {np.round(value, 4).tolist()}, but {np.round(ways[0], 4).tolist()} in the matrix of "
                "both R and t; expected the same: remove the wrong one."
            )


def _from_projection(P: np.ndarray, K: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Take a projection matrix apart: K, where it is not given, R and t."""
    P = P / np.linalg.norm(P[2, :3])
    P = P if np.linalg.det(P[:, :3]) > 0 else -P
    if K is None:
        # P's left part is K R: an RQ decomposition is the QR decomposition of the matrix turned upside down.
        flip = np.eye(3)[::-1]
        Q, upper = np.linalg.qr((flip @ P[:, :3]).T)
        K = flip @ upper.T @ flip
        signs = np.diag(np.sign(np.diag(K)))
        K, R = K @ signs, signs @ flip @ Q.T
        K = K / K[2, 2]
    else:
        R = np.linalg.inv(K) @ P[:, :3]
    scale = np.cbrt(np.linalg.det(np.linalg.inv(K) @ P[:, :3]))
    return K, rotation_of(R / np.cbrt(np.linalg.det(R))), np.linalg.inv(K) @ P[:, 3] / scale


def rotation_of(values: np.ndarray) -> np.ndarray:
    """Return the rotation that a matrix, printed with some digits, or a Rodrigues vector means.

    A matrix that is further from a rotation than rounding takes it is left as it is, for :class:`Camera` to refuse.
    """
    if values.size == 3:
        return rotation_vector_to_matrix(torch.from_numpy(values.reshape(3))).numpy()
    R = values.reshape(3, 3)
    if not np.isfinite(R).all():
        return R
    u, _, v = np.linalg.svd(R)
    return u @ v if np.abs(u @ v - R).max() < 2e-3 else R


def entries_of(content: object, path: Path) -> list[dict[str, object]]:
    """Return the cameras of a list or of a mapping by name; tables that describe no camera (a board) are left out.

    Raises:
        CorruptFileError: neither.
    """
    shared: dict[str, object] = {}
    if isinstance(content, Mapping) and isinstance(content.get("cameras"), (Mapping, Sequence)):
        shared = shared_lens(content)
        content = content["cameras"]
    elif isinstance(content, Mapping) and len(content) == 1 and not _is_camera(content):
        (inner,) = content.values()  # {"calibration": {"cam0": {...}, ...}}
        tables = list(inner.values()) if isinstance(inner, Mapping) and not _is_camera(inner) else []
        if isinstance(inner, list) or any(isinstance(table, Mapping) and _is_camera(table) for table in tables):
            content = inner
    if isinstance(content, Mapping):
        shared |= shared_lens(content)
        tables = [{"name": str(name), **value} for name, value in content.items() if isinstance(value, Mapping)]
        content = [table for table in tables if _is_camera(table)] or ([dict(content)] if _is_camera(content) else tables)
    if not isinstance(content, Sequence) or not all(isinstance(entry, Mapping) for entry in content):
        raise CorruptFileError(f"{path} is no list of cameras; expected K, R and t of each.")
    return [{**shared, **entry} for entry in content]


def _is_camera(entry: Mapping[str, object]) -> bool:
    """Return whether a table has intrinsics, extrinsics or both under a known name."""
    names = {name for key in ("K", "extrinsics", "projection") for name in NAMES[key]}
    return bool(names & set(entry)) or set(FOCAL) <= set(entry)
