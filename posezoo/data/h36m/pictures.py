"""Human3.6M's frames, as the code of Zhou et al. 2017 prepared them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from posezoo.data.h36m.facts import NUMBERED_ACTIONS
from posezoo.data.pictures.crops import pixels_per_mm
from posezoo.data.pictures.files import PictureFiles, present
from posezoo.data.pictures.people import HEAD_BOX, PeopleInPictures
from posezoo.errors import CorruptFileError, UnknownNameError
from posezoo.files.hdf5 import open_hdf5, read_dataset
from posezoo.files.reading import PathLike
from posezoo.poses.posedata import PoseData, Sequence
from posezoo.skeletons import get_skeleton

_SKELETON = get_skeleton("mpii16")
SIDE_PX = 224
_VALIDATES = (8, (2, 9, 14), 2)
"""Subject, actions (Directions, Sitting, Walking) and trial of the validation split."""
_KEYS = ("subject", "action", "subaction", "camera", "id", "istrain")


def h36m_pictures(
    split: str = "test", path: PathLike = "annotSampleTest.h5", images: PathLike | None = None
) -> PeopleInPictures:
    """Read Human3.6M as prepared for pose-hg-3d: people cut out to 224 x 224 px, and one HDF5 file.

    A picture is ``images/s_01_act_02_subact_01_ca_01/s_01_act_02_subact_01_ca_01_000001.jpg``. Of the 16 joints, in MPII's
    order, the file has Human3.6M's spine in the place of the thorax; the thorax here is the middle of the shoulders, as in
    that code.

    Args:
        split: ``train`` (S1 S5 S6 S7 S8, without what validates); ``test`` (S9 S11); ``val``: S8's second trials of
            Directions, Sitting and Walking, as nothing is chosen on the test subjects.
        path: the file; keys ``action bbox camera id istrain joint_2d joint_3d_mono subaction subject``.
        images: the folder of the pictures; ``images`` beside the file where not given.

    Returns:
        the people whose pictures are there; 3D in mm, camera frame.

    Raises:
        MissingFileError: no such file, or none of its pictures.
        CorruptFileError: no such HDF5 file, or a key or shape that is not as expected.
        UnknownNameError: no such split.

    Warns:
        UserWarning: some pictures are missing.
    """
    if split not in ("train", "val", "test"):
        raise UnknownNameError.of("split", split, ("train", "val", "test"))
    path = Path(path)
    with open_hdf5(path) as file:
        count = len(read_dataset(file, "id"))
        numbers = {key: read_dataset(file, key, (count,)).astype(np.int64) for key in _KEYS}
        keypoints = read_dataset(file, "joint_2d", (count, 16, 2)).astype(np.float32)
        pose = read_dataset(file, "joint_3d_mono", (count, 16, 3)).astype(np.float32)
    subject, actions, trial = _VALIDATES
    validates = (numbers["subject"] == subject) & np.isin(numbers["action"], actions) & (numbers["subaction"] == trial)
    trains = numbers["istrain"] == 1
    chosen = {"train": trains & ~validates, "val": trains & validates, "test": ~trains}[split]
    if not chosen.any():
        raise CorruptFileError(f"{path} holds nobody of the {split} split (istrain); expected pose-hg-3d's annotations.")
    if not (np.isfinite(keypoints).all() and np.isfinite(pose).all()):
        raise CorruptFileError(f"{path} holds NaN or infinite joints; get the file again.")
    if not 2 <= numbers["action"].min() <= numbers["action"].max() < 2 + len(NUMBERED_ACTIONS):
        raise CorruptFileError(f"{path}: actions {numbers['action'].min()} to {numbers['action'].max()}; expected 2 to 16.")
    numbers = {key: values[chosen] for key, values in numbers.items()}
    shoulders = [_SKELETON.index("left_shoulder"), _SKELETON.index("right_shoulder")]
    keypoints, pose = keypoints[chosen], pose[chosen]
    for points in (keypoints, pose):
        points[:, _SKELETON.index("thorax")] = points[:, shoulders].mean(1)
    clips, sequence = np.unique(
        np.stack([numbers[key] for key in ("subject", "action", "subaction", "camera")], 1), axis=0, return_inverse=True
    )
    folders = [f"s_{s:02d}_act_{a:02d}_subact_{t:02d}_ca_{c:02d}" for s, a, t, c in clips.tolist()]
    names = tuple(
        f"{folders[clip]}/{folders[clip]}_{frame:06d}.jpg" for clip, frame in zip(sequence, numbers["id"], strict=True)
    )
    folder = Path(images) if images is not None else path.parent / "images"
    # Heads have no boxes here. Take one from neck to crown, three quarters as wide, at the scale of the whole person.
    neck, crown = _SKELETON.index("upper_neck"), _SKELETON.index("head_top")
    head = np.linalg.norm(pose[:, crown] - pose[:, neck], axis=1) * pixels_per_mm(keypoints, pose, _SKELETON.root)
    size = (SIDE_PX, SIDE_PX)
    people = PeopleInPictures(
        poses=PoseData(
            skeleton=_SKELETON,
            keypoints_2d=keypoints,
            pose_3d=pose,
            sequence=sequence.reshape(-1).astype(np.int32),
            frame=numbers["id"].astype(np.int32),
            sequences=tuple(
                Sequence(f"S{s}", NUMBERED_ACTIONS[a - 2], str(t), c - 1, image_size=size) for s, a, t, c in clips.tolist()
            ),
        ),
        center=np.full((len(names), 2), (SIDE_PX - 1) / 2, np.float32),
        side_px=np.full(len(names), SIDE_PX, np.float32),
        picture=PictureFiles(folder, names),
        head_px=(HEAD_BOX * head).astype(np.float32),
    )
    return people[present(folder, names)]
