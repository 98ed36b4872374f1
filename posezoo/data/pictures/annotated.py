"""Photographs with annotated joints, in 2D alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from posezoo.data.pictures.files import PictureFiles
from posezoo.data.pictures.people import PeopleInPictures, boxes_around
from posezoo.poses.posedata import PoseData, Sequence
from posezoo.skeletons import Skeleton


def annotated_people(
    dataset: str,
    skeleton: Skeleton,
    keypoints: Float[np.ndarray, "N J 2"],
    folder: Path,
    names: tuple[str, ...],
    rows: Int[np.ndarray, " M"],
) -> PeopleInPictures:
    """Return some of the people of a dataset of photographs; the square around each is that of the annotated joints.

    Args:
        dataset: its name, which every clip has.
        skeleton: the layout of the joints.
        keypoints: px, NaN where a joint is not annotated.
        folder: of the pictures.
        names: of the N people's pictures.
        rows: the people who are taken.
    """
    center, side = boxes_around(keypoints[rows])
    return PeopleInPictures(
        poses=PoseData(
            skeleton=skeleton,
            keypoints_2d=keypoints[rows].astype(np.float32),
            sequence=np.zeros(len(rows), np.int32),
            frame=rows.astype(np.int32),
            sequences=(Sequence(subject=dataset),),
        ),
        center=center,
        side_px=side,
        picture=PictureFiles(folder, tuple(names[row] for row in rows)),
    )
