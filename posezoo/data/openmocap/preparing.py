"""Convert BVH files to the prepared file of OpenMocap."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

import numpy as np

from posezoo.data.mpii.annotations import detection_residuals, read_mpii
from posezoo.data.openmocap.naming import Recording, read_index, recording_of
from posezoo.data.openmocap.recordings import CLIPS, DATASET, ERRORS, FPS, MOTION, SKELETON, is_format_1
from posezoo.data.prepared import Clip, Part, write_prepared
from posezoo.errors import MissingFileError
from posezoo.formats.bvh import bvh_conventions, read_bvh
from posezoo.poses.posedata import Sequence
from posezoo.skeletons import convert

_VERSION = 1
"""Raised when BVH files are read in another way, so that files prepared before are made again."""


def source_digest(paths: list[Path]) -> str:
    """Return a SHA-256 of joint maps, names and bytes of the sources, which tells whether a prepared file is up to date."""
    digest = hashlib.sha256(f"{_VERSION} {bvh_conventions()}".encode())
    for path in paths:
        digest.update(path.name.encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def prepare_openmocap(
    source: str | Path,
    out: str | Path,
    mpii: str | Path | None = None,
) -> bool:
    """Read a folder of BVH files into one HDF5 file: 30 fps, mm, z up, the T pose that opens CMU's clips dropped.

    Args:
        source: the folder; ``*.bvh`` of any convention in ``bvh_conventions.yaml``, and CMU's ``index.csv`` if it is there.
        out: the file to write; left alone where it was made from the very same sources. A file in OpenMocap's first format
            is replaced.
        mpii: folder with MPII's ``valid.h5`` and ``valid_stacked_hourglass.h5``; needed for ``keypoints="detected"``.

    Returns:
        True where the file was written, False where it was up to date.

    Raises:
        MissingFileError: no folder, no BVH in it, or no MPII files.
        CorruptFileError, InputError: a file that cannot be read (the message names it), or ``out`` is another file.
        SaveError: the file cannot be written.
    """
    folder = Path(source)
    paths = sorted(folder.glob("*.bvh"), key=lambda path: path.stem)
    if not paths:
        raise MissingFileError(f"{folder} holds no .bvh file; expected a folder of motion capture.")
    detector = [] if mpii is None else [Path(mpii) / "valid.h5", Path(mpii) / "valid_stacked_hourglass.h5"]
    absent = [str(path) for path in detector if not path.is_file()]
    if absent:
        raise MissingFileError(f"{absent[0]} is not there; expected the folder of MPII's validation files (mpii=).")
    index = folder / "index.csv"
    digest = source_digest([*sorted(paths), *([index] if index.is_file() else []), *detector])
    descriptions = read_index(folder)
    return write_prepared(
        out,
        DATASET,
        SKELETON,
        [Part(f"{CLIPS}{path.stem}", partial(_read, path, recording_of(path, descriptions))) for path in paths],
        digest,
        tables=lambda: {ERRORS: h36m_residuals(*detector)} if detector else {},
        replaces=is_format_1,
        complete=True,
    ).written


def _read(path: Path, recording: Recording) -> list[Clip]:
    motion = read_bvh(path).resample(FPS, drop_first=1 if recording.is_cmu else 0)
    clip = Sequence(recording.subject, recording.action, recording.trial, fps=FPS)
    return [Clip(clip, more={MOTION: motion.pose_world_mm})]


def h36m_residuals(annotations: Path, detections: Path) -> np.ndarray:
    """Return (M, 17, 2) detection minus annotation of MPII's complete people, in body heights, for Human3.6M's joints."""
    residuals = detection_residuals(read_mpii(annotations, detections))
    return convert(residuals, "mpii16", SKELETON).keypoints.astype(np.float32)
