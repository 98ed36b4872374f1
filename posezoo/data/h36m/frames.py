"""Human3.6M's videos to frames: people cut out, with their joints, in the layout that :func:`h36m_pictures` reads."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posezoo.data.h36m.cdf import read_cdf_pose
from posezoo.data.h36m.facts import CAMERAS, LABELLED, NUMBERED_ACTIONS, SUBJECTS, parse_action
from posezoo.data.h36m.pictures import SIDE_PX
from posezoo.data.pictures.crops import crop_matrix, cut
from posezoo.data.pictures.frames import Frames
from posezoo.data.pictures.people import boxes_around
from posezoo.errors import CorruptFileError, InputError, MissingFileError, SaveError
from posezoo.files.arrays import load_npz
from posezoo.files.hdf5 import create_hdf5
from posezoo.files.opencv import opencv
from posezoo.files.reading import PathLike
from posezoo.files.writing import atomic_write
from posezoo.terminal import progress

FILE = "annotSampleTest.h5"
_SHORT = 5  # a video may lack so many frames at its end
# Those of the 32 joints that are MPII's, in MPII's order; Human3.6M's spine is taken for the thorax.
_JOINTS = [3, 2, 1, 6, 7, 8, 0, 12, 13, 15, 27, 26, 25, 17, 18, 19]


@dataclass(frozen=True)
class _Clip:
    """A video and the files of its joints."""

    subject: int
    action: int
    trial: int
    camera: int
    folder: Path
    stem: str

    @property
    def name(self) -> str:
        return f"s_{self.subject:02d}_act_{self.action:02d}_subact_{self.trial:02d}_ca_{self.camera:02d}"

    @property
    def video(self) -> Path:
        return self.folder / "Videos" / f"{self.stem}.mp4"

    def joints(self, kind: str) -> Path:
        return self.folder / "MyPoseFeatures" / kind / f"{self.stem}.cdf"


def prepare_h36m_pictures(source: PathLike, out: PathLike, every: int = 5) -> Path:
    """Cut people out of Human3.6M's videos, 224 x 224 px, every fifth frame (10 a second, as Zhou et al. 2017 have it).

    What was cut before is left as it is: a call that was killed goes on where it was.

    Args:
        source: the folder with ``S1``, ``S5`` and so on, in each ``Videos/Directions 1.54138969.mp4`` and, of the same
            name, ``MyPoseFeatures/D2_Positions/*.cdf`` (px) and ``MyPoseFeatures/D3_Positions_mono/*.cdf`` (mm, camera).
        out: the folder to write; the annotations are ``annotSampleTest.h5`` in it, the pictures in ``images``.
        every: so many frames are one.

    Returns:
        the file of the annotations.

    Raises:
        MissingFileError: no video in ``source``.
        InputError: ``every`` less than 1; OpenCV or cdflib is not installed.
        CorruptFileError: no clip at all can be read.
        SaveError: a file cannot be written.

    Warns:
        UserWarning: a clip is left out: its joints are missing or damaged, or its video is.
    """
    if every < 1:
        raise InputError(f"every is {every}; expected 1 or more.")
    source, out = Path(source), Path(out)
    clips = sorted(_find(source), key=lambda clip: clip.name)
    if not clips:
        raise MissingFileError(
            f"{source} holds no video of Human3.6M; expected S1/Videos/Directions 1.54138969.mp4 and so on."
        )
    whole = [part for clip in progress(clips, "cutting people out") if (part := _cut_once(clip, out, every)) is not None]
    if not whole:
        raise CorruptFileError(f"none of {len(clips)} clips in {source} can be read; see the warnings.")
    with atomic_write(out / FILE) as temporary, create_hdf5(temporary) as file:
        for key in whole[0]:
            file.create_dataset(key, data=np.concatenate([part[key] for part in whole]), track_times=False)
    return out / FILE


def _find(source: Path) -> Iterator[_Clip]:
    """Yield the videos of the labelled subjects; the first trial of an action is the one of the lower number."""
    for subject in (int(name[1:]) for name in LABELLED):
        folder = source / f"S{subject}"
        trials: dict[str, dict[str, list[str]]] = {}
        for video in sorted((folder / "Videos").glob("*.mp4")) if folder.is_dir() else ():
            stem, _, camera = video.stem.rpartition(".")
            named = parse_action(stem)
            if named is not None and camera in CAMERAS:
                trials.setdefault(named[0], {}).setdefault(stem, []).append(camera)
        for action, stems in trials.items():
            ordered = sorted(stems, key=lambda stem: int((parse_action(stem) or ("", ""))[1] or 0))
            for trial, stem in enumerate(ordered, 1):
                for camera in sorted(stems[stem]):
                    number = CAMERAS.index(camera) + 1
                    yield _Clip(subject, NUMBERED_ACTIONS.index(action) + 2, trial, number, folder, f"{stem}.{camera}")


def _cut_once(clip: _Clip, out: Path, every: int) -> dict[str, np.ndarray] | None:
    """Cut a clip's pictures unless they were cut before; return its annotations, None where it cannot be read."""
    done = out / "clips" / f"{clip.name}-{every}.npz"
    if done.is_file():
        return {key: np.asarray(value) for key, value in load_npz(done).items()}
    try:
        part = _cut(clip, out / "images" / clip.name, every)
    except (CorruptFileError, MissingFileError) as error:
        warnings.warn(f"{clip.name} is left out: {error}", stacklevel=4)
        return None
    _make(done.parent)
    with atomic_write(done) as temporary, temporary.open("wb") as file:
        np.savez(file, **part)  # type: ignore[arg-type]
    return part


def _cut(clip: _Clip, folder: Path, every: int) -> dict[str, np.ndarray]:
    """Cut the person out of a clip's frames."""
    cv2 = opencv()
    two = read_cdf_pose(clip.joints("D2_Positions"), 2)[:, _JOINTS]
    three = read_cdf_pose(clip.joints("D3_Positions_mono"), 3)[:, _JOINTS]
    center, side = boxes_around(two.astype(np.float32))
    _make(folder)
    rows, keypoints = [], []
    count, row = min(len(two), len(three)), -1
    if not (side > 0).all():
        raise CorruptFileError(f"{clip.joints('D2_Positions')} has people of no size; get it again.")
    for row, frame in enumerate(Frames(clip.video)):
        if row >= count:  # videos have a frame or two more
            break
        if row % every:
            continue
        matrix = crop_matrix(center[row], float(side[row]), SIDE_PX)
        picture = cut(frame.picture, matrix, SIDE_PX)
        path = folder / f"{clip.name}_{row + 1:06d}.jpg"
        if not cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95]):
            raise SaveError(f"{path} cannot be written; free some space or write elsewhere.")
        rows.append(row)
        keypoints.append(two[row] @ matrix[:, :2].T + matrix[:, 2])
    if row + 1 < count - _SHORT:
        raise CorruptFileError(f"{clip.video} ends after {row + 1} frames; there are joints for {count}: it is damaged.")
    numbers = {
        "subject": clip.subject, "action": clip.action, "subaction": clip.trial, "camera": clip.camera,
        "istrain": int(f"S{clip.subject}" in SUBJECTS["train"]),
    }  # fmt: skip
    corner = center[rows] - side[rows, None] / 2
    return {
        **{key: np.full(len(rows), value, np.int64) for key, value in numbers.items()},
        "id": np.array(rows, np.int64) + 1,
        "bbox": np.concatenate([corner, side[rows, None], side[rows, None]], 1),
        "joint_2d": np.stack(keypoints).astype(np.float32),
        "joint_3d_mono": three[rows].astype(np.float32),
    }


def _make(folder: Path) -> None:
    """Make a folder unless it is there; raise SaveError where that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SaveError(f"{folder} cannot be made ({error.strerror}); write to a folder of your own.") from error
