"""Define Prediction: 3D poses with layout, unit and frame, in memory and on disk."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, cast, runtime_checkable

import numpy as np

from posezoo.errors import CorruptFileError, InputError
from posezoo.files.arrays import load_npz
from posezoo.files.reading import affordable, as_path, load_json
from posezoo.files.writing import write_whole
from posezoo.poses.exports import EXPORTS, MotionSettings
from posezoo.poses.posedata import PoseData
from posezoo.poses.prediction_files import ARRAYS, FORMAT, LABELS, WRITERS, fields_of
from posezoo.skeletons import Skeleton
from posezoo.version import __version__

CAMERA_FRAME = "camera (x right, y down, z forward), root-relative"
UNITS = ("mm", "relative")


@runtime_checkable
class Shaped(Protocol):
    """An array of any library."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> object: ...


Array = TypeVar("Array", bound=Shaped)
"""What a prediction holds: NumPy arrays, or tensors where the caller's input was one."""


@dataclass(frozen=True, eq=False, repr=False)
class Prediction(Generic[Array]):
    """Prediction of a model for some 2D poses.

    Attributes:
        pose_3d: (..., J, 3) float32, array or tensor as the caller's input was.
        skeleton: the layout of all arrays here.
        unit: ``mm``, or ``relative`` where the scale cannot be known from one picture.
        frame: the coordinate frame, in words.
        keypoints_2d: (..., J, 2) the pixels that were lifted, in this layout.
        confidence: (..., J) in [0, 1].
        image_size: (width, height) in px.
        model: which checkpoint.
        approximated: how joints that the input lacks were made up.
        missing: joints that could not be had.
        filled: (..., J) bool, which joints of ``keypoints_2d`` were missing and filled in by the model; None for none.
        notes: anything else that the user should know.
        reprojection_px: (..., J) of several cameras: mean distance between a joint and the keypoints that it was made
            from; NaN where fewer than two views define it.
        view_count: (..., J) whole numbers: from how many views a joint was made.
        fps: frames per second, where the poses are a clip's and the input says it.
        frame_number: (...) whole numbers, which frame of its video each pose is of; None where not known.
        person: (...) who it is, as the input names people.
        video: (...) names of the recordings.
        time_s: (...) seconds from the start of the recording.
        picture: (...) names of the pictures, of a folder of these.
        doubtful: (...) bool, poses that the model itself doubts, such as those of pictures without a person; None where the
            model cannot tell.

    Raises:
        InputError: shapes that do not belong together, or an unknown unit.

    Example:
        >>> from posezoo.skeletons import get_skeleton
        >>> Prediction(np.zeros((2, 17, 3), np.float32), get_skeleton("h36m17"), "mm")
        Prediction(pose_3d (2, 17, 3) float32 in mm, h36m17, camera (x right, y down, z forward), root-relative)
    """

    pose_3d: Array
    skeleton: Skeleton
    unit: str
    frame: str = CAMERA_FRAME
    keypoints_2d: Array | None = None
    confidence: np.ndarray | Array | None = None
    image_size: Any = None
    model: str = ""
    approximated: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    filled: np.ndarray | Array | None = None
    reprojection_px: np.ndarray | Array | None = None
    view_count: np.ndarray | Array | None = None
    fps: float | int | None = None
    frame_number: np.ndarray | None = None
    person: np.ndarray | None = None
    video: np.ndarray | None = None
    time_s: np.ndarray | None = None
    picture: np.ndarray | None = None
    doubtful: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise InputError(f"unit is {self.unit!r}; expected {' or '.join(UNITS)}.")
        joints, batch = len(self.skeleton), tuple(self.pose_3d.shape[:-2])
        expected = {
            "pose_3d": (*batch, joints, 3),
            "keypoints_2d": (*batch, joints, 2),
            "confidence": (*batch, joints),
            "filled": (*batch, joints),
            "reprojection_px": (*batch, joints),
            "view_count": (*batch, joints),
            **dict.fromkeys(LABELS, batch),
        }
        for name, shape in expected.items():
            values = getattr(self, name)
            if values is not None and tuple(values.shape) != shape:
                raise InputError(f"{name} has shape {tuple(values.shape)}; expected {shape} for {self.skeleton.name}.")
        if self.image_size is not None:
            object.__setattr__(self, "image_size", tuple(int(size) for size in self.image_size))

    def __repr__(self) -> str:
        dtype = str(self.pose_3d.dtype).removeprefix("torch.")
        parts = [f"pose_3d {tuple(self.pose_3d.shape)} {dtype} in {self.unit}", self.skeleton.name, self.frame]
        parts += [f"by {self.model}"] if self.model else []
        parts += (
            [f"{int(np.count_nonzero(np.asarray(as_numpy(self.filled))))} joints filled in"]
            if self.filled is not None
            else []
        )
        parts += [f"missing {', '.join(self.missing)}"] if self.missing else []
        return f"Prediction({', '.join(parts)})"

    def __len__(self) -> int:
        return int(self.pose_3d.shape[0])

    def labelled(self, data: PoseData) -> Prediction[Array]:
        """Return the prediction with frame, person, video and time of the lifted poses, row by row.

        Raises:
            InputError: another number of poses.
        """
        clips = [data.sequences[index] for index in np.unique(data.sequence)]
        rates = {clip.fps for clip in clips}
        return replace(
            self,
            frame_number=data.frame,
            person=data.subject,
            video=data.video,
            time_s=data.times_s,
            picture=data.picture,
            fps=rates.pop() if len(rates) == 1 and data.time_s is None else self.fps,
        )

    def numpy(self) -> Prediction[np.ndarray]:
        """Return the same with NumPy arrays."""
        arrays: dict[str, Any] = {name: as_numpy(getattr(self, name)) for name in ARRAYS}
        return cast("Prediction[np.ndarray]", replace(self, **arrays))

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        fps: float | int | None = None,
        height_mm: float | int | None = None,
        level: bool | float | int = False,
        floor: bool | None = None,
        one_body: bool | None = None,
        unit: str | None = None,
        up: str = "y",
        markers: str = "skeleton",
    ) -> Path:
        """Write everything to ``.npz`` or ``.json``, or a clip's motion to ``.bvh .trc .csv``; whole or not at all.

        Unknown joints (NaN) are ``null`` in JSON, empty in TRC and CSV, and keep their last direction in BVH. BVH is in m
        and TRC in mm where not told otherwise, both y up, x right and z toward the camera; CSV keeps the frame and the unit
        of the prediction. See :mod:`posezoo.poses.exports`.

        Args:
            path: its ending chooses the format.
            fps: frames per second, where the prediction does not say it; BVH and TRC need it. The times of frames follow it.
            height_mm, level, floor, one_body, unit, up, markers: of BVH and TRC, see
                :class:`posezoo.poses.exports.MotionSettings`.

        Raises:
            InputError: another extension; of the exports: no clip, unknown rate, a setting that does not belong there.
            SaveError: full disk, no permission, no such folder.
        """
        settings = MotionSettings(fps, height_mm, level, floor, one_body, unit, up, markers)
        path = Path(path)
        ending = path.suffix.lower()
        if ending not in WRITERS and ending not in EXPORTS:
            raise InputError(f"{path} ends in {path.suffix!r}; results are written to {' or '.join((*WRITERS, *EXPORTS))}.")
        if ending in EXPORTS:
            data = EXPORTS[ending](self.numpy(), settings, path.name).encode()
        elif settings.changed():
            raise InputError(f"{path} keeps the prediction as it is; {settings.changed()[0]} is for .bvh and .trc.")
        else:
            data = (self if fps is None else self._at(fps))._written(ending)
        return write_whole(path, data)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Prediction:
        """Read what :meth:`save` wrote.

        Raises:
            InputError: another extension, or a file that is no prediction.
            MissingFileError: no such file.
            CorruptFileError: truncated or altered.
        """
        path = as_path(path)
        if path.suffix.lower() not in WRITERS:
            raise InputError(
                f"{path} ends in {path.suffix!r}; results are read from {' or '.join(WRITERS)}, which keep all of them."
            )
        value = load_npz(path) if path.suffix.lower() == ".npz" else load_json(path)
        stated = str(value.get("format", "")) if isinstance(value, Mapping) else ""
        if stated != FORMAT:
            raise InputError(
                f"{path} is of format {stated or 'unknown'!r}; expected {FORMAT!r}, as `posezoo predict` writes it: 2D "
                "keypoints are lifted by it first."
            )
        try:
            with affordable(path):
                return cls(**fields_of(value))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise CorruptFileError(f"{path} is a damaged prediction ({str(error)[:100]}); predict again.") from error

    def _at(self, fps: float | int) -> Prediction[Array]:
        """Return the prediction with another rate, and times of frames by it where frames are numbered or have times.

        Raises:
            InputError: no positive number.
        """
        if not 0 < float(fps) < 1e5:
            raise InputError(f"{fps} frames per second; expected a positive number.")
        times = None
        if self.frame_number is not None:
            times = self.frame_number / float(fps)
        elif self.time_s is not None and np.ndim(self.time_s) == 1:  # rows are frames, as exports count them
            times = np.arange(len(self.time_s)) / float(fps)
        return replace(self, fps=float(fps), time_s=times)

    def _written(self, ending: str) -> bytes:
        here = self.numpy()
        arrays = {name: getattr(here, name) for name in (*ARRAYS, *LABELS) if getattr(here, name) is not None}
        return WRITERS[ending](self._description(), arrays)

    def _description(self) -> dict[str, object]:
        """Return all but the arrays, in plain types."""
        return {
            "format": FORMAT,
            "posezoo": __version__,
            "model": self.model,
            "unit": self.unit,
            "frame": self.frame,
            "skeleton": self.skeleton.name,
            "joints": list(self.skeleton.joints),
            "parents": list(self.skeleton.parents),
            "image_size": None if self.image_size is None else list(self.image_size),
            "approximated": dict(self.approximated),
            "missing": list(self.missing),
            "notes": list(self.notes),
            "fps": None if self.fps is None else float(self.fps),
        }


def as_numpy(values: object) -> np.ndarray | None:
    """Return a tensor of any device, or an array, as an array; None for None."""
    if values is None:
        return None
    # A tensor may be on another device and part of a graph.
    return cast(np.ndarray, values.detach().cpu().numpy()) if hasattr(values, "detach") else np.asarray(values)
