"""3D positions of joints in TRC and C3D files: motion capture as ground truth.

C3D is read by the package c3d (the extra ``c3d``): 31 kB of Python that needs NumPy alone, where ezc3d is compiled.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posezoo.errors import CorruptFileError, InputError
from posezoo.files.reading import check_file, check_size, read_bytes, reading
from posezoo.formats.keypoints.names import columns_of
from posezoo.skeletons import Skeleton, get_skeleton

# A number in the file's unit, and in mm.
_BYTES_PER_CELL = 16
_UNITS_MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0}


@dataclass(frozen=True)
class Markers:
    """Named points of one recording.

    Attributes:
        names: M names.
        points_mm: (T, M, 3) float64 mm in the file's axes; NaN where a point was not seen.
        frame: (T,) frame numbers, counted from 0.
        rate_hz: frames per second.
    """

    names: tuple[str, ...]
    points_mm: np.ndarray
    frame: np.ndarray
    rate_hz: float

    def poses(self, path: Path, skeleton: str | Skeleton | None = None) -> tuple[Skeleton, np.ndarray]:
        """Return the layout that the names make up, else the one asked for, and its joints (T, J, 3) in mm.

        Raises:
            InputError: a joint is missing, as where markers lie on the skin; two names are the same joint.
        """
        layout, columns = columns_of(self.names, None if skeleton is None else get_skeleton(skeleton), path)
        return layout, self.points_mm[:, columns]


def read_markers(path: str | Path) -> Markers:
    """Read a ``.trc`` or ``.c3d`` file.

    Raises:
        MissingFileError, CorruptFileError: no such file; damaged.
        InputError: another ending, an unknown unit, no points, or c3d is not installed.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in (".trc", ".c3d"):
        raise InputError(f"{path}: expected 3D markers in a .trc or .c3d file.")
    markers = _read_trc(path) if ending == ".trc" else _read_c3d(path)
    if not markers.points_mm.size:
        raise InputError(f"{path} holds no points ({len(markers.frame)} frames of {len(markers.names)} markers).")
    if np.isinf(markers.points_mm).any():
        raise CorruptFileError(f"{path} has infinite coordinates; it is damaged: get it again.")
    return markers


def _unit_mm(unit: str, path: Path) -> float:
    if unit.strip().lower() not in _UNITS_MM:
        raise InputError(f"{path}: its unit is {unit.strip()[:20]!r}; expected mm, cm or m.")
    return _UNITS_MM[unit.strip().lower()]


def _read_trc(path: Path) -> Markers:
    with reading(path, "TRC"):
        lines = read_bytes(path, "TRC").decode("utf-8-sig").splitlines()
        if len(lines) < 5 or not lines[0].startswith("PathFileType"):
            raise CorruptFileError(f"{path} does not begin as TRC does (PathFileType); expected OpenSim's marker file.")
        about = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=False))
        unit, rate = _unit_mm(about["Units"], path), float(about["DataRate"])
        names = tuple(name.strip() for name in lines[3].rstrip().split("\t")[2:] if name.strip())
        width = 2 + 3 * len(names)
        filled = [(number, line) for number, line in enumerate(lines[5:], start=6) if line.strip()]
        # Cells may be left out, so that a short file can stand for many.
        check_size(_BYTES_PER_CELL * width * len(filled), path)
        values = np.full((len(filled), width), np.nan)
        for row, (number, line) in enumerate(filled):
            cells = line.split("\t")
            # Empty cells at the end of a line may be left out; further cells must be empty.
            if any(cell.strip() for cell in cells[width:]):
                raise CorruptFileError(
                    f"{path}: line {number} has {len(cells)} cells for {len(names)} markers; it is damaged."
                )
            values[row, : len(cells)] = [float(cell) if cell.strip() else np.nan for cell in cells[:width]]
    if not (np.isfinite(values[:, 0]).all() and 0 < rate < 1e6):
        raise CorruptFileError(f"{path}: a frame has no number, or the rate is {rate:g}; it is damaged.")
    points = values[:, 2:].reshape(len(values), len(names), 3)
    return Markers(names, points * unit, values[:, 0].astype(np.int64) - 1, rate)


def _read_c3d(path: Path) -> Markers:
    try:
        import c3d
    except ImportError as error:
        raise InputError(f'reading {path} needs the package c3d: pip install "posezoo[c3d]".') from error
    check_file(path, "C3D")
    with reading(path, "C3D"), open(path, "rb") as stream:
        reader = c3d.Reader(stream)
        stated = reader.get("POINT:UNITS")
        unit = _unit_mm(stated.string_value if stated is not None else "mm", path)
        labels = [str(label).strip() for label in reader.point_labels]
        frames, points = [], []
        for number, values, _ in reader.read_frames():
            frames.append(number)
            points.append(np.where(values[:, 3:4] < 0, np.nan, values[:, :3]).astype(np.float64))
        rate = float(reader.point_rate)
    # Unnamed points are called *0, *1; a name may have a prefix.
    kept = [index for index, label in enumerate(labels) if label and not label.startswith("*")]
    names = tuple(labels[index].rpartition(":")[2] for index in kept)
    stacked = np.stack(points)[:, kept] if points else np.zeros((0, len(kept), 3))
    return Markers(names, stacked * unit, np.asarray(frames, dtype=np.int64) - 1, rate)
