"""Pack people cut out of their pictures in one HDF5 file, which is small and fast to read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from posezoo.data.pictures.crops import crop_matrix, cut
from posezoo.data.pictures.people import PeopleInPictures
from posezoo.errors import CorruptFileError, InputError, UnknownNameError
from posezoo.files.hdf5 import create_hdf5, open_hdf5, read_attributes, read_dataset
from posezoo.files.opencv import opencv
from posezoo.files.reading import PathLike
from posezoo.files.writing import atomic_write
from posezoo.poses.posedata import PoseData, Sequence
from posezoo.skeletons import get_skeleton
from posezoo.terminal import progress

FORMAT = 1
KEY = "posezoo_pictures"
ROOM = 1.4
"""A packed picture's side over the person's square, which leaves room for crops that are turned, moved and enlarged."""


def pack_pictures(splits: Mapping[str, PeopleInPictures], out: PathLike, side: int = 256, quality: int = 90) -> Path:
    """Write people of several splits to one file, each cut out of their picture.

    Args:
        splits: people by the name of their split; all in one layout.
        out: the .h5 file to write.
        side: of the pictures that are written, px; a person in a smaller one keeps their size.
        quality: of the JPEG, 1 to 100.

    Returns:
        ``out``.

    Raises:
        InputError: no people, several layouts, or a side below 32 px.
        MissingFileError, CorruptFileError: a picture cannot be read.
        SaveError: the file cannot be written.
    """
    if side < 32 or not 1 <= quality <= 100:
        raise InputError(f"side {side} px, quality {quality}; expected 32 px or more, and 1 to 100.")
    layouts = {people.poses.skeleton.name for people in splits.values()}
    if len(layouts) != 1 or not all(len(people) for people in splits.values()):
        raise InputError(f"people of {len(splits)} splits in {len(layouts)} layouts; expected some in each, in one layout.")
    cv2 = opencv()
    names = list(splits)
    encoded, columns = [], []
    for code, people in enumerate(splits.values()):
        for number in progress(range(len(people)), f"cutting out {names[code]}"):
            square = float(people.side_px[number])
            width = min(side, max(32, round(square * ROOM)))
            matrix = crop_matrix(people.center[number], square * ROOM, width)
            picture = cut(people.read(number), matrix, width)
            done, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
            if not done:
                raise InputError(f"picture {number} of the {names[code]} split cannot be encoded as JPEG.")
            encoded.append(np.asarray(data).reshape(-1))
            keypoints = people.poses.keypoints_2d[number] @ matrix[:, :2].T + matrix[:, 2]
            head = np.nan if people.head_px is None else people.head_px[number] * width / (square * ROOM)
            columns.append((code, width, head, keypoints))
    with atomic_write(out) as temporary, create_hdf5(temporary) as file:
        file.attrs[KEY] = FORMAT
        file.attrs["skeleton"] = layouts.pop()
        file.attrs["splits"] = ",".join(names)
        arrays = {
            "jpeg": np.concatenate(encoded),
            "end": np.cumsum([len(data) for data in encoded]).astype(np.int64),
            "split": np.array([column[0] for column in columns], np.uint8),
            "side": np.array([column[1] for column in columns], np.int32),
            "head_px": np.array([column[2] for column in columns], np.float32),
            "keypoints_2d": np.stack([column[3] for column in columns]).astype(np.float32),
        }
        for name, values in arrays.items():
            file.create_dataset(name, data=values, track_times=False)
    return Path(out)


def packed_pictures(path: PathLike, split: str) -> PeopleInPictures:
    """Return the people of a split of a file that :func:`pack_pictures` wrote.

    Raises:
        MissingFileError: no such file.
        CorruptFileError: another file, or a damaged one.
        UnknownNameError: no such split.
    """
    with open_hdf5(path) as file:
        about = read_attributes(file)
        if about.get(KEY) != FORMAT:
            raise CorruptFileError(f"{path} holds no packed pictures of format {FORMAT}; prepare it again.")
        names = str(about.get("splits", "")).split(",")
        if split not in names:
            raise UnknownNameError.of("split", split, names)
        skeleton = get_skeleton(str(about.get("skeleton")))
        end = read_dataset(file, "end").astype(np.int64)
        count = len(end)
        codes, sides, heads = (read_dataset(file, name, (count,)) for name in ("split", "side", "head_px"))
        keypoints = read_dataset(file, "keypoints_2d", (count, len(skeleton), 2)).astype(np.float32)
        data = read_dataset(file, "jpeg").astype(np.uint8, copy=False)
    start = np.concatenate([[0], end[:-1]])
    if not count or (end <= start).any() or end[-1] != len(data) or sides.min() < 1:
        raise CorruptFileError(f"{path} is damaged: its pictures do not fill it; prepare it again.")
    rows = np.flatnonzero(codes == names.index(split))
    side = sides[rows].astype(np.float32)
    head = heads[rows].astype(np.float32)
    return PeopleInPictures(
        poses=PoseData(
            skeleton=skeleton,
            keypoints_2d=keypoints[rows],
            sequence=np.zeros(len(rows), np.int32),
            frame=rows.astype(np.int32),
            sequences=(Sequence(subject=split),),
        ),
        center=np.repeat((side[:, None] - 1) / 2, 2, 1),
        side_px=side / ROOM,
        picture=_Packed(str(path), data, start[rows], end[rows]),
        head_px=head if np.isfinite(head).all() else None,
    )


@dataclass(frozen=True)
class _Packed:
    """Decodes a row's picture when it is called."""

    path: str
    data: np.ndarray
    start: np.ndarray
    end: np.ndarray

    def __call__(self, row: int) -> UInt8[np.ndarray, "H W 3"]:
        cv2 = opencv()
        picture = cv2.imdecode(self.data[self.start[row] : self.end[row]], cv2.IMREAD_COLOR)
        if picture is None:
            raise CorruptFileError(f"picture {row} in {self.path} is damaged; prepare the file again.")
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
