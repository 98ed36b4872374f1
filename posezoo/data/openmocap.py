"""OpenMocap: a 3D pose benchmark made from motion capture that anyone may download.

A folder of BVH files becomes one HDF5 file (:func:`prepare_openmocap`); :func:`load_openmocap` puts bodies of several
shapes into those motions and looks at them through the four calibrated cameras of Human3.6M.
"""

from __future__ import annotations

import csv
import hashlib
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from posezoo.data.h36m.facts import SUBJECTS
from posezoo.data.mpii.annotations import detection_residuals, read_mpii
from posezoo.errors import CorruptFileError, InputError, MissingFileError, UnknownNameError
from posezoo.files.hdf5 import create_hdf5, open_hdf5, read_attributes, read_dataset
from posezoo.files.reading import PathLike
from posezoo.files.writing import atomic_write
from posezoo.formats.bvh import Motion, bvh_conventions, read_bvh
from posezoo.geometry import bone_lengths, h36m_cameras, rotation_about, scale_bones
from posezoo.poses.posedata import PoseData
from posezoo.poses.views import concatenate, see_motion
from posezoo.skeletons import Skeleton, convert, get_skeleton
from posezoo.terminal import progress

FORMAT = 1
FPS = 30.0
_SKELETON = get_skeleton("h36m17")
# Whose Human3.6M camera calibrations see a split; a body is drawn for each. Human3.6M validates on one of its training
# subjects (S8), and so three of the five calibrations of training see the validation split here: its motions and bodies are
# new, its cameras are not. The cameras of the test split are new too.
_RIGS = {**SUBJECTS, "val": ("S6", "S7", "S8")}
_SHAPE_SEED = {"train": 1, "val": 2, "test": 3}
_ANKLE_HEIGHT_MM = 80.0
_RESIDUALS = "_residuals"


@dataclass(frozen=True)
class _Clip:
    subject: str
    trial: str
    action: str
    split: str


def _describe(path: Path, index: dict[tuple[int, int], str]) -> _Clip:
    """Return subject, action and split of a file, from its name.

    CMU files are ``<subject>_<trial>``: trials divisible by 4 are the test split, those that leave 7 when divided by 8
    the validation split. Any other collection is a test set as a whole.
    """
    cmu = re.fullmatch(r"(\d+)_(\d+)", path.stem)
    if cmu:
        subject, trial = int(cmu[1]), int(cmu[2])
        split = "test" if trial % 4 == 0 else "val" if trial % 8 == 7 else "train"
        words = re.split(r"[,\-(/]", index.get((subject, trial), f"subject {subject}"))[0]
        return _Clip(f"CMU{subject:02d}", f"{trial:02d}", words.strip(), split)
    parts = path.stem.split("_")
    action = parts[1] if len(parts) > 2 else parts[0]
    return _Clip("_".join(parts[2:]) or "unknown", path.stem, action, "test")


def _read_index(folder: Path) -> dict[tuple[int, int], str]:
    """Return (subject, trial) -> description, from CMU's ``index.csv`` where it lies beside the files."""
    path = folder / "index.csv"
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.reader(file) if len(row) > 2 and row[0].isdigit() and row[1].isdigit()]
    return {(int(row[0]), int(row[1])): row[2] for row in rows}


def source_digest(paths: list[Path]) -> str:
    """Return a SHA-256 of format, joint maps, names and bytes of the sources: whether a prepared file is still theirs."""
    digest = hashlib.sha256(f"{FORMAT} {bvh_conventions()}".encode())
    for path in paths:
        digest.update(path.name.encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def content_digest(path: PathLike) -> str:
    """Return a SHA-256 of what a prepared file holds: poses, to a hundredth of a millimetre, clips and detector errors.

    Two files that hold the same data have the same one, whatever else changed of the sources or of the joint maps.

    Raises:
        MissingFileError, CorruptFileError: no such file, or damaged.
    """
    digest = hashlib.sha256(str(FPS).encode())
    with open_hdf5(path) as file:
        for name in sorted(file):
            if not isinstance(file[name], h5py.Dataset):
                continue
            values, described = read_dataset(file, name), read_attributes(file[name])
            scale = 1e5 if name == _RESIDUALS else 100.0  # body heights, mm
            digest.update(f"{name} {sorted(described.items())}".encode())
            digest.update(np.round(np.asarray(values, np.float64) * scale).astype(np.int64).tobytes())
    return digest.hexdigest()


def prepare_openmocap(
    source: str | Path,
    out: str | Path,
    mpii: str | Path | None = None,
) -> bool:
    """Read a folder of BVH files into one HDF5 file: 30 fps, mm, z up, the T pose that opens CMU's clips dropped.

    Args:
        source: the folder; ``*.bvh`` of any convention in ``bvh_conventions.yaml``, CMU's ``index.csv`` beside them if had.
        out: the file to write; left alone where it was made from the very same sources.
        mpii: folder with MPII's ``valid.h5`` and ``valid_stacked_hourglass.h5``; needed for ``keypoints="detected"``.

    Returns:
        True where the file was written, False where it was up to date.

    Raises:
        MissingFileError: no folder, no BVH in it, or no MPII files.
        CorruptFileError, InputError: a file that cannot be read (it is named).
        SaveError: the file cannot be written.
    """
    folder, out = Path(source), Path(out)
    paths = sorted(folder.glob("*.bvh"))
    if not paths:
        raise MissingFileError(f"{folder} holds no .bvh file; expected a folder of motion capture.")
    detector = [] if mpii is None else [Path(mpii) / "valid.h5", Path(mpii) / "valid_stacked_hourglass.h5"]
    absent = [str(path) for path in detector if not path.is_file()]
    if absent:
        raise MissingFileError(f"{absent[0]} is not there; --mpii takes the folder of MPII's validation files.")
    index = folder / "index.csv"
    digest = source_digest([*paths, *([index] if index.is_file() else []), *detector])
    if out.is_file():
        with open_hdf5(out) as file:
            stored = read_attributes(file)
        if stored.get("kind") != "openmocap":
            raise InputError(f"{out} is there already and no OpenMocap file; choose another name.")
        if stored.get("digest") == digest:
            return False
    descriptions = _read_index(folder)
    with atomic_write(out) as temporary, create_hdf5(temporary) as file:
        file.attrs.update({"format": FORMAT, "kind": "openmocap", "digest": digest, "fps": FPS, "skeleton": _SKELETON.name})
        for path in progress(paths, "reading BVH"):
            clip = _describe(path, descriptions)
            motion = read_bvh(path)
            motion = motion.resample(FPS, drop_first=1 if clip.subject.startswith("CMU") else 0)
            data = file.create_dataset(path.stem, data=motion.pose_world_mm, compression="gzip", track_times=False)
            data.attrs.update(clip.__dict__)
        if detector:
            file.create_dataset(_RESIDUALS, data=h36m_residuals(*detector), compression="gzip", track_times=False)
    return True


def h36m_residuals(annotations: Path, detections: Path) -> np.ndarray:
    """Return (M, 17, 2) detection minus annotation of MPII's complete people, in body heights, for Human3.6M's joints."""
    residuals = detection_residuals(read_mpii(annotations, detections))
    return convert(residuals, "mpii16", _SKELETON).keypoints.astype(np.float32)


def body_shape(split: str, index: int, skeleton: Skeleton = _SKELETON) -> np.ndarray:
    """Return (J,) factors on the recorded body's bones: one stature, and a proportion a segment, left as right.

    Stature varies by 6 %, segments by 7 % (standard deviations), fixed by split and index alone. The recorded CMU
    body is tall (1.90 m), so shapes centre on 0.93 of it.
    """
    generator = np.random.default_rng([_SHAPE_SEED[split], index])
    stature = 0.93 * (1 + 0.06 * generator.standard_normal())
    segments = {name: 1 + 0.07 * generator.standard_normal() for name in sorted({_segment(j) for j in skeleton.joints})}
    return np.array([stature * np.clip(segments[_segment(joint)], 0.8, 1.2) for joint in skeleton.joints], dtype=np.float32)


def _segment(joint: str) -> str:
    return joint.removeprefix("left_").removeprefix("right_")


def _place(motion: np.ndarray, heading: float) -> np.ndarray:
    """Turn a clip about the vertical, centre it on the world's origin and stand it on the floor."""
    world = torch.from_numpy(motion) @ rotation_about("z", torch.tensor(heading)).T
    root = world[:, _SKELETON.root]
    middle = (root.amin(0) + root.amax(0)) / 2
    ankles = world[:, [_SKELETON.index("left_ankle"), _SKELETON.index("right_ankle")], 2]
    middle[2] = ankles.min() - _ANKLE_HEIGHT_MM
    return (world - middle).numpy()


def load_openmocap(
    path: str | Path,
    split: str = "test",
    keypoints: str = "gt",
    views: tuple[int, ...] = (0, 1, 2, 3),
    seed: int = 0,
) -> PoseData:
    """Read poses of a prepared file, as the cameras see them.

    Args:
        path: what :func:`prepare_openmocap` wrote.
        split: ``train`` (5 bodies), ``val`` (3) or ``test`` (2); bodies and motions of the splits are disjoint.
            A collection other than CMU's is a test split with the body as recorded.
        keypoints: ``gt`` (projected through the distorted lens) or ``detected``: the same plus, joint by joint, errors
            drawn from those of a real detector on MPII, scaled to the person's height in the image.
        views: which of the four cameras.
        seed: of the detection errors.

    Returns:
        frames in which every joint is inside the image.

    Raises:
        MissingFileError, CorruptFileError: no such file, or not an OpenMocap file.
        UnknownNameError: no such split or kind of keypoints.
        InputError: the split is empty, or the file was prepared without MPII and ``detected`` was asked for.
    """
    if split not in _RIGS:
        raise UnknownNameError.of("split", split, _RIGS)
    if keypoints not in ("gt", "detected"):
        raise UnknownNameError.of("kind of keypoints", keypoints, ("gt", "detected"))
    motions, residuals = _read(Path(path), split)
    if not motions:
        raise InputError(f"{path} holds no clip of the {split} split; expected CMU's clips, or --split test.")
    parts = []
    for clip, motion in motions:
        cmu = clip.subject.startswith("CMU")
        for index, subject in enumerate(_RIGS[split] if cmu else ("S9",)):
            factors = body_shape(split, index) if cmu else np.ones(len(_SKELETON), dtype=np.float32)
            body = scale_bones(torch.from_numpy(motion.pose_world_mm), torch.from_numpy(factors), _SKELETON).numpy()
            # A heading of its own for each clip and body, so that cameras and directions of motion are unrelated.
            heading = zlib.crc32(f"{motion.name}/{subject}".encode()) / 2**32 * 2 * np.pi
            parts.append(
                see_motion(
                    _place(body, heading),
                    h36m_cameras(subject),
                    _SKELETON,
                    subject=f"{clip.subject}/{subject}" if cmu else clip.subject,
                    action=clip.action,
                    trial=clip.trial,
                    fps=FPS,
                    views=views,
                )
            )
    data = concatenate(parts)
    if keypoints == "detected":
        if residuals is None:
            raise InputError(f"{path} was prepared without detector errors; prepare it again with --mpii.")
        data = with_detection_errors(data, residuals, seed)
    return data


def read_detector_errors(path: str | Path) -> np.ndarray | None:
    """Read the (M, 17, 2) errors of a real detector that a prepared file holds, in body heights; None where it has none."""
    with open_hdf5(path) as file:
        return read_dataset(file, _RESIDUALS, (None, len(_SKELETON), 2)) if _RESIDUALS in file else None


def _clips(file: h5py.File) -> Iterator[tuple[_Clip, str]]:
    """Return the clips of an open OpenMocap file, each with the name that it has in the file."""
    kind = read_attributes(file)
    if kind.get("kind") != "openmocap" or kind.get("format") != FORMAT:
        raise CorruptFileError(
            f"{file.filename} is no OpenMocap file of format {FORMAT}; make it with `posezoo data prepare openmocap`."
        )
    for name in file:
        if name != _RESIDUALS:
            yield _Clip(**{key: str(value) for key, value in read_attributes(file[name]).items()}), name


def _read(path: Path, split: str) -> tuple[list[tuple[_Clip, Motion]], np.ndarray | None]:
    shape = (None, len(_SKELETON), 3)
    with open_hdf5(path) as file:
        motions = [
            (clip, Motion(read_dataset(file, name, shape), _SKELETON, FPS, name, ""))
            for clip, name in _clips(file)
            if clip.split == split
        ]
    return motions, read_detector_errors(path)


def with_detection_errors(data: PoseData, residuals: np.ndarray, seed: int = 0) -> PoseData:
    """Return the poses with 2D as a detector would give it.

    Args:
        data: with 3D labels, from which the person's height in px is known.
        residuals: (M, J, 2) errors in body heights; each joint of each pose draws one of its own column.
        seed: same seed, same errors.
    """
    if data.pose_3d is None:
        raise InputError("detection errors scale with the person's height, which needs 3D labels.")
    generator = np.random.default_rng(seed)
    count, joints = data.keypoints_2d.shape[:2]
    drawn = residuals[generator.integers(len(residuals), size=(count, joints)), np.arange(joints)]
    focal = np.array([0.0 if c.camera is None else float(c.camera.K[0, 0]) for c in data.sequences])[data.sequence]
    depth = data.pose_3d[:, data.skeleton.root, 2]
    height_px = focal * _stature_mm(data.pose_3d, data.skeleton) / depth
    noisy = data.keypoints_2d + drawn * height_px[:, None, None]
    return replace(data, keypoints_2d=noisy.astype(np.float32))


def _stature_mm(pose: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Return the height of the body standing straight: the bones from ankle to crown, and the foot below."""
    chain = ("right_knee", "right_ankle", "spine", "thorax", "nose", "head_top")
    columns = [[child for _, child in skeleton.bones].index(skeleton.index(joint)) for joint in chain]
    return bone_lengths(torch.from_numpy(pose), skeleton)[:, columns].sum(-1).numpy() + _ANKLE_HEIGHT_MM


def describe_openmocap(path: str | Path) -> dict[str, Any]:
    """Count clips and frames of each split of a prepared file, and say whether it knows detector errors."""
    with open_hdf5(path) as file:
        clips = [(clip.split, file[name].shape[0]) for clip, name in _clips(file)]
        summary: dict[str, object] = {
            split: {"clips": sum(s == split for s, _ in clips), "frames": sum(n for s, n in clips if s == split)}
            for split in _RIGS
        }
        return {**summary, "detector_errors": _RESIDUALS in file, "digest": read_attributes(file)["digest"]}
