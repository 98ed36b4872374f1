"""One HDF5 file for a whole dataset: what ``posezoo data prepare`` writes, and how it is read.

A group for each clip and camera: ``pose_3d`` (N, J, 3) mm, camera frame; ``gt`` (N, J, 2) px; ``frame`` (N,); whatever
else the dataset has of the same length, such as a detector's keypoints under its name. Every array carries its SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Sequence as Many
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from posezoo.data.files import (
    PathLike,
    atomic_write,
    load_npz,
    open_hdf5,
    progress,
    read_attributes,
    read_dataset,
    reading,
    sha256,
)
from posezoo.data.posedata import PoseData, Sequence
from posezoo.errors import CorruptFileError, InputError, MissingFileError, SaveError
from posezoo.geometry import Camera
from posezoo.skeletons import Skeleton, get_skeleton

FORMAT = 1
_KIND = "posezoo-dataset"
_CHUNK = 1024
_OWN = ("pose_3d", "gt", "frame")


@dataclass(frozen=True, eq=False)
class Clip:
    """One clip seen by one camera, to be written.

    Attributes:
        sequence: what it is.
        pose_3d: (N, J, 3) mm, camera frame.
        gt: (N, J, 2) px.
        frame: (N,) numbers; 0 to N - 1 where not given.
        more: arrays of N rows by name: detections (N, J, 2) px, other labels (N, J, 3) mm.
    """

    sequence: Sequence
    pose_3d: np.ndarray
    gt: np.ndarray
    frame: np.ndarray | None = None
    more: Mapping[str, np.ndarray] = field(default_factory=dict)

    def arrays(self) -> dict[str, np.ndarray]:
        """What stands in the file, by name."""
        frame = np.arange(len(self.gt)) if self.frame is None else self.frame
        floats = {"pose_3d": self.pose_3d, "gt": self.gt, **self.more}
        return {**{name: np.asarray(values, np.float32) for name, values in floats.items()}, "frame": frame.astype(np.int32)}


@dataclass(frozen=True)
class Part:
    """What is read at a time, such as a recording with all its cameras.

    Attributes:
        name: of the group in the file.
        read: gives its clips; a file that is damaged or missing leaves the part out.
    """

    name: str
    read: Callable[[], list[Clip]]


@dataclass(frozen=True)
class Prepared:
    """What :func:`write_prepared` did.

    Attributes:
        written: False where the file was up to date.
        notes: what was left out, or differs from what was published.
    """

    written: bool
    notes: tuple[str, ...]


def sources_digest(paths: Many[Path], root: Path) -> str:
    """SHA-256 over names and bytes of the sources."""
    digest = hashlib.sha256(f"{_KIND} {FORMAT}".encode())
    for path in progress(sorted(paths), "checking the sources"):
        digest.update(f"{path.relative_to(root).as_posix()} {sha256(path)}".encode())
    return digest.hexdigest()


def write_prepared(
    out: PathLike,
    dataset: str,
    skeleton: Skeleton,
    parts: Many[Part],
    digest: str,
    differences: Callable[[dict[str, list[tuple[Sequence, int]]]], list[str]],
) -> Prepared:
    """Read the parts and write the file; it is left alone where the same sources made it.

    Each part is kept beside ``out`` until the file is whole: a call that was killed goes on where it was. The same sources
    give the same bytes.

    Args:
        out: the file.
        dataset, skeleton: of all parts.
        parts: in the order of the file.
        digest: of the sources.
        differences: sentences on how the clips (and their numbers of frames), by part, differ from what was published.

    Raises:
        CorruptFileError: no part can be read.
        SaveError: the file cannot be written.
    """
    out = Path(out)
    if out.is_file():
        with open_hdf5(out) as file:
            stored = read_attributes(file)
            if (_text(stored.get("dataset")), _text(stored.get("digest"))) == (dataset, digest):
                return Prepared(False, tuple(json.loads(_text(stored.get("notes")))))
    folder = out.parent / f".{out.name}.{digest[:12]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SaveError(f"{folder} cannot be made ({error.strerror}); write to a folder of your own.") from error
    notes, files = [], {}
    for part in progress(parts, f"reading {dataset}"):
        path = folder / f"{part.name.replace('/', '~')}.npz"
        if not _whole(path):
            try:
                _save(path, part.read())
            except (CorruptFileError, MissingFileError) as error:
                notes.append(f"{part.name} is left out: {error}")
                warnings.warn(notes[-1], stacklevel=2)
                continue
        files[part.name] = path
    if not files:
        raise CorruptFileError(f"none of {len(parts)} recordings of {dataset} can be read; first: {notes[0]}")
    found: dict[str, list[tuple[Sequence, int]]] = {}
    with atomic_write(out) as temporary, h5py.File(temporary, "w") as file:
        for name, path in progress(list(files.items()), f"writing {out.name}"):
            found[name] = []
            for number, (sequence, arrays) in enumerate(_load(path)):
                found[name].append((sequence, len(arrays["frame"])))
                group = file.create_group(f"{name}/{number}")
                group.attrs["sequence"] = np.bytes_(_to_json(sequence))
                for key, values in arrays.items():
                    _write_array(group, key, values)
        notes += differences(found)
        texts = {"kind": _KIND, "dataset": dataset, "skeleton": skeleton.name, "digest": digest, "notes": json.dumps(notes)}
        file.attrs.update({"format": FORMAT, **{key: np.bytes_(text.encode()) for key, text in texts.items()}})
    shutil.rmtree(folder)
    return Prepared(True, tuple(notes))


def read_prepared(
    path: PathLike,
    dataset: str,
    keep: Callable[[Sequence], bool],
    keypoints: str = "gt",
    labels: str = "pose_3d",
    prefer: str | None = None,
) -> PoseData:
    """Poses of a prepared file.

    Args:
        path: the file.
        dataset: which it is to hold.
        keep: which clips.
        keypoints: ``gt``; a detector by its name; ``detected`` for the only one, or for ``prefer`` where there are more.
        labels: the array of the 3D poses.
        prefer: see ``keypoints``.

    Raises:
        MissingFileError: no such file.
        CorruptFileError: no prepared file, another dataset's, or one that is altered: an array's checksum says so.
        InputError: no clip is left, or keypoints that the file does not hold.
    """
    with open_hdf5(path) as file:
        stored = read_attributes(file)
        if _text(stored.get("kind")) != _KIND or stored.get("format") != FORMAT or _text(stored.get("dataset")) != dataset:
            raise CorruptFileError(
                f"{path} is no {dataset} file of format {FORMAT}; make it with `posezoo data prepare {dataset}`."
            )
        skeleton = get_skeleton(_text(stored["skeleton"]))
        groups = [(group, clip) for group, clip in _groups(file) if keep(clip)]
        if not groups:
            raise InputError(f"{path} holds no clip of what is asked for; `posezoo data info {path}` says what it holds.")
        key = _keypoints(groups[0][0], keypoints, prefer, str(path))
        # A detector may have missed a video: its clips are left out, as everybody does.
        groups = [(group, clip) for group, clip in groups if key in group]
        counts = [group["frame"].shape[0] for group, _ in groups]
        start, total, joints = 0, sum(counts), len(skeleton)
        two, three = np.empty((total, joints, 2), np.float32), np.empty((total, joints, 3), np.float32)
        frame = np.empty(total, np.int32)
        for (group, _), count in progress(list(zip(groups, counts, strict=True)), f"loading {Path(path).name}"):
            rows = slice(start, start + count)
            two[rows] = _array(group, key, (count, joints, 2))
            three[rows] = _array(group, labels, (count, joints, 3))
            frame[rows] = _array(group, "frame", (count,))
            start += count
    return PoseData(
        skeleton=skeleton,
        keypoints_2d=two,
        pose_3d=three,
        sequence=np.repeat(np.arange(len(groups), dtype=np.int32), counts),
        frame=frame,
        sequences=tuple(clip for _, clip in groups),
    )


def describe_prepared(path: PathLike) -> dict[str, Any]:
    """Clips and frames by subject, which keypoints there are, and what differs from what was published.

    Raises:
        CorruptFileError: no prepared file.
    """
    with open_hdf5(path) as file:
        stored = read_attributes(file)
        if _text(stored.get("kind")) != _KIND:
            raise CorruptFileError(f"{path} is not what `posezoo data prepare` writes.")
        summary: dict[str, Any] = {"dataset": _text(stored["dataset"])}
        names: set[str] = set()
        for group, clip in _groups(file):
            row = summary.setdefault(clip.subject, {"clips": 0, "frames": 0})
            row["clips"] += 1
            row["frames"] += group["frame"].shape[0]
            names |= {name for name in group if name not in _OWN}
        return {**summary, "also": sorted(names), "notes": json.loads(_text(stored["notes"]))}


def is_prepared(path: PathLike) -> bool:
    """Whether :func:`write_prepared` wrote the file."""
    with open_hdf5(path) as file:
        return _text(read_attributes(file).get("kind")) == _KIND


def _groups(file: h5py.File) -> Iterator[tuple[h5py.Group, Sequence]]:
    """The clips of an open file, in its order."""
    with reading(file.filename, "a prepared dataset"):
        found: list[h5py.Group] = []
        file.visititems(lambda _, item: found.append(item) if isinstance(item, h5py.Group) and "frame" in item else None)
        for group in found:
            yield group, _from_json(_text(read_attributes(group).get("sequence")))


def _keypoints(group: h5py.Group, wanted: str, prefer: str | None, path: str) -> str:
    """The array that is meant."""
    detectors = [name for name in group if name not in _OWN and group[name].shape[-1:] == (2,)]
    if wanted == "detected" and detectors:
        if len(detectors) == 1 or prefer in detectors:
            return detectors[0] if prefer not in detectors else str(prefer)
        raise InputError(f"{path} holds keypoints of {', '.join(detectors)}; name one of them (keypoints={detectors[0]!r}).")
    if wanted != "gt" and wanted not in detectors:
        held = ", ".join(["gt", *detectors])
        raise InputError(f"{path} holds no keypoints {wanted!r}; it holds {held}: prepare it again with the detections.")
    return wanted


def _array(group: h5py.Group, key: str, shape: tuple[int, ...]) -> np.ndarray:
    """An array of a clip, compared with its checksum."""
    values = read_dataset(group, key, shape)
    if hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest() != _text(
        read_attributes(group[key]).get("sha256")
    ):
        raise CorruptFileError(
            f"{group.file.filename}, {group.name}/{key} differs from its checksum; it is altered: prepare it again."
        )
    return values


def _write_array(group: h5py.Group, key: str, values: np.ndarray) -> None:
    chunks = (min(len(values), _CHUNK), *values.shape[1:])
    dataset = group.create_dataset(
        key, data=values, chunks=chunks if len(values) else None, compression="gzip", shuffle=True, track_times=False
    )
    dataset.attrs["sha256"] = np.bytes_(hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest().encode())


def _save(path: Path, clips: list[Clip]) -> None:
    arrays = {f"{number}/{key}": values for number, clip in enumerate(clips) for key, values in clip.arrays().items()}
    sequences = np.array([_to_json(clip.sequence) for clip in clips])
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez(file, sequences=sequences, **arrays)  # type: ignore[arg-type]


def _load(path: Path) -> Iterator[tuple[Sequence, dict[str, np.ndarray]]]:
    content = load_npz(path)
    for number, text in enumerate(content["sequences"]):
        own = {key.split("/", 1)[1]: values for key, values in content.items() if key.startswith(f"{number}/")}
        yield _from_json(text.decode() if isinstance(text, bytes) else str(text)), own


def _whole(path: Path) -> bool:
    """Whether a part was read by an earlier call."""
    try:
        return path.is_file() and bool(load_npz(path))
    except CorruptFileError:
        return False


def _to_json(sequence: Sequence) -> bytes:
    camera = sequence.camera
    calibration = camera and {
        name: None if (value := getattr(camera, name)) is None else np.asarray(value).tolist()
        for name in ("K", "R", "t", "distortion")
    }
    plain = {name: getattr(sequence, name) for name in ("subject", "action", "trial", "view", "image_size", "fps")}
    return json.dumps({**plain, "camera": calibration and {**calibration, "name": camera.name}}).encode()  # type: ignore[union-attr]


def _from_json(text: str) -> Sequence:
    entry = json.loads(text)
    size = entry["image_size"] and tuple(entry["image_size"])
    camera = entry["camera"]
    if camera is not None:
        numbers = {
            key: value if value is None else np.asarray(value, np.float64) for key, value in camera.items() if key != "name"
        }
        camera = Camera(**numbers, image_size=size, name=camera["name"])
    return Sequence(**{**entry, "image_size": size, "camera": camera})


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
