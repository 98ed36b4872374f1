"""MPI-INF-3DHP's test frames, as they are downloaded."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from posezoo.data.mpi_inf_3dhp.facts import ACTIVITIES, SCENES, SKELETON
from posezoo.data.mpi_inf_3dhp.test_set import read_test_sequence
from posezoo.data.pictures.files import PictureFiles, present
from posezoo.data.pictures.people import PeopleInPictures, boxes_around
from posezoo.errors import InputError, MissingFileError, UnknownNameError
from posezoo.files.reading import PathLike
from posezoo.poses.posedata import PoseData, Sequence


def mpi_inf_3dhp_pictures(split: str = "test", path: PathLike = ".", scene: str | None = None) -> PeopleInPictures:
    """Read the valid frames of the test set: 2,929 in six sequences.

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
    parts = [read_test_sequence(folder / name / "annot_data.mat") for name in names]
    two, _, pose, frame, activity = (np.concatenate(column) for column in zip(*parts, strict=True))
    sequence = np.repeat(np.arange(len(names)), [len(part[0]) for part in parts])
    clips, codes = np.unique(np.stack([sequence, activity], 1), axis=0, return_inverse=True)
    pictures = tuple(f"{names[s]}/imageSequence/img_{f + 1:06d}.jpg" for s, f in zip(sequence, frame.tolist(), strict=True))
    center, side = boxes_around(two)
    people = PeopleInPictures(
        poses=PoseData(
            skeleton=SKELETON,
            keypoints_2d=two,
            pose_3d=pose,
            sequence=codes.reshape(-1).astype(np.int32),
            frame=frame,
            sequences=tuple(Sequence(names[s], ACTIVITIES[a - 1], names[s]) for s, a in clips.tolist()),
        ),
        center=center,
        side_px=side,
        picture=PictureFiles(folder, pictures),
    )
    return people[present(folder, pictures)]
