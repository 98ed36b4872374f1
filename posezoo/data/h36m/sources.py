"""Read Human3.6M in the forms that exist: official CDF files, VideoPose3D's archives, the HDF5 files of Martinez et al."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np

from posezoo.data.h36m.cdf import read_cdf_pose
from posezoo.data.h36m.facts import LABELLED, parse_action, spellings
from posezoo.errors import CorruptFileError, InputError, MissingFileError
from posezoo.files.hdf5 import open_hdf5, read_dataset
from posezoo.formats.cameras import read_cameras
from posezoo.formats.videopose3d import HOURGLASS_FINE_TUNED, HOURGLASS_FINE_TUNED_FOLDER, Views, positions_2d, positions_3d
from posezoo.geometry import Camera, h36m_cameras
from posezoo.skeletons import Skeleton, convert, get_skeleton

_JOINTS = 32
_H36M17 = get_skeleton("h36m17")
_HOURGLASS = {
    "sh": ("StackedHourglass", get_skeleton("mpii16")),
    "sh_ft_h36m": (HOURGLASS_FINE_TUNED_FOLDER, HOURGLASS_FINE_TUNED),
}
"""Detections of Martinez et al. by the detector's name: their folder below a subject's, and their layout."""

Key = tuple[str, str, str]
"""Subject, action, trial."""


@dataclass(frozen=True)
class Source:
    """A folder of Human3.6M.

    Attributes:
        recordings: gives (N, 32, 3) mm, world frame, by subject, action and trial.
        detections: by detector, gives its (N, 17, 2) px of each of the four cameras, None for one that is missing.
        cameras: of each subject.
        files: what all this is read from.
    """

    recordings: dict[Key, Callable[[], np.ndarray]]
    detections: dict[str, Callable[[Key], list[np.ndarray | None]]]
    cameras: Callable[[str], tuple[Camera, ...]]
    files: list[Path]


def find_h36m(source: Path) -> Source:
    """Find what a folder holds; cameras are read from ``metadata.xml`` or ``cameras.h5``, else as published.

    Raises:
        MissingFileError: none of the three kinds of files.
        CorruptFileError: an archive that is damaged.
    """
    for find in (_videopose3d, _official, _martinez):
        recordings, files = find(source)
        if recordings:
            break
    else:
        raise MissingFileError(
            f"{source} holds no 3D poses of Human3.6M; expected data_3d_h36m.npz (VideoPose3D), "
            "S1/MyPoseFeatures/D3_Positions/*.cdf (official), or S1/MyPoses/3D_positions/*.h5 (Martinez et al.)."
        )
    detections, more = _detections(source)
    calibration = next((path for name in ("metadata.xml", "cameras.h5") if (path := source / name).is_file()), None)

    def cameras(subject: str) -> tuple[Camera, ...]:
        return h36m_cameras(subject) if calibration is None else read_cameras(calibration, subject)

    return Source(
        dict(sorted(recordings.items(), key=_order)),
        detections,
        cameras,
        [*files, *more, *([calibration] if calibration else [])],
    )


def _order(item: tuple[Key, object]) -> tuple[int, str, int]:
    subject, action, trial = item[0]
    return int(subject[1:]), action, int(trial or 0)


def _videopose3d(source: Path) -> tuple[dict[Key, Callable[[], np.ndarray]], list[Path]]:
    path = source / "data_3d_h36m.npz"
    if not path.is_file():
        return {}, []
    found: dict[Key, Callable[[], np.ndarray]] = {}
    for (subject, action), metres in positions_3d(path, _JOINTS).items():
        named = parse_action(action)
        if subject in LABELLED and named is not None:
            found[(subject, *named)] = partial(np.multiply, metres, np.float32(1000.0))
    return found, [path]


def _official(source: Path) -> tuple[dict[Key, Callable[[], np.ndarray]], list[Path]]:
    return _by_file(source, "MyPoseFeatures/D3_Positions", ".cdf", lambda path: read_cdf_pose(path, 3))


def _martinez(source: Path) -> tuple[dict[Key, Callable[[], np.ndarray]], list[Path]]:
    return _by_file(source, "MyPoses/3D_positions", ".h5", read_martinez)


def read_martinez(path: Path) -> np.ndarray:
    """Read (N, 32, 3) mm, world frame, of ``MyPoses/3D_positions/*.h5``: key ``3D_positions``, (96, N).

    Raises:
        MissingFileError, CorruptFileError: no such file, damaged, or another shape.
    """
    with open_hdf5(path) as file:
        values = read_dataset(file, "3D_positions", (_JOINTS * 3, None))
    if values.dtype.kind not in "fiu" or not np.isfinite(values).all():
        raise CorruptFileError(f"{path}, '3D_positions' is {values.dtype}, or holds NaN; get it again.")
    return values.reshape(_JOINTS, 3, -1).transpose(2, 0, 1)


def _by_file(
    source: Path, folder: str, suffix: str, read: Callable[[Path], np.ndarray]
) -> tuple[dict[Key, Callable[[], np.ndarray]], list[Path]]:
    found, files = dict[Key, Callable[[], np.ndarray]](), list[Path]()
    for subject in LABELLED:
        for path in sorted((source / subject / folder).glob(f"*{suffix}")):
            named = parse_action(path.stem)
            if named is not None:
                found[(subject, *named)] = partial(read, path)
                files.append(path)
    return found, files


def _detections(source: Path) -> tuple[dict[str, Callable[[Key], list[np.ndarray | None]]], list[Path]]:
    """List detections: VideoPose3D's archives by the end of their names, Martinez' folders as ``sh``, ``sh_ft_h36m``."""
    found, files = dict[str, Callable[[Key], list[np.ndarray | None]]](), list[Path]()
    for path in sorted(source.glob("data_2d_h36m_*.npz")):
        name = path.stem.removeprefix("data_2d_h36m_")
        if name != "gt":  # projected here, with the lens distortion, as VideoPose3D does
            found[name] = _archive(path)
            files.append(path)
    for name, (folder, layout) in _HOURGLASS.items():
        folders = [path for subject in LABELLED if (path := source / subject / folder).is_dir()]
        if folders and name not in found:
            found[name] = partial(_hourglass, source, folder, layout)
            files += [path for path in folders for path in sorted(path.glob("*.h5"))]
    return found, files


def _archive(path: Path) -> Callable[[Key], list[np.ndarray | None]]:
    """Return an archive of VideoPose3D, some 300 MB; it is read when its first clip is asked for."""

    @cache
    def views() -> tuple[dict[Key, list[np.ndarray | None]], Skeleton]:
        try:
            archive = positions_2d(path, (16, 17))
            layout = archive.layout or _layout(archive, path)
        except CorruptFileError as error:  # no recording can use the archive
            raise InputError(f"{error} Or take {path.name} out of the folder, to prepare without it.") from error
        named = {(subject, parse_action(action)): views for (subject, action), views in archive.clips.items()}
        return {(subject, *action): views for (subject, action), views in named.items() if action is not None}, layout

    def of(key: Key) -> list[np.ndarray | None]:
        found, layout = views()
        own = found.get(key, [None] * 4)
        return [None if view is None else convert(view, layout, _H36M17).keypoints for view in own]

    return of


def _layout(archive: Views, path: Path) -> Skeleton:
    """Return the layout of an archive without metadata: that of all of VideoPose3D's with 17 joints."""
    if any(view is not None and view.shape[1] == 16 for views in archive.clips.values() for view in views):
        raise CorruptFileError(
            f"{path} holds 16 joints, and no metadata that tell their order (MPII's or Human3.6M's): get it again."
        )
    return get_skeleton("coco17") if "coco" in path.stem else _H36M17


def _hourglass(source: Path, folder: str, layout: Skeleton, key: Key) -> list[np.ndarray | None]:
    """Read ``StackedHourglass/Directions_1.54138969.h5``, key ``poses``."""
    subject, action, trial = key
    result: list[np.ndarray | None] = []
    for camera in h36m_cameras("S1"):
        stems = [f"{name}{f'{gap}{trial}' if trial else ''}.{camera.name}.h5" for name in spellings(action) for gap in "_ "]
        paths = [path for stem in stems if (path := source / subject / folder / stem).is_file()]
        if not paths:
            result.append(None)
            continue
        with open_hdf5(paths[0]) as file:
            poses = read_dataset(file, "poses", (None, 16, 2))
        if poses.dtype.kind not in "fiu":
            raise CorruptFileError(f"{paths[0]}, 'poses' is of type {poses.dtype}; expected numbers.")
        result.append(convert(poses.astype(np.float32), layout, _H36M17).keypoints)
    return result


def check_subjects(subjects: tuple[str, ...]) -> None:
    """Raise InputError where a subject has no labels."""
    unknown = [subject for subject in subjects if subject not in LABELLED]
    if unknown:
        raise InputError(f"subject {unknown[0]} is none of Human3.6M's with labels; they are {', '.join(LABELLED)}.")
