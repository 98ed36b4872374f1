"""Read calibrations from the files of the field.

:mod:`~posezoo.formats.cameras.entries` makes a camera of what a file says by whatever names; each kind of file that needs
more has a file of its own here.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

from posezoo.errors import CorruptFileError, InputError, MissingFileError
from posezoo.files.arrays import load_pickle
from posezoo.files.reading import PathLike, as_path, load_json, read_bytes, reading
from posezoo.files.xml import load_xml
from posezoo.formats.cameras import h36m, qualisys
from posezoo.formats.cameras.archives import read_npz
from posezoo.formats.cameras.entries import camera_of, entries_of
from posezoo.formats.cameras.storage import read_storage_xml, read_yaml, read_yaml_folder
from posezoo.geometry import Camera

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["read_cameras"]

_MOST_PARTS = 32
_QUOTED = r"\"[^\"\n]*\"|'[^'\n]*'"
_MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0}


def read_cameras(path: PathLike, subject: str | None = None, unit: str = "mm") -> tuple[Camera, ...]:
    """Read the cameras of a calibration file, in its order.

    ========================= =============================================================================================
    file                      holds
    ========================= =============================================================================================
    ``.toml``                 Anipose, Pose2Sim, Caliscope: a table for each camera with ``matrix distortions rotation
                              translation size``; tables without these are left out
    ``.json``                 a list, or a mapping by name, of cameras (also under ``cameras``): ``K R t``, and where known
                              ``distortion image_size name``; the names of CMU Panoptic, Shelf and OpenCV are understood,
                              and so are 3x4 and 4x4 extrinsics and projection matrices
    ``.yml .yaml .xml``       OpenCV's FileStorage: one camera; or several, with ``K_name dist_name Rot_name T_name``
                              (EasyMocap)
    ``.qca.txt .xml``         Qualisys Track Manager; always mm
    ``.npz``                  ``K R t`` and so on of one camera, or (V, 3, 3), (V, 3, 3), (V, 3) of V cameras; Rodrigues
                              vectors (V, 3) as ``rvec``
    ``.pickle .pkl``          one camera of OpenCap; MMPose's ``cameras.pkl`` of Human3.6M, with ``subject``
    a folder                  ``intri.yml`` and ``extri.yml``, or a file for each camera, in the order of their names
    ``metadata.xml``          Human3.6M's, with ``subject``
    ``cameras.h5``            Human3.6M's as converted by Martinez et al., with ``subject``
    ========================= =============================================================================================

    Args:
        path: the file or folder.
        subject: Human3.6M's files hold the cameras of every subject: ``S1`` and so on.
        unit: of the file's translations: ``mm``, ``cm`` or ``m`` (Pose2Sim writes metres, CMU Panoptic centimetres).

    Returns:
        cameras with translations in mm.

    Raises:
        MissingFileError, CorruptFileError: no such file, or not one of these.
        InputError: another unit, a subject that is missing or not wanted, a lens that is no pinhole with radial and
            tangential distortion (fisheye, thin prism), or values that contradict each other.

    Example:
        >>> import json, tempfile, pathlib
        >>> from posezoo.data import read_cameras
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "rig.json"
        >>> camera = {"name": "left", "K": [[900, 0, 320], [0, 900, 240], [0, 0, 1]], "R": [0, 0, 0], "t": [0, 0, 2.5]}
        >>> _ = file.write_text(json.dumps([camera]))
        >>> read_cameras(file, unit="m")[0].t.tolist()
        [0.0, 0.0, 2500.0]
    """
    path = as_path(path)
    if unit not in _MM:
        raise InputError(f"unit is {unit!r}; expected {', '.join(_MM)}.")
    if not path.exists():
        raise MissingFileError(f"{path} is not there; expected a file or folder of calibrations.")
    kind = "folder" if path.is_dir() else path.suffix.lower()
    if kind not in _READERS:
        raise InputError(
            f"{path} ends in {path.suffix!r}, as no calibration does that is read; expected K, R, t of every camera, as the "
            "program that calibrated them writes them, or in .json, .toml or .npz."
        )
    entries, millimetres = _READERS[kind](path, subject)
    if not entries:
        raise CorruptFileError(f"{path} holds no camera; expected K, R and t of one or more.")
    return tuple(camera_of(entry, path, 1.0 if millimetres else _MM[unit]) for entry in entries)


_Entries = tuple[list[dict[str, object]], bool]
"""Cameras, and whether their translations are in mm whatever the caller says."""


def _by_subject(path: Path, subject: str | None) -> str:
    if subject is None:
        raise InputError(f"{path} holds cameras by subject: say which (subject=).")
    return subject


def _without_subject(path: Path, subject: str | None) -> None:
    if subject is not None:
        raise InputError(f"{path} knows no subjects: leave the subject out.")


def _toml(path: Path, subject: str | None) -> _Entries:
    _without_subject(path, subject)
    with reading(path, "TOML"):
        text = read_bytes(path, "TOML").decode("utf-8-sig")
        # The parser's time grows with the square of a key's parts.
        if any(part.count(".") > _MOST_PARTS for part in re.split(r"[=,\[\]{}\n]", re.sub(_QUOTED, "", text))):
            raise CorruptFileError(f"{path} has a key of more than {_MOST_PARTS} parts; a calibration has none: refused.")
        content = tomllib.loads(text)
    content.pop("metadata", None)
    return entries_of(content, path), False


def _json(path: Path, subject: str | None) -> _Entries:
    _without_subject(path, subject)
    return entries_of(load_json(path), path), False


def _yaml(path: Path, subject: str | None) -> _Entries:
    _without_subject(path, subject)
    return read_yaml(path), False


def _folder(path: Path, subject: str | None) -> _Entries:
    _without_subject(path, subject)
    files = sorted(file for file in path.iterdir() if not file.name.startswith("."))
    single = [file for file in files if file.suffix in (".pickle", ".pkl", ".npz")]
    if single:
        read = [(file, (_npz if file.suffix == ".npz" else _pickle)(file, None)[0]) for file in single]
        return [{"name": file.stem, **entry} for file, entries in read for entry in entries], False
    return read_yaml_folder(path), False


def _xml(path: Path, subject: str | None) -> _Entries:
    if path.suffix.lower() == ".txt" and not read_bytes(path, "XML").lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise InputError(f"{path} is no XML; of texts, Qualisys' .qca.txt is read: convert the file to .json or .toml.")
    root = load_xml(path)
    if root.tag == "opencv_storage":
        _without_subject(path, subject)
        return read_storage_xml(path, root), False
    cameras = qualisys.cameras_node(root)
    if cameras is None:
        return h36m.read_xml(path, _by_subject(path, subject)), True
    _without_subject(path, subject)
    return qualisys.read_qualisys(path, cameras), True


def _hdf5(path: Path, subject: str | None) -> _Entries:
    return h36m.read_h5(path, _by_subject(path, subject)), True


def _pickle(path: Path, subject: str | None) -> _Entries:
    content = load_pickle(path)
    if h36m.is_mmpose(content):
        return h36m.read_mmpose(path, content, _by_subject(path, subject)), True
    _without_subject(path, subject)
    entries = entries_of(content, path)
    for entry in entries:
        if "imageSize" in entry:  # OpenCap's is height, then width
            height, width = (float(value) for value in np.ravel(np.asarray(entry.pop("imageSize"), np.float64))[:2])
            entry["image_size"] = [width, height]
    return entries, False


def _npz(path: Path, subject: str | None) -> _Entries:
    _without_subject(path, subject)
    return read_npz(path), False


_READERS: dict[str, Any] = {
    "folder": _folder,
    ".toml": _toml,
    ".json": _json,
    ".yml": _yaml,
    ".yaml": _yaml,
    ".xml": _xml,
    ".txt": _xml,
    ".h5": _hdf5,
    ".pickle": _pickle,
    ".pkl": _pickle,
    ".npz": _npz,
}
