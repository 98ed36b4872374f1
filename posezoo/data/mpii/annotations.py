"""MPII Human Pose: annotations as stacked hourglass, simple-baselines, pytorch-pose or MPII ship them; detections."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from posezoo.errors import CorruptFileError, InputError
from posezoo.files.hdf5 import open_hdf5
from posezoo.files.reading import PathLike
from posezoo.formats.mpii import PX_PER_SCALE, finite, people_of_hourglass, people_of_json, people_of_mat
from posezoo.poses.posedata import PoseData, Sequence
from posezoo.skeletons import get_skeleton


@dataclass(frozen=True, eq=False)
class MPII:
    """N people in the wild, as annotated and as detected.

    Attributes:
        people: the annotations, in ``mpii16``; NaN and confidence 0 where a joint is not annotated. ``trial`` of a
            sequence is the picture, ``subject`` the person in it.
        detections: the detector's output for the same people, row by row, or None.
        scale: (N,) the person's height / 200 px.
        center: (N, 2) px, where the person is.
        normalize: (N,) px, the head's size: 0.6 x the diagonal of its box; PCKh counts errors within half of it. NaN in
            JSON, which does not say.
        visible: (N, 16) whether the joint is annotated and not occluded.
    """

    people: PoseData
    detections: PoseData | None
    scale: np.ndarray
    center: np.ndarray
    normalize: np.ndarray
    visible: np.ndarray

    def __len__(self) -> int:
        return len(self.people)

    def __getitem__(self, index: slice | np.ndarray) -> MPII:
        """Return the people of an index array, mask or slice."""
        arrays = {name: getattr(self, name)[index] for name in ("scale", "center", "normalize", "visible")}
        detections = None if self.detections is None else self.detections[index]
        return MPII(people=self.people[index], detections=detections, **arrays)

    @property
    def height_px(self) -> np.ndarray:
        """(N,) the person's height in px."""
        return self.scale * np.float32(PX_PER_SCALE)

    @property
    def complete(self) -> np.ndarray:
        """(N,) mask of the people with all 16 joints annotated."""
        return ~np.isnan(self.people.keypoints_2d).any((1, 2))


def read_mpii(annotations: PathLike, detections_h5: PathLike | None = None, split: str | None = None) -> MPII:
    """Read MPII's annotations, and the detections of the same people (``valid_stacked_hourglass.h5``).

    Args:
        annotations: the hourglass's ``valid.h5`` or ``train.h5`` (keys ``part scale center normalize visible imgname
            person``; a joint whose x is 0 is not annotated); JSON of simple-baselines or pytorch-pose; or the original
            ``mpii_human_pose_v1_u12_1.mat``.
        detections_h5: key ``preds``, (N, 16, 2) px.
        split: ``train`` or ``val``, of files that hold both (JSON of pytorch-pose, and the original, whose own training
            pictures are ``train`` and which has no labels of others); everybody where not given.

    Raises:
        MissingFileError: no such file.
        CorruptFileError: not such a file, truncated, a key or a shape that is not as expected, NaN or infinite values.
        InputError: the two files hold different numbers of people, or nobody is left.
    """
    path = Path(annotations)
    suffix = path.suffix.lower()
    people = (
        people_of_json(path) if suffix == ".json" else people_of_mat(path) if suffix == ".mat" else people_of_hourglass(path)
    )
    if split is not None and suffix != ".h5":
        people = [person for person in people if person.training in (None, split == "train")]
        if not people:
            raise InputError(f"{path} holds nobody of the {split} split; give the file that does.")
    count, images = len(people), [person.image for person in people]
    part = np.stack([person.part for person in people]).astype(np.float32)
    scale, normalize = (np.array([getattr(p, key) for p in people], np.float32) for key in ("scale", "normalize"))
    center = np.stack([person.center for person in people]).astype(np.float32)
    if not (scale > 0).all() or (normalize <= 0).any() or not np.isfinite(center).all():
        raise CorruptFileError(f"{path}: some person's place, scale or head size is not positive; get the file again.")
    poses = PoseData(
        skeleton=get_skeleton("mpii16"),
        keypoints_2d=part,
        confidence=np.where(np.isnan(part[..., 0]), np.float32(0), np.float32(1)),
        sequence=np.arange(count, dtype=np.int32),
        frame=np.zeros(count, dtype=np.int32),
        sequences=tuple(Sequence(subject=str(p.person), trial=image) for image, p in zip(images, people, strict=True)),
    )
    found = None
    if detections_h5 is not None:
        with open_hdf5(detections_h5) as file:
            preds = finite(file, "preds", (None, 16, 2))
        if len(preds) != count:
            raise InputError(f"{detections_h5} holds {len(preds)} people, {path} {count}; expected the same people in both.")
        found = replace(poses, keypoints_2d=preds, confidence=None)
    visible = np.stack([person.visible for person in people])
    return MPII(poses, found, scale, center, normalize, visible)


def detection_residuals(mpii: MPII) -> np.ndarray:
    """Return (M, 16, 2) float32 errors of a real detector: detection minus annotation, in body heights.

    Over the M people with all 16 joints annotated; x right, y down.

    Raises:
        InputError: read without detections.
    """
    if mpii.detections is None:
        raise InputError("these MPII people were read without detections; give read_mpii the detections' file too.")
    whole = mpii.complete
    difference = mpii.detections.keypoints_2d - mpii.people.keypoints_2d
    return difference[whole] / mpii.height_px[whole, None, None]
