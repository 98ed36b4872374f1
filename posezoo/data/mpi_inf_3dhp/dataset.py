"""Convert MPI-INF-3DHP from the downloaded folders to one prepared file, and read poses of that."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from posezoo.data.mpi_inf_3dhp.facts import (
    ACTIVITIES,
    CAMERAS,
    FRAMES,
    SCENES,
    SKELETON,
    TEST_SIZES,
    TEST_VALID,
    TRAINING_SIZE,
)
from posezoo.data.mpi_inf_3dhp.test_set import read_test_sequence
from posezoo.data.mpi_inf_3dhp.training_set import read_calibration, read_training_sequence
from posezoo.data.prepared import Clip, Part, Prepared, read_prepared, sources_digest, write_prepared
from posezoo.errors import InputError, MissingFileError, UnknownNameError
from posezoo.files.reading import PathLike
from posezoo.poses.posedata import PoseData, Sequence

_SPLITS = ("train", "val", "test")
_UNIVERSAL = "universal"
_VAL = "S8"


def prepare_mpi_inf_3dhp(source: PathLike, out: PathLike) -> Prepared:
    """Convert MPI-INF-3DHP once: the eight usual cameras of the training set, the valid frames of the test set.

    Args:
        source: the folder with ``S1/Seq1/annot.mat`` (and ``camera.calibration`` beside it) to ``S8/Seq2``, and ``TS1`` to
            ``TS6``, in it or in ``mpi_inf_3dhp_test_set``, each with ``annot_data.mat``; either set alone will do.
        out: the HDF5 file to write.

    Returns:
        whether it was written, and each difference from the published sequences, cameras and frames.

    Raises:
        MissingFileError: neither set.
        CorruptFileError: no sequence can be read.
        SaveError: the file cannot be written.

    Warns:
        UserWarning: a sequence is damaged and left out.
    """
    folder = Path(source)
    parts, files = [], []
    for subject, name in FRAMES:
        path = folder / subject / name / "annot.mat"
        if path.is_file():
            calibration = path.with_name("camera.calibration")
            files += [path, *([calibration] if calibration.is_file() else [])]
            parts.append(Part(f"{subject}/{name}", partial(_training_clips, path, subject, name)))
    for name in TEST_SIZES:
        path = next((p for p in (folder / name, folder / "mpi_inf_3dhp_test_set" / name) if p.is_dir()), folder / name)
        path /= "annot_data.mat"
        if path.is_file():
            files.append(path)
            parts.append(Part(name, partial(_test_clips, path, name)))
    if not parts:
        raise MissingFileError(
            f"{folder} holds nothing of MPI-INF-3DHP; expected S1/Seq1/annot.mat and so on, TS1/annot_data.mat and so on."
        )
    return write_prepared(out, "mpi_inf_3dhp", SKELETON, parts, sources_digest(files, folder), _differences)


def _training_clips(path: Path, subject: str, name: str) -> list[Clip]:
    """Return a training sequence, camera by camera; as long as the shortest of its annotations."""
    annotations = read_training_sequence(path)
    calibration = path.with_name("camera.calibration")
    cameras = read_calibration(calibration) if calibration.is_file() else {}
    count = min(len(values) for camera in annotations.values() for values in camera.values())
    fps = float(FRAMES[subject, name][1])
    return [
        Clip(
            Sequence(subject, name, name, camera, cameras.get(camera), TRAINING_SIZE, fps),
            pose_3d=own["annot3"][:count],
            gt=own["annot2"][:count],
            more={_UNIVERSAL: own["univ_annot3"][:count]},
        )
        for camera, own in annotations.items()
    ]


def _test_clips(path: Path, name: str) -> list[Clip]:
    """Return the valid frames of a test sequence, one clip for each activity."""
    two, three, universal, frame, activity = read_test_sequence(path)
    return [
        Clip(
            Sequence(name, ACTIVITIES[code - 1], name, 0, None, TEST_SIZES[name]),
            pose_3d=three[rows],
            gt=two[rows],
            frame=frame[rows],
            more={_UNIVERSAL: universal[rows]},
        )
        for code in np.unique(activity)
        for rows in [np.flatnonzero(activity == code)]
    ]


def _differences(found: dict[str, list[tuple[Sequence, int]]]) -> list[str]:
    """List the ways in which the clips differ from what was published."""
    notes = []
    lacking = [f"{subject}/{name}" for subject, name in FRAMES if f"{subject}/{name}" not in found]
    if lacking:
        notes.append(f"{', '.join(lacking)} {'are' if len(lacking) > 1 else 'is'} not there.")
    for (subject, name), (published, _) in FRAMES.items():
        for clip, count in found.get(f"{subject}/{name}", []):
            if count != published:
                notes.append(f"{subject}/{name}, camera {clip.view}: {count:,} frames; published are {published:,}.")
    tests = {name: sum(count for _, count in found[name]) for name in TEST_SIZES if name in found}
    absent = [name for name in TEST_SIZES if name not in tests]
    if absent:
        notes.append(f"{', '.join(absent)} {'are' if len(absent) > 1 else 'is'} not there.")
    elif sum(tests.values()) != TEST_VALID:
        notes.append(f"the test set has {sum(tests.values()):,} valid frames; published are {TEST_VALID:,}.")
    return notes


def load_mpi_inf_3dhp(
    path: PathLike,
    split: str = "test",
    views: tuple[int, ...] | None = None,
    scene: str | None = None,
    universal: bool | None = None,
) -> PoseData:
    """Read poses of a prepared file.

    Args:
        path: what :func:`prepare_mpi_inf_3dhp` wrote.
        split: ``train`` (S1 to S8), ``test`` (TS1 to TS6), or ``val`` (S8, of those trained on: nothing should be chosen on
            the test set).
        views: of the training cameras 0 1 2 4 5 6 7 8; all where not given.
        scene: of the test set: ``studio_gs``, ``studio_no_gs`` or ``outdoor``.
        universal: 3D scaled to one size for all people (``univ_annot3``), which is what PCK and AUC are scored with; of the
            test split where not given.

    Returns:
        mpi3dhp17; 2D px, 3D mm, camera frame.

    Raises:
        MissingFileError, CorruptFileError: no such file, or altered.
        UnknownNameError: no such split or scene.
        InputError: no such view.
    """
    if split not in _SPLITS:
        raise UnknownNameError.of("split", split, _SPLITS)
    if scene is not None and scene not in SCENES:
        raise UnknownNameError.of("scene", scene, SCENES)
    test = split == "test"
    if (views is not None and (test or not set(views) <= set(CAMERAS))) or (scene is not None and not test):
        raise InputError(f"views {views}, scene {scene}; views are {CAMERAS}, of training alone, scenes of the test set.")

    def keep(clip: Sequence) -> bool:
        if test:
            return clip.subject in (TEST_SIZES if scene is None else SCENES[scene])
        return (
            clip.subject not in TEST_SIZES and (split == "train" or clip.subject == _VAL) and clip.view in (views or CAMERAS)
        )

    labels = _UNIVERSAL if (test if universal is None else universal) else "pose_3d"
    return read_prepared(path, "mpi_inf_3dhp", keep, labels=labels)
