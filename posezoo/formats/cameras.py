"""Calibrations from the files that people hold."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import torch
import yaml

from posezoo.errors import CorruptFileError, InputError, MissingFileError
from posezoo.files.hdf5 import open_hdf5, read_dataset
from posezoo.files.reading import PathLike, load_json, read_bytes, reading
from posezoo.geometry import Camera, euler_to_matrix, h36m_cameras, rotation_vector_to_matrix

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0}
# What the same thing is called from program to program.
_NAMES = {
    "K": ("K", "matrix", "intrinsics", "intrinsic", "camera_matrix", "cameraMatrix", "mtx", "M"),
    "distortion": (
        "distortion", "distortions", "distortion_coefficients", "distCoef", "distCoeffs", "dist_coeffs", "dist", "D",
    ),
    "R": ("R", "rotation", "rotation_matrix", "Rot", "rvec", "rotation_vector"),
    "t": ("t", "T", "translation", "translation_vector", "tvec"),
    "image_size": ("image_size", "resolution", "size", "imgSize", "image_resolution"),
}  # fmt: skip
_H36M_SUBJECTS = 11


def read_cameras(path: PathLike, subject: str | None = None, unit: str = "mm") -> tuple[Camera, ...]:
    """The cameras of a calibration file, in its order.

    ======================= ===============================================================================================
    file                    holds
    ======================= ===============================================================================================
    ``.toml``               Anipose, Pose2Sim: a table for each camera with ``matrix distortions rotation translation size``
    ``.json``               a list, or a mapping by name, of cameras (also under ``cameras``): ``K R t``, and where known
                            ``distortion image_size name``; the names of CMU Panoptic and OpenCV are understood, too
    ``.yml .yaml``          OpenCV's FileStorage: one camera; or several, with ``K_name dist_name Rot_name T_name``
                            (EasyMocap)
    a folder                ``intri.yml`` and ``extri.yml``, or a file for each camera, in the order of their names
    ``metadata.xml``        Human3.6M's, with ``subject``
    ``cameras.h5``          Human3.6M's as converted by Martinez et al., with ``subject``
    ======================= ===============================================================================================

    Args:
        path: the file or folder.
        subject: Human3.6M's files hold the cameras of every subject: ``S1`` and so on.
        unit: of the file's translations: ``mm``, ``cm`` or ``m`` (Pose2Sim writes metres, CMU Panoptic centimetres).

    Returns:
        cameras with translations in mm.

    Raises:
        MissingFileError, CorruptFileError: no such file, or not one of these.
        InputError: another unit, a subject that is missing or not wanted, or a lens that is no pinhole with radial and
            tangential distortion (fisheye, thin prism).

    Example:
        >>> import json, tempfile, pathlib
        >>> from posezoo.data import read_cameras
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "rig.json"
        >>> camera = {"name": "left", "K": [[900, 0, 320], [0, 900, 240], [0, 0, 1]], "R": [0, 0, 0], "t": [0, 0, 2.5]}
        >>> _ = file.write_text(json.dumps([camera]))
        >>> read_cameras(file, unit="m")[0].t.tolist()
        [0.0, 0.0, 2500.0]
    """
    path = Path(path)
    if unit not in _MM:
        raise InputError(f"unit is {unit!r}; expected {', '.join(_MM)}.")
    if not path.exists():
        raise MissingFileError(f"{path} is not there; expected a file or folder of calibrations.")
    kind = "folder" if path.is_dir() else path.suffix.lower()
    readers: dict[str, Any] = {
        "folder": _read_folder,
        ".toml": _read_toml,
        ".json": _read_json,
        ".yml": _read_yaml,
        ".yaml": _read_yaml,
        ".xml": _read_h36m_xml,
        ".h5": _read_h36m_h5,
    }
    if kind not in readers:
        raise InputError(f"{path} ends in {path.suffix!r}; cameras are read from {', '.join(readers)}.")
    of_subject = kind in (".xml", ".h5")
    if of_subject != (subject is not None):
        raise InputError(f"{path} {'holds cameras by subject: say which' if of_subject else 'knows no subjects'}.")
    entries = readers[kind](path, subject) if of_subject else readers[kind](path)
    if not entries:
        raise CorruptFileError(f"{path} holds no camera; expected K, R and t of one or more.")
    return tuple(_camera(entry, path, 1.0 if of_subject else _MM[unit]) for entry in entries)


def _camera(entry: Mapping[str, Any], path: Path, scale: float) -> Camera:
    """One camera from what its file says, by whatever names."""
    name = str(entry.get("name", ""))
    where = f"{path}, camera {name!r}" if name else str(path)
    if entry.get("fisheye"):
        raise InputError(f"{where} is a fisheye; undistort its pictures, or its keypoints, first.")
    found: dict[str, Any] = {}
    for key, names in _NAMES.items():
        for candidate in names:
            if entry.get(candidate) is not None:
                found[key] = entry[candidate]
                break
    lacking = [key for key in ("K", "R", "t") if key not in found]
    if lacking:
        raise CorruptFileError(f"{where} lacks {', '.join(lacking)}; a camera needs K, R and t.")
    with reading(path, "cameras"):
        K, R, t = (np.asarray(found[key], dtype=np.float64) for key in ("K", "R", "t"))
        R = _rotation(R.reshape(-1) if R.size == 3 else R)
        size = found.get("image_size")
        image_size = None if size is None else (int(np.ravel(size)[0]), int(np.ravel(size)[1]))
        distortion = _distortion(found.get("distortion"), where)
        return Camera(K.reshape(3, 3), R, t.reshape(3) * scale, distortion, image_size, name)


def _rotation(values: np.ndarray) -> np.ndarray:
    """A matrix as it is, a Rodrigues vector as the matrix it means."""
    if values.shape != (3,):
        return values.reshape(3, 3)
    return rotation_vector_to_matrix(torch.from_numpy(values)).numpy()


def _distortion(values: Any, where: str) -> np.ndarray | None:
    """k1 k2 p1 p2 k3; OpenCV leaves out k3, or adds coefficients of other lenses."""
    if values is None:
        return None
    flat = np.ravel(np.asarray(values, dtype=np.float64))
    if len(flat) > 5 and np.abs(flat[5:]).max() > 0:
        raise InputError(f"{where} has {len(flat)} distortion coefficients; expected k1 k2 p1 p2 k3 alone.")
    padded = np.zeros(5)
    padded[: min(len(flat), 5)] = flat[:5]
    return padded if np.abs(padded).max() > 0 else None


def _read_toml(path: Path) -> list[dict[str, Any]]:
    with reading(path, "TOML"):
        content = tomllib.loads(read_bytes(path, "TOML").decode())
    tables = {key: value for key, value in content.items() if isinstance(value, dict) and key != "metadata"}
    return [{"name": key, **value} for key, value in tables.items()]


def _read_json(path: Path) -> list[dict[str, Any]]:
    content = load_json(path)
    if isinstance(content, dict):
        content = content.get("cameras", content)
    if isinstance(content, dict):
        content = [{"name": name, **value} for name, value in content.items() if isinstance(value, dict)]
    if not isinstance(content, Sequence) or not all(isinstance(entry, dict) for entry in content):
        raise CorruptFileError(f"{path} is no list of cameras; expected K, R and t of each.")
    return list(content)


class _Storage(yaml.SafeLoader):
    """OpenCV's YAML: matrices are mappings of rows, cols and data."""


def _matrix(loader: Any, node: Any) -> np.ndarray:
    values = loader.construct_mapping(node, deep=True)
    return np.asarray(values["data"], dtype=np.float64).reshape(int(values["rows"]), int(values["cols"]))


_Storage.add_constructor("tag:yaml.org,2002:opencv-matrix", _matrix)


def _storage(path: Path) -> dict[str, Any]:
    """The mapping of a FileStorage; OpenCV's own directive on the first line is no YAML."""
    with reading(path, "OpenCV's YAML"):
        text = read_bytes(path, "OpenCV's YAML").decode()
        content = yaml.load(re.sub(r"\A\s*%YAML[^\n]*\n", "", text), _Storage)  # a SafeLoader
    if not isinstance(content, dict):
        raise CorruptFileError(f"{path} holds no names; expected OpenCV's FileStorage.")
    return content


def _read_yaml(path: Path) -> list[dict[str, Any]]:
    return _from_storage(_storage(path), path.stem)


def _from_storage(content: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """One camera, or those that ``names`` lists, each with its values under ``K_name`` and so on."""
    if "names" not in content:
        size = [content.get("image_width"), content.get("image_height")]
        return [{"name": name, **({"image_size": size} if None not in size else {}), **content}]
    entries = []
    for one in map(str, content["names"]):
        own = {key.removesuffix(f"_{one}"): value for key, value in content.items() if key.endswith(f"_{one}")}
        if None not in (own.get("W"), own.get("H")):
            own["image_size"] = [own["W"], own["H"]]
        # EasyMocap's R is the vector, its Rot the matrix of the same rotation.
        own["R"] = own.pop("Rot", own.get("R"))
        entries.append({"name": one, **own})
    return entries


def _read_folder(path: Path) -> list[dict[str, Any]]:
    files = sorted([*path.glob("*.yml"), *path.glob("*.yaml")])
    by_stem = {file.stem: file for file in files}
    if {"intri", "extri"} <= set(by_stem):
        content = {**_storage(by_stem["extri"]), **_storage(by_stem["intri"])}
        return _from_storage(content, path.name)
    if not files:
        raise MissingFileError(f"{path} holds no .yml; expected intri.yml and extri.yml, or a file for each camera.")
    return [entry for file in files for entry in _read_yaml(file)]


def _read_h36m_xml(path: Path, subject: str) -> list[dict[str, Any]]:
    """``w0``: six extrinsics for each camera and subject, then nine intrinsics for each camera."""
    with reading(path, "Human3.6M's metadata"):
        text = read_bytes(path, "XML").decode()
        if "<!ENTITY" in text:
            raise CorruptFileError(f"{path} defines entities, which Human3.6M's metadata does not.")
        node = ElementTree.fromstring(text).find("w0")
        if node is None or node.text is None:
            raise CorruptFileError(f"{path} has no <w0>; expected Human3.6M's metadata.xml.")
        values = np.asarray(node.text.strip().strip("[]").split(), dtype=np.float64)
    if len(values) != 300:
        raise CorruptFileError(f"{path}: <w0> holds {len(values)} numbers; expected 300.")
    number = _subject_number(subject, path)
    entries = []
    for camera, lens in enumerate(h36m_cameras("S1")):
        pose = values[6 * (camera * _H36M_SUBJECTS + number - 1) :][:6]
        fx, fy, cx, cy, k1, k2, k3, p1, p2 = values[264 + 9 * camera :][:9]
        angles, center = pose[:3], pose[3:]
        R = euler_to_matrix("xyz", torch.from_numpy(angles)).numpy()
        entries.append(_h36m_entry(lens, R, -R @ center, (fx, fy), (cx, cy), (k1, k2, k3), (p1, p2)))
    return entries


def _read_h36m_h5(path: Path, subject: str) -> list[dict[str, Any]]:
    """Groups ``subjectN/cameraM`` with R (world to camera), T (the camera's centre), f, c, k, p."""
    number, entries = _subject_number(subject, path), []
    with open_hdf5(path) as file:
        for camera, lens in enumerate(h36m_cameras("S1"), start=1):
            group = f"subject{number}/camera{camera}"
            if group not in file:
                raise CorruptFileError(f"{path} has no {group}; expected Human3.6M's cameras.h5.")
            part = {key: np.asarray(read_dataset(file, f"{group}/{key}", None), np.float64) for key in "RTfckp"}
            R = part["R"].reshape(3, 3)
            t = -R @ part["T"].reshape(3)
            entries.append(_h36m_entry(lens, R, t, *(tuple(np.ravel(part[key])) for key in "fckp")))
    return entries


def _subject_number(subject: str, path: Path) -> int:
    if not re.fullmatch(r"S\d{1,2}", subject) or not 1 <= int(subject[1:]) <= _H36M_SUBJECTS:
        raise InputError(f"subject is {subject!r}; {path} holds S1 to S{_H36M_SUBJECTS}.")
    return int(subject[1:])


def _h36m_entry(
    lens: Camera,
    R: np.ndarray,
    t: np.ndarray,
    focal: Sequence[float],
    center: Sequence[float],
    radial: Sequence[float],
    tangential: Sequence[float],
) -> dict[str, Any]:
    (fx, fy), (cx, cy), (k1, k2, k3), (p1, p2) = focal, center, radial, tangential
    u, _, v = np.linalg.svd(R)  # printed with few digits: the nearest rotation is meant
    K = [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]
    distortion = [k1, k2, p1, p2, k3]
    return {"name": lens.name, "K": K, "R": u @ v, "t": t, "distortion": distortion, "image_size": lens.image_size}
