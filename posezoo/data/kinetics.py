"""Kinetics-skeleton (Yan et al. 2018, ST-GCN): what OpenPose found in the clips of Kinetics, 2D alone."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from posezoo.errors import CorruptFileError, InputError, MissingFileError, PoseZooError
from posezoo.files.hdf5 import create_hdf5
from posezoo.files.reading import PathLike
from posezoo.files.writing import atomic_write
from posezoo.formats.keypoints.containers import load_content
from posezoo.formats.keypoints.kinetics import is_kinetics, read_kinetics
from posezoo.skeletons import get_skeleton
from posezoo.terminal import progress

_SKELETON = get_skeleton("openpose18")
_COUNTED = [joint for joint, name in enumerate(_SKELETON.joints) if not name.endswith(("_eye", "_ear"))]
"""The 14 joints of Chen, Tyagi et al. 2019, with the nose in place of the head."""
SIZE_PX = (340, 256)
_CHUNK = 4096


def prepare_kinetics(
    source: PathLike,
    out: PathLike,
    every: int = 5,
    minimum_joints: int = 10,
    minimum_confidence: float = 0.1,
    image_size: tuple[int, int] = SIZE_PX,
) -> int:
    """Gather the people of Kinetics-skeleton's clips in one file of 2D keypoints.

    Chen, Tyagi et al. 2019, Sec. 4.6, keep 17 million skeletons of at least 10 of 14 joints, of sampled frames; 9 million of
    these have all 14. People are written clip by clip, in the order of the files' names, and never held in memory at once.

    Args:
        source: the folder with ``kinetics_train`` and ``kinetics_val``, or any folder that holds the clips' JSON files.
        out: the HDF5 file to write, which :func:`posezoo.data.read_keypoints` reads.
        every: of each clip's frames, so many are one.
        minimum_joints: how many of the 14 joints a person needs.
        minimum_confidence: joints with less are unknown.
        image_size: (width, height) of the pictures that the stored fractions are of, px. ST-GCN brought all clips to
            340 x 256 before it ran OpenPose.

    Returns:
        the number of people written.

    Raises:
        MissingFileError: no clip in the folder.
        InputError: an option out of range.
        CorruptFileError: no person in any clip.
        SaveError: the file cannot be written.

    Warns:
        UserWarning: clips that cannot be read are left out.
    """
    if every < 1 or not 1 <= minimum_joints <= len(_COUNTED) or not 0 <= minimum_confidence <= 1 or min(image_size) < 1:
        raise InputError(
            f"every {every}, minimum_joints {minimum_joints}, minimum_confidence {minimum_confidence}, image_size "
            f"{image_size}; expected 1 or more, 1 to {len(_COUNTED)}, 0 to 1, and positive numbers."
        )
    folder = Path(source)
    # The labels of all clips lie beside the folders in two files of their own.
    paths = [path for path in sorted(folder.rglob("*.json")) if not path.stem.endswith("_label") and path.name[0] != "."]
    if not paths:
        raise MissingFileError(f"{folder} holds no clip of Kinetics-skeleton; expected kinetics_train/*.json and so on.")
    digest, people, unread = hashlib.sha256(), 0, list[str]()
    with atomic_write(out) as temporary, create_hdf5(temporary) as file:
        shape = (0, len(_SKELETON))
        datasets = {
            "keypoints": file.create_dataset(
                "keypoints", (*shape, 2), "f4", maxshape=(None, shape[1], 2), chunks=(_CHUNK, shape[1], 2), track_times=False
            ),
            "confidence": file.create_dataset(
                "confidence", shape, "f4", maxshape=(None, shape[1]), chunks=(_CHUNK, shape[1]), track_times=False
            ),
        }
        file.create_dataset("skeleton", data=_SKELETON.name, dtype=h5py.string_dtype(), track_times=False)
        file.create_dataset("image_size", data=np.asarray(image_size, np.int64), track_times=False)
        for keypoints, confidence in _people(paths, unread, every, minimum_joints, minimum_confidence, image_size):
            for name, values in (("keypoints", keypoints), ("confidence", confidence)):
                datasets[name].resize(people + len(values), axis=0)
                datasets[name][people:] = values
                digest.update(values.tobytes())
            people += len(keypoints)
        if not people:
            first = f"; first: {unread[0]}" if unread else ""
            raise CorruptFileError(
                f"none of {len(paths)} clips in {folder} holds a person of {minimum_joints} joints{first}"
            )
        file.attrs["digest"] = digest.hexdigest()
    if unread:
        warnings.warn(f"{len(unread)} of {len(paths)} clips are left out; first: {unread[0]}", stacklevel=2)
    return people


def _people(
    paths: list[Path],
    unread: list[str],
    every: int,
    minimum_joints: int,
    minimum_confidence: float,
    image_size: tuple[int, int],
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield keypoints (N, 18, 2) px and confidences (N, 18) of each clip; errors of clips go to ``unread``."""
    for path in progress(paths, "reading clips"):
        try:
            content = load_content(path)
            if not is_kinetics(content):
                raise InputError(f"{path} is no clip of Kinetics-skeleton.")
            if not any(isinstance(frame, dict) and frame.get("skeleton") for frame in content.value["data"]):
                continue  # no person was found in it
            clip = read_kinetics(content)
            if clip.keypoints.shape[1:] != (len(_SKELETON), 2):
                raise InputError(f"{path} has people of {clip.keypoints.shape[1]} joints; expected {len(_SKELETON)}.")
            if clip.confidence is not None and clip.confidence.shape != clip.keypoints.shape[:2]:
                raise InputError(f"{path} has confidences of shape {clip.confidence.shape}; expected one a joint.")
        except PoseZooError as error:
            unread.append(str(error))
            continue
        scale = np.asarray(image_size, np.float64) if clip.normalised else 1.0
        keypoints = (clip.keypoints * scale).astype(np.float32)
        known = np.asarray(np.isfinite(keypoints).all(-1))
        confidence = known.astype(np.float32) if clip.confidence is None else np.asarray(clip.confidence, np.float32)
        known = known & (confidence >= minimum_confidence)
        keypoints[~known] = np.nan
        first = clip.frame.min()
        chosen = (known[:, _COUNTED].sum(1) >= minimum_joints) & ((clip.frame - first) % every == 0)
        if chosen.any():
            yield keypoints[chosen], np.where(known, confidence, 0).clip(0, 1).astype(np.float32)[chosen]
