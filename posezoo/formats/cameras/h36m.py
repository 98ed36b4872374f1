"""Human3.6M's calibration: ``metadata.xml``, ``cameras.h5`` of Martinez et al. and ``cameras.pkl`` of MMPose."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from posezoo.errors import CorruptFileError, InputError
from posezoo.files.hdf5 import hard_child, open_hdf5, read_dataset
from posezoo.files.reading import reading
from posezoo.files.xml import load_xml
from posezoo.formats.cameras.entries import rotation_of
from posezoo.geometry import Camera, euler_to_matrix, h36m_cameras

_SUBJECTS = 11


def read_xml(path: Path, subject: str) -> list[dict[str, object]]:
    """Return the cameras of ``w0``: six extrinsics for each camera and subject, then nine intrinsics for each camera."""
    node = load_xml(path).find("w0")
    with reading(path, "Human3.6M's metadata"):
        if node is None or node.text is None:
            raise CorruptFileError(f"{path} has no <w0>; expected Human3.6M's metadata.xml, or Qualisys' calibration.")
        values = np.asarray(node.text.strip().strip("[]").split(), dtype=np.float64)
    if len(values) != 300:
        raise CorruptFileError(f"{path}: <w0> holds {len(values)} numbers; expected 300.")
    number = _number(subject, path)
    entries = []
    if not np.isfinite(values).all():
        raise CorruptFileError(f"{path}: <w0> holds NaN or infinite values; get the file again.")
    for camera, lens in enumerate(h36m_cameras("S1")):
        pose = values[6 * (camera * _SUBJECTS + number - 1) :][:6]
        fx, fy, cx, cy, k1, k2, k3, p1, p2 = values[264 + 9 * camera :][:9]
        angles, center = pose[:3], pose[3:]
        R = euler_to_matrix("xyz", torch.from_numpy(angles)).numpy()
        entries.append(_entry(lens, R, -R @ center, (fx, fy), (cx, cy), (k1, k2, k3), (p1, p2)))
    return entries


def read_h5(path: Path, subject: str) -> list[dict[str, object]]:
    """Return the cameras of groups ``subjectN/cameraM`` with R (world to camera), T (the camera's centre), f, c, k, p."""
    number, entries = _number(subject, path), []
    with open_hdf5(path) as file:
        for camera, lens in enumerate(h36m_cameras("S1"), start=1):
            group = f"subject{number}/camera{camera}"
            if hard_child(file, group) is None:
                raise CorruptFileError(f"{path} has no {group}; expected Human3.6M's cameras.h5.")
            part = {key: np.asarray(read_dataset(file, f"{group}/{key}", None), np.float64) for key in "RTfckp"}
            R = part["R"].reshape(3, 3)
            t = -R @ part["T"].reshape(3)
            entries.append(_entry(lens, R, t, *(tuple(np.ravel(part[key])) for key in "fckp")))
    return entries


def is_mmpose(content: object) -> bool:
    """Return whether a pickle's content is MMPose's: cameras by (subject, camera)."""
    return (
        isinstance(content, Mapping)
        and bool(content)
        and all(isinstance(key, tuple) and len(key) == 2 and isinstance(value, Mapping) for key, value in content.items())
    )


def read_mmpose(path: Path, content: Mapping[tuple[str, str], Mapping[str, Any]], subject: str) -> list[dict[str, object]]:
    """Return a subject's cameras of ``cameras.pkl``: R from camera to world, T the centre, f c k p or K (2x3)."""
    chosen = {camera: value for (person, camera), value in content.items() if str(person) == subject}
    if not chosen:
        known = ", ".join(sorted({str(person) for person, _ in content}))
        raise InputError(f"subject is {subject!r}; {path} holds {known}.")
    entries = []
    with reading(path, "MMPose's cameras"):
        for name, value in chosen.items():
            R = rotation_of(np.asarray(value["R"], dtype=np.float64)).T
            entry: dict[str, Any] = {"name": str(name), "R": R, "t": -R @ np.asarray(value["T"], np.float64).reshape(3)}
            if value.get("K") is None:
                (fx, fy), (cx, cy) = (np.ravel(value[key]).tolist() for key in "fc")
                entry["K"] = [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]
            else:
                entry["K"] = value["K"]
            if value.get("w") is not None and value.get("h") is not None:
                entry["image_size"] = [int(value["w"]), int(value["h"])]
            entry |= {key: value[key] for key in "kp" if value.get(key) is not None}
            entries.append(entry)
    return entries


def _number(subject: str, path: Path) -> int:
    if not re.fullmatch(r"S\d{1,2}", subject) or not 1 <= int(subject[1:]) <= _SUBJECTS:
        raise InputError(f"subject is {subject!r}; {path} holds S1 to S{_SUBJECTS}.")
    return int(subject[1:])


def _entry(
    lens: Camera,
    R: np.ndarray,
    t: np.ndarray,
    focal: Sequence[float],
    center: Sequence[float],
    radial: Sequence[float],
    tangential: Sequence[float],
) -> dict[str, object]:
    (fx, fy), (cx, cy), (k1, k2, k3), (p1, p2) = focal, center, radial, tangential
    u, _, v = np.linalg.svd(R)  # printed with few digits, so take the nearest rotation
    K = [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]
    distortion = [k1, k2, p1, p2, k3]
    return {"name": lens.name, "K": K, "R": u @ v, "t": t, "distortion": distortion, "image_size": lens.image_size}
