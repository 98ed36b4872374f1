"""MPI-INF-3DHP's test frames, as they are downloaded."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from posezoo.data.files import PathLike, open_hdf5, read_dataset
from posezoo.data.pictures.files import PictureFiles, present
from posezoo.data.pictures.people import PeopleInPictures, boxes_around
from posezoo.data.posedata import PoseData, Sequence
from posezoo.errors import CorruptFileError, InputError, MissingFileError, UnknownNameError
from posezoo.skeletons import get_skeleton

SCENES = {"studio_gs": ("TS1", "TS2"), "studio_no_gs": ("TS3", "TS4"), "outdoor": ("TS5", "TS6")}
"""Green screen, none, outdoors."""
_SKELETON = get_skeleton("mpi3dhp17")
_ACTIVITIES = ("Stand/Walk", "Exercise", "Sit on Chair", "Crouch/Reach", "On the Floor", "Sports", "Misc.")


def mpi_inf_3dhp_pictures(split: str = "test", path: PathLike = ".", scene: str | None = None) -> PeopleInPictures:
    """The valid frames of the test set: 2,929 in six sequences.

    Args:
        split: ``test`` alone.
        path: the folder with ``TS1`` to ``TS6``, in each ``annot_data.mat`` and ``imageSequence/img_000001.jpg``.
        scene: ``studio_gs``, ``studio_no_gs`` or ``outdoor``; all where not given.

    Returns:
        the people whose pictures are there; 3D is ``univ_annot3``, mm, camera frame; the square is around the joints.

    Raises:
        MissingFileError: none of the sequences, or none of their pictures.
        CorruptFileError: an ``annot_data.mat`` that is damaged, or not of version 7.3.
        UnknownNameError: no such scene.
        InputError: another split.

    Warns:
        UserWarning: some pictures or sequences are missing.
    """
    if split != "test":
        raise InputError(f"MPI-INF-3DHP's pictures are read as a test set; there is no {split} split.")
    if scene is not None and scene not in SCENES:
        raise UnknownNameError.of("scene", scene, SCENES)
    expected = [name for key, group in SCENES.items() if scene in (None, key) for name in group]
    folder = Path(path)
    names = [name for name in expected if (folder / name / "annot_data.mat").is_file()]
    if not names:
        raise MissingFileError(f"{folder} holds none of {', '.join(expected)}; expected TS1/annot_data.mat and so on in it.")
    if names != expected:
        lacking = ", ".join(name for name in expected if name not in names)
        warnings.warn(f"{lacking} left out: {folder} lacks them.", stacklevel=2)
    parts = [_read(folder / name / "annot_data.mat") for name in names]
    two, pose, frame, activity = (np.concatenate(column) for column in zip(*parts, strict=True))
    sequence = np.repeat(np.arange(len(names)), [len(part[0]) for part in parts])
    clips, codes = np.unique(np.stack([sequence, activity], 1), axis=0, return_inverse=True)
    pictures = tuple(f"{names[s]}/imageSequence/img_{f + 1:06d}.jpg" for s, f in zip(sequence, frame.tolist(), strict=True))
    center, side = boxes_around(two)
    people = PeopleInPictures(
        poses=PoseData(
            skeleton=_SKELETON,
            keypoints_2d=two,
            pose_3d=pose,
            sequence=codes.reshape(-1).astype(np.int32),
            frame=frame,
            sequences=tuple(Sequence(names[s], _ACTIVITIES[a - 1], names[s]) for s, a in clips.tolist()),
        ),
        center=center,
        side_px=side,
        picture=PictureFiles(folder, pictures),
    )
    return people[present(folder, pictures)]


def _read(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """2D, 3D, numbers and activities of a sequence's valid frames."""
    with open_hdf5(path) as file:
        valid = read_dataset(file, "valid_frame").reshape(-1) > 0
        count = len(valid)
        # MATLAB's (2, 17, 1, N), which HDF5 holds the other way round.
        two = read_dataset(file, "annot2", (count, 1, 17, 2))[valid, 0].astype(np.float32)
        three = read_dataset(file, "univ_annot3", (count, 1, 17, 3))[valid, 0].astype(np.float32)
        activity = read_dataset(file, "activity_annotation").reshape(-1)
    if len(activity) != count or not valid.any() or not (np.isfinite(two).all() and np.isfinite(three).all()):
        raise CorruptFileError(f"{path}: {len(activity)} activities for {count} frames, none valid, or joints not finite.")
    activity = activity[valid].astype(np.int64)
    if not 1 <= activity.min() <= activity.max() <= len(_ACTIVITIES):
        raise CorruptFileError(f"{path}: activities {activity.min()} to {activity.max()}; expected 1 to {len(_ACTIVITIES)}.")
    return two, three, np.flatnonzero(valid).astype(np.int32), activity
