"""Define PoseData, which every reader returns."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from posezoo.errors import InputError
from posezoo.files.writing import write_whole
from posezoo.geometry import Camera
from posezoo.skeletons import Skeleton


@dataclass(frozen=True)
class Sequence:
    """One clip seen by one camera.

    Attributes:
        subject: who moves, as the dataset names it (``S9``).
        action: what they do (``Walking``); metrics are averaged over it.
        trial: which recording of it.
        view: index of the camera among the dataset's.
        camera: its calibration, where known.
        image_size: (width, height) in px, where known.
        fps: frames per second.
    """

    subject: str = ""
    action: str = ""
    trial: str = ""
    view: int = 0
    camera: Camera | None = None
    image_size: tuple[int, int] | None = None
    fps: float | int | None = None


@dataclass(frozen=True, eq=False)
class PoseData:
    """N poses of J joints, in memory, in NumPy.

    Attributes:
        skeleton: the layout of both arrays.
        keypoints_2d: (N, J, 2) float32 pixels, y down; NaN where a joint is missing.
        pose_3d: (N, J, 3) float32 mm, camera frame (x right, y down, z forward), not root-relative; None without labels.
        confidence: (N, J) float32 in [0, 1], None where the source has none.
        sequence: (N,) int32 index into ``sequences``.
        frame: (N,) int32 frame number within the clip.
        sequences: what the clips are.
        time_s: (N,) float64 seconds from the start of the clip, None where only ``Sequence.fps`` tells them.
        picture: (N,) names of the pictures, of a folder of these; None elsewhere.
        counted: whether frames are numbered by their place in a file that gives them no numbers.

    Raises:
        InputError: the arrays do not belong together.
    """

    skeleton: Skeleton
    keypoints_2d: np.ndarray
    sequence: np.ndarray
    frame: np.ndarray
    sequences: tuple[Sequence, ...]
    pose_3d: np.ndarray | None = None
    confidence: np.ndarray | None = None
    time_s: np.ndarray | None = None
    picture: np.ndarray | None = None
    counted: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.skeleton, Skeleton):
            raise InputError(f"skeleton is {self.skeleton!r}; expected a Skeleton: posezoo.skeletons.get_skeleton(name).")
        for name in ("keypoints_2d", "sequence", "frame", "pose_3d", "confidence", "time_s", "picture"):
            values = getattr(self, name)
            if values is not None and not isinstance(values, np.ndarray):
                raise InputError(f"{name} is of type {type(values).__name__}; expected an array of NumPy.")
        count, joints = len(self.keypoints_2d), len(self.skeleton)
        expected = {
            "keypoints_2d": (count, joints, 2),
            "pose_3d": (count, joints, 3),
            "confidence": (count, joints),
            "sequence": (count,),
            "frame": (count,),
            "time_s": (count,),
            "picture": (count,),
        }
        for name, shape in expected.items():
            values = getattr(self, name)
            if values is not None and values.shape != shape:
                raise InputError(
                    f"{name} has shape {values.shape}; expected {shape} for {count} poses of {self.skeleton.name}."
                )
        if count and not 0 <= int(self.sequence.min()) <= int(self.sequence.max()) < len(self.sequences):
            raise InputError(f"sequence names clip {int(self.sequence.max())}; there are {len(self.sequences)} sequences.")

    def __len__(self) -> int:
        return len(self.keypoints_2d)

    def __repr__(self) -> str:
        extra = [name for name in ("pose_3d", "confidence", "time_s") if getattr(self, name) is not None]
        clips = len(np.unique(self.sequence))
        return f"PoseData({', '.join([f'{len(self)} poses of {self.skeleton.name}', f'{clips} sequences', *extra])})"

    def __getitem__(self, index: slice | np.ndarray) -> PoseData:
        """Return the poses of an index array, mask or slice.

        Example:
            >>> from posezoo.data import load_dataset
            >>> load_dataset("procedural")[:3]
            PoseData(3 poses of h36m17, 1 sequences, pose_3d)
        """
        names = ("keypoints_2d", "pose_3d", "confidence", "sequence", "frame", "time_s", "picture")
        arrays: dict[str, Any] = {name: None if (a := getattr(self, name)) is None else a[index] for name in names}
        return replace(self, **arrays)

    @property
    def action(self) -> np.ndarray:
        """(N,) action names."""
        return np.asarray([clip.action for clip in self.sequences])[self.sequence]

    @property
    def subject(self) -> np.ndarray:
        """(N,) subject names."""
        return np.asarray([clip.subject for clip in self.sequences])[self.sequence]

    @property
    def view(self) -> np.ndarray:
        """(N,) camera indices."""
        return np.asarray([clip.view for clip in self.sequences])[self.sequence]

    @property
    def video(self) -> np.ndarray:
        """(N,) names of the recordings, :attr:`Sequence.trial`."""
        return np.asarray([clip.trial for clip in self.sequences])[self.sequence]

    @property
    def times_s(self) -> np.ndarray | None:
        """(N,) seconds: ``time_s``, else frame numbers by the clips' rates; None where a rate is not known."""
        if self.time_s is not None:
            return self.time_s
        rates = [clip.fps for clip in self.sequences]
        used = np.unique(self.sequence)
        if any(not rates[index] for index in used):
            return None
        return self.frame / np.asarray([float(rate or 1) for rate in rates])[self.sequence]

    def by_sequence(self) -> Iterator[tuple[Sequence, PoseData]]:
        """Yield the poses clip by clip, frames in order."""
        for index, clip in enumerate(self.sequences):
            rows = np.flatnonzero(self.sequence == index)
            if len(rows):
                yield clip, self[rows[np.argsort(self.frame[rows], kind="stable")]]

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the keypoints to ``.npz``, as :func:`posezoo.data.read_keypoints` reads them again; whole or not at all.

        Layout, confidences, frames, people, recordings, picture sizes, times and the frame rate are written beside them,
        and 3D poses as ``pose_3d`` where there are any.

        Raises:
            InputError: another ending, or no pose.
            SaveError: full disk, no permission, no such folder.

        Example:
            >>> import tempfile
            >>> from posezoo.data import load_dataset, read_keypoints
            >>> walk = load_dataset("procedural")[:3]
            >>> file = walk.save(tempfile.mkdtemp() + "/walk.npz")
            >>> bool((read_keypoints(file).keypoints_2d == walk.keypoints_2d).all())
            True
        """
        path = Path(path)
        if path.suffix.lower() != ".npz" or not len(self):
            raise InputError(f"{path} with {len(self)} poses; keypoints are written to .npz, one pose or more.")
        clips = [self.sequences[index] for index in self.sequence]
        sizes = [clip.image_size for clip in clips]
        rates = {clip.fps for clip in clips}
        arrays: dict[str, Any] = {
            "format": "posezoo-keypoints/1",
            "skeleton": self.skeleton.name,
            "joints": self.skeleton.joints,
            "parents": self.skeleton.parents,
            "keypoints": self.keypoints_2d,
            "confidence": self.confidence,
            "pose_3d": self.pose_3d,
            "unit": None if self.pose_3d is None else "mm",
            "frame": self.frame,
            "person": self.subject,
            "video": self.video,
            "time_s": self.time_s,
            "picture": self.picture,
            "image_size": None if None in sizes else sizes[0] if len(set(sizes)) == 1 else sizes,
            "fps": rates.pop() if len(rates) == 1 else None,
        }
        stream = io.BytesIO()
        known: dict[str, Any] = {name: np.asarray(values) for name, values in arrays.items() if values is not None}
        np.savez_compressed(stream, **known)
        return write_whole(path, stream.getvalue())
